//! A double click, in both halves: the second request is sent before the first is answered.
#![allow(clippy::unwrap_used)] // helpers of a test

use host_tests::artifact;
use host_tests::envoy::{find_for_test, workspace_root};
use host_tests::gateway::Gateway;
use host_tests::replay::{run_emulated_pair, run_real_pair, Comparison, Outcome};
use host_tests::traffic::Request;
use serde_json::Value;

/// 2026-03-02T20:00:00Z.
const START: u64 = 1_772_481_600_000_000_000;

/// A bet, as the edge passes it on; a click is a fifth of a second after the other.
fn bet(number: usize, country: &str) -> Request {
    let mut request = Request::new("POST", "/api/bets")
        .body(r#"{"event":"ev-1","selection":"home","stake":500}"#)
        .from("10.20.0.1:20001".parse().unwrap())
        .header("x-forwarded-for", "198.51.100.7")
        .header("x-geo-country", country)
        .header("authorization", "Bearer demo.p-alice")
        .header("idempotency-key", "6f1c1f9a-5d5e-4a0e-9f53-0b6f0e6d3c11");
    request.headers.retain(|(name, _)| name != b"host");
    let at = START + u64::try_from(number).unwrap() * 200_000_000;
    Request { number, at, ..request }.header("host", "play.lucky-otter.example")
}

/// Decision, code, and the number of the bet where one was placed.
fn told(outcome: &Outcome) -> (&str, &str, Option<String>) {
    let body = serde_json::from_slice::<Value>(&outcome.body).unwrap_or_default();
    let bet = body.get("bet_id").and_then(Value::as_str).map(str::to_owned);
    (&outcome.decision, &outcome.code, bet)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_is_decided_while_the_first_is_pending() {
    artifact::build("geo-jurisdiction").unwrap();
    let example = workspace_root().join("envoy-examples/geo-jurisdiction.yaml");
    let (gateway, wasm_dir) = (Gateway::read(&example).unwrap(), artifact::wasm_dir());
    let placed = |bet: &str| ("allow", "-", Some(bet.to_owned()));
    let refused = ("deny", "jurisdiction_unlicensed", None);
    for (countries, wanted) in [
        // No policy refuses it: the casino places both bets.
        (["MT", "MT"], [placed("b-1"), placed("b-2")]),
        // The second is refused, and knows it, before the first has its answer.
        (["MT", "DE"], [placed("b-1"), refused.clone()]),
        // The first never reaches the casino.
        (["DE", "MT"], [refused.clone(), placed("b-1")]),
        (["DE", "DE"], [refused.clone(), refused.clone()]),
    ] {
        let [first, second] = countries;
        let pair = [bet(1, first), bet(2, second)];
        let emulated = run_emulated_pair(&gateway, &pair, &wasm_dir).unwrap();
        assert_eq!(emulated.each_ref().map(told), wanted, "{countries:?}");
        let Some(envoy) = find_for_test().unwrap() else { continue };
        let real = run_real_pair(&gateway, &pair, &wasm_dir, envoy).await.unwrap();
        let comparison = Comparison::new(&pair, &emulated, &real);
        assert!(comparison.differing.is_empty(), "{}", comparison.differing.join("\n\n"));
    }
}
