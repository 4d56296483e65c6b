//! Whole requests with tokens that are revoked, or may be.

use policy_kit::{CallReply, Plugin, SharedCall};
use serde_json::{json, Value};

use crate::names::SECOND;
use crate::plugin::PlayerAuth;
use crate::tests::gateway::{answer, bearer, token, TestGateway, CLAIMS, CONFIG, NOW};

fn configuration() -> Value {
    let mut document: Value = serde_json::from_str(CONFIG).unwrap();
    document["issuers"][0]["max_lifetime_s"] = 3_600.into();
    document["revocations"] = json!({"cluster": "pam", "max_lifetime_s": 3_600});
    document["classes"] = json!({"withdrawal": {"max_auth_age_s": 0}});
    document
}

fn page(revocations: Value) -> CallReply {
    answer(200, json!({"revocations": revocations, "cursor": "1"}).to_string())
}

/// A tick whose poll, if any, gets this reply at once. Returns the number of polls.
fn tick(gateway: &mut TestGateway, reply: &CallReply) -> usize {
    let polls: Vec<SharedCall> = gateway.plugin.on_tick(&mut gateway.host);
    for SharedCall { key, .. } in &polls {
        gateway.plugin.on_shared_reply(&mut gateway.host, key, reply);
    }
    polls.len()
}

fn good() -> [(&'static str, String); 1] {
    [bearer(&token(CLAIMS))]
}

#[test]
fn an_unavailable_feed_denies_by_class() {
    let mut changed = configuration();
    changed["revocations"]["on_error"] = json!({"wager": "allow", "account": "refuse"});
    for (config, denied) in [(configuration(), "/bets"), (changed, "/balance")] {
        let mut gateway = TestGateway::new(&config.to_string());
        for outage in ["revocations_unloaded", "revocations_stale"] {
            for path in ["/bets", "/balance", "/withdraw", "/limits", "/lobby", "/login", "/win"] {
                let got = gateway.ask(path, &good());
                let evidence = gateway.host.facts.get("pitboss.player-auth.evidence");
                let evidence = evidence.map(String::as_str);
                if path == denied {
                    assert_eq!((got.as_str(), evidence), ("revocations_unavailable", Some(outage)));
                    let reply = gateway.host.replied.as_ref().unwrap();
                    assert!(reply.header("retry-after").is_some());
                } else {
                    assert_eq!(got, "pass", "{path} {outage}");
                    let checked = !["/login", "/win"].contains(&path);
                    assert_eq!(evidence, checked.then_some(outage), "{path}");
                }
            }
            assert_eq!(tick(&mut gateway, &page(json!([]))), 1);
            assert_eq!(gateway.ask("/bets", &good()), "pass");
            assert_eq!(gateway.ask("/balance", &good()), "pass");
            gateway.host.now += 61 * SECOND;
        }
    }
}

#[test]
fn revoked_tokens_are_refused_cached_or_not() {
    let at = |after: i64| NOW.checked_add_signed(after).unwrap();
    for (entry, want) in [
        (json!({"player": "p-1", "revoked_at": at(1)}), "token_revoked"),
        (json!({"player": "p-1", "revoked_at": 1_800_000_000.001}), "token_revoked"),
        (json!({"player": "p-1", "revoked_at": at(0)}), "pass"),
        (json!({"player": "p-2", "revoked_at": at(1)}), "pass"),
        (json!({"session": "s-1", "revoked_at": at(-100)}), "token_revoked"),
        (json!({"session": "s-2", "revoked_at": at(1)}), "pass"),
        (json!({"session": "p-1", "revoked_at": at(1)}), "pass"),
    ] {
        for cached in [false, true] {
            let mut gateway = TestGateway::new(&configuration().to_string());
            tick(&mut gateway, &page(json!([])));
            if cached {
                assert_eq!(gateway.ask("/bets", &good()), "pass");
            }
            gateway.host.now += SECOND;
            assert_eq!(tick(&mut gateway, &page(json!([entry]))), 1);
            for path in ["/bets", "/lobby", "/limits"] {
                assert_eq!(gateway.ask(path, &good()), want, "{entry} {path} {cached}");
            }
            if want != "pass" {
                let reply = gateway.host.replied.as_ref().unwrap();
                let challenge = reply.header("www-authenticate").unwrap();
                assert!(challenge.contains("invalid_token"), "{challenge:?}");
            }
            assert_eq!(gateway.ask("/login", &good()), "pass", "the player can log in again");
            assert_eq!(gateway.ask("/win", &good()), "pass", "settlements pass");
        }
    }
}

#[test]
fn a_token_without_a_date_counts_as_oldest() {
    let mut config = configuration();
    config["introspection"] = json!({"cluster": "id", "path": "/x", "audiences": ["api"]});
    let mut gateway = TestGateway::new(&config.to_string());
    tick(&mut gateway, &page(json!([{"player": "p-1", "revoked_at": NOW + 1}])));
    let active = |more: &str| {
        answer(
            200,
            format!(r#"{{"active": true, "sub": "p-1", "brand": "otter", "aud": "api"{more}}}"#),
        )
    };
    for (opaque, more, want) in [
        ("one", "", "token_revoked"),
        ("two", r#", "iat": 1800000001"#, "pass"),
        ("three", r#", "iat": 1800000000"#, "token_revoked"),
    ] {
        let (mut driver, action) = gateway.start("/bets", &[bearer(opaque)]);
        assert_eq!(gateway.outcome(action), "waits");
        assert_eq!(gateway.complete(&mut driver, &active(more)), want, "{opaque}");
    }
}

#[test]
fn a_revoked_token_sets_no_headers_and_facts() {
    let mut gateway = TestGateway::new(&configuration().to_string());
    tick(&mut gateway, &page(json!([{"player": "p-1", "revoked_at": NOW + 1}])));
    let json = ("content-type", "application/json".to_owned());
    for (body, want) in
        [(r#"{"type": "debit"}"#, "token_revoked"), (r#"{"type": "credit"}"#, "pass")]
    {
        gateway.host.body = body.as_bytes().to_vec();
        let mut driver = gateway.open("/one", &[good()[0].clone(), json.clone()]);
        let action = driver.on_request_body(&mut gateway.host, body.len(), true);
        assert_eq!(gateway.outcome(action), want, "{body}");
        assert!(gateway.host.upstream("x-player-id").is_empty(), "{body}");
        assert!(!gateway.host.facts.contains_key("pitboss.player"), "{body}");
    }
}

#[test]
fn a_new_configuration_adopts_shared_revocations() {
    let mut gateway = TestGateway::new(&configuration().to_string());
    tick(&mut gateway, &page(json!([{"player": "p-1", "revoked_at": NOW + 1}])));
    let mut next = TestGateway::new(&configuration().to_string());
    let shared = std::mem::take(&mut gateway.host.shared);
    next.host.shared = shared;
    let config = configuration().to_string();
    next.plugin = PlayerAuth::configure(config.as_bytes(), &mut next.host).unwrap();
    assert_eq!(next.ask("/bets", &good()), "token_revoked");
    assert_eq!(next.ask("/bets", &[bearer(&token(&CLAIMS.replace("p-1", "p-2")))]), "pass");
}

#[test]
fn token_lifetimes_must_be_limited() {
    let mut config = configuration();
    config["issuers"][0]["max_lifetime_s"] = Value::Null;
    let mut host = policy_kit::fake::FakeHost::default();
    let error = PlayerAuth::configure(config.to_string().as_bytes(), &mut host);
    assert_eq!(error.map(|_| ()).unwrap_err().field, "issuers[0].max_lifetime_s");
}
