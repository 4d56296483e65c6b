//! Partners through a real Envoy: the recorded contracts, whose RSA signatures it checks itself.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use casino::partner::{sign_bee, sign_psp, HubPartner, BEE_HEADER, HUB_HEADER, PSP_HEADER};
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use serde_json::json;

use crate::attacks_envoy::{deployed, request};
use crate::fixture;
use crate::partners::{recorded, with, BODY, FOREIGN};

pub(crate) type Arrived = Arc<Mutex<Vec<http::Request<Bytes>>>>;

pub(crate) async fn upstream() -> (Server, Arrived) {
    let arrived = Arrived::default();
    let log = Arc::clone(&arrived);
    let upstream = Server::start(move |request: http::Request<Bytes>| {
        log.lock().unwrap().push(request);
        http::Response::new(Bytes::from_static(b"hello"))
    });
    (upstream.await.unwrap(), arrived)
}

fn call(client: &str, path: &str, header: (&str, &str), body: &str) -> Request {
    let mut request = request("POST", path);
    request.headers.retain(|(name, _)| name != b"x-forwarded-for");
    let request = request.header("x-forwarded-for", client).header(header.0, header.1);
    request.header("content-type", "application/json").body(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_contracts() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let (server, arrived) = upstream().await;
    let mut partners = recorded();
    // SHA-256 of `terminal-key`.
    let digest = "fa61af61f0e1dcde70cc54406f6102a939e3892c59f1ebac1384716cd399b240";
    partners["terminal"] = json!({
        "api_key": {"query": "api_key", "keys": [{"sha256": digest}]}, "paths": ["/wallet/win"],
    });
    let configuration = fixture::configuration(abi_host::Profile::Envoy, &with(&partners));
    let options = Options::new(binary, fixture::wasm_dir(), server.address);
    let envoy = EnvoyProcess::start(&deployed(&configuration), options).await.unwrap();
    assert!(envoy.log().contains("the gateway checks signatures: RSA true"));
    let hub = HubPartner::demo().unwrap().sign(BODY.as_bytes());
    let (bee, psp) = (sign_bee(BODY.as_bytes()), sign_psp(BODY.as_bytes()));
    let large = "x".repeat(65_537);
    let (hub_large, spaced) =
        (HubPartner::demo().unwrap().sign(large.as_bytes()), BODY.replace(',', ", "));
    let (win, betwin, callback) =
        ("/wallet/hub/transaction/win", "/wallet/bee/betwin", "/psp/callback");
    let bit = hub.replacen(&hub[3..4], if &hub[3..4] == "A" { "B" } else { "A" }, 1);
    for (client, path, header, body, status, text) in [
        ("192.0.2.80", win, (HUB_HEADER, hub.as_str()), BODY, 200, "hello"),
        ("192.0.2.80", win, (HUB_HEADER, &hub), &spaced, 200, "partner_signature"),
        ("192.0.2.80", win, (HUB_HEADER, &bit), BODY, 200, "partner_signature"),
        ("192.0.2.80", win, (HUB_HEADER, &bee), BODY, 200, "partner_signature"),
        ("192.0.2.80", win, (HUB_HEADER, &hub_large), &large, 200, "body_too_large"),
        (FOREIGN, win, (HUB_HEADER, &hub), BODY, 200, "partner_network"),
        ("192.0.2.90", betwin, (BEE_HEADER, &bee), BODY, 200, "hello"),
        ("192.0.2.90", betwin, (BEE_HEADER, &psp), BODY, 400, "partner_signature"),
        ("192.0.2.90", betwin, (BEE_HEADER, &bee), &spaced, 400, "partner_signature"),
        ("192.0.2.110", callback, (PSP_HEADER, &psp), BODY, 200, "hello"),
        ("192.0.2.110", callback, (PSP_HEADER, &psp), &spaced, 401, "partner_signature"),
        ("192.0.2.110", callback, ("x-a", "b"), BODY, 401, "partner_unknown"),
        ("192.0.2.10", "/wallet/win", ("x-a", "b"), BODY, 200, "hello"),
        (FOREIGN, "/wallet/win", ("x-a", "b"), BODY, 401, "partner_unknown"),
        (FOREIGN, "/wallet/win?a=1&api_key=terminal-key&b=2", ("x-a", "b"), BODY, 200, "hello"),
        (FOREIGN, "/wallet/win?api_key=terminal-kex", ("x-a", "b"), BODY, 401, "partner_unknown"),
    ] {
        let forged = call(client, path, header, body).header("x-partner-id", "forged");
        let answer = send(envoy.address, Some(envoy.listener_port), &forged).await.unwrap();
        let got = String::from_utf8_lossy(&answer.body);
        assert!(
            answer.status == status && got.contains(text),
            "{path} {text}: {} {got}",
            answer.status
        );
        let arrived: Vec<_> = arrived.lock().unwrap().drain(..).collect();
        if text == "hello" {
            let ids: Vec<_> = arrived[0].headers().get_all("x-partner-id").iter().collect();
            assert!(ids.len() == 1 && ids[0] != "forged", "{path}: {ids:?}");
            assert_eq!(arrived[0].body(), BODY.as_bytes(), "{path}");
            let target = arrived[0].uri().to_string();
            assert_eq!(target, path.replace("api_key=terminal-key&", ""), "a key ends here");
        } else {
            assert!(arrived.is_empty(), "{path} {text}: the upstream got the request");
        }
    }
}
