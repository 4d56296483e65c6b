//! Webhooks as Stripe's and Standard Webhooks' own libraries sign them, through the module in wasmtime and
//! in a real Envoy whose clock is set to theirs.

use abi_host::Profile;
use host_tests::client::send;
use host_tests::envoy::{clock, find_for_test, EnvoyProcess, Options};
use serde_json::{json, Value};

use crate::attacks_envoy::{deployed, request};
use crate::fixture::{self, outcome, run, NOW, SECOND};
use crate::partner_envoy::upstream;
use crate::partners::{call, proof, with, FOREIGN};

const VECTORS: &str = include_str!("../../../plugins/player-auth/testdata/webhooks.json");

fn vectors() -> Vec<Value> {
    let mut file: Value = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(file["now"], NOW);
    serde_json::from_value(file["cases"].take()).unwrap()
}

/// One partner for each case, which alone may call a path of its own.
fn partners(cases: &[Value]) -> Value {
    let partner = |(i, case): (usize, &Value)| {
        let (kind, path) = (case["kind"].as_str().unwrap(), format!("/psp/{i}"));
        (format!("p{i}"), json!({ kind: {"secrets": case["secrets"]}, "paths": [path] }))
    };
    cases.iter().enumerate().map(partner).collect()
}

/// The example's configuration with these partners, and an endpoint below which each has its path.
fn changes(cases: &[Value]) -> Value {
    let mut changes = with(&partners(cases));
    changes["endpoints"] = json!([{"prefix": "/psp", "methods": ["POST"], "class": "settlement"}]);
    changes
}

fn headers(case: &Value) -> impl Iterator<Item = (&str, &str)> {
    let headers = case["headers"].as_object().unwrap().iter();
    headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
}

#[test]
fn agrees_with_the_senders_libraries_in_wasmtime() {
    let cases = vectors();
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &changes(&cases));
        for (i, case) in cases.iter().enumerate() {
            let body = case["body"].as_str().unwrap();
            let mut request = call(FOREIGN, &format!("/psp/{i}"), ("x-a", "b"), body);
            for (name, value) in headers(case) {
                request.headers.add(name, value);
            }
            let report = run(&mut chain, request);
            let good = case["good"].as_bool().unwrap();
            assert_eq!(outcome(&report) == "allow", good, "{profile:?} {case:#}");
            if good {
                let id = report.upstream.as_ref().unwrap().headers.text("x-partner-id");
                assert_eq!(id, Some(&*format!("p{i}")));
                if profile == Profile::Envoy {
                    assert_eq!(proof(&report), "signature");
                }
            } else {
                // Without a buffer filter the headers are on their way; nothing of the body is.
                let arrived = |it: &abi_host::UpstreamRequest| it.complete || !it.body.is_empty();
                assert!(!report.upstream.as_ref().is_some_and(arrived), "{case:#}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agrees_with_the_senders_libraries_in_envoy() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let (cases, (server, arrived)) = (vectors(), upstream().await);
    let configuration = fixture::configuration(Profile::Envoy, &changes(&cases));
    let mut options = Options::new(binary, fixture::wasm_dir(), server.address);
    options.clock = Some((clock::library().unwrap(), NOW * SECOND));
    let envoy = EnvoyProcess::start(&deployed(&configuration), options).await.unwrap();
    for (i, case) in cases.iter().enumerate() {
        // Envoy's clock runs on from there: a case at the very edge is the business of the others.
        if case["name"].as_str().unwrap().starts_with("five minutes") {
            continue;
        }
        let path = format!("/psp/{i}");
        let ask = request("POST", &path).header("content-type", "application/json");
        let ask = headers(case).fold(ask, |ask, (name, value)| ask.header(name, value));
        envoy.set_time(NOW * SECOND).unwrap();
        let ask = ask.body(case["body"].as_str().unwrap());
        let answer = send(envoy.address, Some(envoy.listener_port), &ask).await.unwrap();
        let good = case["good"].as_bool().unwrap();
        let text = String::from_utf8_lossy(&answer.body);
        // A timestamp refusal of a settlement is retryable.
        let refused = if text.contains("partner_timestamp") { 503 } else { 401 };
        assert_eq!(answer.status, if good { 200 } else { refused }, "{text} {case:#}");
        assert_eq!(arrived.lock().unwrap().drain(..).count(), usize::from(good), "{case:#}");
    }
}
