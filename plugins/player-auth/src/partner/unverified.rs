//! Limits for callers that no header proves: failures, and bodies that are held.

use std::net::IpAddr;

use policy_kit::{Budgets, Permit, Permits, Source};

use super::config::UnverifiedConfig;
use crate::token::memory::MAX_SOURCES;

/// Their budgets in one worker. A failure is charged for good. A body is charged until it is verified, so
/// that no address takes the permits of all others, and then refunded.
#[derive(Debug)]
pub struct Unverified {
    budgets: Budgets,
    /// Permits to hold a body.
    permits: Permits,
}

impl Default for Unverified {
    fn default() -> Self {
        Self::new(&UnverifiedConfig::default())
    }
}

impl Unverified {
    /// Full budgets.
    pub fn new(config: &UnverifiedConfig) -> Self {
        Self {
            budgets: Budgets::new(config.per_minute, config.burst, MAX_SOURCES),
            permits: Permits::new(config.max_held),
        }
    }

    /// Whether an address has budget left at `now`, in nanoseconds.
    ///
    /// # Errors
    /// Seconds to wait.
    pub(super) fn allows(&self, source: Option<IpAddr>, now: u64) -> Result<(), u64> {
        let allowed = self.budgets.allows(Source::of(source), now);
        allowed.map_err(|wait| wait.div_ceil(1_000_000_000))
    }

    /// Charges an address for a failure at `now`, in nanoseconds.
    pub(super) fn fail(&mut self, source: Option<IpAddr>, now: u64) {
        self.budgets.fail(Source::of(source), now);
    }

    /// Charges an address for an unverified body at `now`, in nanoseconds.
    pub(super) fn charge(&mut self, source: Option<IpAddr>, now: u64) {
        self.budgets.charge(Source::of(source), now);
    }

    /// Refunds a body that was verified.
    pub(super) fn refund(&mut self, source: Option<IpAddr>) {
        self.budgets.refund(Source::of(source));
        self.vouch(source);
    }

    /// Records that a partner sends from this address, or has its network there: it is not charged for others.
    pub(super) fn vouch(&mut self, source: Option<IpAddr>) {
        self.budgets.vouch(Source::of(source));
    }

    /// A permit to hold a body of an address; `None` if all permits, or the address's share, are in use.
    pub(super) fn hold(&self, source: Option<IpAddr>) -> Option<Permit> {
        let source = Source::of(source);
        self.permits.take(source, self.budgets.knows(source))
    }
}
