//! Calls of filters, in both halves of a replay: to the same casino, at the recorded time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of a test

#[path = "probe/gateway.rs"]
mod gateway;

use host_tests::artifact;
use host_tests::envoy::find_for_test;
use host_tests::gateway::Gateway;
use host_tests::replay::{run_emulated, run_real, Comparison, Outcome};
use host_tests::traffic::Request;
use serde_json::{json, Value};

/// 2027-01-15 08:00:00 UTC in nanoseconds.
const MORNING: u64 = 1_800_000_000_000_000_000;

fn requests(scripts: &[(&str, &str)]) -> Vec<Request> {
    let request = |(index, (script, target)): (usize, &(&str, &str))| {
        let mut request = Request::new("GET", target).header("x-script", script);
        request.number = index + 1;
        request.at = MORNING + u64::try_from(index).unwrap() * 60_000_000_000;
        request
    };
    scripts.iter().enumerate().map(request).collect()
}

fn seen(outcome: &Outcome) -> String {
    let seen = outcome.headers.iter().find_map(|it| it.strip_prefix("x-seen: "));
    seen.unwrap_or_default().to_owned()
}

/// Targets, requests, and the responses that the probe saw.
fn table() -> Vec<(Value, &'static str, &'static str)> {
    let introspect = |headers: Value, body: &str| {
        json!({"target": "pam", "request": {
            "method": "POST", "path": "/oauth/introspect", "headers": headers, "body": body,
            "max_reply": 1000}})
    };
    let form = json!(["content-type", "application/x-www-form-urlencoded"]);
    // gateway:demo-introspection
    let client = json!(["authorization", "Basic Z2F0ZXdheTpkZW1vLWludHJvc3BlY3Rpb24="]);
    let path = |target: &str, path: &str| json!({"target": target, "request": {"path": path}});
    vec![
        (path("casino", "/.well-known/jwks.json"), "call", "answer=200/8+"),
        (path("pam", "/.well-known/jwks.json"), "join:keys", "landing1:answer=200/8+"),
        (path("pam", "/no/such/thing"), "call", "answer=404/8+"),
        (path("nobody", "/.well-known/jwks.json"), "call", "failed:proxy_http_call"),
        (introspect(json!([form, client]), "token=x"), "call", "answer=200/16"),
        (introspect(json!([form, client]), "x=token"), "call", "answer=400/"),
        (introspect(json!([form]), "token=x"), "call", "answer=401/"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn both_halves_agree_on_calls() {
    let envoy = find_for_test().unwrap();
    artifact::build("shell-probe").unwrap();
    for (configuration, script, want) in table() {
        let gateway = Gateway::from_document(gateway::gateway(&configuration)).unwrap();
        let requests = requests(&[(script, "/api/lobby")]);
        let emulated = run_emulated(&gateway, &requests, &artifact::wasm_dir()).unwrap();
        assert!(seen(&emulated[0]).starts_with(want), "{configuration}: {}", seen(&emulated[0]));
        let Some(envoy) = envoy.clone() else { continue };
        let real = run_real(&gateway, &requests, &artifact::wasm_dir(), envoy).await.unwrap();
        let comparison = Comparison::new(&requests, &emulated, &real);
        assert!(comparison.differing.is_empty(), "{}", comparison.differing.join("\n\n"));
    }
}

/// A call of a filter changes the casino for the next request, at the recorded time.
#[tokio::test(flavor = "multi_thread")]
async fn calls_reach_the_same_casino_at_the_same_time() {
    let envoy = find_for_test().unwrap();
    artifact::build("shell-probe").unwrap();
    let configuration = json!({"target": "pam", "request": {
        "method": "POST", "path": "/_players/p-1001", "body": "{\"state\": \"closed\"}"}});
    let gateway = Gateway::from_document(gateway::gateway(&configuration)).unwrap();
    let requests = requests(&[
        ("", "/players/p-1001/status"),
        ("call", "/players/p-1001/status"),
        ("", "/revocations"),
    ]);
    let emulated = run_emulated(&gateway, &requests, &artifact::wasm_dir()).unwrap();
    let bodies = emulated.iter().map(|it| String::from_utf8_lossy(&it.body).into_owned());
    let bodies: Vec<_> = bodies.collect();
    assert!(bodies[0].contains("\"active\""), "{bodies:?}");
    assert!(bodies[1].contains("\"closed\""), "{bodies:?}");
    let second = (MORNING + 60_000_000_000) / 1_000_000_000;
    assert!(bodies[2].contains(&second.to_string()), "{bodies:?}");
    let Some(envoy) = envoy else { return };
    let real = run_real(&gateway, &requests, &artifact::wasm_dir(), envoy).await.unwrap();
    let comparison = Comparison::new(&requests, &emulated, &real);
    assert!(comparison.differing.is_empty(), "{}", comparison.differing.join("\n\n"));
}

/// Calls of a tick are made when the tick is due, not at the next request. Only in wasmtime: Envoy's timers
/// do not follow the clock that is set.
#[test]
fn calls_of_ticks_have_the_time_of_the_tick() {
    artifact::build("shell-probe").unwrap();
    let configuration = json!({"target": "casino", "tick_ms": 25_000, "tick_key": "close", "request": {
        "method": "POST", "path": "/_players/p-1001", "body": "{\"state\": \"closed\"}"}});
    let gateway = Gateway::from_document(gateway::gateway(&configuration)).unwrap();
    let requests = requests(&[("", "/revocations"), ("", "/revocations")]);
    let outcomes = run_emulated(&gateway, &requests, &artifact::wasm_dir()).unwrap();
    let body = |index: usize| String::from_utf8_lossy(&outcomes[index].body).into_owned();
    let due = ((MORNING + 25_000_000_000) / 1_000_000_000).to_string();
    assert!(!body(0).contains("p-1001") && body(1).contains(&due), "{} {}", body(0), body(1));
}
