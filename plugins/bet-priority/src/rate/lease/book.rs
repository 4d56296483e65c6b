//! The tokens that one worker holds, and the calls for more.

use policy_kit::{keyed_hash, CallReply, Gcra, HashKey, LocalSlots, SharedCall};

use crate::rate::lease::fleet::{key_of_call, read, Fleet, Wish};
use crate::rate::lease::slot::{Tokens, LENGTH};

/// Most calls for tokens at once. Requests of further keys go on with the worker's share.
const MOST_PENDING: usize = 256;
/// Most calls of one tick for tokens that will be needed soon.
const MOST_DUE: usize = 32;

/// The tokens that one worker holds.
#[derive(Debug)]
pub(crate) struct LeaseBook {
    table: LocalSlots,
    pending: Vec<Pending>,
    /// Keys with less than half of their tokens left.
    due: Vec<(u64, Wish)>,
    /// Until when Redis is not asked; 0 for at once.
    down_until: u64,
    /// Makes nonces: a secret of this worker, and a number that never comes twice.
    secret: HashKey,
    calls: u64,
}

/// A call for tokens.
#[derive(Debug)]
struct Pending {
    id: u64,
    wish: Wish,
    nonce: String,
    since: u64,
}

/// What a request needs of a key's tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// Tokens for this request.
    pub(crate) cost: u32,
    /// Most tokens that a worker leases at once.
    pub(crate) batch: u32,
    /// Longest time for which there can be none, in nanoseconds.
    pub(crate) longest: u64,
}

/// What is known of the tokens of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// There are enough, and so many are left; whether more should be asked for.
    Enough(u32, bool),
    /// Redis had none. Nanoseconds until it has.
    Refused(u64),
    /// Not enough: ask for so many.
    Ask(u32),
    /// Redis is away.
    Down,
}

impl LeaseBook {
    pub(crate) fn new(slots: u32, secret: HashKey) -> Self {
        Self {
            table: LocalSlots::new(slots, LENGTH),
            pending: Vec::new(),
            due: Vec::new(),
            down_until: 0,
            secret,
            calls: 0,
        }
    }

    /// What is known of a key's tokens.
    pub(crate) fn look(&self, fleet: &Fleet, id: u64, need: &Need, now: u64) -> Look {
        let Need { cost, batch, longest } = *need;
        let known = self.known(id);
        let (until, tokens) = known.unwrap_or_default();
        // A time further ahead than any is set to is older than a step of the clock backwards.
        let ahead = until.saturating_sub(now);
        let most = if tokens.refused { longest } else { fleet.lease };
        let counts = (1..=most).contains(&ahead);
        match tokens {
            _ if !counts => {
                if self.is_down(fleet, now) {
                    return Look::Down;
                }
                // What was not used in time was too much.
                let used = tokens.granted.saturating_sub(tokens.left);
                Look::Ask(used.max(cost).min(batch.max(cost)))
            }
            Tokens { refused: true, .. } => Look::Refused(ahead),
            Tokens { left, granted, .. } if left >= cost => {
                let soon = left.saturating_sub(cost) < granted / 2;
                Look::Enough(left, soon && !self.is_down(fleet, now))
            }
            _ if self.is_down(fleet, now) => Look::Down,
            // What was used up in time was too little.
            Tokens { granted, .. } => {
                Look::Ask(granted.saturating_mul(2).clamp(cost, batch.max(cost)))
            }
        }
    }

    /// Spends tokens of a key, and returns how many are left. `None` where there are not enough any more.
    pub(crate) fn spend(&mut self, id: u64, cost: u32) -> Option<u32> {
        self.change(id, |tokens| {
            tokens.left = tokens.left.checked_sub(cost)?;
            Some(tokens.left)
        })
    }

    /// Takes a charge back. Tokens that have expired meanwhile stay expired.
    pub(crate) fn give_back(&mut self, id: u64, cost: u32) {
        self.change(id, |tokens| {
            tokens.left = tokens.left.saturating_add(cost);
            Some(tokens.left)
        });
    }

    /// The call for a key's tokens: the one that is pending, or a new one. `None` where there are too many.
    pub(crate) fn ask(
        &mut self,
        fleet: &Fleet,
        id: u64,
        wish: impl FnOnce() -> Wish,
        now: u64,
    ) -> Option<SharedCall> {
        // A gateway that loses a call must not keep its place for ever.
        self.pending.retain(|call| now.abs_diff(call.since) <= fleet.patience);
        if let Some(call) = self.pending.iter().find(|call| call.id == id) {
            return Some(fleet.ask(&call.wish, &call.nonce));
        }
        if self.pending.len() >= MOST_PENDING {
            return None;
        }
        let (wish, nonce) = (wish(), self.nonce(id, now));
        let call = fleet.ask(&wish, &nonce);
        self.pending.push(Pending { id, wish, nonce, since: now });
        Some(call)
    }

