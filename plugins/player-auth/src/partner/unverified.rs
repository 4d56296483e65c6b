//! What callers may cause that no header proves: failures, and bodies that are held.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use policy_kit::{source_key, Budgets};

use super::config::UnverifiedConfig;

/// Addresses that are told apart.
const SOURCES: usize = 4096;
/// One address has one part in so many of the places: its budget is for a moment, and bodies may take
/// longer than that.
const SHARE: usize = 4;

/// Their budget in one worker. Only what fails is charged for good: a body is charged while it is
/// under way, so that nobody fills the places of all others, and given back once it is proven.
#[derive(Debug)]
pub struct Unverified {
    budgets: Budgets,
    /// Whose bodies are held, each by its source.
    held: Rc<RefCell<Vec<u64>>>,
    max_held: usize,
}

/// A place among the bodies that are held, free again when this goes.
#[derive(Debug)]
pub(super) struct Hold {
    held: Rc<RefCell<Vec<u64>>>,
    source: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Ok(mut held) = self.held.try_borrow_mut() else { return };
        if let Some(i) = held.iter().position(|source| *source == self.source) {
            held.swap_remove(i);
        }
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

    /// A place for one more body of an address; `None` where all are taken, or all that one may take.
    pub(super) fn hold(&self, source: Option<IpAddr>) -> Option<Hold> {
        let source = source_key(source);
        let mut held = self.held.try_borrow_mut().ok()?;
        let own = held.iter().filter(|other| **other == source).count();
        if held.len() >= self.max_held || own >= (self.max_held / SHARE).max(1) {
            return None;
        }
        held.push(source);
        Some(Hold { held: Rc::clone(&self.held), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_free_again_when_their_holders_go() {
        let source = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        let few = UnverifiedConfig { max_held: 8, ..UnverifiedConfig::default() };
        let unverified = Unverified::new(&few);
        for _ in 0..3 {
            let mut held: Vec<_> =
                (0..8).map(|n| unverified.hold(source(n / 2)).unwrap()).collect();
            assert!(unverified.hold(source(9)).is_none(), "all are taken");
            held.pop();
            assert!(unverified.hold(source(0)).is_none(), "its quarter is");
            assert!(unverified.hold(source(9)).is_some() && unverified.hold(None).is_some());
            assert!(unverified.hold(source(3)).is_some(), "one of its own went");
        }
        let one = UnverifiedConfig { max_held: 1, ..UnverifiedConfig::default() };
        assert!(Unverified::new(&one).hold(None).is_some());
    }
}
