//! A gateway without policies, for tests of the gateway itself.
use serde_json::{json, Value};

/// A bootstrap with only the router and the cluster `casino`. `options` are fields of the HTTP connection
/// manager and replace the defaults.
pub fn policyless(options: &Value) -> Value {
    let mut manager = json!({
        "@type": concat!("type.googleapis.com/envoy.extensions.filters.network.",
            "http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "ingress",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "casino"}}]}]},
        "http_filters": [http_filter("router.v3.Router", json!({}))],
    });
    if let (Some(manager), Some(options)) = (manager.as_object_mut(), options.as_object()) {
        manager.extend(options.clone());
    }
    let socket = |address: &str, port: u16| json!({"socket_address": {"address": address, "port_value": port}});
    let endpoint = json!({"endpoint": {"address": socket("casino.internal", 80)}});
    json!({"static_resources": {
        "listeners": [{
            "address": socket("0.0.0.0", 8443),
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
        }],
        "clusters": [{
            "name": "casino", "type": "STRICT_DNS", "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": "casino", "endpoints": [{"lb_endpoints": [endpoint]}]},
        }],
    }})
}

/// One of Envoy's own HTTP filters under its usual name, by the end of its type (`router.v3.Router`).
pub fn http_filter(kind: &str, mut fields: Value) -> Value {
    if let Some(fields) = fields.as_object_mut() {
        let kind = format!("type.googleapis.com/envoy.extensions.filters.http.{kind}");
        fields.insert("@type".to_owned(), json!(kind));
    }
    let name = kind.split('.').next().unwrap_or_default();
    json!({"name": format!("envoy.filters.http.{name}"), "typed_config": fields})
}
