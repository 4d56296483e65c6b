//! Tokens, key sets, sessions and the feeds a gateway reads. Signatures are verified with another
//! library than the one they were made with.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use std::collections::HashSet;

use common::{Answer, Desk, START};
use jwt_simple::prelude::*;
use serde_json::{json, Value};

fn login(desk: &mut Desk, player: &str, alg: &str) -> Value {
    let body = json!({ "player": player, "password": "demo", "alg": alg });
    let answer = desk.ask("POST", "/api/session/login", None, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn bearer(desk: &mut Desk, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let value = format!("Bearer {token}");
    let bytes = if body.is_null() { String::new() } else { body.to_string() };
    desk.send(method, path, &[("authorization", &value)], bytes.as_bytes())
}

/// Verifies a token with the key that the set names for it, and gives its claims.
fn verified(desk: &mut Desk, jwks: &str, token: &str) -> Option<Value> {
    let kid = Token::decode_metadata(token).unwrap().key_id().unwrap().to_owned();
    let set = desk.ask("GET", jwks, None, &Value::Null).body;
    let key = set["keys"].as_array()?.iter().find(|key| key["kid"] == kid.as_str())?.clone();
    let options = VerificationOptions {
        artificial_time: Some(Duration::from_secs(desk.now.secs().unsigned_abs())),
        allowed_audiences: Some(HashSet::from(["casino-api".into(), "casino-gateway".into()])),
        time_tolerance: Some(Duration::from_secs(0)),
        ..Default::default()
    };
    let b64 = |name: &str| {
        Base64UrlSafeNoPadding::decode_to_vec(key[name].as_str().unwrap(), None).unwrap()
    };
    let claims: JWTClaims<Value> = match key["alg"].as_str()? {
        "ES256" => {
            let point = [vec![4], b64("x"), b64("y")].concat();
            ES256PublicKey::from_bytes(&point).unwrap().verify_token(token, Some(options))
        }
        "EdDSA" => {
            Ed25519PublicKey::from_bytes(&b64("x")).unwrap().verify_token(token, Some(options))
        }
        "RS256" => RS256PublicKey::from_components(&b64("n"), &b64("e"))
            .unwrap()
            .verify_token(token, Some(options)),
        other => panic!("{other}"),
    }
    .ok()?;
    Some(serde_json::to_value(claims).unwrap())
}

const JWKS: &str = "/.well-known/jwks.json";
const LOCATION_JWKS: &str = "/.well-known/location-jwks.json";

#[test]
fn every_algorithm_verifies_with_the_published_key() {
    for alg in ["ES256", "RS256", "EdDSA"] {
        let mut desk = Desk::open();
        let given = login(&mut desk, "p-carol", alg);
        let token = given["access_token"].as_str().unwrap();
        let claims = verified(&mut desk, JWKS, token).unwrap();
        let now = START.secs();
        for (claim, want) in [
            ("iss", json!("https://casino.test")),
            ("aud", json!("casino-api")),
            ("sub", json!("p-carol")),
            ("sid", json!("s-1")),
            ("brand", json!("lucky-otter")),
            ("jurisdiction", json!("US-NJ")),
            ("iat", json!(now)),
            ("exp", json!(now + 900)),
            ("auth_time", json!(now)),
            ("kyc_level", json!(2)),
            ("player_state", json!("active")),
        ] {
            assert_eq!(claims[claim], want, "{alg} {claim}");
        }
        assert!(claims["jti"].is_string(), "{alg}");
        let mut again = Desk::open();
        assert_eq!(login(&mut again, "p-carol", alg), given, "{alg} repeats");
        desk.wait_secs(901);
        assert_eq!(verified(&mut desk, JWKS, token), None, "{alg} expires");
    }
}

#[test]
fn rotation_can_keep_old_keys() {
    for (alg, keep, want) in [
        ("ES256", true, true),
        ("ES256", false, false),
        ("RS256", true, true),
        ("EdDSA", true, true),
    ] {
        let mut desk = Desk::open();
        let old = login(&mut desk, "p-1", alg)["access_token"].as_str().unwrap().to_owned();
        let body = json!({ "keep_previous": keep });
        assert_eq!(desk.ask("POST", "/_keys/rotate", None, &body).body["generation"], 2);
        assert_eq!(verified(&mut desk, JWKS, &old).is_some(), want, "{alg} {keep}");
        let new = login(&mut desk, "p-1", alg)["access_token"].as_str().unwrap().to_owned();
        assert!(verified(&mut desk, JWKS, &new).is_some(), "{alg}");
    }
}

#[test]
fn failed_logins_look_alike_and_lock_after_three() {
    let mut desk = Desk::open();
    let try_with = |desk: &mut Desk, player: &str, password: &str| {
        let body = json!({ "player": player, "password": password });
        desk.ask("POST", "/api/session/login", None, &body)
    };
    let unknown = try_with(&mut desk, "p-nobody", "demo");
    let wrong = try_with(&mut desk, "p-alice", "x");
    assert_eq!((unknown.status, &unknown.raw), (401, &wrong.raw));
    try_with(&mut desk, "p-alice", "x");
    assert_eq!(try_with(&mut desk, "p-alice", "demo").status, 200, "two failures do not lock");
    for _ in 0..3 {
        try_with(&mut desk, "p-alice", "x");
    }
    assert_eq!(
        try_with(&mut desk, "p-alice", "demo").raw,
        wrong.raw,
        "locked, and does not say so"
    );
    desk.wait_secs(30 * 60);
    assert_eq!(try_with(&mut desk, "p-alice", "demo").status, 200);
}

#[test]
fn reused_refresh_tokens_end_the_session() {
    let mut desk = Desk::open();
    let first = login(&mut desk, "p-1", "ES256");
    desk.wait_secs(600);
    let refresh = |desk: &mut Desk, token: &Value| {
        let body = json!({ "refresh_token": token });
        desk.ask("POST", "/api/session/refresh", None, &body)
    };
    let second = refresh(&mut desk, &first["refresh_token"]);
    assert_eq!((second.status, &second.body["sid"]), (200, &first["sid"]));
    let token = second.body["access_token"].as_str().unwrap();
    let claims = verified(&mut desk, JWKS, token).unwrap();
    assert_eq!(claims["auth_time"], START.secs(), "a refresh is no authentication");
    assert_eq!(claims["iat"], START.secs() + 600);
    for token in [&first["refresh_token"], &second.body["refresh_token"], &json!("none")] {
        assert_eq!(refresh(&mut desk, token).code(), Some("refresh_invalid"), "{token}");
    }
    let feed = desk.ask("GET", "/revocations", None, &Value::Null).body;
    assert_eq!(feed["revocations"][0]["reason"], "refresh_reused");
    assert_eq!(feed["cursor"], "1");
}

#[test]
fn the_feed_has_logouts_and_suspensions_in_pages() {
    let mut desk = Desk::open();
    let token = login(&mut desk, "p-1", "EdDSA")["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bearer(&mut desk, "GET", "/api/account/balance", &token, &Value::Null).status, 200);
    let out = bearer(&mut desk, "POST", "/api/session/logout", &token, &Value::Null);
    assert_eq!(out.body, json!({ "sid": "s-1", "ended": true }));
    let again = bearer(&mut desk, "POST", "/api/session/logout", &token, &Value::Null);
    assert_eq!(again.body["ended"], false);
    desk.ask("POST", "/api/safer-gambling/self-exclusion", Some("p-2"), &json!({ "days": 1 }));
    for state in ["suspended", "active", "kyc_pending", "cool_off", "time_limit", "closed"] {
        desk.ask("POST", "/_players/p-3", None, &json!({ "state": state }));
    }

    let feed = desk.ask("GET", "/revocations", None, &Value::Null).body;
    let (second, same) = (START.secs() as f64, |cursor| format!("/revocations?since={cursor}"));
    let session = json!({ "session": "s-1", "reason": "logout", "revoked_at": second });
    let player = json!({ "player": "p-3", "revoked_at": second });
    let all = json!({ "revocations": [session, player, player], "cursor": "3", "more": false });
    assert_eq!(feed, all, "whoever excludes herself stays logged in, to withdraw");
    assert_eq!(desk.ask("GET", &same(0), None, &Value::Null).body, all);
    let rest = desk.ask("GET", &same(2), None, &Value::Null).body;
    assert_eq!((&rest["cursor"], &rest["revocations"]), (&json!("3"), &json!([player])));
    for _ in 0..1_500 {
        desk.ask("POST", "/_players/p-3", None, &json!({ "state": "closed" }));
    }
    let page = desk.ask("GET", &same(3), None, &Value::Null).body;
    assert_eq!((&page["cursor"], &page["more"]), (&json!("1003"), &json!(true)));
    let ahead = desk.ask("GET", &same(9_999), None, &Value::Null);
    assert_eq!((ahead.status, ahead.code()), (410, Some("cursor_unknown")));

    let status = desk.ask("GET", "/players/p-2/status", None, &Value::Null).body;
    assert_eq!((&status["state"], &status["state_version"]), (&json!("self_excluded"), &json!(2)));
}

#[test]
fn introspection_reports_live_tokens_only() {
    let mut desk = Desk::open();
    let body = json!({ "player": "p-1", "password": "demo", "format": "opaque", "ttl_secs": 60 });
    let given = desk.ask("POST", "/api/session/login", None, &body).body;
    let token = given["access_token"].as_str().unwrap();
    assert!(!token.contains('.'), "opaque");
    let ask = |desk: &mut Desk, token: &str, client: &str| {
        let headers = [("authorization", client)];
        let form = format!("token_type_hint=access_token&token={token}");
        desk.send("POST", "/oauth/introspect", &headers, form.as_bytes())
    };
    let client = "Basic Z2F0ZXdheTpkZW1vLWludHJvc3BlY3Rpb24=";
    assert_eq!(ask(&mut desk, token, "Basic eDp5").code(), Some("invalid_client"));
    let live = ask(&mut desk, token, client).body;
    assert_eq!((&live["active"], &live["sub"]), (&json!(true), &json!("p-1")));
    assert_eq!(ask(&mut desk, "unknown", client).body, json!({ "active": false }));
    assert_eq!(bearer(&mut desk, "GET", "/api/account/balance", token, &json!(null)).status, 200);
    desk.wait_secs(60);
    assert_eq!(ask(&mut desk, token, client).body, json!({ "active": false }), "expired");
    let other = login(&mut desk, "p-1", "RS256")["access_token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&mut desk, &other, client).body["active"], true);
    bearer(&mut desk, "POST", "/api/session/logout", &other, &Value::Null);
    assert_eq!(ask(&mut desk, &other, client).body, json!({ "active": false }), "logged out");
}

#[test]
fn location_tokens_have_place_and_next_check() {
    // The fix; the result, the reasons, the seconds to the next check.
    let cases = [
        (json!({ "region": "US-NJ" }), "passed", vec![], 1200),
        (json!({ "region": "US-NJ", "border": 900 }), "passed", vec![], 300),
        (
            json!({ "region": "US-NJ", "border": 20 }),
            "failed",
            vec!["radius_crosses_boundary"],
            300,
        ),
        (json!({ "region": "US-PA" }), "failed", vec!["outside_boundary"], 1200),
        (json!({}), "failed", vec!["unlocatable"], 1200),
        (
            json!({ "region": "US-NJ", "anonymiser": true, "mocked": true }),
            "failed",
            vec!["anonymiser", "mocked_position"],
            1200,
        ),
    ];
    for (mut fix, result, reasons, wait) in cases {
        let mut desk = Desk::open();
        let token =
            login(&mut desk, "p-carol", "ES256")["access_token"].as_str().unwrap().to_owned();
        fix["ip"] = json!("198.51.100.7");
        let path = "/api/safer-gambling/location-check";
        let answer = bearer(&mut desk, "POST", path, &token, &fix).body;
        assert_eq!((&answer["result"], &answer["next_check_in"]), (&json!(result), &json!(wait)));
        let token = answer["location_token"].as_str().unwrap();
        let claims = verified(&mut desk, LOCATION_JWKS, token).unwrap();
        let want = ("p-carol", "s-1", "198.51.100.7", result);
        let text = |name: &str| claims[name].as_str().unwrap();
        assert_eq!((text("sub"), text("sid"), text("ip"), text("result")), want);
        assert_eq!(claims["reasons"], json!(reasons), "{fix}");
        assert_eq!(claims["next_check"], START.secs() + wait);
        assert_eq!(claims["exp"], START.secs() + 1800);
        assert_eq!(verified(&mut desk, JWKS, token), None, "no key of the casino signs it");
    }
}
