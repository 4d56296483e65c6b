//! The shares of one address in calls and waits, which leave the shares of others free.

use policy_kit::{Action, CallReply, Driver, Plugin};
use serde_json::json;

use crate::filter::auth::AuthFilter;
use crate::tests::gateway::{answer, bearer, encoded, token, TestGateway, CLAIMS, CONFIG};

const NEAR: &str = "198.51.100.7";
const FAR: &str = "203.0.113.9";

fn opaque() -> TestGateway {
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    document["introspection"] =
        json!({"cluster": "id", "path": "/introspect", "audiences": ["api"]});
    TestGateway::new(&document.to_string())
}

fn active() -> CallReply {
    answer(200, json!({"active": true, "sub": "p-1", "brand": "otter", "aud": "api"}).to_string())
}

fn inactive() -> CallReply {
    answer(200, r#"{"active": false}"#.to_owned())
}

/// A request from an address, and its outcome before any reply.
fn from(
    gateway: &mut TestGateway,
    address: &str,
    path: &str,
    token: &str,
) -> (Driver<AuthFilter>, String) {
    address.clone_into(&mut gateway.address);
    let (driver, action) = gateway.start(path, &[bearer(token)]);
    (driver, gateway.outcome(action))
}

/// So many requests, each with another token.
fn many(gateway: &mut TestGateway, address: &str, tokens: usize) -> Vec<String> {
    let mut outcomes = Vec::new();
    for n in 0..tokens {
        outcomes.push(from(gateway, address, "/bets", &format!("opaque-{address}-{n}")).1);
    }
    outcomes
}

/// The key of the introspection call for a token.
fn key(token: &str) -> String {
    format!("introspect {token}")
}

#[test]
fn pending_introspection_calls_count_as_failures() {
    let mut gateway = opaque();
    let outcomes = many(&mut gateway, NEAR, 12);
    assert_eq!(outcomes[..10], ["waits"; 10]);
    assert_eq!(outcomes[10..], ["introspection_busy"; 2]);
    let reply = gateway.host.replied.clone().unwrap();
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(from(&mut gateway, NEAR, "/lobby", "another").1, "pass", "on_error: anonymous");
    assert_eq!(many(&mut gateway, FAR, 1), ["waits"], "another address");
    // Calls stay pending until their reply, even if the client has left.
    for (n, reply) in [active(), active(), inactive(), CallReply::NoResponse].iter().enumerate() {
        gateway.plugin.on_shared_reply(
            &mut gateway.host,
            &key(&format!("opaque-{NEAR}-{n}")),
            reply,
        );
    }
    let outcomes: Vec<_> =
        (0..4).map(|n| from(&mut gateway, NEAR, "/bets", &format!("next-{n}")).1).collect();
    assert_eq!(outcomes[..3], ["waits"; 3], "one has failed");
    assert_eq!(outcomes[3], "introspection_busy");
    // All of them fail: the address is over its budget.
    for n in 4..10 {
        gateway.plugin.on_shared_reply(
            &mut gateway.host,
            &key(&format!("opaque-{NEAR}-{n}")),
            &inactive(),
        );
    }
    for n in 0..3 {
        gateway.plugin.on_shared_reply(&mut gateway.host, &key(&format!("next-{n}")), &inactive());
    }
    assert_eq!(from(&mut gateway, NEAR, "/bets", "last").1, "too_many_failures");
    assert_eq!(from(&mut gateway, NEAR, "/lobby", "last").1, "too_many_failures");
}

/// A page that sends many requests with a new token causes one call.
#[test]
fn requests_with_one_token_share_a_call() {
    let mut gateway = opaque();
    let mut page: Vec<_> = (0..40).map(|_| from(&mut gateway, NEAR, "/bets", "opaque-1")).collect();
    assert!(page.iter().all(|(_, outcome)| outcome == "waits"));
    let outcomes = many(&mut gateway, NEAR, 10);
    assert_eq!(outcomes[8..], ["waits", "introspection_busy"], "one of ten calls");
    gateway.plugin.on_shared_reply(&mut gateway.host, &key("opaque-1"), &inactive());
    for (driver, _) in &mut page {
        driver.on_shared_reply(&mut gateway.host, &inactive());
        assert_eq!(gateway.outcome(Action::Pause), "token_inactive");
    }
    assert_eq!(from(&mut gateway, NEAR, "/bets", "opaque-2").1, "introspection_busy");
    for n in 0..9 {
        gateway.plugin.on_shared_reply(
            &mut gateway.host,
            &key(&format!("opaque-{NEAR}-{n}")),
            &active(),
        );
    }
    let outcomes = many(&mut gateway, NEAR, 12);
    assert_eq!(outcomes[8..10], ["waits", "introspection_busy"], "it failed once, not 40 times");
}

/// A call that was never sent is not pending.
#[test]
fn calls_that_fail_to_start_are_not_pending() {
    let mut gateway = opaque();
    gateway.host.faults.insert("proxy_http_call", 2);
    for outcome in many(&mut gateway, NEAR, 100) {
        assert_eq!(outcome, "introspection_unavailable");
    }
    gateway.host.faults.clear();
    assert_eq!(many(&mut gateway, NEAR, 10), ["waits"; 10]);
}

/// One address with many players' tokens.
#[test]
fn an_address_has_a_quarter_of_the_calls_to_the_pam() {
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    document["player_state"] = json!({"pam": {"cluster": "pam", "cache_s": 5}});
    document["players_unique"] = true.into();
    let mut gateway = TestGateway::new(&document.to_string());
    let of = |n: usize| token(&CLAIMS.replace("p-1", &format!("p-{n}")));
    let outcomes: Vec<_> = (0..66).map(|n| from(&mut gateway, NEAR, "/bets", &of(n)).1).collect();
    assert_eq!(outcomes[63..], ["waits", "player_state_unavailable", "player_state_unavailable"]);
    assert_eq!(from(&mut gateway, NEAR, "/bets", &of(7)).1, "waits", "joins the pending call");
    assert_eq!(from(&mut gateway, NEAR, "/withdraw", &of(99)).1, "step_up_required");
    assert_eq!(from(&mut gateway, FAR, "/bets", &of(70)).1, "waits", "another address");
    let key = gateway.host.flights[0].clone();
    gateway.plugin.on_shared_reply(
        &mut gateway.host,
        &key,
        &answer(200, r#"{"state": "active"}"#.into()),
    );
    assert_eq!(from(&mut gateway, NEAR, "/bets", &of(0)).1, "pass", "cached now");
    assert_eq!(from(&mut gateway, NEAR, "/bets", &of(64)).1, "waits");
    // Calls that fail to start are not pending.
    let mut gateway = TestGateway::new(&document.to_string());
    gateway.host.faults.insert("proxy_http_call", 2);
    for n in 0..100 {
        assert_eq!(from(&mut gateway, NEAR, "/bets", &of(n)).1, "player_state_unavailable");
    }
    gateway.host.faults.clear();
    assert_eq!(from(&mut gateway, NEAR, "/bets", &of(100)).1, "waits");
}

#[test]
fn an_address_has_a_quarter_of_the_waits_for_keys() {
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    document["issuers"][0]["algorithms"] = json!(["ES256"]);
    document["issuers"][0]["keys"] = json!({"cluster": "id"});
    let mut gateway = TestGateway::new(&document.to_string());
    let claims = encoded(CLAIMS.as_bytes());
    let signed = |n: usize| {
        let header = encoded(format!(r#"{{"alg": "ES256", "kid": "{n}"}}"#).as_bytes());
        format!("{header}.{claims}.AAAA")
    };
    let mut waiting = Vec::new();
    for n in 0..16 {
        let (driver, outcome) = from(&mut gateway, NEAR, "/bets", &signed(n));
        assert_eq!(outcome, "waits", "{n}");
        waiting.push(driver);
    }
    assert_eq!(from(&mut gateway, NEAR, "/bets", &signed(16)).1, "keys_unavailable");
    assert_eq!(gateway.host.replied.clone().unwrap().header("retry-after"), Some("1"));
    assert_eq!(from(&mut gateway, FAR, "/bets", &signed(17)).1, "waits", "another address");
    waiting.pop();
    assert_eq!(from(&mut gateway, NEAR, "/bets", &signed(18)).1, "waits", "one client has left");
}
