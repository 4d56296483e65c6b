//! Whole requests with tokens that a feed has revoked, or may have.

use super::tests::{answer, bearer, token, World, CLAIMS, NOW};
use super::*;
use policy_kit::SharedCall;
use serde_json::{json, Value};

use crate::policy::tests::CONFIG;

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

/// A tick whose poll, if there is one, is answered at once.
fn tick(world: &mut World, reply: &CallReply) -> usize {
    let flights: Vec<SharedCall> = world.plugin.on_tick(&mut world.host);
    for SharedCall { key, .. } in &flights {
        world.plugin.on_shared_reply(&mut world.host, key, reply);
    }
    flights.len()
}

fn good() -> [(&'static str, String); 1] {
    [bearer(&token(CLAIMS))]
}

#[test]
fn until_the_feed_was_read_the_class_decides() {
    let mut turned = configuration();
    turned["revocations"]["on_error"] = json!({"wager": "allow", "account": "refuse"});
    for (config, closed) in [(configuration(), "/bets"), (turned, "/balance")] {
        let mut world = World::new(&config.to_string());
        for why in ["revocations_unloaded", "revocations_stale"] {
            for path in ["/bets", "/balance", "/withdraw", "/limits", "/lobby", "/login", "/win"] {
                let got = world.ask(path, &good());
                let evidence = world.host.facts.get("pitboss.player-auth.evidence");
                let evidence = evidence.map(String::as_str);
                if path == closed {
                    assert_eq!((got.as_str(), evidence), ("revocations_unavailable", Some(why)));
                    let reply = world.host.replied.as_ref().unwrap();
                    assert!(reply.header("retry-after").is_some());
                } else {
                    assert_eq!(got, "pass", "{path} {why}");
                    let asked = !["/login", "/win"].contains(&path);
                    assert_eq!(evidence, asked.then_some(why), "{path}");
                }
            }
            assert_eq!(tick(&mut world, &page(json!([]))), 1);
            assert_eq!(world.ask("/bets", &good()), "pass");
            assert_eq!(world.ask("/balance", &good()), "pass");
            world.host.now += 61 * SECOND;
        }
    }
}

#[test]
fn dead_tokens_are_nobodys_cached_or_not() {
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
            let mut world = World::new(&configuration().to_string());
            tick(&mut world, &page(json!([])));
            if cached {
                assert_eq!(world.ask("/bets", &good()), "pass");
            }
            world.host.now += SECOND;
            assert_eq!(tick(&mut world, &page(json!([entry]))), 1);
            for path in ["/bets", "/lobby", "/limits"] {
                assert_eq!(world.ask(path, &good()), want, "{entry} {path} {cached}");
            }
            if want != "pass" {
                let reply = world.host.replied.as_ref().unwrap();
                let challenge = reply.header("www-authenticate").unwrap();
                assert!(challenge.contains("invalid_token"), "{challenge:?}");
            }
            assert_eq!(world.ask("/login", &good()), "pass", "logging in again stays possible");
            assert_eq!(world.ask("/win", &good()), "pass", "so does money owed");
        }
    }
}

#[test]
fn a_token_without_a_date_is_as_old_as_can_be() {
    let mut config = configuration();
    config["introspection"] = json!({"cluster": "id", "path": "/x", "audiences": ["api"]});
    let mut world = World::new(&config.to_string());
    tick(&mut world, &page(json!([{"player": "p-1", "revoked_at": NOW + 1}])));
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
        let (mut driver, action) = world.start("/bets", &[bearer(opaque)]);
        assert_eq!(world.outcome(action), "waits");
        assert_eq!(world.land(&mut driver, &active(more)), want, "{opaque}");
    }
}

#[test]
fn the_dead_are_not_told_of() {
    let mut world = World::new(&configuration().to_string());
    tick(&mut world, &page(json!([{"player": "p-1", "revoked_at": NOW + 1}])));
    let json = ("content-type", "application/json".to_owned());
    for (body, want) in
        [(r#"{"type": "debit"}"#, "token_revoked"), (r#"{"type": "credit"}"#, "pass")]
    {
        world.host.body = body.as_bytes().to_vec();
        let mut driver = world.open("/one", &[good()[0].clone(), json.clone()]);
        let action = driver.on_request_body(&mut world.host, body.len(), true);
        assert_eq!(world.outcome(action), want, "{body}");
        assert!(world.host.upstream("x-player-id").is_empty(), "{body}");
        assert!(!world.host.facts.contains_key("pitboss.player"), "{body}");
    }
}

#[test]
fn a_new_configuration_knows_what_the_old_one_knew() {
    let mut world = World::new(&configuration().to_string());
    tick(&mut world, &page(json!([{"player": "p-1", "revoked_at": NOW + 1}])));
    let mut next = World::new(&configuration().to_string());
    let shared = std::mem::take(&mut world.host.shared);
    next.host.shared = shared;
    let config = configuration().to_string();
    next.plugin = PlayerAuth::configure(config.as_bytes(), &mut next.host).unwrap();
    assert_eq!(next.ask("/bets", &good()), "token_revoked");
    assert_eq!(next.ask("/bets", &[bearer(&token(&CLAIMS.replace("p-1", "p-2")))]), "pass");
}

#[test]
fn tokens_must_not_outlive_their_revocation() {
    let mut config = configuration();
    config["issuers"][0]["max_lifetime_s"] = Value::Null;
    let mut host = policy_kit::fake::FakeHost::default();
    let error = PlayerAuth::configure(config.to_string().as_bytes(), &mut host);
    assert_eq!(error.map(|_| ()).unwrap_err().field, "issuers[0].max_lifetime_s");
}
