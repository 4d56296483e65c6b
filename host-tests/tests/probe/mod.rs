//! The probe module in abi-host, for the tests of policy-shell.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use abi_host::{
    Answer, Call, CallAnswer, Chain, ChainBuilder, Clock, Engine, EngineOptions, Faults, Module,
    PluginConfig, Profile, Report, Request, Response, UpstreamRequest,
};

pub const PLUGIN: &str = "shell-probe";
/// Each gateway, and what a configuration calls it.
pub const PROFILES: [(Profile, &str); 2] = [(Profile::Envoy, "envoy"), (Profile::Wasmx, "wasmx")];
/// Every status of the ABI, and one that it does not have.
pub const STATUSES: [u32; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99];

pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let cache_directory = Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("modules"));
        Engine::new(EngineOptions { cache_directory, ..EngineOptions::default() }).unwrap()
    })
}

pub fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| engine().load(host_tests::artifact::build(PLUGIN).unwrap()).unwrap())
}

/// Target names and what they do.
fn service(call: &Call) -> CallAnswer {
    match call.upstream.as_slice() {
        b"pam:80" => CallAnswer::now(Response::new(200).body("0123456")),
        b"slow:80" => {
            CallAnswer::Response(Response::new(200).body("0123456"), Duration::from_millis(350))
        }
        b"long:80" => CallAnswer::now(Response::new(200).body("0123456789")),
        b"late:80" => CallAnswer::Response(Response::new(200), Duration::from_secs(60)),
        b"down:80" => CallAnswer::Refused(Duration::ZERO),
        b"torn:80" => CallAnswer::Reset(Duration::ZERO),
        b"full:80" => CallAnswer::NoCapacity,
        _ => CallAnswer::UnknownTarget,
    }
}

/// The probe, with more members for its configuration: `"tick_ms": 1000`.
pub fn plugin(host: &str, target: &str, more: &str) -> PluginConfig {
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    let configuration = format!(r#"{{"host": "{host}", "target": "{target}"{more}}}"#);
    PluginConfig::new(PLUGIN, configuration).env("SECRET", "hush")
}

/// A chain of one plugin.
pub fn chain_of(profile: Profile, plugin: PluginConfig) -> ChainBuilder {
    Chain::builder(engine())
        .profile(profile)
        .callouts(service)
        .foreign_function("reverse", |argument| Ok(argument.iter().rev().copied().collect()))
        .clock(Clock::at(1_700_000_000_123_000_000))
        .wasm(module(), plugin)
}

/// A chain of the probe alone, likewise.
pub fn builder(profile: (Profile, &str), target: &str, more: &str) -> ChainBuilder {
    chain_of(profile.0, plugin(profile.1, target, more))
}

pub fn chain(profile: (Profile, &str), target: &str, faults: &Faults) -> Chain {
    builder(profile, target, r#""tick_ms": 1000"#).faults(faults.clone()).start().unwrap()
}

pub fn hello(_: &UpstreamRequest) -> Answer {
    Answer::respond(Response::new(200).body("hello"))
}

pub fn scripted(script: &str) -> Request {
    Request::new("POST", "/x").header("x-script", script)
}

/// The fact of the filter on Envoy; on WasmX, which has no filter state, only the outcome.
pub fn seen(report: &Report) -> String {
    fact(report, "wasm.probe.seen")
}

/// The fact about the response, likewise.
pub fn told(report: &Report) -> String {
    fact(report, "wasm.probe.answer")
}

fn fact(report: &Report, name: &str) -> String {
    let fact = report.filter_state.get(name);
    fact.map(|v| String::from_utf8_lossy(v).into_owned()).unwrap_or_default()
}
