//! Markets by the digests of their names, so that any name takes the same room.

use std::collections::BinaryHeap;

use hmac_sha256::Hash;

/// Longest name of a market, in bytes.
pub const MAX_NAME: usize = 128;

/// A market: the first eight bytes of the SHA-256 of its name. Finding another name for a given market takes 2^64
/// tries, and gives nothing but a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarketId(pub(crate) u64);

impl MarketId {
    /// The market of this name, exactly as it is written.
    pub fn of(name: &str) -> Self {
        Self(
            Hash::hash(name.as_bytes()).first_chunk().map_or(0, |first| u64::from_be_bytes(*first)),
        )
    }
}

/// Markets in order. By a heap, because the general sort is 4 KB of code.
pub(crate) fn sorted(markets: Vec<MarketId>) -> Vec<MarketId> {
    BinaryHeap::from(markets).into_sorted_vec()
}
