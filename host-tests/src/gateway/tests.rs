use super::*;
use serde_json::{json, Value};

/// A bootstrap with one of everything.
fn bootstrap() -> Value {
    json!({"static_resources": {"listeners": [{
    "address": {"socket_address": {"address": "0.0.0.0", "port_value": 8443}},
    "filter_chains": [{"filters": [{"name": "hcm", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "normalize_path": true,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "use_remote_address": true,
        "xff_num_trusted_hops": 1,
        "route_config": {"virtual_hosts": [
            {"name": "a", "domains": ["*.lucky.example"], "routes": [
                {"match": {"path": "/health"}, "direct_response": {"status": 200, "body": {"inline_string": "up"}}},
                {"match": {"prefix": "/"}, "route": {"cluster": "casino", "timeout": "1.5s"}}]},
            {"name": "b", "domains": ["*"], "routes": []}]},
        "http_filters": [
            {"name": "geo", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {"name": "geo", "failure_policy": "FAIL_RELOAD",
                    "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "{}"},
                    "vm_config": {"vm_id": "v", "code": {"local": {"filename": "/etc/p/geo.wasm"}},
                        "environment_variables": {"key_values": {"K": "v"}, "host_env_keys": ["H"]}}}}},
            {"name": "buffer", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer", "max_request_bytes": 9}},
            {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]
    }}]}]}]}})
}

fn hcm_path() -> &'static str {
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config"
}

#[test]
fn reads_a_deployed_bootstrap() {
    let gateway = Gateway::from_document(bootstrap()).unwrap();
    assert_eq!(gateway.port, 8443);
    assert_eq!(gateway.hcm.escaped_slashes, EscapedSlashes::Redirect);
    assert_eq!(gateway.hcm.xff_num_trusted_hops, 1);
    assert!(!gateway.hcm.merge_slashes, "Envoy's default");
    let wasm = gateway.wasm().next().unwrap();
    assert_eq!((wasm.file.as_str(), wasm.vm_id.as_str()), ("geo.wasm", "v"));
    assert_eq!(wasm.configuration, b"{}");
    assert_eq!(wasm.environment, [("K".to_owned(), "v".to_owned())]);
    assert_eq!(wasm.host_environment, ["H"]);
    assert_eq!(wasm.failure_policy, FailurePolicy::Reload);
    assert_eq!(gateway.filters[1], HttpFilter::Buffer { max_request_bytes: 9 });
}

#[test]
fn configurations_have_the_bytes_of_envoy() {
    let any = |value| json!({"@type": format!("type.googleapis.com/google.protobuf.{value}")});
    let mut cases = Vec::new();
    for (kind, value, bytes) in [
        ("StringValue", json!("{ \"a\": 1}"), &b"{ \"a\": 1}"[..]),
        ("BytesValue", json!("YWI="), b"ab"),
        // Not JSON: the module gets the message itself.
        ("Struct", json!({"a": "b"}), b"\x0a\x08\x0a\x01a\x12\x03\x1a\x01b"),
        ("Empty", Value::Null, b""),
    ] {
        let mut configuration = any(kind);
        if !value.is_null() {
            configuration["value"] = value;
        }
        cases.push((configuration, bytes));
    }
    for (configuration, bytes) in cases {
        let mut document = bootstrap();
        let filter = "/http_filters/0/typed_config/config";
        document.pointer_mut(&format!("{}{filter}", hcm_path())).unwrap()["configuration"] =
            configuration;
        let gateway = Gateway::from_document(document).unwrap();
        assert_eq!(gateway.wasm().next().unwrap().configuration, bytes);
    }
}

