//! For tests: whole requests through the filter over a fake gateway, several at once.

use std::collections::BTreeMap;

use policy_kit::fake::{FakeHost, Pair};
use policy_kit::{
    facts, metrics, Action, CallReply, ConfigError, Driver, Headers, HttpCall, Plugin, Reply,
};
use serde_json::{json, Value};

use crate::filter::state::IdempotencyFilter;
pub(crate) use crate::names::{MILLI, SECOND};
use crate::plugin::IdempotencyPlugin;
use crate::store::port::Store;
use crate::store::slots::Embedded;

/// The fact with the decision, and the one with its evidence.
pub(crate) const DECISION: &str = "pitboss.idempotency.decision";
pub(crate) const EVIDENCE: &str = "pitboss.idempotency.evidence";

/// The counter of a class, a decision and its code.
pub(crate) fn metric(class: &str, decision: &str, code: &str) -> String {
    metrics::requests("idempotency", class, decision, code)
}

/// The key that [`Bet::new`] has.
pub(crate) const KEY: &str = "key-00000001";

/// A gateway with the plugin, and what its store holds.
pub(crate) struct Fixture {
    pub(crate) host: FakeHost,
    plugin: IdempotencyPlugin,
}

/// A request as its client sends it, with the facts that earlier filters published.
#[derive(Clone)]
pub(crate) struct Bet {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: String,
    facts: Vec<(&'static str, String)>,
}

/// A pending request.
pub(crate) struct Stream {
    driver: Driver<IdempotencyFilter>,
    request: Vec<Pair>,
    facts: BTreeMap<String, String>,
    /// Its local reply, if it got one.
    pub(crate) replied: Option<Reply>,
}

/// What the client sees of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ClientView {
    /// The upstream's.
    Upstream,
    /// Nothing yet.
    Held,
    /// Another one, with this status and code.
    Replaced(u16, String),
}

