//! For tests: whole requests through the filter over a fake gateway, several at once. Plays the shell's part: after each
//! callback it asks the plugin whose turn it is.

use std::collections::BTreeMap;

use policy_kit::fake::{FakeHost, Pair};
use policy_kit::{metrics, Action, CallReply, ConfigError, Driver, Fault, Headers, Plugin};
use policy_kit::{Reply, Ticket, MAX_WAITING_STREAMS, MILLI, SECOND};
use serde_json::Value;

use crate::ask::document;
pub(crate) use crate::ask::Ask;
use crate::filter::state::PriorityFilter;
use crate::plugin::BetPriority;

/// The fact with the decision, and the one with its evidence.
pub(crate) const DECISION: &str = "pitboss.bet-priority.decision";
pub(crate) const EVIDENCE: &str = "pitboss.bet-priority.evidence";
/// When a test begins.
pub(crate) const START: u64 = 1_800_000_000 * SECOND;
/// How often the gateway ticks.
const TICK: u64 = 20 * MILLI;

/// The counter of a class, a decision and its code.
pub(crate) fn metric(class: &str, decision: &str, code: &str) -> String {
    metrics::requests("bet-priority", class, decision, code)
}

/// One request and its gateway's view of it.
pub(crate) struct Stream {
    driver: Driver<PriorityFilter>,
    pub(crate) request: Vec<Pair>,
    pub(crate) response: Vec<Pair>,
    body: Vec<u8>,
    pub(crate) facts: BTreeMap<String, String>,
    properties: BTreeMap<String, Vec<u8>>,
    pub(crate) replied: Option<Reply>,
    ticket: Option<Ticket>,
    call: Option<String>,
    goes_on: bool,
    was_reset: bool,
}

impl Stream {
    /// `upstream`, `held`, `joined`, `reset`, or the status and code of its refusal.
    pub(crate) fn state(&self) -> String {
        if let Some(reply) = &self.replied {
            let document: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let code = document["code"].as_str().unwrap_or(reply.code);
            return format!("{} {code}", reply.status);
        }
        let state = match self {
            Self { was_reset: true, .. } => "reset",
            Self { goes_on: true, .. } => "upstream",
            Self { ticket: Some(_), .. } => "held",
            Self { call: Some(_), .. } => "joined",
            _ => "stuck",
        };
        state.to_owned()
    }

    pub(crate) fn upstream(&self, name: &str) -> Vec<String> {
        let named = self.request.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, v)| String::from_utf8_lossy(v).into_owned()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.replied.as_ref()?.header(name)
    }

    pub(crate) fn problem(&self) -> Value {
        serde_json::from_slice(&self.replied.as_ref().unwrap().body).unwrap()
    }

    pub(crate) fn evidence(&self) -> &str {
        self.facts.get(EVIDENCE).map_or("", String::as_str)
    }

    pub(crate) fn decision(&self) -> &str {
        self.facts.get(DECISION).map_or("", String::as_str)
    }
}

/// A gateway with the plugin.
pub(crate) struct House {
    pub(crate) host: FakeHost,
    pub(crate) plugin: BetPriority,
    streams: BTreeMap<usize, Stream>,
    next: usize,
    /// Calls that the plugin itself sent: their keys.
    pub(crate) polls: Vec<String>,
}

impl House {
    pub(crate) fn new(changes: Value) -> Self {
        Self::configure(&changes, FakeHost::default()).unwrap()
    }

    pub(crate) fn configure(changes: &Value, host: FakeHost) -> Result<Self, ConfigError> {
        let mut host = FakeHost { now: START, random: Some([7; 16]), ..host };
        let plugin = BetPriority::configure(document(changes).as_bytes(), &mut host)?;
        Ok(Self { host, plugin, streams: BTreeMap::new(), next: 0, polls: Vec::new() })
    }

    pub(crate) fn at(&self, stream: usize) -> &Stream {
        &self.streams[&stream]
    }

    pub(crate) fn state(&self, stream: usize) -> String {
        self.at(stream).state()
    }

    pub(crate) fn states(&self, streams: &[usize]) -> Vec<String> {
        streams.iter().map(|stream| self.state(*stream)).collect()
    }

    pub(crate) fn at_is_up(&self, stream: usize) -> bool {
        self.streams.get(&stream).is_some_and(|it| it.state() == "upstream")
    }

    /// The key of the shared call that a stream waits for.
    pub(crate) fn call_of(&self, stream: usize) -> String {
        self.at(stream).call.clone().expect("it waits for a call")
    }

