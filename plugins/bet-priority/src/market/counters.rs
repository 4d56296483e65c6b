//! How many requests of each market are in flight.

use policy_kit::{SortedMap, SECOND};

use crate::market::id::MarketId;
use crate::steady::{Steady, LATE};

/// A request that is in flight for so long is lost, in nanoseconds: longer than a gateway waits for a bet.
const LOST: u64 = 60 * SECOND;
/// Most requests that are counted at the same time.
const MOST: usize = 16_384;

/// The requests in flight of one worker.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    clock: Steady<LATE>,
    taken: SortedMap<MarketId, Vec<Taken>>,
    total: usize,
    number: u64,
}

/// One request of one market.
#[derive(Clone, Copy, Debug)]
struct Taken {
    number: u64,
    since: u64,
}

impl Counters {
    /// Counts a request for all of its markets, if each has fewer than `most`. Returns the request's number.
    pub(crate) fn take(&mut self, markets: &[MarketId], most: usize, now: u64) -> Option<u64> {
        let now = self.clock.at(now);
        for market in markets {
            self.drop_lost(*market, now);
        }
        let has_room = |market| self.in_flight(market) < most;
        if !markets.iter().all(|market| has_room(*market)) {
            return None;
        }
        if self.total + markets.len() > MOST {
            let all: Vec<MarketId> = self.taken.keys().copied().collect();
            all.into_iter().for_each(|market| self.drop_lost(market, now));
            if self.total + markets.len() > MOST {
                return None;
            }
        }
        self.number = self.number.wrapping_add(1);
        let taken = Taken { number: self.number, since: now };
        for market in markets {
            match self.taken.get_mut(market) {
                Some(list) => list.push(taken),
                None => self.taken.insert(*market, vec![taken]),
            }
        }
        self.total += markets.len();
        Some(self.number)
    }

    /// Ends a request. One that counted as lost meanwhile changes nothing.
    pub(crate) fn free(&mut self, markets: &[MarketId], number: u64) {
        for market in markets {
            self.keep(*market, |taken| taken.number != number);
        }
    }

    /// Number of requests of a market.
    pub(crate) fn in_flight(&self, market: MarketId) -> usize {
        self.taken.get(&market).map_or(0, Vec::len)
    }

    /// Number of requests of all markets.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    fn drop_lost(&mut self, market: MarketId, now: u64) {
        self.keep(market, |taken| now.saturating_sub(taken.since) < LOST);
    }

    fn keep(&mut self, market: MarketId, keep: impl Fn(&Taken) -> bool) {
        let Some(list) = self.taken.get_mut(&market) else { return };
        let before = list.len();
        list.retain(|taken| keep(taken));
        self.total = self.total.saturating_sub(before - list.len());
        if list.is_empty() {
            self.taken.remove(&market);
        }
    }
}
