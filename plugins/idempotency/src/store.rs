//! The port to a store of keys, without input and output: what is asked, what is said, and whom a store
//! has to call first, if anybody.
//!
//! Every question is one atomic operation on one key. A store that lies elsewhere answers a question with
//! a [`HttpCall`], and is asked [`Store::heard`] when that has ended.

use policy_kit::{CallReply, Host, HttpCall};

use crate::{Answer, Fence, Fingerprint, Scope, StoreFault};

/// What is asked of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// May I carry this call out?
    Claim {
        /// What is asked for.
        fingerprint: Fingerprint,
        /// Until when it is over or its outcome is unknown, in nanoseconds since the epoch.
        deadline: u64,
        /// Until when the key is kept.
        expires: u64,
    },
    /// It is over, and how.
    Commit {
        /// The claim.
        fence: Fence,
        /// How it ended.
        end: End,
        /// Until when the key is kept.
        expires: u64,
    },
    /// It had no effect.
    Free {
        /// The claim.
        fence: Fence,
    },
    /// What became of a call whose outcome was unknown.
    Resolve {
        /// The claim whose outcome that is.
        fence: Fence,
        /// How it ended; `None` if it had no effect, which is believed once its deadline has passed.
        end: Option<End>,
    },
    /// How does it stand? Nothing is changed.
    Read {
        /// What is asked for.
        fingerprint: Fingerprint,
    },
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this answer.
    Answered(Answer),
    /// With an answer that is longer than may be kept.
    Oversize {
        /// Its status.
        status: u16,
    },
    /// Nobody can tell.
    Unknown,
}

/// What a store says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Carry it out.
    Granted(Fence),
    /// Somebody is at it, for so many nanoseconds more at most.
    InProgress {
        /// Until then it is settled or unknown.
        left: u64,
    },
    /// It is over, and this is its answer.
    Answered(Answer),
    /// It is over, and its answer is not kept: it was too long, or there was no room for it.
    NotKept {
        /// Its status.
        status: u16,
    },
    /// Its outcome is unknown.
    Unknown(Fence),
    /// Another call has this key.
    Mismatch,
    /// There is no such key.
    Absent,
    /// It is written.
    Done,
    /// That claim does not count any more; nothing was written.
    Stale,
}

/// What comes of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The store says so, or fails.
    Said(Result<Said, StoreFault>),
    /// HttpCall this service, then tell [`Store::heard`].
    Call(HttpCall),
}

/// A store of keys.
pub trait Store: std::fmt::Debug {
    /// Asks about the key `scope` at `now`, in nanoseconds since the epoch.
    fn ask(&self, host: &mut dyn Host, scope: &Scope, ask: &Ask, now: u64) -> Asked;

    /// The end of the call that `ask` led to.
    fn heard(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        ask: &Ask,
        reply: &CallReply,
        now: u64,
    ) -> Asked;
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
