//! The scripts of an evening, and their next request.
use super::mailbox::Mailbox;
use super::sender::Sender;
use crate::record::script::START;
use crate::traffic::{Answer, Request};
use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

struct Script {
    mailbox: Rc<RefCell<Mailbox>>,
    story: Pin<Box<dyn Future<Output = ()>>>,
    over: bool,
}

impl Script {
    /// Lets the script run until it wants to send, or ends.
    fn run(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        self.over = self.over || self.story.as_mut().poll(&mut context).is_ready();
    }
}

/// An evening under way.
pub struct Evening {
    scripts: Vec<Script>,
    turn: Option<usize>,
    sent: usize,
}

impl Evening {
    /// An evening without a script.
    pub(super) fn empty() -> Self {
        Self { scripts: Vec::new(), turn: None, sent: 0 }
    }

    /// Lets every script run to its first request.
    pub(super) fn begin(&mut self) {
        self.scripts.iter_mut().for_each(Script::run);
    }

    /// Adds a script.
    pub(super) fn add<F: Future<Output = ()> + 'static>(
        &mut self,
        story: impl FnOnce(Sender) -> F,
    ) {
        let mailbox = Rc::new(RefCell::new(Mailbox::default()));
        let story = Box::pin(story(Sender::new(Rc::clone(&mailbox))));
        self.scripts.push(Script { mailbox, story, over: false });
    }

    /// The next request; `None` at the end.
    pub fn next_request(&mut self) -> Option<Request> {
        let asked = |script: &Script| script.mailbox.borrow().asked.as_ref().map(|it| it.at);
        let waiting = self.scripts.iter().enumerate().filter_map(|(i, it)| Some((asked(it)?, i)));
        let (_, turn) = waiting.min()?;
        let mut request = self.scripts.get(turn)?.mailbox.borrow_mut().asked.take()?;
        self.turn = Some(turn);
        self.sent += 1;
        request.number = self.sent;
        request.offset = Duration::from_nanos(request.at.saturating_sub(START));
        let port = 20_000 + u16::try_from(self.sent).unwrap_or_default();
        request.client = SocketAddr::new(request.client.ip(), port);
        Some(request)
    }

    /// Passes on the answer to the last request.
    pub fn answered(&mut self, answer: &Answer) {
        let turn = self.turn.take().and_then(|turn| self.scripts.get_mut(turn));
        if let Some(script) = turn {
            script.mailbox.borrow_mut().answer = Some(answer.clone());
            script.run();
        }
    }
}
