//! Warnings about valid configurations in which a policy may not do what its operator expects.
use super::bootstrap::Gateway;
use super::filters::HttpFilter;
use super::routes::Action;
use serde_json::Value;
use std::time::Duration;

/// Bytes of a body that policies read for the endpoint class.
const POLICY_BODY: u64 = 65_536;

/// Timeouts below this are reached by chance.
const SHORT: Duration = Duration::from_secs(1);

/// The warnings, one sentence each.
pub fn advice(gateway: &Gateway) -> Vec<String> {
    let documents: Vec<(&str, Value)> = gateway
        .wasm()
        .filter_map(|it| Some((it.name.as_str(), serde_json::from_slice(&it.configuration).ok()?)))
        .collect();
    let mut all = Vec::new();
    for (name, document) in &documents {
        if document.pointer("/address/trusted").is_some() && !knows_the_peer(gateway) {
            all.push(format!(
                "{name} trusts networks, but `source.address` is whatever X-Forwarded-For says: set \
                 use_remote_address: true and xff_num_trusted_hops: 0"
            ));
        }
        if waits_for_bodies(document) && !holds_bodies(gateway) {
            all.push(format!(
                "{name} reads bodies (endpoints with select.pointer): without envoy.filters.http.buffer \
                 of at least {POLICY_BODY} bytes just before the router, and a larger \
                 per_connection_buffer_limit_bytes, the upstream sees a call before it is judged"
            ));
        }
    }
    all.extend(short_limits(gateway));
    all
}

/// Timeouts that affect Envoy, where a request takes real time, but not wasmtime, where it takes none.
fn short_limits(gateway: &Gateway) -> Vec<String> {
    let of_routes = gateway.routes.all().filter_map(|route| match &route.action {
        Action::Forward { timeout, idle_timeout, .. } => {
            let idle = idle_timeout.map(|it| ("idle_timeout", it));
            Some([Some(("timeout", *timeout)), idle].into_iter().flatten())
        }
        Action::Direct { .. } => None,
    });
    let of_routes = of_routes.flatten().map(|(name, limit)| (format!("a route's {name}"), limit));
    let all = gateway.hcm.limits.iter().cloned().chain(of_routes);
    let short = all.filter(|(_, limit)| !limit.is_zero() && *limit < SHORT);
    short
        .map(|(field, limit)| {
            format!(
                "{field} of {} ms may change decisions: requests that take longer in Envoy end there, \
                 and none takes any time in wasmtime; set at least {} s",
                limit.as_millis(),
                SHORT.as_secs()
            )
        })
        .collect()
}

fn knows_the_peer(gateway: &Gateway) -> bool {
    gateway.hcm.use_remote_address && gateway.hcm.xff_num_trusted_hops == 0
}

fn waits_for_bodies(document: &Value) -> bool {
    let endpoints = document.get("endpoints").and_then(Value::as_array);
    endpoints.is_some_and(|all| all.iter().any(|it| it.pointer("/select/pointer").is_some()))
}

fn holds_bodies(gateway: &Gateway) -> bool {
    let before_router = gateway.filters.iter().rev().nth(1);
    matches!(before_router, Some(HttpFilter::Buffer { max_request_bytes })
        if u64::try_from(*max_request_bytes).is_ok_and(|most| most >= POLICY_BODY))
        && u64::try_from(gateway.buffer_limit).is_ok_and(|limit| limit > POLICY_BODY)
}

#[cfg(test)]
mod tests {
    use super::super::{http_filter, policyless};
    use super::*;
    use serde_json::json;

    fn gateway(hcm: &Value, limit: u64, buffer: Option<u64>, policy: &Value) -> Gateway {
        let config = json!({"@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": policy.to_string()});
        let wasm = json!({"config": {"name": "geo", "vm_config": {"runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": "/x.wasm"}}}, "configuration": config}});
        let mut filters = vec![http_filter("wasm.v3.Wasm", wasm)];
        filters.extend(
            buffer.map(|most| http_filter("buffer.v3.Buffer", json!({"max_request_bytes": most}))),
        );
        filters.push(http_filter("router.v3.Router", json!({})));
        let mut options = hcm.clone();
        options["http_filters"] = json!(filters);
        let mut document = policyless(&options);
        document["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"] =
            json!(limit);
        Gateway::from_document(document).unwrap()
    }

    #[test]
    fn warns_about_risky_configurations() {
        let safe = json!({"use_remote_address": true});
        let hops = json!({"use_remote_address": true, "xff_num_trusted_hops": 1});
        let trusts = json!({"address": {"trusted": ["10.0.0.0/8"]}});
        let none = json!({});
        let reads = json!({"endpoints": [{"path": "/a", "class": "odds"},
            {"path": "/one", "select": {"pointer": "/type", "classes": {}}}]});
        for (hcm, limit, buffer, policy, warning) in [
            (&safe, 131_072, Some(65_536), &trusts, None),
            (&json!({}), 131_072, Some(65_536), &trusts, Some("use_remote_address")),
            (&hops, 131_072, Some(65_536), &trusts, Some("xff_num_trusted_hops")),
            (&json!({}), 131_072, None, &json!({}), None),
            (&safe, 131_072, Some(65_536), &reads, None),
            (&safe, 131_072, None, &reads, Some("envoy.filters.http.buffer")),
            (&safe, 131_072, Some(1_000), &reads, Some("envoy.filters.http.buffer")),
            (&safe, 65_536, Some(65_536), &reads, Some("per_connection_buffer_limit_bytes")),
            (
                &json!({"request_timeout": "0.001s"}),
                131_072,
                None,
                &none,
                Some("request_timeout of 1 ms"),
            ),
            (
                &json!({"stream_idle_timeout": "0.5s"}),
                131_072,
                None,
                &none,
                Some("stream_idle_timeout"),
            ),
            (&json!({"request_timeout": "0s"}), 131_072, None, &none, None),
            (&json!({"stream_idle_timeout": "1s"}), 131_072, None, &none, None),
            (
                &json!({"common_http_protocol_options": {"max_stream_duration": "0.9s"}}),
                131_072,
                None,
                &none,
                Some("common_http_protocol_options.max_stream_duration"),
            ),
        ] {
            let all = advice(&gateway(hcm, limit, buffer, policy));
            assert_eq!(all.len(), usize::from(warning.is_some()), "{all:?}");
            assert!(warning.is_none_or(|it| all[0].contains(it)), "{all:?}");
        }
    }
}
