//! Pending calls of one purpose, each with the source that caused it.

use crate::clock::SECOND;
use crate::limits::permits::{Permit, Permits};
use crate::limits::source::Source;

/// A call that is pending for so long is lost, in nanoseconds: longer than any timeout.
const LOST: u64 = 15 * SECOND;

/// Pending calls of one purpose. Each purpose has permits of its own, so that it cannot starve the others.
#[derive(Debug)]
pub struct Bulkhead {
    /// Permits of those calls.
    pub permits: Permits,
    calls: Vec<PendingCall>,
}

#[derive(Debug)]
struct PendingCall {
    key: String,
    since: u64,
    permit: Permit,
}

impl Bulkhead {
    /// No call is pending, and at most so many ever are.
    pub fn new(most: usize) -> Self {
        Self { permits: Permits::new(most), calls: Vec::new() }
    }

    /// Whether a call of this key is pending.
    #[inline(never)]
    pub fn has(&self, key: &str) -> bool {
        self.calls.iter().any(|call| call.key == key)
    }

    /// Starts a call of this key at `now`, in nanoseconds, unless one is pending. `false` where there is no
    /// permit for it. `known` as for [`Permits::take`].
    #[inline(never)]
    pub fn starts(&mut self, key: &str, source: Source, known: bool, now: u64) -> bool {
        // A gateway that loses a call must not keep its permit for ever.
        self.calls.retain(|call| now.abs_diff(call.since) <= LOST);
        if self.has(key) {
            return true;
        }
        let Some(permit) = self.permits.take(source, known) else { return false };
        self.calls.push(PendingCall { key: key.to_owned(), since: now, permit });
        true
    }

    /// Ends the call of this key, completed or never sent. Returns the source that caused it.
    #[inline(never)]
    pub fn ends(&mut self, key: &str) -> Option<Source> {
        let i = self.calls.iter().position(|call| call.key == key)?;
        Some(Source(self.calls.swap_remove(i).permit.source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_hold_a_permit_until_they_end_or_are_lost() {
        let mut calls = Bulkhead::new(4);
        let source = |n: u64| Source::of(format!("192.0.{n}.1").parse().ok());
        for n in 0..3 {
            assert!(calls.starts(&n.to_string(), source(n), false, 0));
        }
        assert!(!calls.starts("3", source(3), false, 0), "a quarter is reserved");
        assert!(calls.starts("2", source(3), false, 0), "it is pending");
        assert!(calls.starts("3", source(3), true, 0));
        assert!(!calls.starts("4", source(4), true, 0), "all are taken");
        assert_eq!(calls.ends("2"), Some(source(2)), "the source that caused it");
        assert_eq!(calls.ends("2"), None);
        assert!(calls.starts("4", source(4), true, 0));
        assert!(calls.starts("5", source(5), false, LOST + 1), "the others are lost");
        assert!(!calls.has("4"));
    }
}
