//! Unanswered requests and long gaps in a replay.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of a test

use host_tests::artifact;
use host_tests::envoy::find_for_test;
use host_tests::gateway::{http_filter, policyless, Gateway};
use host_tests::replay::{gaps, run_emulated, run_real, Comparison};
use host_tests::traffic::Request;
use serde_json::json;

/// Envoy's buffer filter waits for the end of a tunnel until the client disconnects.
#[tokio::test(flavor = "multi_thread")]
async fn unanswered_requests_are_reported_and_others_compared() {
    let Some(envoy) = find_for_test().unwrap() else { return };
    let buffer = http_filter("buffer.v3.Buffer", json!({"max_request_bytes": 100}));
    let filters = [buffer, http_filter("router.v3.Router", json!({}))];
    let gateway = Gateway::from_document(policyless(&json!({"http_filters": filters}))).unwrap();
    let numbered = |number: usize, request: Request| Request { number, ..request };
    let requests = [
        numbered(1, Request::new("GET", "/api/lobby")),
        numbered(2, Request::new("CONNECT", "h:80")),
        numbered(3, Request::new("GET", "/api/lobby")),
    ];
    let wasm_dir = artifact::wasm_dir();
    let real = run_real(&gateway, &requests, &wasm_dir, envoy).await.unwrap();
    let told: Vec<(&str, &str)> = real.iter().map(|it| (&*it.decision, &*it.code)).collect();
    assert_eq!(told, [("none", "-"), ("unanswered", "silence"), ("none", "-")]);
    let emulated = run_emulated(&gateway, &requests, &wasm_dir).unwrap();
    let comparison = Comparison::new(&requests, &emulated, &real);
    assert_eq!(comparison.summary(), "replayed 3 requests, 2 agree, 1 differ");
}

/// Without jumps, 117 days with 44 ticks a second took over eight minutes.
#[tokio::test(flavor = "multi_thread")]
async fn both_halves_agree_over_long_gaps() {
    for plugin in ["geo-jurisdiction", "player-auth", "idempotency"] {
        artifact::build(plugin).unwrap();
    }
    let gateway = Gateway::example("chain").unwrap();
    let start = 1_772_366_400_000_000_000;
    let day = 86_400_000_000_000;
    let at = |number: usize, at: u64, path: &str| {
        let mut request = Request::new("GET", path).from("10.20.0.1:20001".parse().unwrap());
        request.headers = vec![(b"host".to_vec(), b"play.lucky-otter.example".to_vec())];
        let request =
            request.header("x-forwarded-for", "198.51.100.7").header("x-geo-country", "MT");
        Request { number, at: start + at, ..request }
    };
    let requests = [
        at(1, 0, "/api/lobby"),
        at(2, 1_000_000_000, "/api/account/balance"),
        at(3, 10 * day, "/api/lobby"),
        at(4, 127 * day, "/api/account/balance"),
    ];
    let numbers: Vec<usize> = gaps(&requests).into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [3, 4]);
    let wasm_dir = artifact::wasm_dir();
    let emulated = run_emulated(&gateway, &requests, &wasm_dir).unwrap();
    let codes: Vec<&str> = emulated.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["-", "token_missing", "-", "token_missing"]);
    let Some(envoy) = find_for_test().unwrap() else { return };
    let real = run_real(&gateway, &requests, &wasm_dir, envoy).await.unwrap();
    let comparison = Comparison::new(&requests, &emulated, &real);
    assert!(comparison.differing.is_empty(), "{}", comparison.differing.join("\n\n"));
}
