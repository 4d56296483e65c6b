//! Invalid configurations: the module refuses them with one line that names the field; Envoy does not start with
//! one, and keeps the old one on an update.

use abi_host::{HostError, LogLevel, Profile, StartFailure};
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyError, EnvoyProcess, Options, Update};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use serde_json::{json, Value};

use crate::fixture::{self, OTTER};

/// A document and the field that its refusal names.
fn refused() -> Vec<(&'static str, String, &'static str)> {
    let with = |changes: Value| fixture::configuration(&changes);
    let bets = json!({"path": "/api/S3CRET", "class": "wager"});
    vec![
        ("unknown field", with(json!({"licenses": ["S3CRET"]})), "licenses"),
        ("empty list", with(json!({"licences": []})), "licences"),
        ("wrong type", with(json!({"brands": "S3CRET"})), "brands"),
        ("wrong type within", with(json!({"address": {"trusted": [7]}})), "address.trusted[0]"),
        ("no such mode", with(json!({"mode": "S3CRET"})), "mode"),
        ("no such country", with(json!({"blocked": ["S3CRET"]})), "blocked[0]"),
        ("tied endpoints", with(json!({"endpoints": [bets, bets]})), "endpoints[1]"),
        ("nobody trusted", with(json!({"address": {"trusted": []}})), "address.trusted"),
        ("a member twice", with(json!({})).replacen('{', r#"{"mode": "enforce", "#, 1), "mode"),
        ("no document", String::new(), "$"),
        ("1 MB of garbage", "S3CRET ".repeat(150_000), "$"),
    ]
}

#[test]
fn errors_name_the_field_and_show_no_value() {
    for profile in [Profile::Envoy, Profile::Wasmx] {
        for (name, document, field) in refused() {
            let Err(HostError::Start(error)) = fixture::builder(profile, &document).start() else {
                panic!("{name}: it started")
            };
            assert_eq!(error.reason, StartFailure::Configure, "{name}");
            let lines: Vec<_> = error.logs.iter().map(|l| (l.level, l.message.as_str())).collect();
            let [(LogLevel::Error, line)] = lines[..] else { panic!("{name}: {lines:?}") };
            let expected = format!("geo-jurisdiction: configuration refused: {field}: ");
            assert!(line.starts_with(&expected), "{name}: {line}");
            assert!(!line.contains("S3CRET"), "{name}: {line}");
            assert!(line.len() < 400, "{name}: {} bytes", line.len());
        }
    }
}

/// The example with another configuration of the plugin.
fn deployed(configuration: &str) -> Value {
    fixture::example().deployed(fixture::PLUGIN, configuration).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_does_not_start_with_an_invalid_document() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let nowhere = "127.0.0.1:9".parse().unwrap();
    for (name, document, field) in refused() {
        let options = Options::new(binary.clone(), fixture::wasm_dir(), nowhere);
        match EnvoyProcess::start(&deployed(&document), options).await {
            Err(EnvoyError::Refused { log }) => {
                let line = format!("configuration refused: {field}: ");
                // An empty document is told to the module as no configuration at all.
                assert!(log.contains(&line), "{name}: {log}");
            }
            other => panic!("{name}: {:?}", other.map(|_| "it started")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_keeps_the_old_document_on_an_update() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let upstream = Server::start(|_| http::Response::new(bytes::Bytes::new())).await.unwrap();
    let mut options = Options::new(binary, fixture::wasm_dir(), upstream.address);
    options.updatable = true;
    let good = |markets: &[&str]| {
        let licences = json!([{"brand": "lucky-otter", "markets": markets}]);
        deployed(&fixture::configuration(&json!({"licences": licences})))
    };
    let envoy = EnvoyProcess::start(&good(&["MT"]), options).await.unwrap();
    let bet = |country: &'static str| {
        let mut request = Request::new("POST", "/api/bets").from(fixture::edge()).body("{}");
        request.headers.retain(|(name, _)| name != b"host");
        let request = request.header("host", OTTER).header("x-geo-country", country);
        let request = request.header("x-forwarded-for", "198.51.100.23");
        let (address, port) = (envoy.address, envoy.listener_port);
        async move { send(address, Some(port), &request).await.unwrap().status }
    };
    assert_eq!([bet("MT").await, bet("GB").await], [200, 451]);
    for (name, document, field) in refused() {
        match envoy.update_listener(&deployed(&document)).await.unwrap() {
            Update::Refused { log } => assert!(log.contains(field), "{name}: {log}"),
            Update::Accepted => panic!("{name}: it was taken"),
        }
        assert_eq!([bet("MT").await, bet("GB").await], [200, 451], "{name}");
    }
    assert_eq!(envoy.update_listener(&good(&["GB"])).await.unwrap(), Update::Accepted);
}
