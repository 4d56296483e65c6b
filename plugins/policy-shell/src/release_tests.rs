//! Streams that a plugin holds in a queue of its own, over a gateway of this crate's tests.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use policy_kit::{
    ConfigError, Denial, Details, Filter, Host, HttpCall, MapKind, Plugin, Profile, Step, Ticket,
    MAX_WAITING_STREAMS,
};

use crate::raw::{on, Gateway};
use crate::{callbacks, codes};

const ROOT: u32 = 1;
const CONTINUE: u32 = codes::action::CONTINUE;
const PAUSE: u32 = codes::action::PAUSE;

/// Holds all requests but those with `x-step: pass`, and releases one at the end of each that passed.
struct Turnstile(Rc<RefCell<Queue>>);

#[derive(Default)]
struct Queue {
    last: u64,
    waiting: VecDeque<Ticket>,
    free: usize,
}

struct Visitor(Rc<RefCell<Queue>>, bool);

impl Plugin for Turnstile {
    const NAME: &'static str = "turnstile";
    type Filter = Visitor;

    fn configure(_: &[u8], _: &mut dyn Host) -> Result<Self, ConfigError> {
        Ok(Self(Rc::default()))
    }

    fn profile(&self) -> Profile {
        Profile::Envoy
    }

    fn filter(&self) -> Visitor {
        Visitor(Rc::clone(&self.0), false)
    }

    fn released(&mut self, _: &mut dyn Host, most: usize) -> Vec<Ticket> {
        let mut queue = self.0.borrow_mut();
        let many = queue.free.min(most).min(queue.waiting.len());
        queue.free -= many;
        queue.waiting.drain(..many).collect()
    }
}

impl Filter for Visitor {
    fn on_request_headers(&mut self, host: &mut dyn Host, _: bool) -> Step {
        let step = host.headers(MapKind::Request).ok();
        let step = step.and_then(|headers| headers.single("x-step").map(<[u8]>::to_vec));
        let mut queue = self.0.borrow_mut();
        self.1 = step.as_deref() == Some(b"deny");
        match step.as_deref() {
            Some(b"pass") => Step::Continue,
            Some(b"flood") => {
                queue.free = 1_000;
                Step::Continue
            }
            Some(b"same") => Step::Wait(Ticket(1)),
            _ => {
                queue.last += 1;
                let ticket = Ticket(queue.last);
                queue.waiting.push_back(ticket);
                Step::Wait(ticket)
            }
        }
    }

    fn on_release(&mut self, host: &mut dyn Host) -> Step {
        host.log(log::Level::Info, "released");
        match self.1 {
            true => Step::Deny(Denial::UNCLASSIFIED.problem(&Details::NONE)),
            false => Step::Continue,
        }
    }

    fn on_log(&mut self, _: &mut dyn Host) -> Vec<HttpCall> {
        self.0.borrow_mut().free += 1;
        Vec::new()
    }
}

fn start() {
    on(|gateway| *gateway = Gateway::default());
    on(|gateway| gateway.buffers.insert(codes::Buffer::PluginConfiguration as u32, Vec::new()));
    crate::start::<Turnstile>();
    callbacks::allow_release();
    callbacks::context_create(ROOT, 0);
    assert_eq!(callbacks::configure(ROOT, 0), 1);
}

fn send(stream: u32, step: &str) -> u32 {
    callbacks::context_create(stream, ROOT);
    let headers = vec![("x-step".to_owned(), step.to_owned())];
    on(|gateway| gateway.maps.insert(codes::Map::Request as u32, headers));
    callbacks::request_headers(stream, 1)
}

/// The contexts that were made effective, and what became of streams.
fn acts() -> (Vec<u32>, Vec<String>) {
    on(|gateway| (std::mem::take(&mut gateway.effective), std::mem::take(&mut gateway.streams)))
}

#[test]
fn another_streams_end_releases_one_that_is_held() {
    start();
    assert_eq!(
        [send(2, ""), send(3, "deny"), send(4, ""), send(5, "pass")],
        [PAUSE, PAUSE, PAUSE, CONTINUE]
    );
    for (ends, want) in [
        (5, (vec![2, 5], vec!["continue 0".to_owned()])),
        // The refused one is answered, and its own end is not this callback's.
        (2, (vec![3, 2], vec![])),
        (3, (vec![4, 3], vec!["continue 0".to_owned()])),
        (4, (vec![], vec![])),
    ] {
        callbacks::log(ends);
        assert_eq!(acts(), want, "{ends}");
    }
    on(|gateway| assert_eq!(gateway.replies.len(), 1));
}

/// The gateway would take the result of that callback for "stop", if the released stream is refused.
#[test]
fn nothing_is_released_from_callbacks_with_a_result() {
    start();
    send(2, "deny");
    send(3, "flood");
    callbacks::request_body(3, 1, 1);
    callbacks::request_trailers(3);
    callbacks::response_headers(3, 0);
    callbacks::response_body(3, 1, 1);
    callbacks::response_trailers(3);
    assert_eq!(acts(), (vec![], vec![]));
    callbacks::tick(ROOT);
    on(|gateway| assert_eq!(gateway.replies.len(), 1));
}

/// A stream that is gone is released no more; the ticket after it is another callback's, as the queue did not hear.
#[test]
fn deleted_streams_are_not_released() {
    start();
    send(2, "");
    send(3, "");
    callbacks::delete(2);
    send(4, "pass");
    callbacks::log(4);
    assert_eq!(acts(), (vec![], vec![]));
    callbacks::log(4);
    assert_eq!(acts(), (vec![3, 4], vec!["continue 0".to_owned()]));
}

#[test]
fn releases_are_bounded_by_callback() {
    start();
    let last = 2 + 100;
    (2..last).for_each(|stream| assert_eq!(send(stream, ""), PAUSE));
    send(last, "flood");
    callbacks::log(last);
    assert_eq!(acts().1.len(), MAX_WAITING_STREAMS);
    callbacks::tick(ROOT);
    assert_eq!(acts().1.len(), 100 - MAX_WAITING_STREAMS);
}

/// The request is refused: held, it would never go on.
#[test]
fn a_ticket_is_used_once() {
    start();
    assert_eq!([send(2, "same"), send(3, "same")], [PAUSE, PAUSE]);
    on(|gateway| assert_eq!(gateway.replies[0].0, 503));
}

#[test]
fn streams_that_cannot_be_acted_on_stay_held() {
    start();
    send(2, "");
    send(3, "pass");
    on(|gateway| gateway.statuses.insert("proxy_set_effective_context", 2));
    callbacks::log(3);
    assert_eq!(acts().1, [""; 0]);
    on(|gateway| gateway.statuses.clear());
    callbacks::log(3);
    assert_eq!(acts().1, [""; 0], "its ticket is used");
}

#[test]
fn a_configuration_that_ends_forgets_its_streams() {
    start();
    send(2, "");
    callbacks::delete(ROOT);
    callbacks::tick(ROOT);
    callbacks::log(2);
    assert_eq!(acts(), (vec![], vec![]));
}
