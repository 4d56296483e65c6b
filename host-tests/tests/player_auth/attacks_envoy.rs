//! The corpus and the forged headers through a real Envoy: refused as in wasmtime, and with Envoy's own check
//! of signatures.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use player_auth::denials;
use policy_token::testing::{Forge, ALGORITHMS};
use serde_json::{json, Value};

use crate::fixture::{self, OTTER};

/// The example with another configuration of the plugin.
pub(crate) fn deployed(configuration: &str) -> Value {
    fixture::example().deployed(fixture::PLUGIN, configuration).unwrap()
}

/// A request through the edge.
pub(crate) fn request(method: &str, path: &str) -> Request {
    let mut request = Request::new(method, path).from(fixture::edge());
    request.headers = vec![(b"host".to_vec(), OTTER.into())];
    request.header("x-forwarded-for", "198.51.100.23")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_refused_through_envoy() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let arrived: Arc<Mutex<Vec<http::Request<Bytes>>>> = Arc::default();
    let log = Arc::clone(&arrived);
    let upstream = Server::start(move |request: http::Request<Bytes>| {
        log.lock().unwrap().push(request);
        http::Response::new(Bytes::from_static(b"hello"))
    })
    .await
    .unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let forge = Forge::at(now);
    let configuration = fixture::configuration(abi_host::Profile::Envoy, &fixture::inline(&forge));
    let options = Options::new(binary, fixture::wasm_dir(), upstream.address);
    let envoy = EnvoyProcess::start(&deployed(&configuration), options).await.unwrap();
    let ask = |request: Request| {
        let (address, port) = (envoy.address, envoy.listener_port);
        async move { send(address, Some(port), &request).await.unwrap() }
    };
    let bet = |value: &[u8]| request("POST", "/api/bets").header("authorization", value).body("{}");
    let bearer = |token: &[u8]| bet(&[b"Bearer ", token].concat());
    let mut tried = 0;
    for attack in forge.attacks() {
        // Neither can be sent: a line break ends the header, blanks around a value are no part of it.
        if attack.token.trim_ascii() != attack.token {
            continue;
        }
        let answer = ask(bearer(&attack.token)).await;
        let code = denials::of(attack.refusal).code;
        assert_eq!(fixture::code(&answer.body).as_deref(), Some(code), "{}", attack.name);
        assert_eq!(answer.status, 401, "{}", attack.name);
        assert!(answer.header("www-authenticate").is_some(), "{}", attack.name);
        tried += 1;
    }
    assert!(tried >= 60, "{tried} attacks");
    let good = forge.good();
    for (name, request, status) in [
        // Envoy makes one of them, with a comma, and that is no token.
        ("Authorization twice", bearer(good.as_bytes()).header("authorization", "Bearer x"), 401),
        ("another scheme", bet(b"Basic cDox"), 401),
        ("no scheme", bet(good.as_bytes()), 401),
        (
            "an upgrade",
            bearer(good.as_bytes()).header("connection", "upgrade").header("upgrade", "websocket"),
            403,
        ),
        ("underscores", bearer(good.as_bytes()).header("x_player_id", "p-2"), 400),
    ] {
        assert_eq!(ask(request).await.status, status, "{name}");
    }
    assert_eq!(arrived.lock().unwrap().len(), 0);
    for alg in ALGORITHMS {
        let token = forge.sign(alg, &forge.claims_with(&json!({"jurisdiction": "MT"})));
        let mut request = bearer(token.as_bytes());
        for (name, value) in [
            ("X-Player-Id", "p-2"),
            ("x-player-id", "p-3"),
            ("X-BRAND", "river-kings"),
            ("x-session-id", "s-2"),
            ("X-Kyc-Level", "vip"),
            ("x-player-jurisdiction", "SE"),
            ("x-http-method-override", "GET"),
        ] {
            request = request.header(name, value);
        }
        assert_eq!(ask(request).await.status, 200, "{alg:?}");
        let request = arrived.lock().unwrap().pop().unwrap();
        let all = |name| {
            request.headers().get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>()
        };
        for (name, want) in [
            ("x-player-id", &["p-1"][..]),
            ("x-brand", &["lucky-otter"]),
            ("x-session-id", &["s-1"]),
            ("x-kyc-level", &["full"]),
            ("x-player-jurisdiction", &["MT"]),
            ("x-http-method-override", &[]),
            ("authorization", &[]),
        ] {
            assert_eq!(all(name), want, "{name} with {alg:?}");
        }
    }
}
