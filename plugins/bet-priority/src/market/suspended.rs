//! Markets that take no bets.

use crate::market::id::{sorted, MarketId};

/// Most markets that are suspended at the same time.
pub const MAX_SUSPENDED: usize = 10_000;

/// A set of suspended markets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspended(Vec<MarketId>);

impl Suspended {
    /// These markets.
    pub fn new(markets: Vec<MarketId>) -> Self {
        let mut markets = sorted(markets);
        markets.dedup();
        Self(markets)
    }

    /// Whether a market is suspended.
    pub fn has(&self, market: MarketId) -> bool {
        self.0.binary_search(&market).is_ok()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// They, in order.
    pub fn iter(&self) -> impl Iterator<Item = MarketId> + '_ {
        self.0.iter().copied()
    }
}
