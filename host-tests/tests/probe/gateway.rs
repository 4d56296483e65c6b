//! A gateway of one module, most often the probe, and the router, for the real Envoy.

#![allow(unreachable_pub)]

use serde_json::{json, Value};

/// The bootstrap. `configuration` is the probe's.
#[allow(dead_code)] // a test has one of the two
pub fn gateway(configuration: &Value) -> Value {
    gateway_of("shell-probe", configuration, "pam")
}

/// The bootstrap with a module, and a cluster besides `casino`.
pub fn gateway_of(module: &str, configuration: &Value, cluster: &str) -> Value {
    let kind = |name: &str| format!("type.googleapis.com/envoy.extensions.filters.{name}");
    let text = json!({
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        "value": configuration.to_string(),
    });
    let file = format!("/etc/pitboss/{}.wasm", module.replace('-', "_"));
    let plugin = json!({
        "name": module, "root_id": module, "configuration": text,
        "vm_config": {
            "vm_id": "probe", "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": file}},
            "environment_variables": {"key_values": {"SECRET": "hush"}},
        },
    });
    let manager = json!({
        "@type": kind("network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "ingress",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "casino"}}]}]},
        "http_filters": [
            {"name": "probe", "typed_config": {"@type": kind("http.wasm.v3.Wasm"), "config": plugin}},
            {"name": "router", "typed_config": {"@type": kind("http.router.v3.Router")}}],
    });
    let clusters = ["casino", cluster].map(|name| json!({"name": name, "type": "STATIC"}));
    json!({"static_resources": {
        "listeners": [{
            "address": {"socket_address": {"address": "0.0.0.0", "port_value": 8443}},
            "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}]}],
        "clusters": clusters}})
}