/// Each case sets one field; the error has its path and not the value.
#[test]
fn rejects_unsupported_fields() {
    let cases = [
        (
            "/internal_address_config",
            json!({}),
            "internal_address_config: the replayer does not emulate",
        ),
        (
            "/path_with_escaped_slashes_action",
            json!("secret"),
            "path_with_escaped_slashes_action: must be one of",
        ),
        ("/use_remote_address", json!("secret"), "use_remote_address: must be true or false"),
        (
            "/http_filters/0/disabled",
            json!(true),
            "http_filters[0].disabled: the replayer does not",
        ),
        (
            "/http_filters/0/typed_config/@type",
            json!("x/secret.Lua"),
            "http_filters[0].typed_config.@type: the replayer knows no such",
        ),
        (
            "/http_filters/0/typed_config",
            json!({"@type": "x/xds.type.v3.TypedStruct", "type_url": "x/secret.Lua", "value": {}}),
            "http_filters[0].typed_config: the replayer knows no such",
        ),
        (
            "/upgrade_configs",
            json!([{"upgrade_type": "CONNECT"}]),
            "upgrade_configs[0].upgrade_type: the replayer does not emulate tunnels",
        ),
        (
            "/http_filters/0/typed_config/config/vm_config/code/local/filename",
            json!("secret"),
            "local.filename: must name a .wasm",
        ),
        (
            "/http_filters/0/typed_config/config/failure_policy",
            json!("secret"),
            "failure_policy: must be one of",
        ),
        (
            "/http_filters/1/typed_config/max_request_bytes",
            json!(-1),
            "max_request_bytes: must be a whole number",
        ),
        (
            "/http_filters/2",
            json!({"name": "secret", "typed_config": {"@type": "a/b.Cors"}}),
            "http_filters: must end in the router",
        ),
        (
            "/route_config/request_headers_to_add",
            json!([]),
            "request_headers_to_add: the replayer does not",
        ),
        (
            "/route_config/virtual_hosts/0/routes/1/route/prefix_rewrite",
            json!("secret"),
            "route.prefix_rewrite: the replayer does not",
        ),
        (
            "/route_config/virtual_hosts/0/routes/1/route/retry_policy",
            json!({"retry_on": "secret"}),
            "route.retry_policy.retry_on: the replayer knows",
        ),
        (
            "/route_config/virtual_hosts/0/routes/1/route/timeout",
            json!("secret"),
            "route.timeout: must be a duration",
        ),
    ];
    for (pointer, value, wanted) in cases {
        let mut document = bootstrap();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(&format!("{}{parent}", hcm_path())).unwrap();
        match parent {
            Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
            object => object[field] = value,
        }
        let error = Gateway::from_document(document).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
        assert!(error.starts_with("static_resources.listeners[0].filter_chains[0]"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

/// Fields that a replay must not ignore: each changes decisions.
#[test]
fn rejects_fields_that_change_decisions() {
    let listener = "/static_resources/listeners/0";
    let wasm = format!("{}/http_filters/0/typed_config/config", hcm_path());
    let at = |parent: &str, field: &str| format!("{parent}/{field}");
    for (pointer, value, wanted) in [
        ("/layered_runtime".to_owned(), json!({}), "layered_runtime: the replayer does not"),
        ("/dynamic_resources".to_owned(), json!({}), "dynamic_resources: the replayer does not"),
        (
            at(listener, "listener_filters"),
            json!([]),
            "listeners[0].listener_filters: the replayer",
        ),
        (at(listener, "useOriginalDst"), json!(true), "listeners[0].useOriginalDst: the replayer"),
        (
            at(listener, "filter_chains/0/filter_chain_match"),
            json!({}),
            "filter_chains[0].filter_chain_match: the replayer",
        ),
        (at(hcm_path(), "codec_type"), json!("HTTP2"), "codec_type: the replayer speaks HTTP/1.1"),
        (
            at(&wasm, "capability_restriction_config"),
            json!({"allowed_capabilities": {"proxy_on_configure": {}}}),
            "capability_restriction_config.allowed_capabilities: the replayer does not",
        ),
        (
            at(&wasm, "reload_config"),
            json!({"backoff": {"base_interval": "60s"}}),
            "config.reload_config: the replayer does not",
        ),
        (
            at(&wasm, "vm_config/runtime"),
            json!("envoy.wasm.runtime.null"),
            "vm_config.runtime: must be",
        ),
        (at(&wasm, "vm_config/code/remote"), json!({}), "code.remote: the replayer does not"),
        (at(&wasm, "vm_config/code/local/sha256"), json!("x"), "local.sha256: the replayer does"),
        (
            at(hcm_path(), "http_filters/1/typed_config/other"),
            json!("x"),
            "http_filters[1].typed_config.other: the replayer does not",
        ),
    ] {
        let mut document = bootstrap();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[field] = value;
        let error = Gateway::from_document(document).unwrap_err().to_string();
        assert!(error.contains(wanted), "{pointer}: {error}");
    }
    for (pointer, value) in [
        (at(hcm_path(), "codec_type"), json!("AUTO")),
        // Envoy minds neither the case of an enumeration's name nor whether it is a number.
        (at(hcm_path(), "codec_type"), json!("auto")),
        (at(hcm_path(), "codec_type"), json!(1)),
        (at(hcm_path(), "path_with_escaped_slashes_action"), json!("reject-request")),
        (at(&wasm, "failure_policy"), json!("fail_open")),
        (at(listener, "traffic_direction"), json!("outbound")),
        (at(hcm_path(), "upgrade_configs"), json!([{"upgrade_type": "websocket"}])),
        (at(&wasm, "capability_restriction_config"), json!({"allowed_capabilities": {}})),
        (at(&wasm, "vm_config/runtime"), json!("envoy.wasm.runtime.v8")),
        ("/stats_config".to_owned(), json!({})),
    ] {
        let mut document = bootstrap();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[field] = value;
        assert!(Gateway::from_document(document).is_ok(), "{pointer}");
    }
}

#[test]
fn yaml_errors_have_the_position_and_no_text() {
    let error = Gateway::from_yaml("a: b\nkey: 'hunter2").unwrap_err().to_string();
    assert!(error.starts_with("not YAML: line "), "{error}");
    assert!(!error.contains("hunter2"));
}

#[test]
fn routes_match_as_in_envoy() {
    let gateway = Gateway::from_document(bootstrap()).unwrap();
    let forward = Some(Action::Forward {
        cluster: "casino".to_owned(),
        timeout: std::time::Duration::from_millis(1500),
        retries: abi_host::RetryPolicy::default(),
        idle_timeout: None,
    });
    let direct = Some(Action::Direct { status: 200, body: b"up".to_vec() });
    for (host, path, action) in [
        ("a.lucky.example", "/x", forward.clone()),
        ("A.Lucky.Example", "/health?x", direct),
        ("a.lucky.example", "/healthy", forward),
        (".lucky.example", "/x", None),
        ("lucky.example", "/x", None),
        ("a.lucky.example:80", "/x", None),
    ] {
        let found = gateway.routes.find(&headers(host, path)).map(|it| it.action.clone());
        assert_eq!(found, action, "{host}{path}");
    }
}

fn headers(host: &str, path: &str) -> abi_host::Headers {
    let mut headers = abi_host::Headers::new();
    headers.add(":authority", host);
    headers.add(":path", path);
    headers
}

#[test]
fn routes_match_by_exact_headers() {
    let mut document = bootstrap();
    let routes = format!("{}/route_config/virtual_hosts/0/routes", hcm_path());
    let urgent = json!({"name": "urgent", "match": {"prefix": "/",
        "headers": [{"name": "X-Request-Priority", "string_match": {"exact": "high"}}]},
        "route": {"cluster": "casino", "priority": "HIGH"}});
    document.pointer_mut(&routes).unwrap().as_array_mut().unwrap().insert(0, urgent);
    let gateway = Gateway::from_document(document.clone()).unwrap();
    for (value, name) in [("high", "urgent"), ("HIGH", ""), ("low", ""), ("", "")] {
        let mut headers = headers("a.lucky.example", "/x");
        headers.add("x-request-priority", value);
        let found = gateway.routes.find(&headers).map(|it| it.name.as_str());
        assert_eq!(found, Some(name), "{value}");
    }
    document.pointer_mut(&routes).unwrap()[0]["route"]["priority"] = json!("LOW");
    let error = Gateway::from_document(document).unwrap_err().to_string();
    assert!(error.contains("priority"), "{error}");
}
