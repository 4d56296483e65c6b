//! The service behind the gateway, by the dice: it takes effect or not, and answers or does not; and the
//! ledger, which knows the outcomes.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use abi_host::{Answer, Call, CallAnswer, Outcome, Response, Upstream, UpstreamRequest};

use crate::books::Books;
use crate::fixture::LONGEST;

/// The books, which upstream, ledger and schedule share.
#[derive(Clone)]
pub(crate) struct SharedBooks(Arc<Mutex<Books>>);

impl SharedBooks {
    pub(crate) fn new(books: Books) -> Self {
        Self(Arc::new(Mutex::new(books)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap()
    }
}

/// How an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// An answer, after an effect or instead of one.
    Answers(u16, bool),
    /// A 200 whose body is too long to be kept.
    Long,
    Resets(bool),
    BreaksOff,
    TimesOut(bool),
    Refuses,
}

const WAYS: [Way; 20] = [
    Way::Answers(200, true),
    Way::Answers(200, true),
    Way::Answers(200, true),
    Way::Answers(201, true),
    Way::Answers(201, true),
    Way::Answers(402, false),
    Way::Answers(401, false),
    Way::Answers(429, false),
    Way::Answers(403, false),
    Way::Answers(409, true),
    Way::Answers(500, true),
    Way::Answers(503, false),
    Way::Answers(302, true),
    Way::Long,
    Way::Resets(true),
    Way::Resets(false),
    Way::BreaksOff,
    Way::TimesOut(true),
    Way::TimesOut(false),
    Way::Refuses,
];

impl Upstream for SharedBooks {
    fn answer(&mut self, request: &UpstreamRequest) -> Answer {
        let mut books = self.lock();
        let Some(sent) = books.sent.get(&request.stream).copied() else {
            books.fails(format!("{:?} was never sent", request.stream));
            return Answer::fail(Outcome::Refused);
        };
        let way = match books.well {
            true => Way::Answers(200, true),
            false => WAYS[books.dice(WAYS.len() as u64) as usize],
        };
        if request.attempt > 1 {
            books.tally.count("retries");
        }
        let took = match way {
            Way::Answers(_, took) | Way::Resets(took) | Way::TimesOut(took) => took,
            Way::Long | Way::BreaksOff => true,
            Way::Refuses => false,
        };
        let (stream, attempt) = (request.stream, request.attempt);
        books.run_of(stream, sent);
        let number = took.then(|| books.takes_effect(stream, sent));
        let word = number.map_or("no effect".to_owned(), |number| format!("effect {number}"));
        books.note(&format!("key {} {stream:?} try {attempt}: {way:?}, {word}", sent.key));
        let said = |status, size| said(status, stream.0, number, size);
        let outcome = match way {
            Way::Answers(status, _) => Outcome::Response(said(status, 0)),
            Way::Long => Outcome::Response(said(200, LONGEST)),
            Way::BreaksOff => Outcome::ResetMidBody(said(200, 0)),
            Way::Resets(_) => Outcome::Reset,
            Way::TimesOut(_) => Outcome::Timeout,
            Way::Refuses => Outcome::Refused,
        };
        let answer = match &outcome {
            Outcome::Response(response) => Some(response.clone()),
            _ => None,
        };
        books.run_of(stream, sent).answer = answer;
        // A twentieth of a second at a time, so that things coincide; some are too late for the route.
        let after = if books.well { 0 } else { books.dice(24) * 50 };
        Answer::fail(outcome).after(Duration::from_millis(after))
    }
}

/// A unique answer, in one piece or two, with or without its length.
fn said(status: u16, stream: u64, effect: Option<u64>, more: usize) -> Response {
    let body = format!(r#"{{"call":{stream},"effect":{}}}{:more$}"#, effect.unwrap_or(0), "");
    let response = Response::new(status)
        .header("content-type", "application/json")
        .header("location", format!("/effects/{stream}"))
        .header("set-cookie", format!("s={stream}"))
        .header("date", "Thu, 01 Jan 2026 00:00:00 GMT")
        .header("x-internal", "node-7");
    match stream % 2 {
        0 => response.body(body),
        _ => {
            let (one, two) = body.as_bytes().split_at(body.len() / 2);
            response.chunk(one).chunk(two)
        }
    }
}

impl SharedBooks {
    /// The ledger's reply about a request, or none.
    pub(crate) fn outcome(&self, call: &Call) -> CallAnswer {
        let mut books = self.lock();
        let path = call.headers.text(":path").unwrap_or_default();
        let key = path.rsplit('-').next().and_then(|text| text.parse::<usize>().ok());
        let Some(key) = key else { return CallAnswer::UnknownTarget };
        let now = books.now();
        let runs =
            books.runs.get(&key).into_iter().flatten().filter(|run| run.counts_between(now, now));
        let effect = runs.filter(|run| run.shows <= now).filter_map(|run| run.effect).max();
        let word = if effect.is_some() { "done" } else { "none" };
        let after = Duration::from_millis(books.dice(5) * 50);
        let reply = match books.dice(8) {
            0 => CallAnswer::Reset(after),
            1 => CallAnswer::Response(Response::new(500).body("oops"), after),
            2 => CallAnswer::Silence,
            _ => {
                let body = format!(
                    r#"{{"state":"{word}","effect":{},"asked":{now}}}"#,
                    effect.unwrap_or(0)
                );
                let response =
                    Response::new(200).header("content-type", "application/json").body(body);
                books.outcomes.entry(key).or_default().push((now, response.clone()));
                CallAnswer::Response(response, after)
            }
        };
        books.note(&format!("key {key}: the ledger is asked: {word}"));
        reply
    }
}
