//! The second recording: a whole evening of players, partners, bots and broken clients.
//!
//! 1. Everybody is a script of their own that waits for each answer before it goes on, as a client
//!    does: tokens, bets and rounds are the ones that the casino gave out.
//! 2. All scripts live in one virtual time. The one whose turn is earliest sends next, and nobody sends
//!    before the answer is there: requests of one recording never overlap.
//! 3. Dice are seeded per script, so that the same seed and the same answers make the same evening.
mod bots;
mod broken;
mod dice;
mod guest;
mod impostor;
mod partners;
mod player;
mod table;

use super::START;
use crate::traffic::{Answer, Request};
use dice::Dice;
use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

/// When the evening ends: whoever is still there goes.
const END: u64 = START + 5 * 3600 * 1_000_000_000;

/// What lies between a script and the evening: the request it wants to send, the answer it gets.
#[derive(Debug, Default)]
struct Desk {
    asked: Option<Request>,
    answer: Option<Answer>,
}

struct Script {
    desk: Rc<RefCell<Desk>>,
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
    /// The evening of a seed.
    pub fn new(seed: u64) -> Self {
        let mut evening = Self { scripts: Vec::new(), turn: None, sent: 0 };
        let mut dice = Dice::new(seed);
        player::arrive(&mut evening, &mut dice);
        partners::connect(&mut evening, &mut dice);
        bots::prowl(&mut evening, &mut dice);
        broken::stumble(&mut evening, &mut dice);
        impostor::pose(&mut evening, &mut dice);
        evening.scripts.iter_mut().for_each(Script::run);
        evening
    }

    /// Adds a script.
    fn add<F: Future<Output = ()> + 'static>(&mut self, story: impl FnOnce(guest::Door) -> F) {
        let desk = Rc::new(RefCell::new(Desk::default()));
        let story = Box::pin(story(guest::Door::new(Rc::clone(&desk))));
        self.scripts.push(Script { desk, story, over: false });
    }

    /// The next request, until everybody has gone.
    pub fn next_request(&mut self) -> Option<Request> {
        let asked = |script: &Script| script.desk.borrow().asked.as_ref().map(|it| it.at);
        let waiting = self.scripts.iter().enumerate().filter_map(|(i, it)| Some((asked(it)?, i)));
        let (_, turn) = waiting.min()?;
        let mut request = self.scripts.get(turn)?.desk.borrow_mut().asked.take()?;
        self.turn = Some(turn);
        self.sent += 1;
        request.number = self.sent;
        request.offset = Duration::from_nanos(request.at.saturating_sub(START));
        let port = 20_000 + u16::try_from(self.sent).unwrap_or_default();
        request.client = SocketAddr::new(request.client.ip(), port);
        Some(request)
    }

    /// What the last request was answered.
    pub fn answered(&mut self, answer: &Answer) {
        let turn = self.turn.take().and_then(|turn| self.scripts.get_mut(turn));
        if let Some(script) = turn {
            script.desk.borrow_mut().answer = Some(answer.clone());
            script.run();
        }
    }
}
