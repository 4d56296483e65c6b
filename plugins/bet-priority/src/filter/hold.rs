//! What a request holds of a group while it waits or runs.

use policy_kit::{EndpointClass, Reply, Ticket};

use crate::queue::admission::PermitId;

/// What a request holds.
#[derive(Debug, Default)]
pub(crate) enum Hold {
    /// Nothing: it is not limited, or has ended.
    #[default]
    Nothing,
    /// A place in the queue.
    Waiting { ticket: Ticket, group: usize, class: EndpointClass },
    /// A refusal that is delayed.
    Delayed { ticket: Ticket, reply: Box<Reply> },
    /// A permit.
    Running(Running),
}

/// A permit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pub(crate) group: usize,
    pub(crate) permit: PermitId,
}
