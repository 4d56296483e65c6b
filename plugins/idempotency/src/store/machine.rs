//! The state machine of one key. It has no store and no clock: the stored entry, the command and the time
//! go in, the response and what to write come out. Times are nanoseconds since the epoch.

use crate::policy::identity::Fingerprint;
use crate::policy::outcome::Outcome;
use crate::store::port::{Command, Fence, Response};

/// A key as a store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the request asks for.
    pub fingerprint: Fingerprint,
    /// The last claim.
    pub fence: Fence,
    /// Until when the request of that claim may take effect.
    pub deadline: u64,
    /// Until when the key is kept.
    pub expires: u64,
    /// The state of the key.
    pub state: KeyState,
}

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// A request is being carried out; after the deadline its outcome is unknown.
    InProgress,
    /// The request has ended. Never [`Outcome::NoEffect`]: such a key is removed.
    Settled(Outcome<KeptAnswer>),
}

/// What a store keeps of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// The answer itself.
    pub body: KeptBody,
}

/// How an answer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptBody {
    /// All of it, in so many bytes.
    Whole(u32),
    /// Its digest, where there was no room for more.
    Digest([u8; 32]),
}

/// What a store has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Return the response; nothing is written.
    Unchanged(Response<KeptAnswer>),
    /// Write the entry, then return the response.
    Put(Box<Entry>, Response<KeptAnswer>),
    /// Remove the entry, then return the response.
    Remove(Response<KeptAnswer>),
}

/// Applies `command` at `now`, where `current` is the entry stored under the key, and `next` is greater
/// than any fence that the store gave for it.
///
/// An expired entry counts as absent. One whose deadline has passed does not: its outcome is unknown.
pub fn transition(
    current: Option<&Entry>,
    command: &Command<KeptAnswer>,
    now: u64,
    next: Fence,
) -> Transition {
    let current = current.filter(|entry| entry.expires > now);
    match (command, current) {
        (Command::Claim { fingerprint, deadline, expires }, None) => {
            let (fingerprint, deadline, expires) = (*fingerprint, *deadline, *expires);
            let state = KeyState::InProgress;
            let entry = Entry { fingerprint, fence: next, deadline, expires, state };
            Transition::Put(Box::new(entry), Response::Granted(next))
        }
        (Command::Claim { fingerprint, .. } | Command::Read { fingerprint }, Some(entry)) => {
            // Checked first: a request with another fingerprint learns nothing of this one.
            Transition::Unchanged(match fingerprint.is_same_as(&entry.fingerprint) {
                true => read(entry, now),
                false => Response::Mismatch,
            })
        }
        (Command::Read { .. }, None) => Transition::Unchanged(Response::Absent),
        // The holder of the claim knows the outcome best, also after the deadline.
        (Command::Commit { fence, outcome, expires }, Some(entry))
            if entry.fence == *fence && entry.state == KeyState::InProgress =>
        {
            settle(entry, *outcome, *expires)
        }
        // Until its deadline a request may still take effect, even if the service that was asked has not
        // seen it: a client that left, or a reset, does not stop an upstream.
        (Command::Resolve { fence, outcome }, Some(entry))
            if read(entry, now) == Response::Settled(*fence, Outcome::Unknown)
                && (*outcome != Outcome::NoEffect || entry.deadline <= now) =>
        {
            settle(entry, *outcome, entry.expires)
        }
        (Command::Commit { .. } | Command::Resolve { .. }, _) => {
            Transition::Unchanged(Response::Stale)
        }
    }
}

fn read(entry: &Entry, now: u64) -> Response<KeptAnswer> {
    match entry.state {
        KeyState::InProgress if entry.deadline > now => {
            Response::InProgress { fence: entry.fence, left: entry.deadline - now }
        }
        KeyState::InProgress => Response::Settled(entry.fence, Outcome::Unknown),
        KeyState::Settled(outcome) => Response::Settled(entry.fence, outcome),
    }
}

fn settle(entry: &Entry, outcome: Outcome<KeptAnswer>, expires: u64) -> Transition {
    if outcome == Outcome::NoEffect {
        return Transition::Remove(Response::Done);
    }
    let entry = Entry { state: KeyState::Settled(outcome), expires, ..entry.clone() };
    Transition::Put(Box::new(entry), Response::Done)
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
