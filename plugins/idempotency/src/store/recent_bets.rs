//! The bets of the last seconds, to find double clicks: the same bet of the same player under two keys.
//!
//! This alone refuses nothing: two equal bets within seconds can be intended. All bets of one owner lie in
//! one bucket and have a share of it; beyond that, the owner's oldest bet is forgotten, and no other's.

use policy_kit::{BucketSeed, Host};

use crate::names::STORE;
use crate::policy::capacity::BUCKET_SLOTS;
use crate::policy::identity::{digest, Fingerprint, Owner, Scope};
use crate::store::bucket::{load, Bucket};
use crate::store::machine::{Entry, KeyState};
use crate::store::port::{Fence, StoreFault};

/// Bets of one owner that are remembered at once.
const SHARE: usize = 4;
/// How often a compare-and-swap is tried.
const TRIES: usize = 32;

/// Bets of the last seconds.
#[derive(Clone, Debug)]
pub struct RecentBets {
    prefix: String,
    buckets: u64,
    window: u64,
    seed: BucketSeed,
}

/// How a bet compares with those of the last seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BetCheck {
    /// The first, or its retry under its own key. [`RecentBets::forget`] takes the fence.
    First(Fence),
    /// The same as a bet under another key.
    Duplicate,
}

impl RecentBets {
    /// The recent bets of the store `name`: up to `bets`, each for `window` nanoseconds.
    pub fn new(name: &str, bets: usize, window: u64, seed: BucketSeed) -> Self {
        let buckets = bets.div_ceil(BUCKET_SLOTS).max(1) as u64;
        Self { prefix: format!("{STORE}.{name}.clicks.{buckets}"), buckets, window, seed }
    }

    /// Compares the `bet` of `owner` with those of the last seconds under other keys than `scope`. The
    /// first of its kind is remembered.
    ///
    /// # Errors
    /// The bets cannot be read or written.
    pub fn remember(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        bet: &Fingerprint,
        scope: &Scope,
        now: u64,
    ) -> Result<BetCheck, StoreFault> {
        let (slot, begin) = slot(owner, bet);
        // The scope takes the place of a fingerprint: that of another key does not match.
        let (fingerprint, until) = (Fingerprint(scope.0), now.saturating_add(self.window));
        let mut check = BetCheck::Duplicate;
        self.change(host, owner, now, &mut |bucket| {
            if let Some((_, entry)) = bucket.find(&slot)? {
                let first = entry.fingerprint == fingerprint;
                check = if first { BetCheck::First(entry.fence) } else { BetCheck::Duplicate };
                return Ok(false);
            }
            bucket.make_room(&begin, SHARE);
            let (fence, state) = (bucket.next_fence(), KeyState::InProgress);
            let entry = Entry { fingerprint, fence, deadline: until, expires: until, state };
            bucket.put(&slot, &entry, fence)?;
            check = BetCheck::First(fence);
            Ok(true)
        })?;
        Ok(check)
    }

    /// Forgets a bet that had no effect, if `fence` is its: it may be made again under any key.
    ///
    /// # Errors
    /// The bet is remembered until the window is over.
    pub fn forget(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        bet: &Fingerprint,
        fence: Fence,
        now: u64,
    ) -> Result<(), StoreFault> {
        let (slot, _) = slot(owner, bet);
        self.change(host, owner, now, &mut |bucket| {
            let is_it = bucket.find(&slot)?.is_some_and(|(_, entry)| entry.fence == fence);
            if is_it {
                bucket.remove(&slot);
            }
            Ok(is_it)
        })
    }

    /// Changes an owner's bucket. Where `change` returns `false`, nothing is written.
    fn change(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        now: u64,
        change: &mut dyn FnMut(&mut Bucket) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        let name = format!("{}.{}", self.prefix, self.seed.bucket(&owner.0, self.buckets));
        for _ in 0..TRIES {
            let (mut bucket, version) = load(host, &name)?;
            bucket.purge(now)?;
            if !change(&mut bucket)? {
                return Ok(());
            }
            let written = host.set_shared(&name, bucket.value(), version);
            if written.map_err(StoreFault::Gateway)? {
                return Ok(());
            }
        }
        Err(StoreFault::Contended)
    }
}

/// The slot of an owner's bet, and how all slots of that owner begin.
fn slot(owner: &Owner, bet: &Fingerprint) -> (Scope, [u8; 8]) {
    let mut slot = digest(b"double-click", &[&owner.0, &bet.0]);
    slot.iter_mut().zip(owner.0).take(8).for_each(|(to, from)| *to = from);
    (Scope(slot), slot.first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
#[path = "recent_bets_tests.rs"]
mod tests;
