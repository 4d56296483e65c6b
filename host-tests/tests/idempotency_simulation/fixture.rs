//! What a schedule runs in: the modules, their configuration, a gateway of several workers.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use abi_host::{
    BufferFilter, Callouts, Chain, ChainBuilder, Clock, Engine, EngineOptions, FailurePolicy,
    Faults, LogLevel, Module, PluginConfig, RetryPolicy,
};
use serde_json::{json, Value};

pub(crate) const PLUGIN: &str = "idempotency";
pub(crate) const SECOND: u64 = 1_000_000_000;
/// The route's timeout, and the margin after which an outcome is unknown.
pub(crate) const TIMEOUT: u64 = SECOND;
pub(crate) const MARGIN: u64 = SECOND / 2;
/// How long keys are kept.
pub(crate) const RETENTION: u64 = 60 * SECOND;
/// Longest between a question to the ledger and its answer being written, jumps of the clock included.
pub(crate) const SLACK: u64 = 5 * SECOND;
/// Bytes of the longest body that is kept.
pub(crate) const LONGEST: usize = 200;
/// After so long without a sign of life a stream is ended.
pub(crate) const IDLE: u64 = 5 * SECOND;

pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let cache_directory = Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("modules"));
        Engine::new(EngineOptions { cache_directory, ..EngineOptions::default() }).unwrap()
    })
}

/// The `code` of a problem document.
pub(crate) fn code(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    Some(problem.get("code")?.as_str()?.to_owned())
}

fn module(package: &str) -> Module {
    engine().load(host_tests::artifact::build(package).unwrap()).unwrap()
}

/// The module as it is deployed.
pub(crate) fn idempotency() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| module("idempotency"))
}

/// The same filter over stores that are not as they should be.
pub(crate) fn broken() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| module("broken-store"))
}

/// What an operator may change while calls are under way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// Told in records only.
    pub(crate) version: u64,
    /// Retries wait for the first answer.
    pub(crate) waits: bool,
    /// Answers are released at once.
    pub(crate) after_reply: bool,
    /// Somebody is asked what became of a call.
    pub(crate) reconciles: bool,
}

impl Settings {
    pub(crate) fn document(self) -> String {
        let mut rule = json!({
            "classes": ["wager", "deposit"],
            "timeout_ms": TIMEOUT / 1_000_000, "margin_ms": MARGIN / 1_000_000,
            "retention_s": RETENTION / SECOND, "wait_ms": if self.waits { 300 } else { 0 },
        });
        if self.reconciles {
            rule["reconcile"] = json!({
                "cluster": "ledger", "path": "/outcomes/{owner}/{key}", "pointer": "/state",
                "completed": ["done"], "free": ["none"], "timeout_ms": 500,
            });
        }
        let commit = if self.after_reply { "after_reply" } else { "before_reply" };
        let document: Value = json!({
            "version": format!("v-{}", self.version),
            "store": {"single_node": true, "slots": 256},
            // One player calls, and fails more than anybody should.
            "quota": {"failed": 96},
            "rules": [rule],
            "commit": commit,
            "answers": {"max_bytes": LONGEST, "headers": ["content-type", "location"]},
            "endpoints": [
                {"path": "/bets", "class": "wager"},
                {"path": "/deposits", "class": "deposit"},
            ],
        });
        document.to_string()
    }
}

/// What a gateway is made of.
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) workers: usize,
    pub(crate) settings: Settings,
    /// How often a route asks again what it got no answer to.
    pub(crate) retries: u64,
}

/// The chain of every example: the plugin, and last the buffer filter. One player calls.
pub(crate) fn gateway(module: &Module, config: PluginConfig) -> ChainBuilder {
    Chain::builder(engine())
        .property(&["pitboss.player"], "p-1")
        .property(&["pitboss.brand"], "lucky-otter")
        .wasm(module, config)
        .native(BufferFilter { limit: 65_536 })
}

/// A gateway with the module, over the store that `store` names where it is the one that has several.
pub(crate) fn start(
    setup: &Setup,
    (module, store): (&Module, Option<&str>),
    clock: &Clock,
    faults: &Faults,
    callouts: impl Callouts + 'static,
) -> Chain {
    let mut config =
        PluginConfig::new(PLUGIN, setup.settings.document()).failure_policy(FailurePolicy::Reload);
    config.log_level = LogLevel::Critical;
    if let Some(store) = store {
        config = config.env("BROKEN_STORE", store);
    }
    let builder = gateway(module, config)
        .clock(clock.clone())
        .seed(setup.seed)
        .workers(setup.workers)
        .interleaved()
        .faults(faults.clone())
        .callouts(callouts)
        .idle_timeout(Duration::from_nanos(IDLE))
        .route_timeout(Duration::from_nanos(TIMEOUT));
    let builder = match setup.retries {
        0 => builder,
        more => builder.retries(RetryPolicy::parse("5xx,reset,connect-failure", more).unwrap()),
    };
    builder.start().unwrap()
}
