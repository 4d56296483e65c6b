//! The permit of one request to be in flight for its markets.

use std::cell::RefCell;
use std::rc::Rc;

use crate::market::counters::Counters;
use crate::market::id::MarketId;

/// The permits of one worker.
#[derive(Clone, Debug, Default)]
pub struct MarketPermits(Rc<RefCell<Counters>>);

/// A permit, free again when it is dropped. One whose request is lost is free after a minute.
#[derive(Debug)]
pub struct MarketPermit {
    counters: Rc<RefCell<Counters>>,
    markets: Vec<MarketId>,
    number: u64,
}

impl Drop for MarketPermit {
    fn drop(&mut self) {
        if let Ok(mut counters) = self.counters.try_borrow_mut() {
            counters.free(&self.markets, self.number);
        }
    }
}

impl MarketPermits {
    /// A permit at `now`, in nanoseconds since the epoch; `None` where one of the markets has `most` in flight.
    pub fn take(&self, markets: Vec<MarketId>, most: usize, now: u64) -> Option<MarketPermit> {
        let mut counters = self.0.try_borrow_mut().ok()?;
        let number = counters.take(&markets, most, now)?;
        drop(counters);
        Some(MarketPermit { counters: Rc::clone(&self.0), markets, number })
    }

    /// Number of requests of a market in flight.
    pub fn in_flight(&self, market: MarketId) -> usize {
        self.0.try_borrow().map_or(0, |counters| counters.in_flight(market))
    }

    /// Number of requests in flight, each counted once for each of its markets.
    pub fn total(&self) -> usize {
        self.0.try_borrow().map_or(0, |counters| counters.total())
    }
}

#[cfg(test)]
#[path = "permit_tests.rs"]
mod tests;
