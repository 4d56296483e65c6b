//! Scarce resources of one worker, and the share of each owner: permits of retries that wait, and calls to
//! reconcile services.

use std::cell::RefCell;
use std::rc::Rc;

use policy_kit::SortedMap;

use crate::policy::identity::{Owner, Part, PerPart, Scope};
use crate::store::port::Fence;

/// Most owners with a share of their own; all others share one.
const OWNERS: usize = 16_384;

/// Retries of one worker that wait at once; the shell holds as many streams. While more than a quarter of
/// the permits are taken, a player gets one in half an hour.
const WAIT_PERMITS: ShareLimits = ShareLimits {
    most: PerPart { players: 896, partners: 1_024 },
    share: PerPart { players: 16, partners: 128 },
    enough: 256,
    pause: 1_800_000_000_000,
};

/// Reconcile calls of one worker that are pending at once: fewer than the shell makes. While more than forty
/// are pending, a player gets one in ten minutes.
const RECONCILE_CALLS: ShareLimits = ShareLimits {
    most: PerPart { players: 200, partners: 248 },
    share: PerPart { players: 4, partners: 64 },
    enough: 40,
    pause: 600_000_000_000,
};
/// How long an unknown outcome is remembered, in nanoseconds.
const MEMORY: u64 = 5_000_000_000;
/// Completed calls that are remembered before old ones are dropped.
const COMPLETED: usize = 4_096;

/// How much there is of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShareLimits {
    /// Units in all that each part may take. What players cannot take is reserved for partners.
    pub(crate) most: PerPart<usize>,
    /// Units that one owner may hold.
    pub(crate) share: PerPart<usize>,
    /// Taken units from which on the resource is scarce.
    pub(crate) enough: usize,
    /// How long a player that held a unit gets none while the resource is scarce, in nanoseconds.
    pub(crate) pause: u64,
}

/// The units of a resource that each owner holds. While the resource is scarce, a player holds one unit, and
/// only after a pause: a crowd of players who take units over and over does not keep out those who need one
/// now and then.
#[derive(Debug)]
pub(crate) struct Shares {
    limits: ShareLimits,
    owners: SortedMap<[u8; 16], Share>,
    /// The share of all other owners.
    rest: Share,
    /// Units taken by players and partners together.
    taken: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    held: usize,
    pauses_until: u64,
}

impl Shares {
    pub(crate) fn new(limits: ShareLimits) -> Self {
        Self { limits, owners: SortedMap::default(), rest: Share::default(), taken: 0 }
    }

    /// Takes a unit for an owner; `false` if it may not have one.
    pub(crate) fn take(&mut self, owner: &Owner, now: u64) -> bool {
        let (part, limits, taken) = (owner.part(), self.limits, self.taken);
        let is_scarce = part == Part::Players && taken >= limits.enough;
        let share = self.share(owner, now);
        let most = if is_scarce { 1 } else { *limits.share.of(part) };
        // A longer pause than any means that the clock was set back.
        let pauses = share.pauses_until > now && share.pauses_until - now <= limits.pause;
        if taken >= *limits.most.of(part) || share.held >= most || (is_scarce && pauses) {
            return false;
        }
        share.held += 1;
        self.taken += 1;
        true
    }

    /// Gives a unit back.
    pub(crate) fn give_back(&mut self, owner: &Owner, now: u64) {
        self.taken = self.taken.saturating_sub(1);
        let pauses_until = now.saturating_add(self.limits.pause);
        let share = match self.owners.get_mut(&owner.short()) {
            Some(share) => share,
            None => &mut self.rest,
        };
        share.held = share.held.saturating_sub(1);
        share.pauses_until = pauses_until;
        if self.taken == 0 {
            // An owner that got a share of its own meanwhile gave its unit back there.
            self.rest.held = 0;
        }
    }

    fn share(&mut self, owner: &Owner, now: u64) -> &mut Share {
        let id = owner.short();
        if !self.owners.contains_key(&id) {
            if self.owners.len() >= OWNERS {
                self.owners.retain(|_, share| share.held > 0 || share.pauses_until > now);
            }
            if self.owners.len() < OWNERS {
                self.owners.insert(id, Share::default());
            }
        }
        match self.owners.get_mut(&id) {
            Some(share) => share,
            None => &mut self.rest,
        }
    }
}

/// The wait permits of one worker: each waiting retry holds a stream, and is looked at in ticks.
#[derive(Clone, Debug)]
pub(crate) struct WaitPermits(Rc<RefCell<Shares>>);

