//! The state machine of one key. No store, no clock: what is there, what is asked and when come in,
//! what to write and what to say go out. Times are nanoseconds since the epoch.

use crate::{Entry, Fingerprint, State};

/// Tells the claims of one key apart: each is later, and greater, than the one before. Only the holder
/// of the last one may settle the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// What is asked of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Somebody wants to carry the call out.
    Claim {
        /// What is asked for.
        fingerprint: Fingerprint,
        /// Until when it is over or its outcome is unknown: the upstream's timeout and a margin.
        deadline: u64,
        /// Until when the key is kept.
        expires: u64,
    },
    /// The call is over, and how.
    Commit {
        /// The claim.
        fence: Fence,
        /// How it ended.
        settled: Settled,
        /// Until when the key is kept.
        expires: u64,
    },
    /// The call had no effect.
    Free {
        /// The claim.
        fence: Fence,
    },
    /// Somebody found out what became of a call whose outcome was unknown.
    Resolve {
        /// The claim whose outcome that is.
        fence: Fence,
        /// How it ended; `None` if it had no effect, which is believed once its deadline has passed.
        settled: Option<Settled>,
    },
    /// Somebody wants to know how it stands, and nothing else.
    Read {
        /// What is asked for.
        fingerprint: Fingerprint,
    },
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It has an answer.
    Completed {
        /// The answer's status.
        status: u16,
        /// What there is of it.
        kept: Kept,
    },
    /// It has an answer that is too long to be kept.
    Oversize {
        /// The answer's status.
        status: u16,
    },
    /// Nobody can tell.
    Unknown,
}

/// What a store keeps of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it, in so many bytes.
    Whole(u32),
    /// Its digest: there was no room for more.
    Digest([u8; 32]),
}

/// How a key stands, or what became of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Carry it out.
    Granted(Fence),
    /// Somebody is at it, for so many nanoseconds more at most.
    InProgress {
        /// Its claim.
        fence: Fence,
        /// Until then it is settled or unknown.
        left: u64,
    },
    /// It is over.
    Settled(Fence, Settled),
    /// Another call has this key.
    Mismatch,
    /// There is no such key.
    Absent,
    /// It is written.
    Done,
    /// That claim does not count any more; nothing was written.
    Stale,
}

/// What a store has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say this; nothing is written.
    Say(Reply),
    /// Write the entry; say this once it is written.
    Put(Box<Entry>, Reply),
    /// Take the entry away; say this once it is gone.
    Remove(Reply),
}

/// What follows from `op` at `now`, where `current` is what the store has under this key and `next` a
/// fence greater than any it gave for it.
///
/// An entry that has expired is as if it were not there. One whose deadline has passed is not: its
/// outcome is unknown.
pub fn step(current: Option<&Entry>, op: &Op, now: u64, next: Fence) -> Step {
    let current = current.filter(|entry| entry.expires > now);
    match (op, current) {
        (Op::Claim { fingerprint, deadline, expires }, None) => {
            let (fingerprint, deadline, expires) = (*fingerprint, *deadline, *expires);
            let state = State::InProgress;
            let entry = Entry { fingerprint, fence: next, deadline, expires, state };
            Step::Put(Box::new(entry), Reply::Granted(next))
        }
        (Op::Claim { fingerprint, .. } | Op::Read { fingerprint }, Some(entry)) => {
            match fingerprint.is_same_as(&entry.fingerprint) {
                true => Step::Say(stands(entry, now)),
                // Before anything else: whoever asks another question gets nothing of this one.
                false => Step::Say(Reply::Mismatch),
            }
        }
        (Op::Read { .. }, None) => Step::Say(Reply::Absent),
        (Op::Commit { fence, settled, expires }, Some(entry)) if in_hand(entry, *fence) => {
            Step::Put(Box::new(entry.settled(*settled, *expires)), Reply::Done)
        }
        (Op::Free { fence }, Some(entry)) if in_hand(entry, *fence) => Step::Remove(Reply::Done),
        (Op::Resolve { fence, settled: Some(settled) }, Some(entry))
            if is_unknown(entry, *fence, now) =>
        {
            Step::Put(Box::new(entry.settled(*settled, entry.expires)), Reply::Done)
        }
        // Until its deadline the call may still take effect, whoever has not heard of it yet: a client
        // that left, or a reset, does not stop an upstream.
        (Op::Resolve { fence, settled: None }, Some(entry))
            if is_unknown(entry, *fence, now) && entry.deadline <= now =>
        {
            Step::Remove(Reply::Done)
        }
        (Op::Commit { .. } | Op::Free { .. } | Op::Resolve { .. }, _) => Step::Say(Reply::Stale),
    }
}

fn stands(entry: &Entry, now: u64) -> Reply {
    match entry.state {
        State::InProgress if entry.deadline > now => {
            Reply::InProgress { fence: entry.fence, left: entry.deadline - now }
        }
        State::InProgress => Reply::Settled(entry.fence, Settled::Unknown),
        State::Settled(settled) => Reply::Settled(entry.fence, settled),
    }
}

/// Whoever claimed it knows best how it ended, even if that is after the deadline.
fn in_hand(entry: &Entry, fence: Fence) -> bool {
    entry.fence == fence && entry.state == State::InProgress
}

fn is_unknown(entry: &Entry, fence: Fence, now: u64) -> bool {
    stands(entry, now) == Reply::Settled(fence, Settled::Unknown)
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
