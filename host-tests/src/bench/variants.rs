//! What is compared. A policy that is added gets its entries at the end of [`variants`].
use super::BenchError;
use crate::envoy::workspace_root;
use crate::gateway::Gateway;
use crate::loopback;
use serde_json::{json, Value};

/// One way to configure the gateway, and the request it is asked with.
#[derive(Debug, Clone)]
pub struct Variant {
    /// How it is called in the result.
    pub name: &'static str,
    /// The HTTP filters before the router, as Envoy's configuration has them.
    pub filters: Vec<Value>,
    /// The request, as it goes over the wire.
    pub request: Vec<u8>,
    /// The status it must get: a variant that does not do its work is not measured.
    pub status: u16,
}

/// All variants. The first is the gateway without any filter, the second the no-op that a filter is
/// compared with.
pub fn variants() -> Result<Vec<Variant>, BenchError> {
    let geo = || deployed("geo-jurisdiction");
    Ok(vec![
        Variant { name: "no filter", filters: vec![], request: bet("MT"), status: 200 },
        Variant {
            name: "no-op, every callback",
            filters: vec![wasm("noop")],
            request: bet("MT"),
            status: 200,
        },
        Variant {
            name: "no-op, only what it uses",
            filters: vec![wasm("noop_lean")],
            request: bet("MT"),
            status: 200,
        },
        Variant {
            name: "geo-jurisdiction, allowed",
            filters: geo()?,
            request: bet("MT"),
            status: 200,
        },
        Variant {
            name: "geo-jurisdiction, refused",
            filters: geo()?,
            request: bet("DE"),
            status: 451,
        },
    ])
}

impl Variant {
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
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{
                "match": {"prefix": "/"},
                "direct_response": {"status": 200, "body": {"inline_string": "ok"}}}]}]},
        });
        json!({"static_resources": {"clusters": [], "listeners": [{
            "name": "bench",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager}]}]}]}})
    }
}

/// A bet as an app sends it and an edge passes it on. It has no body: the route answers at the head,
/// and what follows is not the gateway's business here.
fn bet(country: &str) -> Vec<u8> {
    let token = "e".repeat(400);
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
        "x-forwarded-for: 198.51.100.23",
        &format!("x-geo-country: {country}"),
        "content-length: 0",
        "\r\n",
    ];
    head.join("\r\n").into_bytes()
}

/// A module without a configuration.
fn wasm(module: &str) -> Value {
    let code = json!({"local": {"filename": format!("{module}.wasm")}});
    json!({"name": module, "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
    "config": {
        "name": module,
        "root_id": module,
        "vm_config": {"vm_id": module, "runtime": "envoy.wasm.runtime.v8", "code": code},
    }}})
}

/// The wasm filters of an example, as deployed but for the edge, which is this machine.
fn deployed(example: &str) -> Result<Vec<Value>, BenchError> {
    let path = workspace_root().join("envoy-examples").join(example).with_extension("yaml");
    let mut document = Gateway::read(&path)?.document;
    loopback::trust(&mut document);
    let wasm = |filter: &&Value| filter.pointer("/typed_config/config/vm_config").is_some();
    let filters = document.pointer(loopback::HTTP_FILTERS).and_then(Value::as_array);
    Ok(filters.into_iter().flatten().filter(wasm).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_is_a_gateway_that_can_be_read() {
        let all = variants().unwrap();
        for variant in &all {
            let gateway = Gateway::from_document(variant.document()).unwrap();
            assert_eq!(gateway.wasm().count(), variant.filters.len(), "{}", variant.name);
            assert!(variant.request.ends_with(b"\r\n\r\n"), "{}", variant.name);
        }
        assert!(all[0].filters.is_empty() && all[3].filters.len() == 1);
    }
}
