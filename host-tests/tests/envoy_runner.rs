//! The real Envoy as the replayer runs it: start, refusal, update, access log, client addresses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of a test

use bytes::Bytes;
use host_tests::client::send;
use host_tests::envoy::{find_for_test, workspace_root, EnvoyError, EnvoyProcess, Options, Update};
use host_tests::gateway::{policyless, Gateway};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use serde_json::json;

/// Answers with the head it was sent.
fn echo(request: http::Request<Bytes>) -> http::Response<Bytes> {
    let mut head = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
    }
    http::Response::new(Bytes::from(head))
}

/// Options for a run in front of `server`, or nothing where there is no Envoy.
fn options(server: &Server) -> Option<Options> {
    let binary = find_for_test().unwrap()?;
    Some(Options::new(binary, "target".into(), server.address))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_client_is_the_peer() {
    let server = Server::start(echo).await.unwrap();
    let Some(options) = options(&server) else { return };
    let document = policyless(&json!({"use_remote_address": true, "xff_num_trusted_hops": 1}));
    let envoy = EnvoyProcess::start(&document, options).await.unwrap();
    let cases = [
        ("203.0.113.9:5555", None, "x-forwarded-for: 203.0.113.9\n", "203.0.113.9:5555"),
        ("[2001:db8::7]:5555", None, "x-forwarded-for: 2001:db8::7\n", "[2001:db8::7]:5555"),
        (
            "10.0.0.1:9",
            Some("198.51.100.4"),
            "x-forwarded-for: 198.51.100.4,10.0.0.1\n",
            "198.51.100.4:0",
        ),
    ];
    for (number, (client, forwarded, upstream_sees, _)) in cases.iter().enumerate() {
        let mut request = Request::new("GET", "/api/lobby").from(client.parse().unwrap());
        request.number = number;
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        let answer =
            send(envoy.address, Some(envoy.listener_port), &request.marked()).await.unwrap();
        let seen = String::from_utf8(answer.body).unwrap();
        assert!(seen.contains(upstream_sees), "{seen}");
    }
    let log = envoy.access_log(cases.len()).await.unwrap();
    for (number, (.., source)) in cases.iter().enumerate() {
        let line = log.iter().find(|it| it.id == Some(number.to_string())).unwrap();
        assert_eq!((line.source.as_deref(), line.code), (Some(*source), Some(200)));
        assert_eq!(line.details.as_deref(), Some("via_upstream"));
        assert_eq!(line.fact("pitboss.class"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_configuration_is_reported_with_the_log() {
    let server = Server::start(echo).await.unwrap();
    let Some(options) = options(&server) else { return };
    let document = policyless(&json!({"drain_timeout": "not a duration"}));
    match EnvoyProcess::start(&document, options).await {
        Err(EnvoyError::Refused { log }) => assert!(log.contains("Duration"), "{log}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_update_is_refused_and_the_old_listener_keeps_serving() {
    let server = Server::start(echo).await.unwrap();
    let Some(mut options) = options(&server) else { return };
    options.updatable = true;
    let envoy =
        EnvoyProcess::start(&policyless(&json!({"server_name": "one"})), options).await.unwrap();
    let server_name = || async {
        let request = Request::new("GET", "/");
        send(envoy.address, Some(envoy.listener_port), &request).await.unwrap().header("server")
    };
    assert_eq!(server_name().await.unwrap(), "one");
    let bad = policyless(&json!({"server_name": "two", "stat_prefix": ""}));
    match envoy.update_listener(&bad).await.unwrap() {
        Update::Refused { log } => assert!(log.contains("StatPrefix"), "{log}"),
        Update::Accepted => panic!("accepted"),
    }
    assert_eq!(server_name().await.unwrap(), "one");
    let good = policyless(&json!({"server_name": "three"}));
    assert_eq!(envoy.update_listener(&good).await.unwrap(), Update::Accepted);
    // The old listener drains; new connections reach the new one as soon as it is warm.
    let mut last = String::new();
    for _ in 0..200 {
        last = server_name().await.unwrap();
        if last == "three" {
            break;
        }
    }
    assert_eq!(last, "three");
    assert_eq!(envoy.admin.stat("listener_manager.lds.update_rejected").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_handle_ends_the_process() {
    let server = Server::start(echo).await.unwrap();
    let Some(options) = options(&server) else { return };
    let envoy = EnvoyProcess::start(&policyless(&json!({})), options).await.unwrap();
    let (id, address) = (envoy.id(), envoy.address);
    assert!(std::path::Path::new(&format!("/proc/{id}")).exists() || !cfg!(target_os = "linux"));
    drop(envoy);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// A plugin that refuses its configuration must not take the gateway with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_the_plugin_refuses_is_refused_and_the_old_one_keeps_deciding() {
    let server = Server::start(echo).await.unwrap();
    let Some(mut options) = options(&server) else { return };
    host_tests::artifact::build("geo-jurisdiction").unwrap();
    options.wasm_dir = host_tests::artifact::wasm_dir();
    options.updatable = true;
    let example = workspace_root().join("envoy-examples/geo-jurisdiction.yaml");
    let document = Gateway::read(&example).unwrap().document;
    let envoy = EnvoyProcess::start(&document, options.clone()).await.unwrap();
    let bet = Request::new("POST", "/api/bets").body("{}");
    let status =
        || async { send(envoy.address, Some(envoy.listener_port), &bet).await.unwrap().status };
    assert_eq!(status().await, 403);
    let mut bad = document.clone();
    let filter =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/1";
    let configuration = format!("{filter}/typed_config/config/configuration/value");
    *bad.pointer_mut(&configuration).unwrap() = "{\"mode\": \"enforced\"}".into();
    let update = envoy.update_listener(&bad).await.unwrap();
    assert!(matches!(update, Update::Refused { .. }), "{update:?}");
    assert_eq!(status().await, 403);
    drop(envoy);
    options.updatable = false;
    let started = EnvoyProcess::start(&bad, options).await;
    assert!(matches!(started, Err(EnvoyError::Refused { .. })), "{started:?}");
}