/// The right of a retry to wait for the first attempt's answer. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct WaitPermit {
    permits: WaitPermits,
    owner: Owner,
    /// When the key was last claimed in vain.
    pub(crate) last_try: u64,
}

impl Default for WaitPermits {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(Shares::new(WAIT_PERMITS))))
    }
}

impl WaitPermits {
    /// A permit for a retry of `owner`; `None` if its share or all permits are taken.
    pub(crate) fn take(&self, owner: &Owner, now: u64) -> Option<Box<WaitPermit>> {
        let mut shares = self.0.try_borrow_mut().ok()?;
        let permit =
            || Box::new(WaitPermit { permits: self.clone(), owner: *owner, last_try: now });
        shares.take(owner, now).then(permit)
    }
}

impl Drop for WaitPermit {
    fn drop(&mut self) {
        if let Ok(mut shares) = self.permits.0.try_borrow_mut() {
            shares.give_back(&self.owner, self.last_try);
        }
    }
}

/// The reconcile calls of one worker, by subject: one for each claim, however many retries wait for it. An
/// unknown outcome is remembered for a moment.
#[derive(Debug)]
pub(crate) struct ReconcileCalls {
    calls: RefCell<SortedMap<String, ReconcileCall>>,
    shares: RefCell<Shares>,
}

#[derive(Debug)]
struct ReconcileCall {
    /// Whose retry started it, while it is pending.
    owner: Option<Owner>,
    /// When it was started, or until when it is not repeated.
    at: u64,
}

impl Default for ReconcileCalls {
    fn default() -> Self {
        let shares = RefCell::new(Shares::new(RECONCILE_CALLS));
        Self { calls: RefCell::default(), shares }
    }
}

/// The name of a claim whose outcome is unknown.
pub(crate) fn subject(scope: &Scope, fence: Fence) -> String {
    let id: u128 = scope.0.first_chunk().map_or(0, |first| u128::from_be_bytes(*first));
    format!("reconcile.{id:032x}.{}", fence.0)
}

/// The key of the shared call about `subject` that was started at this time: a call that never completes
/// does not hold up a later one.
pub(crate) fn shared_call_key(subject: &str, started: u64) -> String {
    format!("{subject}@{started}")
}

impl ReconcileCalls {
    /// Joins the pending call about `subject` or starts one. Returns when it was started: its result holds
    /// for that time. `None` if the outcome was unknown a moment ago, or the owner's share is taken. A call
    /// that has not completed after `patience` is lost.
    pub(crate) fn join(
        &self,
        subject: &str,
        owner: &Owner,
        patience: u64,
        now: u64,
    ) -> Option<u64> {
        let mut calls = self.calls.try_borrow_mut().ok()?;
        match calls.get(subject) {
            Some(ReconcileCall { owner: Some(_), at }) if now.abs_diff(*at) <= patience => {
                return Some(*at);
            }
            Some(ReconcileCall { owner: Some(first), .. }) => {
                self.shares.try_borrow_mut().ok()?.give_back(first, now);
            }
            // A longer time than any means that the clock was set back.
            Some(ReconcileCall { owner: None, at }) if *at > now && *at - now <= MEMORY => {
                return None;
            }
            _ => {}
        }
        if !self.shares.try_borrow_mut().ok()?.take(owner, now) {
            return None;
        }
        calls.insert(subject.to_owned(), ReconcileCall { owner: Some(*owner), at: now });
        Some(now)
    }

    /// The call with this [`shared_call_key`] has completed.
    pub(crate) fn complete(&self, key: &str, now: u64) {
        let Some((subject, started)) = key.rsplit_once('@') else { return };
        let Ok(mut calls) = self.calls.try_borrow_mut() else { return };
        let call = calls.get_mut(subject).filter(|call| Ok(call.at) == started.parse());
        let owner = call.and_then(|call| {
            call.at = now;
            call.owner.take()
        });
        if let (Some(owner), Ok(mut shares)) = (owner, self.shares.try_borrow_mut()) {
            shares.give_back(&owner, now);
        }
        if calls.len() >= COMPLETED {
            calls.retain(|_, call| call.owner.is_some() || call.at > now);
        }
    }

    /// Remembers that the outcome is unknown.
    pub(crate) fn remember_unknown(&self, subject: &str, now: u64) {
        let Ok(mut calls) = self.calls.try_borrow_mut() else { return };
        if let Some(call) = calls.get_mut(subject).filter(|call| call.owner.is_none()) {
            call.at = now.saturating_add(MEMORY);
        }
    }
}

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
