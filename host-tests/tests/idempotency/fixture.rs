//! What these tests share: a gateway with the module between a filter that knows who calls and the buffer
//! filter, bets, and the ledger of a casino.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::Duration;

use abi_host::{
    Answer, BufferFilter, Chain, ChainBuilder, Clock, Headers, LocalReply, Module, NativeAction,
    NativeFilter, Outcome, PluginConfig, Profile, Report, Request, Response, Upstream,
    UpstreamRequest,
};
use serde_json::{json, Value};

pub(crate) use crate::common::{code, engine};

pub(crate) const PLUGIN: &str = "idempotency";
pub(crate) const KEY: &str = "key-00000001";
/// What the tests' clock says at their start, in seconds since the epoch.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const PROFILES: [Profile; 2] = [Profile::Envoy, Profile::Wasmx];
const ZONE: usize = 16 << 20;

/// Stands for the filter that checks who calls: on Envoy it leaves facts, on WasmX headers, whose like it
/// strips from what clients send. The tests tell it who that is.
struct Login {
    profile: Profile,
    facts: Vec<(String, Vec<u8>)>,
}

/// What the tests say, what becomes of it as a fact, and as a header.
const WHO: [(&str, &str, &str); 4] = [
    ("as-player", "pitboss.player", "x-player-id"),
    ("as-partner", "pitboss.partner", "x-partner-id"),
    ("as-brand", "pitboss.brand", "x-brand"),
    ("as-proof", "pitboss.partner-proof", "x-proof"),
];

impl NativeFilter for Login {
    fn name(&self) -> &str {
        "login"
    }

    fn request_headers(&mut self, headers: &mut Headers, _: bool) -> NativeAction {
        self.facts.clear();
        for (said, fact, header) in WHO {
            let who = headers.get(said).filter(|who| !who.is_empty()).map(<[u8]>::to_vec);
            if self.profile == Profile::Wasmx {
                headers.remove(header);
            }
            match (who, self.profile) {
                (Some(who), Profile::Envoy) => self.facts.push((fact.to_owned(), who)),
                (Some(who), Profile::Wasmx) => headers.set(header, who),
                (None, _) => {}
            }
        }
        NativeAction::Continue
    }

    fn filter_state(&mut self, _: &Headers) -> Vec<(String, Vec<u8>)> {
        self.facts.clone()
    }
}

/// A later filter that refuses who asks for it by a header, or has the router try again.
struct Refuses;

impl NativeFilter for Refuses {
    fn name(&self) -> &str {
        "later"
    }

    fn request_headers(&mut self, headers: &mut Headers, _: bool) -> NativeAction {
        if let Some(most) = headers.get("x-insist").map(<[u8]>::to_vec) {
            headers.set("x-envoy-max-retries", most);
        }
        if headers.get("x-refuse").is_none() {
            return NativeAction::Continue;
        }
        let details = "later:refused".to_owned();
        NativeAction::Reply(LocalReply {
            status: 403,
            body: b"later".to_vec(),
            details,
            ..LocalReply::default()
        })
    }
}

/// The module's document, with members replaced or added.
pub(crate) fn document(profile: Profile, changes: &Value) -> String {
    let mut document = json!({
        "store": {"single_node": true, "slots": 256},
        "endpoints": [
            {"path": "/bets", "class": "wager"},
            {"path": "/deposits", "class": "deposit"},
            {"path": "/balance", "class": "account"},
            {"path": "/wallet", "class": "settlement"},
            {"template": "/bets/{id}/cashout", "class": "cashout"},
            {"path": "/hub", "envelope": "hub", "select": {"pointer": "/type", "classes": {
                "debit": "wager", "credit": "settlement", "balance": "account"}}}
        ],
        "envelopes": {"hub": {"*": {"status": 200, "json": {"code": "{code}"}}}}
    });
    let mut changes = changes.clone();
    if profile == Profile::Wasmx {
        document["host"] = json!("wasmx");
        document["facts"] = json!({"stripped_by": "login"});
        document["commit"] = json!("after_reply");
        document["store"]["zone_bytes"] = json!(ZONE);
        if let Some(store) = changes.get_mut("store") {
            store["zone_bytes"] = json!(ZONE);
        }
    }
    document.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    document.to_string()
}

/// How a rule names who is asked what became of a call.
pub(crate) fn asked_cluster(profile: Profile) -> &'static str {
    match profile {
        Profile::Envoy => "casino",
        Profile::Wasmx => "casino:80",
    }
}

/// A document with one rule for wagers.
pub(crate) fn ruled(rule: Value) -> Value {
    let mut all = json!({"classes": ["wager"]});
    all.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    json!({"rules": [all]})
}

pub(crate) fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| engine().load(host_tests::artifact::build(PLUGIN).unwrap()).unwrap())
}

/// The filter that does what a request's `x-script` says.
fn probe() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE
        .get_or_init(|| engine().load(host_tests::artifact::build("shell-probe").unwrap()).unwrap())
}

/// The chain as it is deployed.
pub(crate) fn builder(profile: Profile, changes: &Value) -> ChainBuilder {
    let plugin = PluginConfig::new(PLUGIN, document(profile, changes));
    through(plugin, profile)
}

