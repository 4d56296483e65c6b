//! A configuration of the gateway, and the requests it is measured with.
use super::build::Build;
use super::error::BenchError;
use crate::gateway::Gateway;
use crate::loopback;
use serde_json::{json, Value};
use std::path::PathBuf;

/// A configuration of the gateway, and the requests it is measured with.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Its name in the result.
    pub name: &'static str,
    /// The HTTP filters before the router, as Envoy's configuration has them.
    pub filters: Vec<Value>,
    /// The requests, as they go over the wire, one after the other and from the first again.
    pub requests: Vec<Vec<u8>>,
    /// The status they must get: a variant that does not do its work is not measured.
    pub status: u16,
    /// An attack at the same time.
    pub attack: Option<Attack>,
    /// Requests that are sent once before the measurement.
    pub before: Vec<Vec<u8>>,
    /// Whether [`NUMBER`] in a request is another number each time.
    pub numbered: bool,
    /// Whether an upstream answers instead of the route.
    pub upstream: bool,
    /// The folder with its modules.
    pub wasm_dir: PathBuf,
}

/// Placeholder of the number in the requests of a numbered variant.
pub(super) const NUMBER: &[u8] = b"00000000";

/// Requests of an attacker, on a separate connection: one for each measured request. Their cost is charged
/// to the measured requests.
#[derive(Debug, Clone)]
pub struct Attack {
    /// The requests, one after the other and from the first again; sources take turns.
    pub requests: Vec<Vec<u8>>,
    /// From how many sources.
    pub sources: usize,
    /// Their status until the gateway refuses them unchecked.
    pub at_first: u16,
    /// Their status from then on.
    pub in_the_end: u16,
}

/// The default address of clients.
pub(super) const PLAYER_ADDRESS: &str = "198.51.100.23";

impl Variant {
    /// A variant without an attack.
    pub(super) fn new(
        name: &'static str,
        filters: Vec<Value>,
        requests: Vec<Vec<u8>>,
        status: u16,
    ) -> Self {
        Self {
            name,
            filters,
            requests,
            status,
            attack: None,
            before: Vec::new(),
            numbered: false,
            upstream: false,
            wasm_dir: PathBuf::new(),
        }
    }

    /// The files of its modules, without folders.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        let file = "/typed_config/config/vm_config/code/local/filename";
        let files = self.filters.iter().filter_map(move |it| it.pointer(file)?.as_str());
        files.filter_map(|path| path.rsplit('/').next())
    }

    /// The gateway's whole configuration.
    pub fn document(&self) -> Value {
        let mut filters = self.filters.clone();
        filters.push(json!({"name": "envoy.filters.http.router", "typed_config": {"@type":
            "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}));
        let manager = json!({
            "@type": concat!("type.googleapis.com/envoy.extensions.filters.network.",
                "http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "bench",
            "use_remote_address": true,
            "http_filters": filters,
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                match self.upstream {
                    true => json!({"match": {"prefix": "/"}, "route": {"cluster": "casino"}}),
                    false => json!({"match": {"prefix": "/"}, "direct_response": {
                        "status": 200, "body": {"inline_string": "ok"}}}),
                }
            ]}]},
        });
        let clusters = match self.upstream {
            true => vec![json!({"name": "casino", "type": "STATIC"})],
            false => vec![],
        };
        json!({"static_resources": {"clusters": clusters, "listeners": [{
            "name": "bench",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager}]}]}]}})
    }
}

/// A bet as an app sends it and an edge forwards it. It has no body, since the route answers at the head.
pub(super) fn bet(token: &str, country: &str, client: &str) -> Vec<u8> {
    let head = [
        "POST /api/bets HTTP/1.1",
        "host: play.lucky-otter.example",
        "user-agent: LuckyOtter/7.4 (iPhone; iOS 19.1; Scale/3.00)",
        "accept: application/json",
        "accept-language: en-MT,en;q=0.9",
        "accept-encoding: gzip, deflate, br",
        &format!("authorization: Bearer {token}"),
        "content-type: application/json",
        "idempotency-key: 6f1c1f9a-5d5e-4a0e-9f53-0b6f0e6d3c11",
        &format!("x-forwarded-for: {client}"),
        &format!("x-geo-country: {country}"),
        "content-length: 0",
        "\r\n",
    ];
    head.join("\r\n").into_bytes()
}

/// A module without a configuration.
pub(crate) fn wasm(module: &str) -> Value {
    let code = json!({"local": {"filename": format!("{module}.wasm")}});
    json!({"name": module, "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
    "config": {
        "name": module,
        "root_id": module,
        "vm_config": {"vm_id": module, "runtime": "envoy.wasm.runtime.v8", "code": code},
    }}})
}

/// The wasm filters of a build's example, as deployed but for the edge, which is this machine.
pub(crate) fn deployed(build: &Build, example: &str) -> Result<Vec<Value>, BenchError> {
    let mut document =
        Gateway::read(&build.examples.join(example).with_extension("yaml"))?.document;
    loopback::trust(&mut document);
    let wasm = |filter: &&Value| filter.pointer("/typed_config/config/vm_config").is_some();
    let filters = document.pointer(loopback::HTTP_FILTERS).and_then(Value::as_array);
    Ok(filters.into_iter().flatten().filter(wasm).cloned().collect())
}
