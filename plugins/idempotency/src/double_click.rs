//! A nervous finger: the same bet of the same player under two keys. Keys cannot tell; the bets can.
//!
//! Off, in the shadow or enforced, this never decides alone: two equal bets within seconds can be meant.
//! All bets of one owner lie in one bucket, in which it has a share: of more bets the oldest is forgotten,
//! its own and nobody else's.

use policy_kit::Host;

use crate::bucket::{Bucket, WAYS};
use crate::names::STORE;
use crate::scope::digest;
use crate::slots::load;
use crate::{Entry, Fence, Fingerprint, Owner, Scatter, Scope, State, StoreFault};

/// Bets of one owner that are remembered at once.
const SHARE: usize = 4;
/// How often it is tried where other workers are faster.
const TRIES: usize = 32;

/// Bets of the last seconds.
#[derive(Clone, Debug)]
pub struct DoubleClick {
    prefix: String,
    buckets: u64,
    window: u64,
    scatter: Scatter,
}

/// What a bet is to those of the last seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Click {
    /// The first, or its retry under its own key; by this it can be [forgotten](DoubleClick::forget).
    First(Fence),
    /// The same as one under another key.
    Second,
}

impl DoubleClick {
    /// Remembers up to `bets` for `window` nanoseconds each, for the store `name`.
    pub fn new(name: &str, bets: usize, window: u64, scatter: Scatter) -> Self {
        let buckets = bets.div_ceil(WAYS).max(1) as u64;
        Self { prefix: format!("{STORE}.{name}.clicks.{buckets}"), buckets, window, scatter }
    }

    /// Whether `owner` has sent the same `bet` (what makes it the same: selection and stake) under
    /// another key than that of `call` within the window. If not, it is remembered from now on.
    ///
    /// # Errors
    /// Nobody can tell.
    pub fn remember(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        bet: &Fingerprint,
        call: &Scope,
        now: u64,
    ) -> Result<Click, StoreFault> {
        let (place, begin) = place(owner, bet);
        // The key is what is asked about here: that of another call does not match.
        let (fingerprint, until) = (Fingerprint(call.0), now.saturating_add(self.window));
        let mut click = Click::Second;
        self.change(host, owner, now, &mut |bucket| {
            if let Some((_, entry)) = bucket.find(&place)? {
                let first = entry.fingerprint == fingerprint;
                click = if first { Click::First(entry.fence) } else { Click::Second };
                return Ok(false);
            }
            bucket.make_room(&begin, SHARE);
            let (fence, state) = (bucket.next_fence(), State::InProgress);
            let entry = Entry { fingerprint, fence, deadline: until, expires: until, state };
            bucket.put(&place, &entry, fence)?;
            click = Click::First(fence);
            Ok(true)
        })?;
        Ok(click)
    }

    /// Forgets a bet that came to nothing, if it was the first: it may be made again under any key.
    ///
    /// # Errors
    /// It is remembered until the window is over.
    pub fn forget(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        bet: &Fingerprint,
        fence: Fence,
        now: u64,
    ) -> Result<(), StoreFault> {
        let (place, _) = place(owner, bet);
        self.change(host, owner, now, &mut |bucket| {
            let is_it = bucket.find(&place)?.is_some_and(|(_, entry)| entry.fence == fence);
            if is_it {
                bucket.remove(&place);
            }
            Ok(is_it)
        })
    }

    /// Changes an owner's bucket, which is written where `change` says so.
    fn change(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        now: u64,
        change: &mut dyn FnMut(&mut Bucket) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        let name = format!("{}.{}", self.prefix, self.scatter.bucket(&owner.0, self.buckets));
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

/// What stands for an owner's bet, and how all of that owner's begin.
fn place(owner: &Owner, bet: &Fingerprint) -> (Scope, [u8; 8]) {
    let mut place = digest(b"double-click", &[&owner.0, &bet.0]);
    place.iter_mut().zip(owner.0).take(8).for_each(|(to, from)| *to = from);
    (Scope(place), place.first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
#[path = "double_click_tests.rs"]
mod tests;
