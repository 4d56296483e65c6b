//! What came of checking and charging a request.

use policy_kit::SharedCall;

use crate::rate::rule_set::RuleSet;

/// What came of checking and charging a request.
#[derive(Debug, Default)]
pub struct Charged {
    /// The enforced rules that refuse it: 429 `quota_exceeded`.
    pub refused: RuleSet,
    /// How long until all of them allow it, in nanoseconds.
    pub wait: u64,
    /// Whether a rule cannot be checked and refuses for that: 503 `policy_unavailable`.
    pub unavailable: bool,
    /// The rules that would refuse it if they were enforced.
    pub shadowed: RuleSet,
    /// The rules whose shared counters could not be reached.
    pub faults: RuleSet,
    /// Those that refuse because others were first three times: at a compare-and-swap, or at the tokens of a call.
    pub contended: RuleSet,
    /// Nothing was charged yet: charge it again once its body is there.
    pub later: bool,
    /// What fields tell about rules.
    pub(crate) seen: Vec<Seen>,
    /// What was charged.
    pub receipt: Receipt,
    /// The call to wait for (`Step::Join`) before it is charged again, with `Turn::waited` one higher. Nothing was charged
    /// yet.
    pub lease: Option<SharedCall>,
}

impl Charged {
    /// Whether the request goes on.
    pub fn is_allowed(&self) -> bool {
        self.refused.is_empty() && !self.unavailable && self.lease.is_none()
    }
}

/// What fields tell about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) rule: u8,
    /// Requests that would pass now.
    pub(crate) remaining: u64,
    /// Nanoseconds until it is one more.
    pub(crate) next: u64,
    /// Nanoseconds until the counter owes nothing.
    pub(crate) even: u64,
}

/// What was charged to which counters, to be given back if the request is refused after all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt(pub(crate) Vec<Charge>);

/// One charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) rule: u8,
    pub(crate) id: u64,
    /// What it added to a counter, or how many tokens it spent.
    pub(crate) price: u64,
    pub(crate) holder: Holder,
}

/// Who holds what was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// This worker's counters.
    Own,
    /// Shared data.
    Shared,
    /// The tokens that this worker has leased.
    Lease,
}
