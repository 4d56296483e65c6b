//! The casino's services that the module calls, scripted: its key set and its introspection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_host::{Call, CallAnswer, Response};

/// A service whose answer a test changes as it goes. Clones share it.
#[derive(Clone)]
pub(crate) struct Service(Arc<Mutex<Inner>>);

struct Inner {
    answer: CallAnswer,
    calls: Vec<Call>,
}

impl Service {
    pub(crate) fn new(answer: CallAnswer) -> Self {
        Self(Arc::new(Mutex::new(Inner { answer, calls: Vec::new() })))
    }

    /// From now on it answers so.
    pub(crate) fn answers(&self, answer: CallAnswer) {
        self.0.lock().unwrap().answer = answer;
    }

    /// How often it was called.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().calls.len()
    }

    /// The last call.
    pub(crate) fn last(&self) -> Call {
        self.0.lock().unwrap().calls.last().unwrap().clone()
    }

    /// What a chain calls.
    pub(crate) fn callouts(&self) -> impl FnMut(&Call) -> CallAnswer + Send + 'static {
        let service = self.clone();
        move |call: &Call| {
            let mut inner = service.0.lock().unwrap();
            inner.calls.push(call.clone());
            inner.answer.clone()
        }
    }
}

/// A JSON document after some milliseconds.
pub(crate) fn json_after(document: impl AsRef<[u8]>, millis: u64) -> CallAnswer {
    CallAnswer::Response(Response::new(200).body(document), Duration::from_millis(millis))
}

/// Answers that are no key set and no introspection; whether a fetch of them is seen as failed at
/// the call itself.
pub(crate) fn failures() -> Vec<(&'static str, CallAnswer)> {
    let now = |status, body: &[u8]| CallAnswer::now(Response::new(status).body(body));
    let soon = Duration::from_millis(20);
    vec![
        ("500", now(500, b"oops")),
        ("404", now(404, b"")),
        ("a redirect", now(302, b"")),
        ("503", now(503, br#"{"keys": []}"#)),
        ("an empty answer", now(200, b"")),
        ("no JSON", now(200, b"<html>")),
        ("other JSON", now(200, b"[1, 2]")),
        ("no key", now(200, br#"{"keys": []}"#)),
        ("half of it", now(200, br#"{"keys": [{"kty": "EC", "crv": "P-2"#)),
        ("10 MB", now(200, &vec![b' '; 10 << 20])),
        ("no such cluster", CallAnswer::UnknownTarget),
        ("no endpoint", CallAnswer::NoCapacity),
        ("refused", CallAnswer::Refused(soon)),
        ("reset", CallAnswer::Reset(soon)),
        ("silence", CallAnswer::Silence),
        ("too late", CallAnswer::Response(Response::new(200).body("{}"), Duration::from_secs(1))),
    ]
}
