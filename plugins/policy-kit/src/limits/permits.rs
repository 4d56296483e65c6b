//! Permits to wait, or to send a call: each source has its share.

use std::cell::RefCell;
use std::rc::Rc;

use crate::limits::source::{Source, SITE};

/// One source may take one part in so many, and sources that are not trusted leave one part to the others.
const PART: usize = 4;
/// One site may take one part in so many, unless it is trusted.
const SITE_PART: usize = 2;
/// Permits of which each source has its share. A quarter of them is reserved for trusted sources.
#[derive(Clone, Debug)]
pub struct Permits {
    taken: Rc<RefCell<Vec<u64>>>,
    most: usize,
}

/// One permit, free again when it is dropped.
#[derive(Debug)]
pub struct Permit {
    taken: Rc<RefCell<Vec<u64>>>,
    pub(crate) source: u64,
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

    /// A permit for a source; `None` where its share, or all that it may take, is taken. `known` where the source
    /// is trusted: a valid credential came from it.
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

    /// Number of permits that a source holds.
    pub fn of(&self, source: Source) -> usize {
        let taken = self.taken.try_borrow();
        taken.map_or(self.most, |taken| taken.iter().filter(|it| **it == source.0).count())
    }

    /// Whether more than half of them are taken.
    pub fn are_scarce(&self) -> bool {
        self.taken.try_borrow().map_or(true, |taken| taken.len() > self.most / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Source {
        Source::of(text.parse().ok())
    }

    #[test]
    fn dropped_permits_are_free_again() {
        let permits = Permits::new(16);
        let source = |n: usize| from(&format!("192.0.{n}.1"));
        for _ in 0..3 {
            let mut held: Vec<_> =
                (0..12).map(|n| permits.take(source(n / 4), false).unwrap()).collect();
            assert!(permits.take(source(9), false).is_none(), "the last quarter is reserved");
            held.extend((0..4).map(|_| permits.take(source(10), true).unwrap()));
            assert!(permits.take(source(11), true).is_none(), "all are taken");
            assert!(permits.are_scarce());
            held.remove(0);
            assert!(permits.take(source(10), true).is_none(), "its quarter is taken");
            assert!(permits.take(source(11), true).is_some(), "one is free");
            assert_eq!([permits.of(source(0)), permits.of(source(11))], [3, 0]);
        }
        assert!(Permits::new(1).take(Source::default(), false).is_some());
    }

    /// A client with many addresses has them in one network.
    #[test]
    fn a_site_takes_at_most_half_of_them() {
        let permits = Permits::new(64);
        let mut held = Vec::new();
        held.extend((0..64).map_while(|n| permits.take(from(&format!("2001:db8:0:{n}::")), false)));
        assert_eq!(held.len(), 32);
        held.extend((0..64).map_while(|n| permits.take(from(&format!("192.0.2.{n}")), false)));
        assert_eq!(held.len(), 48);
        assert!(permits.take(from("2001:db8:0:ff::"), true).is_some(), "known");
    }
}
