//! What one address may have under way, and that it takes nothing from others.

use super::tests::{answer, bearer, token, World, CLAIMS};
use super::*;
use policy_kit::{Action, Driver};
use serde_json::json;

use crate::policy::tests::CONFIG;

const NEAR: &str = "198.51.100.7";
const FAR: &str = "203.0.113.9";

fn opaque() -> World {
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    document["introspection"] =
        json!({"cluster": "id", "path": "/introspect", "audiences": ["api"]});
    World::new(&document.to_string())
}

fn active() -> CallReply {
    answer(200, json!({"active": true, "sub": "p-1", "brand": "otter", "aud": "api"}).to_string())
}

fn inactive() -> CallReply {
    answer(200, r#"{"active": false}"#.to_owned())
}

/// A request from an address, and what becomes of it until somebody answers.
fn from(world: &mut World, address: &str, path: &str, token: &str) -> (Driver<AuthFilter>, String) {
    address.clone_into(&mut world.address);
    let (driver, action) = world.start(path, &[bearer(token)]);
    (driver, world.outcome(action))
}

/// So many requests with tokens of their own.
fn many(world: &mut World, address: &str, tokens: usize) -> Vec<String> {
    let mut told = Vec::new();
    for n in 0..tokens {
        told.push(from(world, address, "/bets", &format!("opaque-{address}-{n}")).1);
    }
    told
}

/// The key of the flight for a token.
fn key(token: &str) -> String {
    format!("introspect {token}")
}

#[test]
fn an_address_has_no_more_questions_out_than_may_fail() {
    let mut world = opaque();
    let told = many(&mut world, NEAR, 12);
    assert_eq!(told[..10], ["waits"; 10]);
    assert_eq!(told[10..], ["introspection_busy"; 2]);
    let reply = world.host.replied.clone().unwrap();
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(from(&mut world, NEAR, "/lobby", "another").1, "pass", "on_error: anonymous");
    assert_eq!(many(&mut world, FAR, 1), ["waits"], "another address");
    // Whoever left has a question out all the same, until it is answered.
    for (n, reply) in [active(), active(), inactive(), CallReply::NoResponse].iter().enumerate() {
        world.plugin.on_shared_reply(&mut world.host, &key(&format!("opaque-{NEAR}-{n}")), reply);
    }
    let told: Vec<_> =
        (0..4).map(|n| from(&mut world, NEAR, "/bets", &format!("next-{n}")).1).collect();
    assert_eq!(told[..3], ["waits"; 3], "one has failed");
    assert_eq!(told[3], "introspection_busy");
    // All of those fail, too: now it is the address that fails too often.
    for n in 4..10 {
        world.plugin.on_shared_reply(
            &mut world.host,
            &key(&format!("opaque-{NEAR}-{n}")),
            &inactive(),
        );
    }
    for n in 0..3 {
        world.plugin.on_shared_reply(&mut world.host, &key(&format!("next-{n}")), &inactive());
    }
    assert_eq!(from(&mut world, NEAR, "/bets", "last").1, "too_many_failures");
    assert_eq!(from(&mut world, NEAR, "/lobby", "last").1, "too_many_failures");
}

/// A page that calls many times with a new token asks about it once.
#[test]
fn calls_with_one_token_are_one_question() {
    let mut world = opaque();
    let mut page: Vec<_> = (0..40).map(|_| from(&mut world, NEAR, "/bets", "opaque-1")).collect();
    assert!(page.iter().all(|(_, told)| told == "waits"));
    let told = many(&mut world, NEAR, 10);
    assert_eq!(told[8..], ["waits", "introspection_busy"], "it is one of ten");
    world.plugin.on_shared_reply(&mut world.host, &key("opaque-1"), &inactive());
    for (driver, _) in &mut page {
        driver.on_shared_reply(&mut world.host, &inactive());
        assert_eq!(world.outcome(Action::Pause), "token_inactive");
    }
    assert_eq!(from(&mut world, NEAR, "/bets", "opaque-2").1, "introspection_busy");
    for n in 0..9 {
        world.plugin.on_shared_reply(
            &mut world.host,
            &key(&format!("opaque-{NEAR}-{n}")),
            &active(),
        );
    }
    let told = many(&mut world, NEAR, 12);
    assert_eq!(told[8..10], ["waits", "introspection_busy"], "it failed once, not 40 times");
}

/// A question that never left takes no place.
#[test]
fn what_the_gateway_does_not_take_has_no_place() {
    let mut world = opaque();
    world.host.faults.insert("proxy_http_call", 2);
    for told in many(&mut world, NEAR, 100) {
        assert_eq!(told, "introspection_unavailable");
    }
    world.host.faults.clear();
    assert_eq!(many(&mut world, NEAR, 10), ["waits"; 10]);
}

/// One address with many players' tokens has a quarter of the questions about players.
#[test]
fn an_address_has_a_quarter_of_the_questions_about_players() {
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    document["player_state"] = json!({"pam": {"cluster": "pam", "cache_s": 5}});
    document["players_unique"] = true.into();
    let mut world = World::new(&document.to_string());
    let of = |n: usize| token(&CLAIMS.replace("p-1", &format!("p-{n}")));
    let told: Vec<_> = (0..66).map(|n| from(&mut world, NEAR, "/bets", &of(n)).1).collect();
    assert_eq!(told[63..], ["waits", "player_state_unavailable", "player_state_unavailable"]);
    assert_eq!(from(&mut world, NEAR, "/bets", &of(7)).1, "waits", "it is asked already");
    assert_eq!(from(&mut world, NEAR, "/withdraw", &of(99)).1, "step_up_required");
    assert_eq!(from(&mut world, FAR, "/bets", &of(70)).1, "waits", "another address");
    let flight = world.host.flights[0].clone();
    world.plugin.on_shared_reply(
        &mut world.host,
        &flight,
        &answer(200, r#"{"state": "active"}"#.into()),
    );
    assert_eq!(from(&mut world, NEAR, "/bets", &of(0)).1, "pass", "known now");
    assert_eq!(from(&mut world, NEAR, "/bets", &of(64)).1, "waits");
    // Those that never leave take no place.
    let mut world = World::new(&document.to_string());
    world.host.faults.insert("proxy_http_call", 2);
    for n in 0..100 {
        assert_eq!(from(&mut world, NEAR, "/bets", &of(n)).1, "player_state_unavailable");
    }
    world.host.faults.clear();
    assert_eq!(from(&mut world, NEAR, "/bets", &of(100)).1, "waits");
}

/// Of those that wait for an issuer's keys, a quarter may be of one address.
#[test]
fn an_address_has_a_quarter_of_those_that_wait_for_keys() {
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    document["issuers"][0]["algorithms"] = json!(["ES256"]);
    document["issuers"][0]["keys"] = json!({"cluster": "id"});
    let mut world = World::new(&document.to_string());
    let claims = super::tests::encoded(CLAIMS.as_bytes());
    let signed = |n: usize| {
        let header =
            super::tests::encoded(format!(r#"{{"alg": "ES256", "kid": "{n}"}}"#).as_bytes());
        format!("{header}.{claims}.AAAA")
    };
    let mut waiting = Vec::new();
    for n in 0..16 {
        let (driver, told) = from(&mut world, NEAR, "/bets", &signed(n));
        assert_eq!(told, "waits", "{n}");
        waiting.push(driver);
    }
    assert_eq!(from(&mut world, NEAR, "/bets", &signed(16)).1, "keys_unavailable");
    assert_eq!(world.host.replied.clone().unwrap().header("retry-after"), Some("1"));
    assert_eq!(from(&mut world, FAR, "/bets", &signed(17)).1, "waits", "another address");
    waiting.pop();
    assert_eq!(from(&mut world, NEAR, "/bets", &signed(18)).1, "waits", "one left");
}
