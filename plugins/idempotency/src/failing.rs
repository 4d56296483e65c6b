//! Calls that did not succeed: their keys cost their owner nothing, so they are kept for a shorter time and
//! counted against a limit of their own.

use policy_kit::Host;

use crate::asking::Case;
use crate::filter::IdempotencyFilter;
use crate::lines::Trouble;
use crate::names::{full, unseen};
use crate::quota::Failure;
use crate::store::{Ask, End};
use crate::{Scope, StoreFault};

impl IdempotencyFilter {
    /// Until when the key of a call is kept that ended so at `now`; `expires` is what its claim says.
    pub(crate) fn kept_until(&self, case: &Case, end: &End, expires: u64, now: u64) -> u64 {
        match end {
            End::Answered(answer) if is_refusal(answer.status) => {}
            End::Oversize { status } if is_refusal(*status) => {}
            _ => return expires,
        }
        let retention = case.rule.retention.of(case.scope.part());
        expires.min(now.saturating_add(retention.refused))
    }

    /// Holds a call against its owner that did not succeed, once that is written down by `ask`. Its claim
    /// was to expire at `was`.
    pub(crate) fn count_failure(
        &self,
        host: &mut dyn Host,
        case: &Case,
        ask: &Ask,
        was: u64,
        now: u64,
    ) {
        let Ask::Commit { end, expires, .. } = ask else { return };
        let failure = match end {
            End::Unknown => Failure::Unknown,
            End::Answered(answer) if is_refusal(answer.status) => Failure::Refused,
            End::Oversize { status } if is_refusal(*status) => Failure::Refused,
            _ => return,
        };
        let quota = self.shared.quotas.of(case.scope.part());
        // Partners' calls are owed money, and a count that nobody reads need not be kept.
        if quota.allowance.failed.is_none() && *expires == was {
            return;
        }
        let owner = &case.caller.owner;
        if let Err(fault) = quota.failed(host, owner, failure, (was, *expires), now) {
            self.quota_fails(host, fault, now);
        }
    }

    /// A count that cannot be read or written. It is right again once the key would have expired; who is
    /// over a quota that cannot be read may fill its part of the store, and only that.
    pub(crate) fn quota_fails(&self, host: &mut dyn Host, fault: StoreFault, now: u64) {
        self.shared.lines.write(host, Trouble::Quota, now, || format!("quota: {fault:?}"));
    }

    /// The store did not do what it was asked.
    pub(crate) fn store_fails(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        fault: StoreFault,
        now: u64,
    ) {
        let part = scope.part();
        let trouble = match fault {
            StoreFault::Full => {
                host.count(&full(part));
                Trouble::Full
            }
            _ => Trouble::Store,
        };
        let line = || format!("store of {}: {fault:?}", part.name());
        self.shared.lines.write(host, trouble, now, line);
    }

    /// Nobody can tell whether it is the same bet.
    pub(crate) fn click_fails(
        &self,
        host: &mut dyn Host,
        case: &Case,
        fault: StoreFault,
        now: u64,
    ) {
        host.count(&unseen(case.class.as_str()));
        let line = || format!("double click: {fault:?}; such bets are counted, not looked at");
        self.shared.lines.write(host, Trouble::Clicks, now, line);
    }
}

/// Whether an answer says that the call was refused.
fn is_refusal(status: u16) -> bool {
    (400..=499).contains(&status)
}

#[cfg(test)]
#[path = "failing_tests.rs"]
mod tests;
