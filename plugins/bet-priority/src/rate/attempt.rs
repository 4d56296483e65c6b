//! One rule's part in charging a request.

use policy_kit::Gcra;

use crate::rate::charged::{Charge, Charged, Holder, Seen};
use crate::rate::config::limit::Fields;
use crate::rate::counter::Reading;
use crate::rate::rule::Rule;

/// One rule's part in charging a request.
pub(crate) struct Attempt<'l> {
    pub(crate) position: u8,
    pub(crate) rule: &'l Rule,
    pub(crate) cost: u32,
    pub(crate) held: Held,
    /// Nanoseconds to wait; 0 where the rule allows the request.
    pub(crate) wait: u64,
    pub(crate) charged: bool,
}

/// What a request is charged to.
pub(crate) enum Held {
    /// A counter, with its limit.
    Counter(Gcra, Reading),
    /// So many tokens, under this id.
    Lease { id: u64, left: u32 },
}

impl Attempt<'_> {
    /// Notes whether the rule refuses the request, or would.
    pub(crate) fn report(&self, charged: &mut Charged) {
        match (self.wait, self.rule.enforced) {
            (0, _) => {}
            (wait, true) => {
                charged.refused.insert(self.position);
                charged.wait = charged.wait.max(wait);
            }
            (_, false) => charged.shadowed.insert(self.position),
        }
    }

    /// Notes what fields tell about the rule.
    pub(crate) fn tell(&self, now: u64, charged: &mut Charged) {
        let told = match self.rule.fields {
            _ if !self.rule.enforced => false,
            Fields::Always => true,
            Fields::Refused => charged.refused.has(self.position),
            Fields::Never => false,
        };
        if !told {
            return;
        }
        let (rule, cost) = (self.position, self.rule.cost);
        charged.seen.push(match &self.held {
            Held::Counter(limit, reading) => Seen {
                rule,
                remaining: limit.remaining(reading.value, now, cost),
                next: limit.until_next(reading.value, now, cost),
                even: limit.until_even(reading.value, now),
            },
            // What this worker knows: the counter itself is in Redis.
            Held::Lease { left, .. } => Seen {
                rule,
                remaining: u64::from(left / cost.max(1)),
                next: self.wait.max(self.rule.limit.price(cost)),
                even: self.rule.limit.full(),
            },
        });
    }

    /// What was charged.
    pub(crate) fn charge(&self) -> Charge {
        let (id, price, holder) = match &self.held {
            Held::Lease { id, .. } => (*id, self.cost.into(), Holder::Lease),
            Held::Counter(limit, reading) => {
                let holder = if reading.is_shared() { Holder::Shared } else { Holder::Own };
                (reading.id, limit.price(self.cost), holder)
            }
        };
        Charge { rule: self.position, id, price, holder }
    }

    /// Notes that the charge was taken back.
    pub(crate) fn undo(&mut self) {
        let price = self.charge().price;
        match &mut self.held {
            Held::Counter(_, reading) => reading.value = reading.value.saturating_sub(price),
            Held::Lease { left, .. } => *left = left.saturating_add(self.cost),
        }
        self.charged = false;
    }
}
