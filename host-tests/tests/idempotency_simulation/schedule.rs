//! One schedule: what is sent when, and what happens to the gateway meanwhile.

use std::time::Duration;

use abi_host::{Call, Chain, Clock, During, Fault, Faults, Module, Occurrence, Request, StreamId};

use crate::books::{Books, Sent, Tally};
use crate::fixture::{start, Settings, Setup, IDLE, MARGIN, PLUGIN, RETENTION, SECOND, TIMEOUT};
use crate::responses::check;
use crate::upstream::SharedBooks;

/// Host calls that fail or end a VM.
const CALLS: [&str; 9] = [
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_get_header_map_pairs",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_send_local_response",
    "proxy_increment_metric",
];
/// Those that end it only: a gateway that does not send a refusal holds or cuts the call by itself.
const TRAPS_ONLY: [&str; 1] = ["proxy_send_local_response"];
/// What a host call answers that fails: not found, bad argument, mismatch, internal failure.
const STATUSES: [u32; 4] = [1, 2, 8, 10];

/// A schedule under way.
pub(crate) struct Schedule {
    books: SharedBooks,
    chain: Chain,
    faults: Faults,
    settings: Settings,
    workers: u64,
    keys: u64,
    last_key: usize,
    open: Vec<StreamId>,
}

/// What came of a schedule.
pub(crate) struct Ran {
    pub(crate) tally: Tally,
    pub(crate) trace: Vec<String>,
    pub(crate) wrong: Option<String>,
}

impl Schedule {
    pub(crate) fn new(seed: u64, module: &Module, store: Option<&str>) -> Self {
        let clock = Clock::default();
        let mut books = Books::new(seed, clock.clone());
        let mut one_of_four = || books.dice(4) == 0;
        let settings = Settings {
            version: 0,
            waits: one_of_four(),
            after_reply: one_of_four(),
            reconciles: one_of_four(),
        };
        let retries = if one_of_four() { 2 } else { 0 };
        let (workers, keys) = (2 + books.dice(2), 4 + books.dice(5));
        books.note(&format!("seed {seed}: {workers} workers, {retries} retries, {settings:?}"));
        let (books, faults) = (SharedBooks::new(books), Faults::new());
        let setup = Setup { seed, workers: workers as usize, settings, retries };
        let ledger = books.clone();
        let callouts = move |call: &Call| ledger.outcome(call);
        let chain = start(&setup, (module, store), &clock, &faults, callouts);
        Self { books, chain, faults, settings, workers, keys, last_key: 0, open: Vec::new() }
    }

    /// Runs it to its end, or until something is wrong.
    pub(crate) fn run(mut self) -> Ran {
        for _ in 0..12 + self.dice(12) {
            self.turn();
            if self.books.lock().wrong.is_some() {
                return self.ran();
            }
        }
        self.faults.clear();
        // Whatever is under way ends by itself, or by its idle timeout.
        self.pass(2 * IDLE + 2 * TIMEOUT);
        if let Some(stream) = self.open.first() {
            self.books.lock().fails(format!("{stream:?} does not end"));
        }
        self.nothing_is_stuck();
        self.ran()
    }

    fn ran(self) -> Ran {
        let mut books = self.books.lock();
        for (name, times) in self.chain.metrics() {
            if let Some((_, word)) = name.split_once(".outcome=") {
                books.tally.more(word, times);
            }
        }
        Ran {
            tally: books.tally.clone(),
            trace: std::mem::take(&mut books.trace),
            wrong: books.wrong.take(),
        }
    }

    fn dice(&self, end: u64) -> u64 {
        self.books.lock().dice(end)
    }

    fn note(&self, tally: &str, what: &str) {
        let mut books = self.books.lock();
        books.tally.count(tally);
        books.note(what);
    }

    fn turn(&mut self) {
        match self.dice(24) {
            0..=5 => self.send(1),
            6..=10 => self.send(2),
            11..=12 => self.send(3),
            13..=17 => self.pass(self.dice(12) * SECOND / 20),
            18 => self.jumps(TIMEOUT + MARGIN + self.dice(2) * SECOND),
            19 => self.jumps(RETENTION + self.dice(2) * SECOND),
            20 => self.leaves(),
            21 => self.push(),
            _ => self.fault(),
        }
    }

    /// Clients send so many calls at once, mostly the same one, to whatever workers.
    fn send(&mut self, calls: u64) {
        // Half of the time a retry of what was sent last.
        let mut key = match self.dice(2) {
            0 => self.last_key,
            _ => self.dice(self.keys) as usize,
        };
        for _ in 0..calls {
            if self.dice(8) == 0 {
                key = self.dice(self.keys) as usize;
            }
            let body = usize::from(self.dice(10) == 0);
            let worker = self.dice(self.workers) as usize;
            let mut request = request(key, body);
            if self.dice(6) == 0 {
                request = request.with_chunk_gap(Duration::from_millis(50));
            }
            if self.dice(10) == 0 {
                let after = Duration::from_millis(self.dice(20) * 50);
                request = request.leaving_after(after);
                self.note("left", "the next one's client leaves");
            }
            self.open(worker, request, key, body);
        }
        self.last_key = key;
        // At the same moment, in any order; the next ones may come later.
        self.pass(self.dice(2) * self.dice(16) * SECOND / 20);
    }

