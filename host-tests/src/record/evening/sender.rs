//! Sends the requests of one script, in virtual time.
use super::mailbox::Mailbox;
use crate::record::script::START;
use crate::traffic::{Answer, Request};
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

const MILLI: u64 = 1_000_000;

/// The end of the evening: remaining scripts stop.
const END: u64 = START + 5 * 3600 * 1_000_000_000;

/// Sends the requests of a script.
pub(super) struct Sender {
    mailbox: Rc<RefCell<Mailbox>>,
    at: u64,
}

impl Sender {
    pub(super) fn new(mailbox: Rc<RefCell<Mailbox>>) -> Self {
        Self { mailbox, at: START }
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, milliseconds: u64) {
        self.at += milliseconds * MILLI;
    }

    /// Lets time pass until so many milliseconds after the start, unless they are over.
    pub(super) fn wait_until(&mut self, milliseconds: u64) {
        self.at = self.at.max(START + milliseconds * MILLI);
    }

    /// True when the evening is over.
    pub(super) fn is_late(&self) -> bool {
        self.at >= END
    }

    /// Sends a request, and waits for its answer.
    pub(super) async fn send(&mut self, mut request: Request) -> Answer {
        request.at = self.at;
        self.mailbox.borrow_mut().asked = Some(request);
        let answer = poll_fn(|_| match self.mailbox.borrow_mut().answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await;
        // No client sends the next one before this one is answered and read.
        self.wait(15);
        answer
    }
}
