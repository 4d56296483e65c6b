//! What these tests share: the module between a filter that knows who calls and the buffer filter, and an upstream whose
//! answers take their time.

use std::sync::OnceLock;
use std::time::Duration;

use abi_host::{
    Answer, BufferFilter, Chain, ChainBuilder, Clock, Headers, Module, NativeAction, NativeFilter,
    PluginConfig, Profile, Request, Response, StreamId, Upstream, UpstreamRequest,
};
use serde_json::{json, Value};

pub(crate) use crate::common::{engine, hello, outcome};

pub(crate) const PLUGIN: &str = "bet-priority";
/// What the tests' clock says at their start, in nanoseconds since the epoch.
pub(crate) const NOW: u64 = 1_800_000_000_000_000_000;
pub(crate) const PROFILES: [Profile; 2] = [Profile::Envoy, Profile::Wasmx];
/// How long the upstream takes.
pub(crate) const TAKES: Duration = Duration::from_millis(50);

pub(crate) fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| engine().load(host_tests::artifact::build(PLUGIN).unwrap()).unwrap())
}

/// A document with one permit and these members.
pub(crate) fn document(profile: Profile, changes: &Value) -> Value {
    let text = include_str!("../../../plugins/bet-priority/testdata/document.json");
    let mut document: Value = serde_json::from_str(text).unwrap();
    document["host"] = json!(if profile == Profile::Envoy { "envoy" } else { "wasmx" });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

/// Stands for the filter that checks who calls: a test says it in `as-` headers.
struct Login;

impl NativeFilter for Login {
    fn name(&self) -> &str {
        "login"
    }

    fn request_headers(&mut self, _: &mut Headers, _: bool) -> NativeAction {
        NativeAction::Continue
    }

    fn filter_state(&mut self, headers: &Headers) -> Vec<(String, Vec<u8>)> {
        let facts = [
            ("as-player", "pitboss.player"),
            ("as-partner", "pitboss.partner"),
            ("as-proof", "pitboss.partner-proof"),
        ];
        let known =
            |(said, fact): (&str, &str)| Some((fact.to_owned(), headers.get(said)?.to_vec()));
        facts.into_iter().filter_map(known).collect()
    }
}

pub(crate) fn builder(profile: Profile, changes: &Value) -> ChainBuilder {
    with_document(profile, &document(profile, changes).to_string())
}

pub(crate) fn with_document(profile: Profile, document: &str) -> ChainBuilder {
    let config =
        PluginConfig::new(PLUGIN, document).failure_policy(abi_host::FailurePolicy::Reload);
    let chain = Chain::builder(engine()).profile(profile).clock(Clock::at(NOW)).native(Login);
    chain.wasm(module(), config).native(BufferFilter { limit: 131_072 })
}

pub(crate) fn start(changes: &Value) -> Chain {
    builder(Profile::Envoy, changes).start().unwrap()
}

/// A player's request.
pub(crate) fn ask(path: &str) -> Request {
    Request::get(path).header("as-player", "p-1")
}

/// A partner's.
pub(crate) fn settle(path: &str, proof: &str, body: &str) -> Request {
    let request = Request::post(path, body).header("content-type", "application/json");
    request.header("as-partner", "psp").header("as-proof", proof)
}

/// An upstream that takes its time, and notes the order in which requests came.
#[derive(Default)]
pub(crate) struct Casino {
    pub(crate) came: Vec<StreamId>,
    pub(crate) at: Vec<u64>,
    pub(crate) takes: Option<Duration>,
}

impl Upstream for Casino {
    fn answer(&mut self, request: &UpstreamRequest) -> Answer {
        self.came.push(request.stream);
        self.at.push(request.at);
        Answer::respond(Response::new(200).body("hello")).after(self.takes.unwrap_or(TAKES))
    }
}

/// A gauge of the group.
pub(crate) fn gauge(chain: &Chain, what: &str) -> u64 {
    chain.metric(&format!("pitboss.{PLUGIN}.{what}.group=casino")).unwrap_or_default()
}

/// Lets kept permits come free, and checks that nothing is left.
pub(crate) fn is_empty(chain: &mut Chain, casino: &mut Casino) {
    chain.run_for(Duration::from_secs(2), casino);
    assert_eq!([gauge(chain, "in_flight"), gauge(chain, "queued")], [0, 0]);
    assert_eq!(chain.misuse(), None);
    let next = chain.run(ask("/bets"), casino);
    assert_eq!(outcome(&next), "allow", "a permit is lost");
}