    fn open(&mut self, worker: usize, request: Request, key: usize, body: usize) -> StreamId {
        let stream = self.chain.open(worker, request);
        let mut books = self.books.lock();
        let at = books.now();
        books.sent.insert(stream, Sent { key, body, at, ended: None });
        books.tally.count("calls");
        books.note(&format!("key {key} {stream:?} body {body} sent to worker {worker}"));
        drop(books);
        self.open.push(stream);
        stream
    }

    /// Lets time pass, and holds all that ends against the books, as it ends.
    fn pass(&mut self, time: u64) {
        let until = self.books.lock().now() + time;
        while self.chain.next_at().is_some_and(|at| at <= until) {
            if !self.chain.step(&mut self.books.clone()) {
                break;
            }
            self.settle();
        }
        let left = until.saturating_sub(self.books.lock().now());
        self.chain.run_for(Duration::from_nanos(left), &mut self.books.clone());
        self.settle();
    }

    fn settle(&mut self) {
        let traps = self.chain.traps().len() as u64;
        let mut books = self.books.lock();
        let known = books.tally.of("traps");
        if traps > known {
            books.tally.more("traps", traps - known);
            books.harmed = Some(books.now());
            let callback = self.chain.traps().last().map_or("", |trap| trap.callback);
            books.note(&format!("a VM dies in {callback}"));
        }
        drop(books);
        let (chain, books) = (&mut self.chain, &self.books);
        self.open.retain(|stream| match chain.take_report(*stream) {
            None => true,
            Some(report) => {
                check(&mut books.lock(), &report);
                false
            }
        });
    }

    /// The clock is put forward, past what is under way.
    fn jumps(&mut self, time: u64) {
        // What has happened has happened.
        self.pass(0);
        self.chain.clock().advance(Duration::from_nanos(time));
        self.note("jumps", "the clock has jumped");
        let mut books = self.books.lock();
        books.harmed = Some(books.now());
    }

    fn leaves(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let stream = self.open[self.dice(self.open.len() as u64) as usize];
        self.note("left", &format!("{stream:?} is left by its client"));
        self.chain.leave(stream);
        self.settle();
    }

    /// The operator pushes the same configuration, another one, or one that is refused.
    fn push(&mut self) {
        self.faults.clear();
        match self.dice(3) {
            0 => self.settings.version += 1,
            1 => self.settings.waits = !self.settings.waits,
            _ => {}
        }
        self.note("pushes", &format!("pushed: {:?}", self.settings));
        let pushed = self.chain.update(PLUGIN, self.settings.document().as_bytes());
        if let Err(error) = pushed {
            self.books.lock().fails(format!("a good configuration is refused: {error}"));
        }
        if self.dice(4) == 0 && self.chain.update(PLUGIN, b"{}").is_ok() {
            self.books.lock().fails("an empty configuration is taken".to_owned());
        }
    }

    /// From now on a host call fails, or the VM dies that makes it.
    fn fault(&mut self) {
        self.faults.clear();
        let call = CALLS[self.dice(CALLS.len() as u64) as usize];
        let nth = 1 + self.dice(8);
        let traps = self.dice(2) == 0 || TRAPS_ONLY.contains(&call);
        let status = STATUSES[self.dice(STATUSES.len() as u64) as usize];
        let fault = if traps { Fault::trap(call) } else { Fault::new(call, status) };
        self.note("faults", &format!("call {nth} of {call}: {:?}", fault.status));
        let fault = fault.during(During::Traffic).occurrence(Occurrence::Only(nth));
        self.faults.inject(fault);
    }

    /// Once its retention is over, every key can be claimed again.
    fn nothing_is_stuck(&mut self) {
        self.jumps(RETENTION + SECOND);
        self.books.lock().well = true;
        for key in 0..self.keys as usize {
            let worker = self.dice(self.workers) as usize;
            let stream = self.open(worker, request(key, 0), key, 0);
            self.pass(0);
            let mut books = self.books.lock();
            let run = books.runs.get(&key).and_then(|runs| runs.last());
            if run.is_none_or(|run| run.stream != stream || run.effect.is_none()) {
                books.fails(format!("key {key} is stuck"));
            }
        }
    }
}

fn request(key: usize, body: usize) -> Request {
    let path = ["/bets", "/deposits"][key % 2];
    let (one, two) = (format!(r#"{{"amount":{key}"#), format!(r#","note":{body}}}"#));
    Request::new("POST", path)
        .header("content-type", "application/json")
        .header("idempotency-key", format!("key-of-call-{key}"))
        .chunk(one)
        .chunk(two)
}
