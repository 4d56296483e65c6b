//! Requests that wait for keys or introspection, and what workers share.

use jwt_simple::prelude::{ECDSAP256KeyPairLike, ECDSAP256PublicKeyLike, ES256KeyPair};
use policy_kit::{Action, CallReply, Fault, Plugin};
use serde_json::json;

use crate::names::SECOND;
use crate::tests::gateway::{answer, bearer, encoded, TestGateway, CLAIMS, CONFIG};

/// A configuration whose keys are fetched.
fn fetched() -> String {
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    document["issuers"][0]["algorithms"] = json!(["ES256"]);
    document["issuers"][0]["keys"] = json!({"cluster": "id"});
    document["introspection"] =
        json!({"cluster": "id", "path": "/introspect", "audiences": ["api"]});
    document.to_string()
}

fn signed(key: &ES256KeyPair, kid: &str) -> String {
    let header = format!(r#"{{"alg": "ES256", "kid": "{kid}"}}"#);
    let input = format!("{}.{}", encoded(header.as_bytes()), encoded(CLAIMS.as_bytes()));
    use p256::ecdsa::signature::Signer;
    let signature: p256::ecdsa::Signature = key.key_pair().as_ref().sign(input.as_bytes());
    format!("{input}.{}", encoded(&signature.to_bytes()))
}

fn jwks(keys: &[(&str, &ES256KeyPair)]) -> CallReply {
    let jwk = |(kid, key): &(&str, &ES256KeyPair)| {
        let point = key.public_key().public_key().as_ref().to_sec1_point(false);
        let bytes = point.as_bytes();
        json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256",
            "x": encoded(&bytes[1..33]), "y": encoded(&bytes[33..])})
    };
    let keys: Vec<_> = keys.iter().map(jwk).collect();
    answer(200, json!({ "keys": keys }).to_string())
}

#[test]
fn the_first_request_with_a_new_key_waits_and_passes() {
    let (old, new) = (ES256KeyPair::generate(), ES256KeyPair::generate());
    let mut gateway = TestGateway::new(&fetched());
    let (mut driver, action) = gateway.start("/bets", &[bearer(&signed(&old, "old"))]);
    assert_eq!(gateway.outcome(action), "waits", "before the first fetch");
    assert_eq!(gateway.complete(&mut driver, &jwks(&[("old", &old)])), "pass");
    assert_eq!(gateway.host.upstream("x-player-id"), ["p-1"]);
    assert!(gateway.host.upstream("authorization").is_empty());
    let (mut driver, action) = gateway.start("/bets", &[bearer(&signed(&new, "new"))]);
    assert_eq!(gateway.outcome(action), "waits");
    assert_eq!(gateway.complete(&mut driver, &jwks(&[("old", &old), ("new", &new)])), "pass");
    assert_eq!(gateway.ask("/bets", &[bearer(&signed(&old, "old"))]), "pass");
    // A key id that the issuer does not have, and one that comes too soon for another fetch.
    gateway.host.now += 30 * SECOND;
    let (mut driver, _) = gateway.start("/bets", &[bearer(&signed(&new, "lost"))]);
    assert_eq!(gateway.complete(&mut driver, &jwks(&[("new", &new)])), "token_signature");
    assert_eq!(gateway.ask("/bets", &[bearer(&signed(&new, "lost"))]), "token_signature");
    assert_eq!(gateway.ask("/bets", &[bearer(&signed(&new, "late"))]), "keys_unavailable");
    assert_eq!(gateway.host.calls.len(), 3);
}

