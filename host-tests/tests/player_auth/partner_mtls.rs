//! Client certificates in a handshake with a real Envoy. The certificates are made by openssl, which is
//! the client, too.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use casino::partner::{HubPartner, HUB_HEADER};
use host_tests::envoy::{find_for_test, workspace_root, EnvoyProcess, Options};
use serde_json::{json, Value};
use tempfile::TempDir;

use crate::attacks_envoy::deployed;
use crate::fixture;
use crate::partner_envoy::upstream;
use crate::partners::{with, BODY};

/// Runs openssl in a folder and returns its output; `None` if it is not installed.
fn openssl(folder: &Path, arguments: &str, input: &[u8]) -> Option<String> {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments.split(' '));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    // A process that has ended already shows that by its output.
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

/// A folder with an authority of the test's own; `None` where there is no openssl, which in CI is an
/// error.
fn authority() -> Option<TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let authority = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
                     -out ca.pem -subj /CN=authority -days 2";
    if openssl(folder.path(), authority, b"").is_none() {
        assert!(std::env::var_os("CI").is_none(), "no openssl here to make certificates with");
        eprintln!("skipped: no openssl here to make certificates with");
        return None;
    }
    Some(folder)
}

/// The SHA-256 of a certificate, as a configuration has it.
fn digest(folder: &Path, name: &str) -> String {
    let arguments = format!("x509 -in {name}.pem -noout -fingerprint -sha256");
    let output = openssl(folder, &arguments, b"").unwrap();
    output.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase()
}

/// Sends a message over TLS, with a certificate or (an empty name) without.
fn over_tls(folder: &Path, name: &str, gateway: SocketAddr, message: &str) -> String {
    let own = match name {
        "" => String::new(),
        name => format!(" -cert {name}.pem -key {name}.key"),
    };
    let client = format!("s_client -connect {gateway} -CAfile ca.pem -quiet{own}");
    openssl(folder, &client, message.as_bytes()).unwrap()
}

fn message(path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{more}content-length: {}\r\n\r\n{BODY}",
        fixture::OTTER,
        BODY.len(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let Some(folder) = authority() else { return };
    for (name, names) in [
        ("server", "DNS:localhost"),
        ("mesh", "URI:spiffe://mesh/wallet,URI:spiffe://mesh/second,DNS:mesh.example"),
        ("pinned", "DNS:pinned.example"),
        ("other", "URI:spiffe://mesh/other,DNS:other.example"),
    ] {
        issue(folder.path(), name, names).unwrap();
    }
    let digest = digest(folder.path(), "pinned");
    let certificate = |means: Value| json!({"certificate": means, "paths": ["/wallet/win"]});
    let partners = json!({
        "mesh": certificate(json!({"sans": ["spiffe://mesh/wallet"]})),
        "dns": certificate(json!({"sans": ["second.example"]})),
        "pinned": certificate(json!({"sha256": [digest], "sans": ["pinned.example"]})),
    });
    let configuration = fixture::configuration(abi_host::Profile::Envoy, &with(&partners));
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
        Options { recorded: false, ..Options::new(binary, fixture::wasm_dir(), server.address) };
    let envoy = EnvoyProcess::start(&document, options).await.unwrap();
    let message = message("/wallet/win", "");
    for (name, status, partner) in [
        ("mesh", "200", "mesh"),
        ("pinned", "200", "pinned"),
        ("other", "401", ""),
        ("", "401", ""),
    ] {
        let answer = over_tls(folder.path(), name, envoy.address, &message);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer}");
        let arrived: Vec<_> = arrived.lock().unwrap().drain(..).collect();
        let ids: Vec<_> =
            arrived.iter().map(|request| request.headers()["x-partner-id"].clone()).collect();
        let want = if partner.is_empty() { vec![] } else { vec![partner] };
        assert_eq!(ids, want, "{name}: {answer}");
    }
}

/// The example as it is, but for where its files are and which certificates the terminals have.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_with_client_certificates() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let Some(folder) = authority() else { return };
    for (name, names) in [
        ("server", "DNS:localhost"),
        ("hub", "URI:spiffe://partners.example/hub"),
        ("terminal", "DNS:terminal-7.example"),
        ("stranger", "DNS:stranger.example"),
    ] {
        issue(folder.path(), name, names).unwrap();
    }
    let example = workspace_root().join("envoy-examples/partners-mtls.yaml");
    let text = std::fs::read_to_string(example).unwrap();
    let folder_name = folder.path().display().to_string();
    let text = text
        .replace("/etc/pitboss/partners-ca.pem", &format!("{folder_name}/ca.pem"))
        .replace("/etc/pitboss/server.", &format!("{folder_name}/server."))
        .replace(&format!("{}2", "0".repeat(63)), &digest(folder.path(), "terminal"));
    let document: Value = serde_saphyr::from_str(&text).unwrap();
    let (server, arrived) = upstream().await;
    let options =
        Options { recorded: false, ..Options::new(binary, fixture::wasm_dir(), server.address) };
    let envoy = EnvoyProcess::start(&document, options).await.unwrap();
    let signature = HubPartner::demo().unwrap().sign(BODY.as_bytes());
    let signed = message("/wallet/hub/transaction/win", &format!("{HUB_HEADER}: {signature}\r\n"));
    let unsigned = message("/wallet/hub/transaction/win", "");
    let win = message("/wallet/win", "");
    for (name, message, want, partner) in [
        ("hub", &signed, "HTTP/1.1 200 OK", Some("hub")),
        ("hub", &unsigned, "partner_unknown", None),
        ("terminal", &signed, "partner_", None),
        ("terminal", &win, "HTTP/1.1 200 OK", Some("terminals")),
        ("hub", &win, "partner_", None),
        ("stranger", &win, "partner_unknown", None),
        // No certificate, no connection.
        ("", &win, "", None),
    ] {
        let answer = over_tls(folder.path(), name, envoy.address, message);
        assert!(answer.contains(want), "{name}: {answer}");
        let arrived: Vec<_> = arrived.lock().unwrap().drain(..).collect();
        // The gateway's own question for keys comes here, too.
        let calls = arrived.iter().filter(|it| it.uri().path().starts_with("/wallet"));
        let ids: Vec<_> = calls.map(|it| it.headers()["x-partner-id"].clone()).collect();
        assert_eq!(ids, partner.into_iter().collect::<Vec<_>>(), "{name}: {answer}");
    }
}