    /// Notes that more tokens of a key will be needed soon.
    pub(crate) fn ask_soon(&mut self, id: u64, wish: impl FnOnce() -> Wish) {
        let pending = self.pending.iter().any(|call| call.id == id);
        let known = pending || self.due.iter().any(|(other, _)| *other == id);
        if !known && self.due.len() < MOST_DUE {
            self.due.push((id, wish()));
        }
    }

    /// The calls for tokens that will be needed soon.
    pub(crate) fn due(&mut self, fleet: &Fleet, now: u64) -> Vec<SharedCall> {
        let due = std::mem::take(&mut self.due);
        if self.is_down(fleet, now) {
            return Vec::new();
        }
        due.into_iter().filter_map(|(id, wish)| self.ask(fleet, id, || wish, now)).collect()
    }

    /// Reads the answer to the shared call of this key. What is not pending, or comes twice, changes nothing. `false`
    /// where Redis was not heard.
    pub(crate) fn answered(
        &mut self,
        fleet: &Fleet,
        call: &str,
        reply: &CallReply,
        now: u64,
    ) -> bool {
        // The call is pending, and the worker hears of it later.
        let (Some(key), false) = (key_of_call(call), *reply == CallReply::TooManyWaiting) else {
            return true;
        };
        let Some(at) = self.pending.iter().position(|pending| pending.wish.key == key) else {
            return true;
        };
        let pending = self.pending.swap_remove(at);
        let Some(grant) = read(reply, &pending.nonce, pending.wish.want) else {
            self.down_until = now.saturating_add(fleet.retry);
            return false;
        };
        self.down_until = 0;
        let (until, tokens) = self.known(pending.id).unwrap_or_default();
        let left = if until > now && !tokens.refused { tokens.left } else { 0 };
        let all = left.saturating_add(grant.tokens);
        let (until, tokens) = if all < pending.wish.least && grant.wait > 0 {
            // No request can pass before: none asks.
            let wait = grant.wait.min(pending.wish.limit.full());
            (now.saturating_add(wait), Tokens { refused: true, left: 0, granted: 0 })
        } else {
            // Counted from before the grant. Few new tokens do not make many old ones younger: when the time is extended
            // again, all that were there before are spent, and no token is ever older than two times.
            let younger = pending.since.saturating_add(fleet.lease);
            let until = if grant.tokens >= left { younger } else { until };
            (until, Tokens { refused: false, left: all, granted: pending.wish.want.max(all) })
        };
        self.table.put(pending.id, until, &tokens.write());
        true
    }

    /// Whether Redis was not heard, and is not asked for now.
    pub(crate) fn is_down(&self, fleet: &Fleet, now: u64) -> bool {
        // Further ahead than it is ever set: the clock was set back.
        (1..=fleet.retry).contains(&self.down_until.saturating_sub(now))
    }

    /// Bytes in use.
    pub(crate) fn size(&self) -> usize {
        self.table.size()
    }

    fn known(&self, id: u64) -> Option<(u64, Tokens)> {
        let bucket = self.table.bucket(id)?;
        Some((bucket.until(id), Tokens::read(bucket.extra(id)?)?))
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut Tokens) -> Option<u32>) -> Option<u32> {
        let (until, mut tokens) = self.known(id).filter(|(_, tokens)| !tokens.refused)?;
        let left = change(&mut tokens)?;
        self.table.put(id, until, &tokens.write());
        Some(left)
    }

    /// 128 bits that no other call has.
    fn nonce(&mut self, id: u64, now: u64) -> String {
        self.calls = self.calls.wrapping_add(1);
        let half = |half: u8| {
            let mut text = vec![half];
            for number in [self.calls, id, now] {
                text.extend_from_slice(&number.to_le_bytes());
            }
            keyed_hash(self.secret, &text)
        };
        format!("{:016x}{:016x}", half(0), half(1))
    }
}

/// Most tokens that a worker leases at once: what its share of the rate brings in the time in which they can be used.
pub(crate) fn batch(share: &Gcra, fleet: &Fleet, cost: u32) -> u32 {
    let burst = share.full() / share.emission().max(1);
    let brings = fleet.lease / share.emission().max(1);
    u32::try_from(burst.min(brings)).unwrap_or(u32::MAX).max(cost)
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