#[test]
fn unavailable_keys_are_no_401() {
    let key = ES256KeyPair::generate();
    let token = signed(&key, "a");
    for reply in [
        CallReply::NoResponse,
        answer(500, String::new()),
        answer(200, "nonsense".to_owned()),
        answer(200, r#"{"keys": []}"#.to_owned()),
        CallReply::Failed(Fault { call: "proxy_get_buffer_bytes", status: None }),
    ] {
        let mut gateway = TestGateway::new(&fetched());
        let (mut driver, _) = gateway.start("/bets", &[bearer(&token)]);
        assert_eq!(gateway.complete(&mut driver, &reply), "keys_unavailable", "{reply:?}");
        assert_eq!(gateway.ask("/lobby", &[bearer(&token)]), "pass", "on_error: anonymous");
        assert!(gateway.host.upstream("x-player-id").is_empty());
        // The timer fetches them.
        gateway.host.now += 10 * SECOND;
        let fetches = gateway.plugin.on_tick(&mut gateway.host);
        assert_eq!(fetches.len(), 1);
        gateway.plugin.on_shared_reply(&mut gateway.host, &fetches[0].key, &jwks(&[("a", &key)]));
        assert_eq!(gateway.ask("/bets", &[bearer(&token)]), "pass");
        // A later failure loses nothing.
        gateway.host.now += 300 * SECOND;
        assert_eq!(gateway.plugin.on_tick(&mut gateway.host).len(), 1);
        gateway.plugin.on_shared_reply(&mut gateway.host, &fetches[0].key, &reply);
        assert_eq!(gateway.ask("/bets", &[bearer(&signed(&key, "a"))]), "pass");
    }
    // A call that fails to start.
    let mut gateway = TestGateway::new(&fetched());
    gateway.host.faults.insert("proxy_http_call", 2);
    assert_eq!(gateway.ask("/bets", &[bearer(&token)]), "keys_unavailable");
}

/// If too many requests wait already, no failure is recorded.
#[test]
fn requests_that_may_not_wait_record_no_failure() {
    let (old, new) = (ES256KeyPair::generate(), ES256KeyPair::generate());
    let mut gateway = TestGateway::new(&fetched());
    let (mut driver, _) = gateway.start("/bets", &[bearer(&signed(&old, "old"))]);
    assert_eq!(gateway.complete(&mut driver, &jwks(&[("old", &old)])), "pass");
    let (mut waits, _) = gateway.start("/bets", &[bearer(&signed(&new, "new"))]);
    for (path, want) in [("/bets", "keys_unavailable"), ("/lobby", "pass")] {
        let (mut beyond, _) = gateway.start(path, &[bearer(&signed(&new, "new"))]);
        beyond.on_shared_reply(&mut gateway.host, &CallReply::TooManyWaiting);
        assert_eq!(gateway.outcome(Action::Pause), want, "{path}");
    }
    (gateway.host.replied, gateway.host.resumed) = (None, false);
    assert_eq!(gateway.complete(&mut waits, &jwks(&[("new", &new)])), "pass");
    assert_eq!(gateway.ask("/bets", &[bearer(&signed(&new, "new"))]), "pass");
    let opaque = [bearer("0123456789abcdef0123456789abcdef")];
    let (mut beyond, _) = gateway.start("/bets", &opaque);
    beyond.on_shared_reply(&mut gateway.host, &CallReply::TooManyWaiting);
    assert_eq!(gateway.outcome(Action::Pause), "introspection_unavailable");
    let (_, action) = gateway.start("/bets", &opaque);
    assert_eq!(gateway.outcome(action), "waits", "another call at once");
    assert!(gateway.host.counters.keys().all(|name| !name.contains("result=failed")));
}

#[test]
fn workers_share_fetched_keys() {
    let key = ES256KeyPair::generate();
    let (mut one, mut two) = (TestGateway::new(&fetched()), TestGateway::new(&fetched()));
    let fetches = one.plugin.on_tick(&mut one.host);
    two.host.shared.clone_from(&one.host.shared);
    assert!(two.plugin.on_tick(&mut two.host).is_empty(), "one of them fetches");
    one.plugin.on_shared_reply(&mut one.host, &fetches[0].key, &jwks(&[("a", &key)]));
    two.host.shared.clone_from(&one.host.shared);
    assert_eq!(two.ask("/bets", &[bearer(&signed(&key, "a"))]), "pass");
    assert!(two.host.calls.is_empty());
    // The lease of a worker that never completes expires.
    let mut three = TestGateway::new(&fetched());
    one.host.shared.retain(|name, _| name.contains("lease"));
    three.host.shared.clone_from(&one.host.shared);
    assert!(three.plugin.on_tick(&mut three.host).is_empty());
    three.host.now += 3 * SECOND;
    assert_eq!(three.plugin.on_tick(&mut three.host).len(), 1);
}

#[test]
fn opaque_tokens_are_introspected() {
    let active = json!({"active": true, "sub": "p-1", "brand": "otter", "aud": "api"}).to_string();
    let mut gateway = TestGateway::new(&fetched());
    let opaque = [bearer("0123456789abcdef0123456789abcdef")];
    let (mut driver, action) = gateway.start("/bets", &opaque);
    assert_eq!(gateway.outcome(action), "waits");
    assert_eq!(gateway.complete(&mut driver, &answer(200, active)), "pass");
    assert_eq!(gateway.host.upstream("x-player-id"), ["p-1"]);
    assert_eq!(gateway.ask("/bets", &opaque), "pass", "cached");
    gateway.host.now += 60 * SECOND;
    let (mut driver, _) = gateway.start("/bets", &opaque);
    assert_eq!(
        gateway.complete(&mut driver, &answer(200, r#"{"active": false}"#.into())),
        "token_inactive"
    );
    assert_eq!(gateway.ask("/bets", &opaque), "token_inactive", "cached briefly");
    gateway.host.now += 5 * SECOND;
    let (mut driver, _) = gateway.start("/bets", &opaque);
    assert_eq!(gateway.complete(&mut driver, &CallReply::NoResponse), "introspection_unavailable");
    let (mut driver, _) = gateway.start("/lobby", &opaque);
    assert_eq!(
        gateway.complete(&mut driver, &CallReply::NoResponse),
        "pass",
        "on_error: anonymous"
    );
    assert!(gateway.host.upstream("x-player-id").is_empty());
    assert_eq!(gateway.host.calls.len(), 4);
}

#[test]
fn a_known_session_is_not_limited_by_failures_of_its_source() {
    let mut document: serde_json::Value = serde_json::from_str(&fetched()).unwrap();
    document["failures"] = json!({"per_minute": 1, "burst": 1});
    document["introspection"]["active_s"] = json!(30);
    let mut gateway = TestGateway::new(&document.to_string());
    let active = json!({"active": true, "sub": "p-1", "brand": "otter", "aud": "api"}).to_string();
    let inactive = answer(200, r#"{"active": false}"#.to_owned());
    let (known, guess) = ([bearer("0123456789abcdef")], [bearer("a-guess")]);
    let (mut driver, _) = gateway.start("/bets", &known);
    assert_eq!(gateway.complete(&mut driver, &answer(200, active.clone())), "pass");
    let (mut driver, _) = gateway.start("/bets", &guess);
    assert_eq!(gateway.complete(&mut driver, &inactive), "token_inactive");
    assert_eq!(gateway.ask("/bets", &[bearer("another-guess")]), "too_many_failures");
    gateway.host.now += 30 * SECOND;
    let (mut driver, action) = gateway.start("/bets", &known);
    assert_eq!(gateway.outcome(action), "waits", "asked about again, not refused");
    assert_eq!(gateway.complete(&mut driver, &answer(200, active)), "pass");
}