/// The smallest document, with members replaced or added.
pub(crate) fn document(changes: &Value) -> String {
    let mut document = json!({
        "version": "v1",
        "store": {"single_node": true, "slots": 256},
        "endpoints": [
            {"path": "/bets", "class": "wager"},
            {"path": "/deposits", "class": "deposit"},
            {"path": "/balance", "class": "account"},
            {"path": "/wallet", "class": "settlement"},
            {"path": "/hub", "envelope": "hub", "select": {"pointer": "/type", "classes": {
                "debit": "wager", "credit": "settlement", "balance": "account"}}}
        ],
        "envelopes": {"hub": {"*": {"status": 200, "json": {"status": "ERROR", "why": "{code}"}}}}
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string()
}

/// A document with one rule for wagers.
pub(crate) fn ruled(rule: Value) -> Value {
    let mut all = json!({"classes": ["wager"]});
    all.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    json!({"rules": [all]})
}

impl Bet {
    /// Player p-1's bet under [`KEY`].
    pub(crate) fn new() -> Self {
        Self::to("/bets").key(KEY)
    }

    /// Player p-1's call without a key.
    pub(crate) fn to(path: &str) -> Self {
        let headers = [(":method", "POST"), (":path", path), (":authority", "casino.test")];
        let headers = headers.map(|(n, v)| (n.to_owned(), v.as_bytes().to_vec())).to_vec();
        let facts =
            vec![(facts::PLAYER, "p-1".to_owned()), (facts::BRAND, "lucky-otter".to_owned())];
        Self { headers, body: r#"{"selection":"s-1","stake":5}"#.to_owned(), facts }
            .with("content-type", "application/json")
    }

    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.with(name, value)
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.set("idempotency-key", key)
    }

    pub(crate) fn body(mut self, body: impl ToString) -> Self {
        self.body = body.to_string();
        self
    }

    /// Publishes a fact about the caller; none if `value` is empty.
    pub(crate) fn fact(mut self, name: &'static str, value: &str) -> Self {
        self.facts.retain(|(other, _)| *other != name);
        self.facts.push((name, value.to_owned()));
        self
    }

    pub(crate) fn partner(self, name: &str, proof: &str) -> Self {
        let nobody = self.fact(facts::PLAYER, "");
        nobody.fact(facts::PARTNER, name).fact(facts::PARTNER_PROOF, proof)
    }
}

impl Stream {
    /// The fact that it left.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", String::as_str)
    }
}

impl Fixture {
    pub(crate) fn new(changes: &Value) -> Self {
        Self::over(changes, |embedded| Box::new(embedded)).unwrap()
    }

    pub(crate) fn over(
        changes: &Value,
        over: impl FnOnce(Embedded) -> Box<dyn Store>,
    ) -> Result<Self, ConfigError> {
        let mut host = FakeHost { now: 1_000 * SECOND, ..FakeHost::default() };
        let plugin =
            IdempotencyPlugin::configure_over(document(changes).as_bytes(), &mut host, over)?;
        Ok(Self { host, plugin })
    }

    /// Configures anew; what the store holds stays.
    pub(crate) fn configure(&mut self, changes: &Value) {
        self.plugin =
            IdempotencyPlugin::configure(document(changes).as_bytes(), &mut self.host).unwrap();
    }

    /// Gives the gateway one stream while it does something.
    fn on<T>(
        &mut self,
        stream: &mut Stream,
        act: impl FnOnce(&mut Driver<IdempotencyFilter>, &mut FakeHost) -> T,
    ) -> T {
        self.host.request.clone_from(&stream.request);
        self.host.facts.clone_from(&stream.facts);
        (self.host.replied, self.host.resumed, self.host.answer_resumed) = (None, false, false);
        let done = act(&mut stream.driver, &mut self.host);
        stream.request.clone_from(&self.host.request);
        stream.facts.clone_from(&self.host.facts);
        stream.replied = self.host.replied.take().or(stream.replied.take());
        done
    }

    /// The headers of a request.
    pub(crate) fn headers(&mut self, bet: &Bet) -> (Stream, Action) {
        let request = bet.headers.iter();
        let request = request.map(|(n, v)| (n.clone().into_bytes(), v.clone())).collect();
        let known = bet.facts.iter().filter(|(_, value)| !value.is_empty());
        let facts = known.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let driver = Driver::new(Some(self.plugin.filter()));
        let mut stream = Stream { driver, request, facts, replied: None };
        let end = bet.body.is_empty();
        let action = self.on(&mut stream, |driver, host| driver.on_request_headers(host, end));
        (stream, action)
    }

    /// Sends a whole request; for the outcome see [`Fixture::word`].
    pub(crate) fn send(&mut self, bet: &Bet) -> (Stream, String) {
        let (mut stream, mut action) = self.headers(bet);
        if action == Action::Continue && !bet.body.is_empty() {
            self.host.body = bet.body.clone().into_bytes();
            let size = bet.body.len();
            action = self.on(&mut stream, |driver, host| driver.on_request_body(host, size, true));
        }
        let word = self.word(&stream, action == Action::Continue);
        (stream, word)
    }

    /// Sends a whole request and drops its stream.
    pub(crate) fn outcome_of(&mut self, bet: &Bet) -> String {
        self.send(bet).1
    }

    /// `run` if the request goes on, `wait` if it is held, otherwise the status and code of its reply.
    fn word(&self, stream: &Stream, goes_on: bool) -> String {
        match &stream.replied {
            Some(reply) => format!("{} {}", reply.status, reply.code),
            None if goes_on => "run".to_owned(),
            None => "wait".to_owned(),
        }
    }

    /// The next tick.
    pub(crate) fn tick(&mut self, stream: &mut Stream) -> String {
        self.on(stream, |driver, host| driver.on_tick(host));
        self.word(stream, self.host.resumed)
    }

    /// The plugin's own tick.
    pub(crate) fn plugin_tick(&mut self) {
        assert!(self.plugin.on_tick(&mut self.host).is_empty());
    }

    /// The last call that was made.
    pub(crate) fn last_call(&self) -> &HttpCall {
        self.host.calls.last().unwrap()
    }

    /// Completes the last call, which a request waits for.
    pub(crate) fn complete_call(&mut self, stream: &mut Stream, reply: CallReply) -> String {
        let token = u32::try_from(self.host.calls.len()).unwrap();
        if let Some(flight) = self.host.flights.last().cloned() {
            self.plugin.on_shared_reply(&mut self.host, &flight, &reply);
        }
        self.on(stream, |driver, host| {
            driver.on_shared_reply(host, &reply);
            driver.on_call(host, token, |_| reply);
        });
        self.word(stream, self.host.resumed)
    }

    /// Completes the last call, which an answer waits for. Returns whether the answer goes on.
    pub(crate) fn complete_response_call(&mut self, stream: &mut Stream, reply: CallReply) -> bool {
        let token = u32::try_from(self.host.calls.len()).unwrap();
        self.on(stream, |driver, host| driver.on_call(host, token, |_| reply));
        self.host.answer_resumed
    }

    /// Sets what the gateway reports about the exchange: details, flags and attempts.
    pub(crate) fn report_exchange(&mut self, details: &str, flags: u64, attempts: u64) {
        let mut tell = |path: &str, value: &[u8]| {
            self.host.properties.insert(path.to_owned(), value.to_vec());
        };
        tell("response.code_details", details.as_bytes());
        tell("response.flags", &flags.to_le_bytes());
        tell("upstream.request_attempt_count", &attempts.to_le_bytes());
    }

    /// The headers of an answer; [`Fixture::report_exchange`] sets whose it is.
    pub(crate) fn answer_headers(
        &mut self,
        stream: &mut Stream,
        status: u16,
        headers: &[(&str, &str)],
    ) -> ClientView {
        self.answer_begins(stream, status, headers, false)
    }

    /// The same, and no body.
    pub(crate) fn answer_headers_alone(
        &mut self,
        stream: &mut Stream,
        status: u16,
        headers: &[(&str, &str)],
    ) -> ClientView {
        self.answer_begins(stream, status, headers, true)
    }

    fn answer_begins(
        &mut self,
        stream: &mut Stream,
        status: u16,
        headers: &[(&str, &str)],
        end: bool,
    ) -> ClientView {
        self.host.response = vec![(b":status".to_vec(), status.to_string().into_bytes())];
        let more = headers.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()));
        self.host.response.extend(more);
        let action = self.on(stream, |driver, host| driver.on_response_headers(host, end));
        let written_over = (b"cache-control".to_vec(), b"no-store".to_vec());
        if self.host.response.contains(&written_over) {
            self.write_over(stream);
        }
        match (&stream.replied, action) {
            (Some(reply), _) => ClientView::Replaced(reply.status, reply.code.to_owned()),
            (None, Action::Continue) => ClientView::Upstream,
            (None, Action::Pause) => ClientView::Held,
        }
    }

    /// Records what is written over the upstream's answer, as a reply.
    fn write_over(&mut self, stream: &mut Stream) {
        self.answer_body(stream, b"the upstream's", true);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (mut status, mut headers) = (0, Vec::new());
        for (name, value) in &self.host.response {
            match text(name).as_str() {
                ":status" => status = text(value).parse().unwrap(),
                name => headers.push((name.to_owned().into(), value.clone().into())),
            }
        }
        let body = self.host.answer_body.clone();
        let document: Value = serde_json::from_slice(&body).unwrap();
        let code = document.get("code").or(document.get("why")).and_then(Value::as_str).unwrap();
        let code = Box::leak(code.to_owned().into_boxed_str());
        stream.replied = Some(Reply { status, headers, body, code });
    }

    /// A part of its body.
    pub(crate) fn answer_body(
        &mut self,
        stream: &mut Stream,
        body: &[u8],
        end: bool,
    ) -> ClientView {
        self.host.answer_body = body.to_vec();
        let size = body.len();
        let action = self.on(stream, |driver, host| driver.on_response_body(host, size, end));
        if action == Action::Continue {
            ClientView::Upstream
        } else {
            ClientView::Held
        }
    }

    pub(crate) fn log(&mut self, mut stream: Stream) -> Stream {
        self.on(&mut stream, |driver, host| driver.on_log(host));
        stream
    }

    /// A whole answer of the upstream, and the end of the request.
    pub(crate) fn answer(
        &mut self,
        mut stream: Stream,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Stream {
        self.report_exchange("via_upstream", 0, 1);
        assert_eq!(self.answer_headers(&mut stream, status, headers), ClientView::Upstream);
        assert_eq!(self.answer_body(&mut stream, body.as_bytes(), true), ClientView::Upstream);
        self.log(stream)
    }

    /// Sends a request and completes it with this answer.
    pub(crate) fn complete(&mut self, bet: &Bet, status: u16, body: &str) -> Stream {
        let (stream, word) = self.send(bet);
        assert_eq!(word, "run");
        self.answer(stream, status, &[("content-type", "application/json")], body)
    }
}

/// The reply to a call.
pub(crate) fn reply(status: u16, body: &str) -> CallReply {
    let headers = Headers::from_pairs([(&b"content-type"[..], &b"application/json"[..])]);
    CallReply::Response { status, headers, body: body.as_bytes().to_vec(), cut: false }
}
