//! Shared by the tests of all modules: engine, upstream, outcome of a request.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

use abi_host::{Answer, Engine, EngineOptions, Report, Response, UpstreamRequest};
use serde_json::Value;

pub(crate) mod faults;

pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let cache_directory = Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("modules"));
        Engine::new(EngineOptions { cache_directory, ..EngineOptions::default() }).unwrap()
    })
}

/// The address of an edge that the examples trust.
pub(crate) fn edge() -> SocketAddr {
    "10.0.0.1:40000".parse().unwrap()
}

pub(crate) fn hello(_: &UpstreamRequest) -> Answer {
    Answer::respond(Response::new(200).body("hello"))
}

/// The `code` of a refusal, or `allow` if the upstream got the complete request.
pub(crate) fn outcome(report: &Report) -> String {
    match &report.upstream {
        Some(upstream) if upstream.complete && report.replied_by.is_none() => "allow".to_owned(),
        _ => code(report.text().as_bytes()).unwrap_or_else(|| format!("{:?}", report.ending)),
    }
}

/// The `code` of a problem document.
pub(crate) fn code(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    Some(problem.get("code")?.as_str()?.to_owned())
}
