//! The port to a store of keys. It does no input or output itself: a store that lies elsewhere returns
//! the HTTP call that it needs, and is resumed with the reply.
//!
//! Every command is one atomic operation on one key. Times are nanoseconds since the epoch.

use std::fmt::Debug;

use policy_kit::{CallReply, Fault, Host, HttpCall};

use crate::policy::answer::Answer;
use crate::policy::identity::{Fingerprint, Scope};
use crate::policy::outcome::Outcome;

/// Orders the claims of one key: each fence is greater than those before. Only the holder of the last one
/// may settle the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// What a store is asked to do with a key. `A` is the answer of an [`Outcome`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<A> {
    /// Claims the right to carry a request out.
    Claim {
        /// What the request asks for.
        fingerprint: Fingerprint,
        /// After this its outcome is unknown: the upstream's timeout and a margin.
        deadline: u64,
        /// Until when the key is kept.
        expires: u64,
    },
    /// Settles a key that is in progress.
    Commit {
        /// The claim.
        fence: Fence,
        /// How the request ended; [`Outcome::NoEffect`] frees the key.
        outcome: Outcome<A>,
        /// Until when the key is kept.
        expires: u64,
    },
    /// Settles a key whose outcome was unknown.
    Resolve {
        /// The claim.
        fence: Fence,
        /// How the request ended; [`Outcome::NoEffect`] is accepted after its deadline only.
        outcome: Outcome<A>,
    },
    /// Reads the state of a key.
    Read {
        /// What the request asks for.
        fingerprint: Fingerprint,
    },
}

/// What a store returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response<A> {
    /// The request is to be carried out under this claim.
    Granted(Fence),
    /// Another request is being carried out under this key.
    InProgress {
        /// Its claim.
        fence: Fence,
        /// Nanoseconds until its deadline.
        left: u64,
    },
    /// The request of this claim has ended.
    Settled(Fence, Outcome<A>),
    /// The key belongs to a request with another fingerprint.
    Mismatch,
    /// There is no such key.
    Absent,
    /// The command was written.
    Done,
    /// The claim was superseded or settled before; nothing was written.
    Stale,
}

/// Why a store did not carry a command out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// No slot is free. Only expired keys are evicted.
    Full,
    /// Other workers were faster at every try.
    Contended,
    /// The stored value is not in this store's format.
    Damaged,
    /// The gateway failed.
    Gateway(Fault),
}

/// What a command leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreStep {
    /// The command is over.
    Done(Result<Response<Answer>, StoreFault>),
    /// This call is to be made, and its reply passed to [`Store::resume`].
    Call(HttpCall),
}

/// A store of keys.
pub trait Store: Debug {
    /// Executes a command on the key `scope` at `now`.
    fn execute(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        command: &Command<Answer>,
        now: u64,
    ) -> StoreStep;

    /// Goes on with a command whose call has ended. A store that makes no calls is never resumed.
    fn resume(
        &self,
        _host: &mut dyn Host,
        _scope: &Scope,
        _command: &Command<Answer>,
        _reply: &CallReply,
        _now: u64,
    ) -> StoreStep {
        StoreStep::Done(Err(StoreFault::Damaged))
    }
}

impl<A> Command<A> {
    /// The same command with its answer replaced by what `keep` makes of it.
    pub(crate) fn map_answer<B>(&self, keep: impl FnOnce(Fence, &A) -> Outcome<B>) -> Command<B> {
        let kept = |fence: Fence, outcome: &Outcome<A>| {
            outcome.as_ref().and_then(|answer| keep(fence, answer))
        };
        match self {
            Self::Claim { fingerprint, deadline, expires } => {
                Command::Claim { fingerprint: *fingerprint, deadline: *deadline, expires: *expires }
            }
            Self::Commit { fence, outcome, expires } => {
                Command::Commit { fence: *fence, outcome: kept(*fence, outcome), expires: *expires }
            }
            Self::Resolve { fence, outcome } => {
                Command::Resolve { fence: *fence, outcome: kept(*fence, outcome) }
            }
            Self::Read { fingerprint } => Command::Read { fingerprint: *fingerprint },
        }
    }
}

impl<A> Response<A> {
    /// The same response with its answer replaced by what `read` makes of it.
    pub(crate) fn map_answer<B>(self, read: impl FnOnce(Fence, A) -> Outcome<B>) -> Response<B> {
        match self {
            Self::Granted(fence) => Response::Granted(fence),
            Self::InProgress { fence, left } => Response::InProgress { fence, left },
            Self::Settled(fence, outcome) => {
                Response::Settled(fence, outcome.and_then(|answer| read(fence, answer)))
            }
            Self::Mismatch => Response::Mismatch,
            Self::Absent => Response::Absent,
            Self::Done => Response::Done,
            Self::Stale => Response::Stale,
        }
    }
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
