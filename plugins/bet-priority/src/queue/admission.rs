//! What a group is asked, and what it answers.

use policy_kit::EndpointClass;

/// A request that arrives.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Its class; the strictest of its candidates while it is unknown.
    pub class: EndpointClass,
    /// It takes a permit at once. `safer-gambling` and proven `settlement` do so anyway.
    pub exempt: bool,
    /// A settlement whose credential is not proven (yet). Means nothing for other classes.
    pub unproven: bool,
    /// Its idempotency key was admitted before.
    pub retry: bool,
}

/// A permit to be in flight. 0 stands for one that is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermitId(pub(crate) u64);

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitId(pub(crate) u64);

/// What happens to a request that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It goes on now, and its permit must be finished.
    Admitted(PermitId),
    /// It waits until it is released, or leaves.
    Wait(WaitId),
    /// It is refused.
    Shed(Shed),
}

/// A refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed {
    /// Why it is refused.
    pub reason: Reason,
    /// When it may try again, in nanoseconds from now. At least a quarter of a second.
    pub retry_ns: u64,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// All permits that its class may take are taken, and its class does not wait.
    NoPermit,
    /// The queue of its class is full, or was and is not down to three quarters yet.
    ClassFull,
    /// The group's queue is full of requests of classes that are kept as long or longer.
    GroupFull,
    /// It waited, and left its place to a request that is kept longer.
    Displaced,
    /// It waited as long as its class may wait.
    Expired,
    /// The upstream fails too often.
    Unhealthy,
}

impl Reason {
    /// The reason in evidence and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPermit => "no_permit",
            Self::ClassFull => "class_full",
            Self::GroupFull => "group_full",
            Self::Displaced => "displaced",
            Self::Expired => "expired",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// How a request in flight ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The upstream answered.
    Answered {
        /// Nanoseconds from its permit to the upstream's answer.
        latency: u64,
        /// Status of the answer.
        status: u16,
    },
    /// The upstream was asked and did not answer: timeout, reset, connection failure.
    NoAnswer,
    /// The upstream was never asked: another filter replied.
    NotSent,
    /// The client left before the answer. The upstream still works on it.
    ClientGone,
}

/// A request that waits no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// Which request it is.
    pub wait: WaitId,
    /// Whether it goes on.
    pub release: Release,
    /// How long it waited, in nanoseconds.
    pub waited: u64,
}

/// Whether a request that waited goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It goes on, and its permit must be finished.
    Admitted(PermitId),
    /// It is refused.
    Shed(Shed),
}

/// A group's state in numbers, for gauges and for the surge profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Permits that are taken, those kept for clients that left included.
    pub in_flight: u32,
    /// Requests that wait.
    pub queued: u32,
    /// How many may be in flight now.
    pub limit: u32,
    /// Whether a request was shed in the last two seconds, or a class is closed to new requests.
    pub shedding: bool,
    /// Permits that nobody returned in time, since the group was made.
    pub lost: u64,
}
