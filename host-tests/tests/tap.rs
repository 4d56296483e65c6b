//! Traces of the real Envoy's HTTP tap replay as the original requests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of a test

use host_tests::envoy::{find_for_test, workspace_root, EnvoyProcess, Options};
use host_tests::gateway::Gateway;
use host_tests::intake::{read, Defaults};
use host_tests::replay::{lines, run_emulated, DemoCasino};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use host_tests::{artifact, client, har};
use serde_json::{json, Value};
use std::path::Path;

/// The example with a tap in front of everything.
fn tapped(folder: &Path, format: &str) -> Value {
    let path = workspace_root().join("envoy-examples/geo-jurisdiction.yaml");
    let mut document = Gateway::read(&path).unwrap().document;
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let filters = document.pointer_mut(&format!("{manager}/http_filters")).unwrap();
    let sink = json!({"format": format, "file_per_tap": {"path_prefix": folder.join("t")}});
    let tap = json!({
        "name": "envoy.filters.http.tap",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap",
            "common_config": {"static_config": {
                "match": {"any_match": true},
                "output_config": {"sinks": [sink]},
            }},
            "record_headers_received_time": true,
            "record_downstream_connection": true,
        },
    });
    filters.as_array_mut().unwrap().insert(0, tap);
    document
}

/// The requests of the recording that reach a filter: Envoy's own refusals come before the tap.
fn recording() -> Vec<Request> {
    let path = workspace_root().join("host-tests/recordings/first-light.har");
    let requests = har::read(&std::fs::read_to_string(path).unwrap()).unwrap();
    let refused = [57, 60, 61, 65, 66, 67, 68];
    requests.into_iter().filter(|it| !refused.contains(&it.number)).collect()
}

/// The lines of a run without times, which are the real Envoy's, and with normalised paths.
fn decisions(requests: &[Request], document: &Value) -> Vec<String> {
    artifact::build("geo-jurisdiction").unwrap();
    let gateway = Gateway::from_document(document.clone()).unwrap();
    let outcomes = run_emulated(&gateway, requests, &artifact::wasm_dir()).unwrap();
    let short = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        [words[2], words[3]]
            .into_iter()
            .chain(words[5..].iter().copied())
            .collect::<Vec<_>>()
            .join(" ")
    };
    lines(requests, &outcomes).lines().map(short).collect()
}

/// How many requests are refused before their body comes to the tap, and the others.
fn split(sent: &[Request], document: &Value) -> (usize, Vec<Request>) {
    let gateway = Gateway::from_document(document.clone()).unwrap();
    let outcomes = run_emulated(&gateway, sent, &artifact::wasm_dir()).unwrap();
    let whole = sent
        .iter()
        .zip(&outcomes)
        .filter(|(it, outcome)| it.body.is_empty() || outcome.decision != "deny");
    let whole: Vec<Request> = whole.map(|(it, _)| it.clone()).collect();
    (sent.len() - whole.len(), whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_of_the_real_envoy_replay() {
    let Some(envoy) = find_for_test().unwrap() else { return };
    artifact::build("geo-jurisdiction").unwrap();
    let sent = recording();
    for format in ["JSON_BODY_AS_BYTES", "JSON_BODY_AS_STRING"] {
        let folder = tempfile::tempdir().unwrap();
        let document = tapped(folder.path(), format);
        let house = DemoCasino::open().unwrap();
        let server = Server::start(move |request| house.answer(&request)).await.unwrap();
        let wasm_dir = std::path::absolute(artifact::wasm_dir()).unwrap();
        let options = Options::new(envoy.clone(), wasm_dir, server.address);
        let process = EnvoyProcess::start(&document, options).await.unwrap();
        for request in &sent {
            client::send(process.address, Some(process.listener_port), request).await.unwrap();
        }
        // A trace is written before its line in the access log.
        process.access_log(sent.len()).await.unwrap();
        let recording = read(folder.path(), &Defaults::default()).unwrap();
        let (left, whole) = split(&sent, &document);
        assert_eq!(recording.skipped.len(), left, "{format}");
        assert_eq!(recording.requests.len(), whole.len());
        for (tapped, sent) in recording.requests.iter().zip(&whole) {
            assert_eq!(tapped.client, sent.client);
            assert_eq!(tapped.body, sent.body);
            assert_eq!(tapped.origin(), sent.origin());
        }
        let (now, then) = (decisions(&recording.requests, &document), decisions(&whole, &document));
        assert_eq!(now, then, "{format}");
    }
}