fn through(plugin: PluginConfig, profile: Profile) -> ChainBuilder {
    base(profile).wasm(module(), plugin).native(Refuses).native(BufferFilter { limit: 128 << 10 })
}

/// The chain without a buffer filter.
pub(crate) fn unbuffered(profile: Profile) -> ChainBuilder {
    let plugin = PluginConfig::new(PLUGIN, document(profile, &json!({})));
    base(profile).wasm(module(), plugin)
}

fn base(profile: Profile) -> ChainBuilder {
    Chain::builder(engine())
        .clock(Clock::at(NOW * SECOND))
        .profile(profile)
        .shared_data_limit(ZONE)
        .native(Login { profile, facts: Vec::new() })
}

/// The chain before the module, for one that is loaded by another engine.
pub(crate) fn bare(profile: Profile) -> ChainBuilder {
    base(profile)
}

/// The chain with a filter behind the module that does what `x-script` says, and no buffer filter.
pub(crate) fn scripted() -> ChainBuilder {
    unbuffered(Profile::Envoy).wasm(probe(), PluginConfig::new("probe", "{}"))
}

pub(crate) fn chain(profile: Profile, changes: &Value) -> Chain {
    builder(profile, changes).start().unwrap()
}

/// Player p-1's bet under [`KEY`].
pub(crate) fn bet() -> Request {
    call("/bets", r#"{"selection":"s-1","stake":5}"#)
        .header("idempotency-key", KEY)
        .header("as-player", "p-1")
}

/// A call at a brand that says neither whose it is nor which.
pub(crate) fn call(path: &str, body: &str) -> Request {
    let call = Request::post(path, body).header("content-type", "application/json");
    call.header("as-brand", "lucky-otter")
}

/// The same with a header replaced.
pub(crate) fn set(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.set(name, value);
    request
}

/// The casino: answers as its script says, and counts what took effect.
#[derive(Default)]
pub(crate) struct Ledger {
    script: VecDeque<&'static str>,
    /// Bets that were placed.
    pub(crate) effects: u32,
    /// Requests that were opened.
    pub(crate) opened: u32,
}

impl Ledger {
    /// One word for each request; `200` when none is left.
    pub(crate) fn new(script: &[&'static str]) -> Self {
        Self { script: script.iter().copied().collect(), ..Self::default() }
    }
}

impl Upstream for Ledger {
    fn opened(&mut self, _: abi_host::StreamId, headers: &Headers) -> Option<Answer> {
        self.opened += 1;
        let early = headers.get("x-early")?;
        self.effects += 1;
        let status = std::str::from_utf8(early).unwrap().parse().unwrap();
        Some(Answer::respond(Response::new(status).body("early")))
    }

    fn answer(&mut self, _: &UpstreamRequest) -> Answer {
        let word = self.script.pop_front().unwrap_or("200");
        // Where the outcome is unknown, the worst is true.
        let none = ["refused", "401", "403", "425", "429", "late 429", "retryable", "503 shed"];
        self.effects += u32::from(!none.contains(&word));
        let body = format!("{{\"bet\":{}}}", self.effects);
        let ok = Response::new(200).header("content-type", "application/json");
        match word {
            "refused" => Answer::fail(Outcome::Refused),
            "reset" => Answer::fail(Outcome::Reset),
            "timeout" => Answer::fail(Outcome::Timeout),
            "mid" => Answer::fail(Outcome::ResetMidBody(ok.chunk("{\"be"))),
            "late" => Answer::respond(ok.body(body)).after(Duration::from_secs(9)),
            "late 500" => Answer::respond(Response::new(500)).after(Duration::from_secs(9)),
            "late 429" => Answer::respond(Response::new(429)).after(Duration::from_secs(9)),
            "slow" => Answer::respond(ok.body(body)).after(Duration::from_millis(120)),
            "coded" => Answer::respond(ok.body("{\"status\":\"OK\"}")),
            "retryable" => Answer::respond(ok.body("{\"status\":\"LATER\"}")),
            "unlisted" => Answer::respond(ok.body("{\"status\":\"WHO\"}")),
            "503 shed" => Answer::respond(Response::new(503).body("shed")),
            status => Answer::respond(
                Response::new(status.parse().unwrap())
                    .header("content-type", "application/json")
                    .header("set-cookie", "session=1")
                    .header("date", "Mon, 01 Jan 2029 00:00:00 GMT")
                    .body(body),
            ),
        }
    }
}

/// What the client got: `200`, `200 replayed`, `409 outcome_unknown`, or how it ended.
pub(crate) fn summary(report: &Report) -> String {
    assert_eq!(report.traps, [], "{}", report.code_details);
    let Some(response) = report.response.as_ref().filter(|response| response.complete) else {
        return format!("{:?}", report.ending);
    };
    let status = response.status();
    match code(response.body.as_slice()) {
        Some(code) => format!("{status} {code}"),
        None if response.headers.get("idempotent-replayed").is_some() => {
            format!("{status} replayed")
        }
        None => status.to_string(),
    }
}

/// Sends a request, and returns what its client got.
pub(crate) fn send(chain: &mut Chain, request: Request, ledger: &mut Ledger) -> String {
    summary(&chain.run(request, ledger))
}

/// Lets time pass.
pub(crate) fn advance(chain: &mut Chain, time: Duration) {
    chain.run_for(time, &mut Ledger::default());
}
