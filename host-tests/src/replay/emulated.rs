//! The replay in wasmtime.
use super::demo_casino::DemoCasino;
use super::error::ReplayError;
use super::gaps::pass;
use super::outcome::Outcome;
use super::upstream::{CasinoUpstream, Clusters};
use crate::artifact;
use crate::front::{receive, Cors, Refusal, NOT_EMULATED};
use crate::gateway::{FailurePolicy, Gateway, HttpFilter, WasmFilter};
use crate::traffic::{Answer, Request};
use abi_host::{
    BufferFilter, Chain, ChainBuilder, Clock, Ending, Engine, EngineOptions, Misuse, PluginConfig,
    Report,
};
use std::path::Path;

/// Replays all requests, in order.
pub fn run(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
) -> Result<Vec<Outcome>, ReplayError> {
    run_in(&DemoCasino::open()?, gateway, requests, wasm_dir)
}

/// As [`run`], with this casino as the upstream.
pub fn run_in(
    casino: &DemoCasino,
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
) -> Result<Vec<Outcome>, ReplayError> {
    run_all(casino, gateway, requests, wasm_dir, &|| ())
}

/// Sends the requests that `next` makes of the last outcome, until it makes none.
pub fn run_scripted(
    casino: &DemoCasino,
    gateway: &Gateway,
    wasm_dir: &Path,
    next: &mut dyn FnMut(Option<&Outcome>) -> Option<Request>,
) -> Result<(), ReplayError> {
    let Some(first) = next(None) else { return Ok(()) };
    let clock = Clock::at(first.at);
    let mut chain = start(gateway, casino, wasm_dir, clock.clone())?;
    let mut upstream = CasinoUpstream { gateway, casino };
    let mut waiting = Some(first);
    while let Some(request) = waiting {
        let outcome = send(gateway, &mut chain, &clock, &request, &mut upstream)?;
        waiting = next(Some(&outcome));
    }
    Ok(())
}

/// As [`run`]; `step` is called after each request.
pub fn run_stepped(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    step: &dyn Fn(),
) -> Result<Vec<Outcome>, ReplayError> {
    run_all(&DemoCasino::open()?, gateway, requests, wasm_dir, step)
}

fn run_all(
    casino: &DemoCasino,
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    step: &dyn Fn(),
) -> Result<Vec<Outcome>, ReplayError> {
    let clock = Clock::at(requests.first().map_or(0, |it| it.at));
    let mut chain = start(gateway, casino, wasm_dir, clock.clone())?;
    let mut upstream = CasinoUpstream { gateway, casino };
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
        outcomes.push(send(gateway, &mut chain, &clock, request, &mut upstream)?);
        step();
    }
    Ok(outcomes)
}

/// Sends one request at its time.
fn send(
    gateway: &Gateway,
    chain: &mut Chain,
    clock: &Clock,
    request: &Request,
    upstream: &mut CasinoUpstream<'_>,
) -> Result<Outcome, ReplayError> {
    let request = request.marked();
    pass(chain, clock, request.at, upstream);
    upstream.casino.set_time(request.at);
    let outcome = one(gateway, chain, &request, upstream);
    match chain.misuse() {
        None => Ok(outcome),
        Some(Misuse { plugin, what }) => {
            Err(ReplayError::Misuse { number: request.number, plugin, what })
        }
    }
}

fn one(
    gateway: &Gateway,
    chain: &mut Chain,
    request: &Request,
    upstream: &mut dyn abi_host::Upstream,
) -> Outcome {
    let accepted = match receive(gateway, request) {
        Ok(accepted) => accepted,
        Err(refusal) => return refused(request, &refusal),
    };
    let report = chain.run(accepted.for_filters(gateway), upstream);
    // Features used outside of a request may affect all later requests.
    match chain.not_emulated().first() {
        Some(what) => Outcome::not_emulated(what),
        None => outcome(request, report),
    }
}

/// The outcome of a request that never reached the filters.
pub(super) fn refused(request: &Request, refusal: &Refusal) -> Outcome {
    if let Some(what) = refusal.details.strip_prefix(NOT_EMULATED) {
        return Outcome::not_emulated(what);
    }
    Outcome::new(&refusal.answer(request), refusal.details, |_| None)
}

/// The outcome of a request that reached the filters.
pub(super) fn outcome(request: &Request, report: Report) -> Outcome {
    if let Some(what) = report.not_emulated.first() {
        return Outcome::not_emulated(what);
    }
    if let (b"CONNECT", Ending::Stalled { filter }) = (request.method.as_slice(), &report.ending) {
        // Envoy waits for minutes for the end of a tunnel.
        return Outcome::not_emulated(&format!("a tunnel held by {filter}"));
    }
    let answer = report.response.as_ref().map_or_else(Answer::default, |response| Answer {
        status: response.status(),
        headers: response.headers.clone().into_pairs(),
        body: if request.method == b"HEAD" { Vec::new() } else { response.body.clone() },
    });
    Outcome::new(&answer, &report.code_details, |name| {
        let value = report.filter_state.get(&format!("wasm.{name}"))?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

/// Starts the gateway's filters in wasmtime; their calls go to the casino.
pub fn start(
    gateway: &Gateway,
    casino: &DemoCasino,
    wasm_dir: &Path,
    clock: Clock,
) -> Result<Chain, ReplayError> {
    let cache = artifact::target_dir().join("abi-host-cache");
    let options = EngineOptions { cache_directory: Some(cache), ..EngineOptions::default() };
    let engine = Engine::new(options)?;
    let mut chain = Chain::builder(&engine)
        .clock(clock)
        .callouts(Clusters::new(gateway, casino))
        .with_main_thread()
        .buffer_limit(gateway.buffer_limit)
        .node(gateway.node.clone())
        .idle_timeout(gateway.hcm.stream_idle_timeout)
        .request_timeout(gateway.hcm.request_timeout)
        .max_stream_duration(gateway.hcm.max_stream_duration)
        .router({
            let gateway = gateway.clone();
            move |headers| gateway.destination(headers)
        });
    for filter in &gateway.filters {
        chain = match filter {
            HttpFilter::Wasm(wasm) => add(chain, &engine, wasm, wasm_dir)?,
            HttpFilter::Cors => chain.native(Cors::new(gateway)),
            HttpFilter::Buffer { max_request_bytes } => {
                chain.native(BufferFilter { limit: *max_request_bytes })
            }
            HttpFilter::Tap | HttpFilter::Router => chain,
        };
    }
    Ok(chain.start()?)
}

fn add(
    chain: ChainBuilder,
    engine: &Engine,
    wasm: &WasmFilter,
    wasm_dir: &Path,
) -> Result<ChainBuilder, ReplayError> {
    let module = engine.load(artifact::find(wasm_dir, &wasm.file)?)?;
    let mut config = PluginConfig::new(&wasm.name, &wasm.configuration)
        .root_id(&wasm.root_id)
        .vm_id(&wasm.vm_id)
        .failure_policy(match wasm.failure_policy {
            FailurePolicy::Closed => abi_host::FailurePolicy::Closed,
            FailurePolicy::Open => abi_host::FailurePolicy::Open,
            FailurePolicy::Reload => abi_host::FailurePolicy::Reload,
        });
    config.vm_configuration.clone_from(&wasm.vm_configuration);
    config.allow_on_headers_stop_iteration = wasm.stop_iteration;
    for (name, value) in &wasm.environment {
        config = config.env(name, value);
    }
    for name in &wasm.host_environment {
        if let Ok(value) = std::env::var(name) {
            config = config.env(name, &value);
        }
    }
    Ok(chain.wasm(&module, config))
}
