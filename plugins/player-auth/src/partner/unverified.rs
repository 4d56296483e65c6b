//! What callers may cause that no header proves: failures, and bodies that are held.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::Budgets;

use super::config::UnverifiedConfig;

/// Addresses that are told apart.
const SOURCES: usize = 4096;

/// Their budget in one worker. Only what fails is charged for good: a body is charged while it is
/// under way, so that nobody fills the places of all others, and given back once it is proven.
#[derive(Debug)]
pub struct Unverified {
    budgets: Budgets,
    held: Rc<Cell<usize>>,
    max_held: usize,
}

/// A place among the bodies that are held, free again when this goes.
#[derive(Debug)]
pub(super) struct Hold(Rc<Cell<usize>>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
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
            held: Rc::default(),
            max_held: config.max_held,
        }
    }

    /// Whether an address may cause anything, at `now` in nanoseconds.
    ///
    /// # Errors
    /// Seconds to wait.
    pub(super) fn allows(&self, source: Option<IpAddr>, now: u64) -> Result<(), u64> {
        self.budgets.allows(source, now).map_err(|wait| wait.div_ceil(1_000_000_000))
    }

    /// Something has failed, or has yet to be proven.
    pub(super) fn charge(&mut self, source: Option<IpAddr>, now: u64) {
        self.budgets.charge(source, now);
    }

    /// It is proven.
    pub(super) fn refund(&mut self, source: Option<IpAddr>) {
        self.budgets.refund(source);
    }

    /// A place for one more body; `None` where all are taken.
    pub(super) fn hold(&self) -> Option<Hold> {
        if self.held.get() >= self.max_held {
            return None;
        }
        self.held.set(self.held.get() + 1);
        Some(Hold(Rc::clone(&self.held)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_free_again_when_their_holders_go() {
        let few = UnverifiedConfig { max_held: 2, ..UnverifiedConfig::default() };
        let unverified = Unverified::new(&few);
        for _ in 0..3 {
            let (one, two) = (unverified.hold(), unverified.hold());
            assert!(one.is_some() && two.is_some() && unverified.hold().is_none());
            drop(one);
            assert!(unverified.hold().is_some());
        }
    }
}
