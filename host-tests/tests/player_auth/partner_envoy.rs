//! Partners through a real Envoy: the recorded contracts, whose RSA signatures it checks itself, and
//! client certificates in a handshake of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use casino::partner::{sign_bee, sign_psp, HubPartner, BEE_HEADER, HUB_HEADER, PSP_HEADER};
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use serde_json::{json, Value};

use crate::attacks_envoy::{deployed, request};
use crate::partners::{recorded, with, BODY, FOREIGN};
use crate::world;

type Arrived = Arc<Mutex<Vec<http::Request<Bytes>>>>;

async fn upstream() -> (Server, Arrived) {
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
    let configuration = world::configuration(abi_host::Profile::Envoy, &with(&partners));
    let options = Options::new(binary, world::wasm_dir(), server.address);
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
            let told: Vec<_> = arrived[0].headers().get_all("x-partner-id").iter().collect();
            assert!(told.len() == 1 && told[0] != "forged", "{path}: {told:?}");
            assert_eq!(arrived[0].body(), BODY.as_bytes(), "{path}");
            let target = arrived[0].uri().to_string();
            assert_eq!(target, path.replace("api_key=terminal-key&", ""), "a key ends here");
        } else {
            assert!(arrived.is_empty(), "{path} {text}: the upstream heard of it");
        }
    }
}

/// Runs openssl in a folder and gives what it says; `None` where there is none on this machine.
fn openssl(folder: &Path, arguments: &str, input: &[u8]) -> Option<String> {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments.split(' '));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    // One that has ended already says so by what it gives.
    child.stdin.take()?.write_all(input).ok();
    let output = child.wait_with_output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A certificate of the test's own authority, with names.
fn issue(folder: &Path, name: &str, names: &str) -> Option<()> {
    std::fs::write(folder.join(format!("{name}.ext")), format!("subjectAltName={names}\n")).ok()?;
    let key = format!(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key \
                       -out {name}.csr -subj /CN={name}"
    );
    openssl(folder, &key, b"")?;
    let sign = format!(
        "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
                        -out {name}.pem -days 2 -extfile {name}.ext"
    );
    openssl(folder, &sign, b"").map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    let authority = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
                     -out ca.pem -subj /CN=authority -days 2";
    if openssl(folder.path(), authority, b"").is_none() {
        eprintln!("skipped: no openssl here to make certificates with");
        return;
    }
    for (name, names) in [
        ("server", "DNS:localhost"),
        ("mesh", "URI:spiffe://mesh/wallet,URI:spiffe://mesh/second,DNS:mesh.example"),
        ("pinned", "DNS:pinned.example"),
        ("other", "URI:spiffe://mesh/other,DNS:other.example"),
    ] {
        issue(folder.path(), name, names).unwrap();
    }
    let digest = openssl(folder.path(), "x509 -in pinned.pem -noout -fingerprint -sha256", b"");
    let digest = digest.unwrap().trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase();
    let certificate = |means: Value| json!({"certificate": means, "paths": ["/wallet/win"]});
    let partners = json!({
        "mesh": certificate(json!({"sans": ["spiffe://mesh/wallet"]})),
        "dns": certificate(json!({"sans": ["second.example"]})),
        "pinned": certificate(json!({"sha256": [digest], "sans": ["pinned.example"]})),
    });
    let configuration = world::configuration(abi_host::Profile::Envoy, &with(&partners));
    let mut document = deployed(&configuration);
    let file = |name: &str| json!({"filename": folder.path().join(name)});
    document.pointer_mut("/static_resources/listeners/0/filter_chains/0").unwrap()
        ["transport_socket"] = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_certificates": [{"certificate_chain": file("server.pem"), "private_key": file("server.key")}],
                "validation_context": {"trusted_ca": file("ca.pem")},
            },
        },
    });
    let (server, arrived) = upstream().await;
    let options =
        Options { recorded: false, ..Options::new(binary, world::wasm_dir(), server.address) };
    let envoy = EnvoyProcess::start(&document, options).await.unwrap();
    let message = format!(
        "POST /wallet/win HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{BODY}",
        world::OTTER, BODY.len(),
    );
    for (name, status, partner) in [
        ("mesh", "200", "mesh"),
        ("pinned", "200", "pinned"),
        ("other", "401", ""),
        ("", "401", ""),
    ] {
        let own = if name.is_empty() {
            String::new()
        } else {
            format!(" -cert {name}.pem -key {name}.key")
        };
        let client = format!("s_client -connect {} -CAfile ca.pem -quiet{own}", envoy.address);
        let answer = openssl(folder.path(), &client, message.as_bytes()).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer}");
        let arrived: Vec<_> = arrived.lock().unwrap().drain(..).collect();
        let told: Vec<_> =
            arrived.iter().map(|request| request.headers()["x-partner-id"].clone()).collect();
        let want = if partner.is_empty() { vec![] } else { vec![partner] };
        assert_eq!(told, want, "{name}: {answer}");
    }
}
