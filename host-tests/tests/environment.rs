//! Environment variables of a module, in the real Envoy.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of a test

#[path = "probe/gateway.rs"]
mod gateway;
mod probe;

use std::collections::BTreeMap;

use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use serde_json::{json, Value};

const CALLBACKS: [&str; 13] = [
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_log",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_response_headers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

/// A module without access to the environment sees an empty one and does not trap.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_come_from_the_environment() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let server = Server::start(|_| http::Response::new("hello".into())).await.unwrap();
    for (kept, want) in [("nothing", "env=hush env=none"), ("environ", "env=none env=none")] {
        let calls = probe::module().host_calls().into_iter().map(|it| it.to_owned());
        let allowed = calls.chain(CALLBACKS.map(str::to_owned)).filter(|it| !it.starts_with(kept));
        let allowed: BTreeMap<String, Value> = allowed.map(|it| (it, json!({}))).collect();
        let mut document = gateway::gateway(&json!({}));
        let plugin = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config\
                      /http_filters/0/typed_config/config";
        let plugin = document.pointer_mut(plugin).unwrap();
        plugin["capability_restriction_config"] = json!({"allowed_capabilities": allowed});
        let wasm_dir = host_tests::artifact::wasm_dir();
        let mut options = Options::new(binary.clone(), wasm_dir, server.address);
        options.recorded = false;
        let envoy = EnvoyProcess::start(&document, options).await.unwrap();
        let request = Request::new("GET", "/").header("x-script", "env:SECRET,env:PATH");
        let answer = send(envoy.address, None, &request).await.unwrap();
        assert_eq!(answer.header("x-seen").as_deref(), Some(want), "without {kept}");
    }
}
