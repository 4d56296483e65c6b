//! The mailbox between a script and the schedule.
use crate::traffic::{Answer, Request};

/// The next request of a script, and the answer to it.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    pub(super) asked: Option<Request>,
    pub(super) answer: Option<Answer>,
}