    /// Sets an attribute of a stream.
    pub(crate) fn set(&mut self, stream: usize, name: &str, value: &[u8]) {
        let it = self.streams.get_mut(&stream).unwrap();
        it.properties.insert(name.to_owned(), value.to_vec());
    }

    /// A request with all of its body.
    pub(crate) fn send(&mut self, ask: &Ask) -> usize {
        let stream = self.headers(ask);
        if ask.body.is_some() {
            self.body(stream, &BTreeMap::new());
        }
        stream
    }

    /// The headers of a request alone.
    pub(crate) fn headers(&mut self, ask: &Ask) -> usize {
        self.next += 1;
        let stream = self.next;
        let address = ("source.address".to_owned(), ask.address.as_bytes().to_vec());
        self.streams.insert(
            stream,
            Stream {
                driver: Driver::new(Some(self.plugin.filter())),
                request: ask.headers.clone(),
                response: Vec::new(),
                body: ask.body.clone().unwrap_or_default().into_bytes(),
                facts: ask.facts.clone(),
                properties: BTreeMap::from([address]),
                replied: None,
                ticket: None,
                call: None,
                goes_on: false,
                was_reset: false,
            },
        );
        let ends = ask.body.is_none();
        let action = self.callback(stream, |driver, host| driver.on_request_headers(host, ends));
        self.went(stream, ends && action == Action::Continue);
        stream
    }

    /// The body of a request, with facts that another filter published meanwhile.
    pub(crate) fn body(&mut self, stream: usize, facts: &BTreeMap<String, String>) {
        let it = self.streams.get_mut(&stream).unwrap();
        it.facts.extend(facts.clone());
        let size = it.body.len();
        let action = self.callback(stream, |driver, host| driver.on_request_body(host, size, true));
        self.went(stream, action == Action::Continue);
    }

    fn went(&mut self, stream: usize, on: bool) {
        let it = self.streams.get_mut(&stream).unwrap();
        it.goes_on |= on && it.replied.is_none();
    }

    /// The upstream answers, and the stream ends.
    pub(crate) fn answer(&mut self, stream: usize, status: u16, latency: u64) {
        self.respond(stream, status, latency);
        self.end(stream);
    }

    /// The upstream answers.
    pub(crate) fn respond(&mut self, stream: usize, status: u16, latency: u64) {
        assert_eq!(self.state(stream), "upstream");
        let it = self.streams.get_mut(&stream).unwrap();
        let latency = latency * MILLI;
        for (name, value) in [
            ("response.code", u64::from(status).to_le_bytes().to_vec()),
            ("response.backend_latency", latency.to_le_bytes().to_vec()),
            ("response.code_details", b"via_upstream".to_vec()),
        ] {
            it.properties.insert(name.to_owned(), value);
        }
        self.callback(stream, |driver, host| driver.on_response_headers(host, true));
    }

    /// A stream ends with an answer, and nothing is released yet.
    pub(crate) fn finish_without_release(&mut self, stream: usize) {
        self.set(stream, "response.backend_latency", &(50 * MILLI).to_le_bytes());
        self.on(stream, |driver, host| {
            driver.on_log(host);
            Action::Continue
        });
        self.streams.remove(&stream);
    }

    /// The tickets that the plugin releases, of which no stream hears yet.
    pub(crate) fn take_released(&mut self) -> Vec<Ticket> {
        self.plugin.released(&mut self.host, MAX_WAITING_STREAMS)
    }

    /// The client of a stream leaves.
    pub(crate) fn leave(&mut self, stream: usize) {
        let it = self.streams.get_mut(&stream).unwrap();
        it.properties.insert("response.flags".to_owned(), 0x4000_u64.to_le_bytes().to_vec());
        self.end(stream);
    }

    /// The stream of a request that another filter, or the gateway, answered.
    pub(crate) fn end_by(&mut self, stream: usize, details: &str) {
        let it = self.streams.get_mut(&stream).unwrap();
        it.properties.insert("response.code_details".to_owned(), details.as_bytes().to_vec());
        self.end(stream);
    }

    /// The stream ends.
    pub(crate) fn end(&mut self, stream: usize) {
        self.callback(stream, |driver, host| {
            driver.on_log(host);
            Action::Continue
        });
        self.streams.remove(&stream);
    }

    /// The stream is gone without a log callback.
    pub(crate) fn vanish(&mut self, stream: usize) {
        self.streams.remove(&stream);
    }

    /// Time passes, in milliseconds, with the gateway's ticks.
    pub(crate) fn pass(&mut self, millis: u64) {
        let until = self.host.now + millis * MILLI;
        while self.host.now < until {
            self.host.now = until.min(self.host.now + TICK);
            self.tick();
        }
    }

