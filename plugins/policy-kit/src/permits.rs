//! Permits to wait or to ask, of which there are few, and calls that are under way: each source has its share.

use std::cell::RefCell;
use std::rc::Rc;

use crate::source::SITE;
use crate::Source;

/// One source may have one part in so many, and all of whom nothing good is known leave one part to the
/// others.
const PART: usize = 4;
/// One site may have one part in so many.
const SITE_PART: usize = 2;
/// A call that has not landed after so long is lost, in nanoseconds: longer than any may take.
const LOST: u64 = 15_000_000_000;

/// Permits of which each source has its share. A quarter of them is kept for known sources.
#[derive(Clone, Debug)]
pub struct Permits {
    taken: Rc<RefCell<Vec<u64>>>,
    most: usize,
}

/// One permit, free again when this goes.
#[derive(Debug)]
pub struct Permit {
    taken: Rc<RefCell<Vec<u64>>>,
    source: u64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Ok(mut taken) = self.taken.try_borrow_mut() else { return };
        if let Some(i) = taken.iter().position(|source| *source == self.source) {
            taken.swap_remove(i);
        }
    }
}

impl Permits {
    /// So many, all of them free.
    pub fn new(most: usize) -> Self {
        Self { taken: Rc::default(), most }
    }

    /// A permit for a source; `None` where its share is taken, or all are that it may have. `known` where
    /// something good is known of it.
    #[inline(never)]
    pub fn take(&self, source: Source, known: bool) -> Option<Permit> {
        let mut taken = self.taken.try_borrow_mut().ok()?;
        let site = source.within(SITE);
        let (mut own, mut near) = (0, 0);
        for other in taken.iter() {
            own += usize::from(*other == source.0);
            near += usize::from(!known && Source(*other).within(SITE) == site);
        }
        let kept = if known { 0 } else { self.most / PART };
        if own >= (self.most / PART).max(1)
            || near >= (self.most / SITE_PART).max(1)
            || taken.len() >= self.most - kept
        {
            return None;
        }
        taken.push(source.0);
        Some(Permit { taken: Rc::clone(&self.taken), source: source.0 })
    }

    /// How many a source has.
    pub fn of(&self, source: Source) -> usize {
        let taken = self.taken.try_borrow();
        taken.map_or(self.most, |taken| taken.iter().filter(|it| **it == source.0).count())
    }

    /// Whether more than half of them are taken.
    pub fn are_scarce(&self) -> bool {
        self.taken.try_borrow().map_or(true, |taken| taken.len() > self.most / 2)
    }
}

/// Calls of one purpose that are under way, each by what it is about, with the source that caused it.
/// What other purposes ask has room of its own.
#[derive(Debug)]
pub struct Bulkhead {
    /// Permits of those calls.
    pub permits: Permits,
    calls: Vec<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    key: String,
    since: u64,
    permit: Permit,
}

impl Bulkhead {
    /// Nothing is under way, and at most so many calls ever are.
    pub fn new(most: usize) -> Self {
        Self { permits: Permits::new(most), calls: Vec::new() }
    }

    /// Whether a call about this is under way.
    #[inline(never)]
    pub fn has(&self, key: &str) -> bool {
        self.calls.iter().any(|call| call.key == key)
    }

    /// A call about this starts at `now`, in nanoseconds, unless one is under way. `false` where there
    /// is no permit for it. `known` as for [`Permits::take`].
    #[inline(never)]
    pub fn starts(&mut self, key: &str, source: Source, known: bool, now: u64) -> bool {
        // A gateway that loses a call must not lose its permit for ever.
        self.calls.retain(|call| now.abs_diff(call.since) <= LOST);
        if self.has(key) {
            return true;
        }
        let Some(permit) = self.permits.take(source, known) else { return false };
        self.calls.push(UnderWay { key: key.to_owned(), since: now, permit });
        true
    }

    /// The call about this has ended, or was never sent. Tells who caused it.
    #[inline(never)]
    pub fn ends(&mut self, key: &str) -> Option<Source> {
        let i = self.calls.iter().position(|call| call.key == key)?;
        Some(Source(self.calls.swap_remove(i).permit.source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Source {
        Source::of(text.parse().ok())
    }

    #[test]
    fn places_are_free_again_when_their_holders_go() {
        let permits = Permits::new(16);
        let source = |n: usize| from(&format!("192.0.{n}.1"));
        for _ in 0..3 {
            let mut held: Vec<_> =
                (0..12).map(|n| permits.take(source(n / 4), false).unwrap()).collect();
            assert!(permits.take(source(9), false).is_none(), "the last quarter is kept");
            held.extend((0..4).map(|_| permits.take(source(10), true).unwrap()));
            assert!(permits.take(source(11), true).is_none(), "all are taken");
            assert!(permits.are_scarce());
            held.remove(0);
            assert!(permits.take(source(10), true).is_none(), "its quarter is");
            assert!(permits.take(source(11), true).is_some(), "one went");
            assert_eq!([permits.of(source(0)), permits.of(source(11))], [3, 0]);
        }
        assert!(Permits::new(1).take(Source::default(), false).is_some());
    }

    /// Whoever has many addresses has them in one network.
    #[test]
    fn a_site_has_half_of_them_at_most() {
        let permits = Permits::new(64);
        let mut held = Vec::new();
        held.extend((0..64).map_while(|n| permits.take(from(&format!("2001:db8:0:{n}::")), false)));
        assert_eq!(held.len(), 32);
        held.extend((0..64).map_while(|n| permits.take(from(&format!("192.0.2.{n}")), false)));
        assert_eq!(held.len(), 48);
        assert!(permits.take(from("2001:db8:0:ff::"), true).is_some(), "known");
    }

    #[test]
    fn a_call_has_its_place_until_it_ends_or_is_lost() {
        let mut calls = Bulkhead::new(4);
        let source = |n: u64| from(&format!("192.0.{n}.1"));
        for n in 0..3 {
            assert!(calls.starts(&n.to_string(), source(n), false, 0));
        }
        assert!(!calls.starts("3", source(3), false, 0), "a quarter is kept");
        assert!(calls.starts("2", source(3), false, 0), "it is under way");
        assert!(calls.starts("3", source(3), true, 0));
        assert!(!calls.starts("4", source(4), true, 0), "all are taken");
        assert_eq!(calls.ends("2"), Some(source(2)), "whoever caused it");
        assert_eq!(calls.ends("2"), None);
        assert!(calls.starts("4", source(4), true, 0));
        assert!(calls.starts("5", source(5), false, LOST + 1), "the others never landed");
        assert!(!calls.has("4"));
    }
}
