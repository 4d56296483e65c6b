//! The half that runs in wasmtime.
use super::house::House;
use super::outcome::Outcome;
use super::ReplayError;
use crate::artifact;
use crate::front::{receive, upstream_fields, Cors, Refusal};
use crate::gateway::{Action, FailurePolicy, Gateway, HttpFilter, WasmFilter};
use crate::traffic::{Answer, Fields, Request};
use abi_host::{
    grpc, BufferFilter, Chain, ChainBuilder, Clock, Ending, Engine, EngineOptions, Headers,
    PluginConfig, Report, RetryPolicy, StreamId, Upstream, UpstreamRequest,
};
use bytes::Bytes;
use std::path::Path;
use std::time::Duration;

/// Replays all requests, in order.
pub fn run(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
) -> Result<Vec<Outcome>, ReplayError> {
    run_in(&House::open()?, gateway, requests, wasm_dir)
}

/// The same with this casino behind the gateway.
pub fn run_in(
    house: &House,
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
) -> Result<Vec<Outcome>, ReplayError> {
    run_all(house, gateway, requests, wasm_dir, &|| ())
}

/// The same with a fresh casino; `step` is called after each request.
pub fn run_stepped(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    step: &dyn Fn(),
) -> Result<Vec<Outcome>, ReplayError> {
    run_all(&House::open()?, gateway, requests, wasm_dir, step)
}

fn run_all(
    house: &House,
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    step: &dyn Fn(),
) -> Result<Vec<Outcome>, ReplayError> {
    let clock = Clock::at(requests.first().map_or(0, |it| it.at));
    let mut chain = start(gateway, wasm_dir, clock.clone())?;
    let mut upstream = Behind { gateway, house };
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
        let request = request.marked();
        // Ticks that are due before this request come first.
        let pause = Duration::from_nanos(request.at.saturating_sub(clock.now()));
        chain.run_for(pause, &mut upstream);
        house.set_time(request.at);
        outcomes.push(one(gateway, &mut chain, &request, &mut upstream));
        step();
    }
    Ok(outcomes)
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
    outcome(request, chain.run(accepted.for_filters(gateway), upstream))
}

/// What became of a request that never reached the filters.
pub(super) fn refused(request: &Request, refusal: &Refusal) -> Outcome {
    Outcome::new(&refusal.answer(request), refusal.details, |_| None)
}

/// What became of a request that reached the filters.
pub(super) fn outcome(request: &Request, report: Report) -> Outcome {
    if let (b"CONNECT", Ending::Stalled { filter }) = (request.method.as_slice(), &report.ending) {
        // Envoy waits, for minutes, for the end of a tunnel that has none.
        return Outcome::not_emulated(&format!("a tunnel held by {filter}"));
    }
    let mut answer = report.response.as_ref().map_or_else(Answer::default, |response| Answer {
        status: response.status(),
        headers: response.headers.clone().into_pairs(),
        body: if request.method == b"HEAD" { Vec::new() } else { response.body.clone() },
    });
    // The route is the router's business, and so is the want of one.
    let details = answer.header(NO_ROUTE).unwrap_or(report.code_details);
    answer.headers.retain(|(name, _)| name != NO_ROUTE.as_bytes());
    Outcome::new(&answer, &details, |name| {
        let value = report.filter_state.get(&format!("wasm.{name}"))?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

/// The router, and the casino behind it.
pub(super) struct Behind<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) house: &'a House,
}

impl Upstream for Behind<'_> {
    fn opened(&mut self, _: StreamId, headers: &Headers) -> Option<abi_host::Answer> {
        // No route of those that are emulated takes a tunnel.
        let connect = headers.get(":method") == Some(b"CONNECT");
        connect.then(|| local(headers, 404, "route_not_found", b"").into())
    }

    fn answer(&mut self, request: &UpstreamRequest) -> abi_host::Answer {
        let answer: abi_host::Answer = behind(self.gateway, self.house, request).into();
        answer.under(retries(self.gateway, &request.headers))
    }
}

/// Marks an answer that the router gave because there was no upstream to ask.
const NO_ROUTE: &str = "x-pitboss-no-upstream";

/// An answer of the router.
fn local(request: &Headers, status: u16, details: &str, body: &[u8]) -> abi_host::Response {
    if grpc::is_call(request) {
        let head = request.get(":method") == Some(b"HEAD");
        let headers = grpc::reply(status, Headers::new(), body, head);
        return abi_host::Response { headers, ..abi_host::Response::new(200) }
            .header(NO_ROUTE, details);
    }
    let answer = abi_host::Response::new(status).header(NO_ROUTE, details).body(body);
    if body.is_empty() {
        answer
    } else {
        answer.header("content-type", "text/plain")
    }
}

/// When the router asks the upstream again; never where it answers by itself.
fn retries(gateway: &Gateway, request: &Headers) -> RetryPolicy {
    let text = |name: &str| request.text(name).unwrap_or_default();
    match gateway.routes.find(text(":authority"), text(":path")).map(|it| &it.action) {
        Some(Action::Forward { retries, .. }) => *retries,
        Some(Action::Direct { .. }) | None => RetryPolicy::default(),
    }
}

/// What the router does.
fn behind(gateway: &Gateway, house: &House, request: &UpstreamRequest) -> abi_host::Response {
    let text = |name: &str| request.headers.text(name).unwrap_or_default().to_owned();
    let (authority, path) = (text(":authority"), text(":path"));
    let no_route = || local(&request.headers, 404, "route_not_found", b"");
    let timeout = match gateway.routes.find(&authority, &path).map(|it| &it.action) {
        _ if request.headers.get("x-forwarded-proto").is_none_or(<[u8]>::is_empty) => {
            return no_route();
        }
        None => return no_route(),
        Some(Action::Direct { status, body }) => {
            return local(&request.headers, *status, "direct_response", body);
        }
        Some(Action::Forward { timeout, .. }) => *timeout,
    };
    let fields: Fields = request.headers.clone().into_pairs();
    let fields = upstream_fields(&fields, &request.body, timeout);
    let Some(plain) = plain(&text(":method"), &path, &fields, &request.body) else {
        // The casino's server takes no such request.
        return abi_host::Response::new(400);
    };
    let response = house.answer(&plain);
    let mut headers = Headers::from([(":status", response.status().as_str())]);
    for (name, value) in response.headers() {
        headers.add(name, value);
    }
    let answer = abi_host::Response { headers, ..abi_host::Response::new(200) };
    answer.body(response.body())
}

fn plain(method: &str, path: &str, fields: &Fields, body: &[u8]) -> Option<http::Request<Bytes>> {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(name.as_slice(), value.as_slice());
    }
    request.body(Bytes::copy_from_slice(body)).ok()
}

/// Starts the gateway's filters in wasmtime.
pub fn start(gateway: &Gateway, wasm_dir: &Path, clock: Clock) -> Result<Chain, ReplayError> {
    let cache = artifact::target_dir().join("abi-host-cache");
    let options = EngineOptions { cache_directory: Some(cache), ..EngineOptions::default() };
    let engine = Engine::new(options)?;
    let mut chain = Chain::builder(&engine)
        .clock(clock)
        .with_main_thread()
        .buffer_limit(gateway.buffer_limit)
        .route_timeout(gateway.routes.timeout());
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