    pub(crate) fn tick(&mut self) {
        let calls = self.plugin.on_tick(&mut self.host);
        self.polls.extend(calls.into_iter().map(|call| call.key));
        self.release();
    }

    /// The reply to a shared call: the plugin's, then that of the streams that wait for it.
    pub(crate) fn reply(&mut self, key: &str, reply: &CallReply) {
        self.plugin.on_shared_reply(&mut self.host, key, reply);
        self.reply_to_streams(key, reply);
    }

    /// The same, of which the plugin does not hear.
    pub(crate) fn reply_to_streams(&mut self, key: &str, reply: &CallReply) {
        let waits: Vec<usize> = self
            .streams
            .iter()
            .filter(|(_, it)| it.call.as_deref() == Some(key))
            .map(|(id, _)| *id)
            .collect();
        for stream in waits {
            self.streams.get_mut(&stream).unwrap().call = None;
            self.callback(stream, |driver, host| {
                driver.on_shared_reply(host, reply);
                Action::Pause
            });
        }
        self.release();
    }

    /// Releases once, as the gateway does after a callback. In the order of the plugin.
    pub(crate) fn release(&mut self) -> Vec<usize> {
        let tickets = self.plugin.released(&mut self.host, MAX_WAITING_STREAMS);
        assert!(tickets.len() <= MAX_WAITING_STREAMS);
        let mut released = Vec::new();
        for ticket in tickets {
            let held = self.streams.iter().find(|(_, it)| it.ticket == Some(ticket));
            let Some(stream) = held.map(|(stream, _)| *stream) else { continue };
            self.streams.get_mut(&stream).unwrap().ticket = None;
            self.on(stream, |driver, host| {
                driver.on_release(host);
                Action::Pause
            });
            released.push(stream);
        }
        released
    }

    fn callback(
        &mut self,
        stream: usize,
        f: impl FnOnce(&mut Driver<PriorityFilter>, &mut FakeHost) -> Action,
    ) -> Action {
        let action = self.on(stream, f);
        self.release();
        action
    }

    /// Runs a callback over the gateway as this stream sees it.
    fn on(
        &mut self,
        stream: usize,
        f: impl FnOnce(&mut Driver<PriorityFilter>, &mut FakeHost) -> Action,
    ) -> Action {
        let Self { host, streams, .. } = self;
        let it = streams.get_mut(&stream).unwrap();
        let swap = |host: &mut FakeHost, it: &mut Stream| {
            std::mem::swap(&mut host.request, &mut it.request);
            std::mem::swap(&mut host.response, &mut it.response);
            std::mem::swap(&mut host.body, &mut it.body);
            std::mem::swap(&mut host.facts, &mut it.facts);
            std::mem::swap(&mut host.properties, &mut it.properties);
        };
        swap(host, it);
        let action = f(&mut it.driver, host);
        swap(host, it);
        it.goes_on |= std::mem::take(&mut host.resumed);
        it.was_reset |= std::mem::take(&mut host.was_reset);
        it.replied = host.replied.take().or(it.replied.take());
        it.ticket = host.awaits.take().or(it.ticket);
        it.call = host.flights.pop().or(it.call.take());
        action
    }

    pub(crate) fn gauge(&self, what: &str) -> u64 {
        let name = format!("pitboss.bet-priority.{what}.group=casino");
        self.host.gauges.get(&name).copied().unwrap_or_default()
    }

    pub(crate) fn counted(&self, class: &str, decision: &str, code: &str) -> u64 {
        self.host.counters.get(&metric(class, decision, code)).copied().unwrap_or_default()
    }

    /// Nothing is in flight and nothing waits, for the gauges either.
    pub(crate) fn is_empty(&mut self) {
        // As long as a permit is kept for a client that left.
        self.pass(1_300);
        assert_eq!([self.gauge("in_flight"), self.gauge("queued")], [0, 0]);
        self.plugin.on_drain(&mut self.host);
        assert_eq!(
            self.host
                .gauges
                .iter()
                .filter(|(_, value)| **value > 0)
                .collect::<Vec<_>>()
                .iter()
                .filter(|(name, _)| !name.contains("config"))
                .count(),
            0,
            "{:?}",
            self.host.gauges
        );
    }
}

/// A reply with a document.
pub(crate) fn replied(document: impl ToString) -> CallReply {
    let (headers, body) = (Headers::default(), document.to_string().into_bytes());
    CallReply::Response { status: 200, headers, body, cut: false }
}

/// A call that the gateway did not take.
pub(crate) const NOT_TAKEN: CallReply =
    CallReply::Failed(Fault { call: "proxy_http_call", status: Some(2) });
