//! Locations through a real Envoy with player-auth in front, deployed as in the example of both: facts travel
//! as filter state, and keys come from a service.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use abi_host::Profile;
use bytes::Bytes;
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::gateway::Gateway;
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use policy_token::testing::{Forge, ALGORITHMS};
use policy_token::Alg;
use serde_json::{json, Value};

use crate::fixture::{self, claims, login, AUTH, CLIENT, GEO, OTTER};

/// The example of both plugins with these issuers.
fn deployed(house: &Forge, provider: &Forge) -> Value {
    let fetched = json!({"keys": {"cluster": "casino", "path": "/location-keys"}});
    let located = fixture::located(Profile::Envoy, provider, &fetched);
    let chain = Gateway::example("chain").unwrap();
    let document = chain.deployed(AUTH, &fixture::auth(Profile::Envoy, house)).unwrap();
    let chain = Gateway::from_document(document).unwrap();
    chain.deployed(GEO, &fixture::geo(Profile::Envoy, &located)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn locations_through_envoy() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let arrived: Arc<Mutex<Vec<http::Request<Bytes>>>> = Arc::default();
    let published: Arc<Mutex<Option<String>>> = Arc::default();
    let (log, keys) = (Arc::clone(&arrived), Arc::clone(&published));
    let casino = Server::start(move |request: http::Request<Bytes>| {
        let answer = |status, body: String| {
            http::Response::builder().status(status).body(Bytes::from(body)).unwrap()
        };
        match (request.uri().path(), keys.lock().unwrap().clone()) {
            ("/location-keys", Some(keys)) => answer(200, keys),
            ("/location-keys", None) => answer(500, String::new()),
            _ => {
                log.lock().unwrap().push(request);
                answer(200, "hello".to_owned())
            }
        }
    })
    .await
    .unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (house, provider) = (Forge::with_suffix(now, "-house"), Forge::at(now));
    let options = Options::new(binary, fixture::wasm_dir(), casino.address);
    let envoy = EnvoyProcess::start(&deployed(&house, &provider), options).await.unwrap();
    let number = AtomicU32::new(0);
    let ask = |path: &str, player: &str, client: &str, tokens: &[&str]| {
        let mut request = Request::new("POST", path).from("10.0.0.1:40000".parse().unwrap());
        request.headers = vec![(b"host".to_vec(), OTTER.into())];
        request = request.header("x-forwarded-for", client).body("{}");
        request = request.header("x-geo-country", "US").header("x-geo-region", "NJ");
        request =
            request.header("authorization", format!("Bearer {}", login(&house, player, "s-1")));
        request = request.header("x-player-id", "p-2").header("x-location-id", "loc-666");
        // Each is a call of its own to the last module of the chain.
        let key = format!("location-{}", number.fetch_add(1, Ordering::Relaxed));
        request = request.header("idempotency-key", key);
        for token in tokens {
            request = request.header("x-geolocation", token);
        }
        let (address, port) = (envoy.address, envoy.listener_port);
        async move {
            let answer = send(address, Some(port), &request).await.unwrap();
            let code = fixture::code(&answer.body).unwrap_or_else(|| "allow".to_owned());
            (answer.status, code)
        }
    };
    let said = |status: u16, code: &str| (status, code.to_owned());
    let token = |alg, changes: Value| provider.sign(alg, &claims(&provider, &changes));
    let es = |changes| token(Alg::Es256, changes);
    let good = es(json!({}));
    // The provider is down: bets wait for nobody long, deposits go by the address.
    for tokens in [&[good.as_str()][..], &[]] {
        assert_eq!(ask("/api/bets", "p-1", CLIENT, tokens).await, said(503, "geo_unavailable"));
        assert_eq!(ask("/api/deposits", "p-1", CLIENT, tokens).await, said(200, "allow"));
    }
    assert_eq!(arrived.lock().unwrap().len(), 2);
    *published.lock().unwrap() = Some(provider.jwks());
    let start = std::time::Instant::now();
    while ask("/api/bets", "p-1", CLIENT, &[&good]).await != said(200, "allow") {
        assert!(start.elapsed().as_secs() < 20, "the timer did not bring the keys");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let last = arrived.lock().unwrap().pop().unwrap();
    let told =
        |name: &str| last.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(told("x-player-id").as_deref(), Some("p-1"));
    assert_eq!(told("x-location-id").as_deref(), Some("loc-7"));
    assert_eq!(told("x-jurisdiction").as_deref(), Some("US-NJ"));
    assert!(told("x-location-age").unwrap().parse::<u64>().unwrap() < 60);
    assert_eq!((told("x-geolocation"), told("authorization")), (None, None));
    arrived.lock().unwrap().clear();
    // Envoy checks RSA and ECDSA by itself, the module the third.
    for alg in ALGORITHMS {
        let answer = ask("/api/bets", "p-1", CLIENT, &[&token(alg, json!({"jti": "x"}))]).await;
        assert_eq!(answer, said(200, "allow"), "{alg:?}");
    }
    arrived.lock().unwrap().clear();
    let forged = Forge::at(now);
    let forged = forged.sign(Alg::Es256, &claims(&forged, &json!({})));
    let (failed, old) = (es(json!({"passed": false})), es(json!({"iat": now - 1_800})));
    let (theirs, york) = (es(json!({"sub": "p-2"})), es(json!({"region": "US-NY"})));
    let huge = format!("{good}{}", "A".repeat(8 << 10));
    let (required, stale) = (said(403, "geo_required"), said(403, "geo_stale"));
    let rejected = said(403, "geo_rejected");
    for (player, client, tokens, want) in [
        ("p-1", CLIENT, vec![], &required),
        ("p-2", CLIENT, vec![&good], &rejected),
        ("p-1", CLIENT, vec![&theirs], &rejected),
        ("p-1", "198.51.100.131", vec![&good], &stale),
        ("p-1", CLIENT, vec![&old], &stale),
        ("p-1", CLIENT, vec![&failed], &rejected),
        ("p-1", CLIENT, vec![&forged], &rejected),
        ("p-1", CLIENT, vec![&good, &good], &rejected),
        ("p-1", CLIENT, vec![&huge], &rejected),
        ("p-1", CLIENT, vec![&york], &said(451, "jurisdiction_unlicensed")),
    ] {
        let tokens: Vec<&str> = tokens.into_iter().map(String::as_str).collect();
        let answer = ask("/api/bets", player, client, &tokens).await;
        assert_eq!(answer, *want, "{player} {client} {}", tokens.len());
    }
    for attack in provider.attacks() {
        let Ok(token) = std::str::from_utf8(&attack.token) else { continue };
        if !token.is_empty() && token.trim() == token {
            let (status, code) = ask("/api/bets", "p-1", CLIENT, &[token]).await;
            assert_eq!((status, &code[..4]), (403, "geo_"), "{}: {code}", attack.name);
        }
    }
    assert_eq!(arrived.lock().unwrap().len(), 0);
}
