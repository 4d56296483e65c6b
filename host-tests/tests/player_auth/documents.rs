//! Invalid configurations: the module refuses them with one line that names the field; Envoy does not start
//! with one, and keeps the old one on an update.

use abi_host::{HostError, LogLevel, Profile, StartFailure};
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyError, EnvoyProcess, Options, Update};
use host_tests::upstream::Server;
use serde_json::{json, Value};

use crate::attacks_envoy::{deployed, request};
use crate::fixture::{self, forge};

/// The example with one change, and the field that its refusal names.
fn refused() -> Vec<(&'static str, String, &'static str)> {
    let with = |changes: Value| fixture::configuration(Profile::Envoy, &changes);
    let issuer = |changes: Value| {
        let mut issuer = fixture::issuer(&json!({"cluster": "casino"}));
        for (name, value) in changes.as_object().unwrap() {
            issuer[name] = value.clone();
        }
        with(json!({"issuers": [issuer]}))
    };
    let keys = |keys: Value| issuer(json!({"keys": keys}));
    let introspection = |changes: Value| {
        let mut introspection =
            json!({"cluster": "casino", "path": "/oauth/introspect", "any_audience": true});
        for (name, value) in changes.as_object().unwrap() {
            introspection[name] = value.clone();
        }
        with(json!({"introspection": introspection}))
    };
    let private: Value = serde_json::from_str(&forge().private_jwk()).unwrap();
    let twice = fixture::issuer(&json!({"cluster": "casino"}));
    let hs256 = json!({"algorithms": ["HS256"], "keys": {"secret": "S3CRET"}});
    let rule = |class: &str, rule: Value| with(json!({"classes": {class: rule}}));
    let partner = |key: Value| {
        let key = json!({"header": "x-k", "keys": key["keys"]});
        with(json!({"partners": {"p": {"api_key": key, "paths": ["/"]}}}))
    };
    vec![
        ("unknown field", with(json!({"issuer": "S3CRET"})), "issuer"),
        ("no issuer", with(json!({"issuers": [], "introspection": null})), "issuers"),
        ("an issuer twice", with(json!({"issuers": [twice, twice]})), "issuers[1].issuer"),
        ("no name", issuer(json!({"issuer": ""})), "issuers[0].issuer"),
        ("no audience", issuer(json!({"audiences": null})), "issuers[0].audiences"),
        ("no audience in it", issuer(json!({"audiences": []})), "issuers[0].audiences"),
        ("any and one", issuer(json!({"any_audience": true})), "issuers[0].audiences"),
        ("none", issuer(json!({"algorithms": ["none"]})), "issuers[0].algorithms"),
        ("no algorithm", issuer(json!({"algorithms": []})), "issuers[0].algorithms"),
        (
            "HS256 and others",
            issuer(json!({"algorithms": ["HS256", "ES256"]})),
            "issuers[0].algorithms",
        ),
        ("a short secret", issuer(hs256), "issuers[0].keys.secret"),
        (
            "a secret for ES256",
            keys(json!({"secret": "S3CRET".repeat(9)})),
            "issuers[0].keys.secret",
        ),
        ("a private key", keys(json!({"jwks": {"keys": [private]}})), "issuers[0].keys.jwks"),
        (
            "two sources",
            keys(json!({"cluster": "S3CRET", "jwks": {"keys": []}})),
            "issuers[0].keys",
        ),
        ("no source", keys(json!({})), "issuers[0].keys"),
        ("an unknown member of keys", keys(json!({"uri": "S3CRET"})), "issuers[0].keys.uri"),
        ("a path", keys(json!({"cluster": "casino", "path": "S3CRET"})), "issuers[0].keys.path"),
        (
            "for ever",
            keys(json!({"cluster": "casino", "timeout_ms": 0})),
            "issuers[0].keys.timeout_ms",
        ),
        (
            "too often",
            keys(json!({"cluster": "casino", "refresh_s": 1})),
            "issuers[0].keys.refresh_s",
        ),
        (
            "stale before",
            keys(json!({"cluster": "casino", "max_stale_s": 60})),
            "issuers[0].keys.max_stale_s",
        ),
        ("clocks", issuer(json!({"skew_s": 601})), "issuers[0].skew_s"),
        ("a pointer", issuer(json!({"claims": {"player": "S3CRET"}})), "issuers[0].claims.player"),
        (
            "a header of ours",
            issuer(json!({"claims": {"headers": {"x-brand": "/b"}}})),
            "issuers[0].claims.headers.x-brand",
        ),
        (
            "a header that frames",
            issuer(json!({"claims": {"headers": {"content-length": "/b"}}})),
            "issuers[0].claims.headers.content-length",
        ),
        ("believed for days", introspection(json!({"active_s": 86_400})), "introspection.active_s"),
        (
            "two lines",
            introspection(json!({"authorization": "S3CRET\nx: y"})),
            "introspection.authorization",
        ),
        ("no place", with(json!({"credentials": []})), "credentials"),
        (
            "a place twice",
            with(json!({"credentials": [{"bearer": true}, {"bearer": true}]})),
            "credentials[1]",
        ),
        (
            "two places in one",
            with(json!({"credentials": [{"bearer": true, "cookie": "S3CRET"}]})),
            "credentials[0]",
        ),
        ("a realm", with(json!({"realm": "S3CRET\""})), "realm"),
        ("no failure", with(json!({"failures": {"per_minute": 0}})), "failures.per_minute"),
        (
            "a partner's token",
            rule("settlement", json!({"token": "required"})),
            "classes.settlement.token",
        ),
        ("a scope", rule("wager", json!({"scopes": ["S3CRET\""]})), "classes.wager.scopes"),
        ("no effect", with(json!({"on_error": {"session": "anonymous"}})), "on_error.session"),
        ("no such class", with(json!({"classes": {"bets": {}}})), "classes.bets"),
        ("no partner", with(json!({"partners": {}})), "partners"),
        (
            "a key in the clear",
            partner(json!({"keys": [{"key": "S3CRET"}]})),
            "partners.p.api_key.keys[0].key",
        ),
        (
            "no digest",
            partner(json!({"keys": [{"sha256": "S3CRET"}]})),
            "partners.p.api_key.keys[0].sha256",
        ),
        ("no cap", with(json!({"unverified": {"max_held": 0}})), "unverified.max_held"),
        (
            "states without a source",
            with(json!({"player_state": {"names": {"S3CRET": "cool_off"}}})),
            "player_state",
        ),
        (
            "a path without a player",
            with(json!({"player_state": {"pam": {"cluster": "casino", "path": "/S3CRET"}}})),
            "player_state.pam.path",
        ),
        (
            "excluded from help",
            with(json!({"player_state": {"pam": {"cluster": "casino"}, "overrides": [
                {"states": {"suspended": {"safer-gambling": "refuse"}}}]}})),
            "player_state.overrides[0].states.suspended.safer-gambling",
        ),
        (
            "a switch that stops nothing",
            with(json!({"player_state": {"closed": {"products": ["S3CRET"]}}})),
            "player_state.closed.products[0]",
        ),
        (
            "a feed with a query",
            with(json!({"revocations": {"cluster": "casino", "path": "/r?key=S3CRET"}})),
            "revocations.path",
        ),
        (
            "tokens that outlive their revocation",
            with(json!({"revocations": {"cluster": "casino", "max_lifetime_s": 3600}})),
            "issuers[0].max_lifetime_s",
        ),
        ("a large cache", with(json!({"cache_tokens": 1_000_000})), "cache_tokens"),
        ("a member twice", with(json!({})).replacen('{', r#"{"realm": "S3CRET", "#, 1), "realm"),
        ("no document", String::new(), "$"),
        ("1 MB of garbage", "S3CRET ".repeat(150_000), "$"),
    ]
}

#[test]
fn the_module_names_the_field_without_its_value() {
    for profile in fixture::PROFILES {
        for (name, document, field) in refused() {
            let Err(HostError::Start(error)) = fixture::builder(profile, &document).start() else {
                panic!("{name}: it started")
            };
            assert_eq!(error.reason, StartFailure::Configure, "{name}");
            let lines: Vec<_> = error.logs.iter().map(|l| (l.level, l.message.as_str())).collect();
            let [(LogLevel::Error, line)] = lines[..] else { panic!("{name}: {lines:?}") };
            let expected = format!("player-auth: configuration refused: {field}: ");
            assert!(line.starts_with(&expected), "{name}: {line}");
            assert!(!line.contains("S3CRET"), "{name}: {line}");
            assert!(line.len() < 400, "{name}: {} bytes", line.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_does_not_start_with_an_invalid_configuration() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let nowhere = "127.0.0.1:9".parse().unwrap();
    // Each start takes its time, and the module is the same: every fifth will do.
    for (name, document, field) in refused().into_iter().step_by(5) {
        let options = Options::new(binary.clone(), fixture::wasm_dir(), nowhere);
        match EnvoyProcess::start(&deployed(&document), options).await {
            Err(EnvoyError::Refused { log }) => {
                let line = format!("configuration refused: {field}: ");
                assert!(log.contains(&line), "{name}: {log}");
            }
            other => panic!("{name}: {:?}", other.map(|_| "it started")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_keeps_the_old_configuration_on_an_invalid_update() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let upstream = Server::start(|_| http::Response::new(bytes::Bytes::new())).await.unwrap();
    let mut options = Options::new(binary, fixture::wasm_dir(), upstream.address);
    options.updatable = true;
    let good = |realm: &str| {
        let mut changes = fixture::inline(forge());
        changes["realm"] = realm.into();
        deployed(&fixture::configuration(Profile::Envoy, &changes))
    };
    let envoy = EnvoyProcess::start(&good("one"), options).await.unwrap();
    let ask = || {
        let request = request("POST", "/api/bets").body("{}");
        let (address, port) = (envoy.address, envoy.listener_port);
        async move {
            let answer = send(address, Some(port), &request).await.unwrap();
            (answer.status, answer.header("www-authenticate").unwrap_or_default())
        }
    };
    let challenge =
        |realm: &str| (401, format!(r#"Bearer realm="{realm}", error="invalid_token""#));
    assert_eq!(ask().await, challenge("one"));
    for (name, document, field) in refused() {
        match envoy.update_listener(&deployed(&document)).await.unwrap() {
            Update::Refused { log } => assert!(log.contains(field), "{name}: {log}"),
            Update::Accepted => panic!("{name}: it was taken"),
        }
        assert_eq!(ask().await, challenge("one"), "{name}");
    }
    assert_eq!(envoy.update_listener(&good("two")).await.unwrap(), Update::Accepted);
}
