//! What callers may cause that no header proves: failures, and bodies that are held.

use std::net::IpAddr;

use policy_kit::{Budgets, Permit, Permits, Source};

use super::config::UnverifiedConfig;
use crate::state::SOURCES;

/// Their budget in one worker. Only what fails is charged for good: a body is charged while it is
/// under way, so that nobody fills the places of all others, and given back once it is proven.
#[derive(Debug)]
pub struct Unverified {
    budgets: Budgets,
    /// Of bodies that are held.
    permits: Permits,
}

impl Default for Unverified {
    fn default() -> Self {
        Self::new(&UnverifiedConfig::default())
    }
}

impl Unverified {
    /// Nothing has been caused yet.
    pub fn new(config: &UnverifiedConfig) -> Self {
        Self {
            budgets: Budgets::new(config.per_minute, config.burst, SOURCES),
            permits: Permits::new(config.max_held),
        }
    }

    /// Whether an address may cause anything, at `now` in nanoseconds.
    ///
    /// # Errors
    /// Seconds to wait.
    pub(super) fn allows(&self, source: Option<IpAddr>, now: u64) -> Result<(), u64> {
        let allowed = self.budgets.allows(Source::of(source), now);
        allowed.map_err(|wait| wait.div_ceil(1_000_000_000))
    }

    /// Something has failed.
    pub(super) fn fail(&mut self, source: Option<IpAddr>, now: u64) {
        self.budgets.fail(Source::of(source), now);
    }

    /// A body comes that has yet to be proven.
    pub(super) fn charge(&mut self, source: Option<IpAddr>, now: u64) {
        self.budgets.charge(Source::of(source), now);
    }

    /// It is proven.
    pub(super) fn refund(&mut self, source: Option<IpAddr>) {
        self.budgets.refund(Source::of(source));
        self.vouch(source);
    }

    /// A partner calls from this address, or has its network here: strangers take nothing from it.
    pub(super) fn vouch(&mut self, source: Option<IpAddr>) {
        self.budgets.vouch(Source::of(source));
    }

    /// A place for one more body of an address; `None` where all are taken, or all that it may take.
    pub(super) fn hold(&self, source: Option<IpAddr>) -> Option<Permit> {
        let source = Source::of(source);
        self.permits.take(source, self.budgets.knows(source))
    }
}
