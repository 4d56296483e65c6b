//! Fetched keys in a real Envoy: 503 before the first fetch, no 401 during a rotation, and keys that stay in
//! use without the issuer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::upstream::Server;
use policy_token::testing::{Forge, ALGORITHMS};
use policy_token::Alg;

use crate::attacks_envoy::{deployed, request};
use crate::fixture;

/// How long the timer may take to fetch keys once they can be had: longer than its longest pause
/// after three failures.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_and_rotated_through_envoy() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let published: Arc<Mutex<Option<String>>> = Arc::default();
    let keys = Arc::clone(&published);
    let casino = Server::start(move |request: http::Request<Bytes>| {
        let answer = |status, body: String| {
            http::Response::builder().status(status).body(Bytes::from(body)).unwrap()
        };
        match (request.uri().path(), keys.lock().unwrap().clone()) {
            ("/.well-known/jwks.json", Some(keys)) => answer(200, keys),
            ("/.well-known/jwks.json", None) => answer(500, String::new()),
            _ => answer(200, "hello".to_owned()),
        }
    })
    .await
    .unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (old, new, never) =
        (Forge::at(now), Forge::with_suffix(now, "-2"), Forge::with_suffix(now, "-3"));
    let configuration = fixture::configuration(abi_host::Profile::Envoy, &fixture::fetched());
    let options = Options::new(binary, fixture::wasm_dir(), casino.address);
    let envoy = EnvoyProcess::start(&deployed(&configuration), options).await.unwrap();
    // Each token is another one: none is known before.
    let count = AtomicU64::new(0);
    let bet = |forge: &Forge, alg: Alg| {
        let id = count.fetch_add(1, Ordering::Relaxed).to_string();
        let claims = forge.claims_with(&serde_json::json!({"jti": id}));
        let bearer = format!("Bearer {}", forge.sign(alg, &claims));
        let request = request("POST", "/api/bets").header("authorization", bearer).body("{}");
        let (address, port) = (envoy.address, envoy.listener_port);
        async move {
            let answer = send(address, Some(port), &request).await.unwrap();
            (answer.status, fixture::code(&answer.body), answer.header("retry-after").is_some())
        }
    };
    let passed = (200, None, false);
    let unavailable = (503, Some("keys_unavailable".to_owned()), true);
    for alg in ALGORITHMS {
        assert_eq!(bet(&old, alg).await, unavailable, "{alg:?} before the first fetch");
    }
    *published.lock().unwrap() = Some(old.jwks());
    let start = Instant::now();
    loop {
        let answer = bet(&old, Alg::Es256).await;
        if answer == passed {
            break;
        }
        assert_eq!(answer, unavailable);
        assert!(start.elapsed() < PATIENCE, "no keys after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let both = [old.documents(), new.documents()].concat().join(",");
    *published.lock().unwrap() = Some(format!(r#"{{"keys": [{both}]}}"#));
    for (name, forge) in [("the new key", &new), ("the old one", &old)] {
        for alg in ALGORITHMS {
            assert_eq!(bet(forge, alg).await, passed, "{alg:?} with {name}");
        }
    }
    // Without the issuer its keys stay in use, and unknown key ids may exist.
    *published.lock().unwrap() = None;
    for alg in ALGORITHMS {
        assert_eq!(bet(&new, alg).await, passed, "{alg:?} without the issuer");
    }
    assert_eq!(bet(&never, Alg::Es256).await, unavailable, "a key that was never fetched");
}
