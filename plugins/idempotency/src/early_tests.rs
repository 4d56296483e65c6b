//! Upstreams that answer before the body was whole, and gateways and filters that do.

use policy_kit::Action;
use serde_json::{json, Value};

use crate::names::DECISION;
use crate::walk::{ruled, Bet, Told, World, KEY};

fn replaced() -> Told {
    Told::Replaced(409, "outcome_unknown".to_owned())
}

#[test]
fn an_answer_that_is_early_is_nobodys() {
    let genuine = ("via_upstream", 0, 1);
    for ((details, flags, attempts), status, told, then) in [
        (genuine, 200, replaced(), "409 outcome_unknown"),
        (genuine, 429, replaced(), "409 outcome_unknown"),
        // Nobody can tell what the upstream did with what it had; the gateway's words may stay.
        (
            ("upstream_reset_before_response_started{x}", 0x40, 1),
            503,
            Told::Real,
            "409 outcome_unknown",
        ),
        (
            ("upstream_reset_before_response_started{x}", 0x20, 2),
            503,
            Told::Real,
            "409 outcome_unknown",
        ),
        // Nothing has left.
        (("upstream_reset_before_response_started{x}", 0x20, 1), 503, Told::Real, "run"),
        (("player-auth:token_missing", 0, 0), 401, Told::Real, "run"),
        (("request_payload_too_large", 0, 0), 413, Told::Real, "run"),
    ] {
        let mut world = World::new(&json!({}));
        let (mut first, action) = world.headers(&Bet::new());
        assert_eq!(action, Action::Continue);
        world.ending(details, flags, attempts);
        let case = format!("{details} {attempts} {status}");
        assert_eq!(world.answer_headers(&mut first, status, &[]), told, "{case}");
        if told == replaced() {
            assert_eq!(first.fact(DECISION), "deny:outcome_unknown", "{case}");
        }
        world.log(first);
        assert_eq!(world.sent(&Bet::new()), then, "{case}");
        if then != "run" {
            // Whatever its body would have been.
            assert_eq!(world.sent(&Bet::new().body("another")), then, "{case}");
            assert_eq!(world.sent(&Bet::new().key("key-00000002")), "run", "{case}: another key");
        }
    }
}

/// The headers do not tell which key it was, or whose: then the answer is refused alone.
#[test]
fn keys_that_only_the_body_tells() {
    let in_body = ruled(json!({"key": {"body": "/id"}}));
    for (changes, bet) in [
        (&in_body, Bet::to("/bets").body(r#"{"id":"body-key-1"}"#)),
        (&json!({}), Bet::to("/hub").key(KEY).body(r#"{"type":"debit"}"#)),
        (&json!({}), Bet::to("/bets")),
        (&json!({}), Bet::new().fact(policy_kit::facts::PLAYER, "")),
    ] {
        let mut world = World::new(changes);
        let (mut first, _) = world.headers(&bet);
        world.ending("via_upstream", 0, 1);
        let told = world.answer_headers(&mut first, 200, &[]);
        assert!(
            matches!(told, Told::Replaced(_, ref code) if code == "outcome_unknown"),
            "{told:?}"
        );
        assert_eq!(world.host.shared.len(), 1, "but for how keys are spread");
    }
}

/// An early answer to a retry takes nothing from what the first attempt came to.
#[test]
fn retries_that_are_answered_early() {
    let mut world = World::new(&json!({}));
    world.done(&Bet::new(), 200, "done");
    let (mut second, _) = world.headers(&Bet::new());
    world.ending("via_upstream", 0, 1);
    assert_eq!(world.answer_headers(&mut second, 500, &[]), replaced());
    world.log(second);
    assert_eq!(world.sent(&Bet::new()), "200 replayed");
}

/// While another's answer is waited for, or a service is asked, an early answer is none either.
#[test]
fn early_while_the_key_is_asked_about() {
    let mut world = World::new(&ruled(json!({"wait_ms": 500})));
    let (first, _) = world.send(&Bet::new());
    let (mut second, word) = world.send(&Bet::new());
    assert_eq!(word, "wait");
    world.ending("via_upstream", 0, 1);
    assert_eq!(world.answer_headers(&mut second, 200, &[]), replaced());
    world.log(second);
    world.answer(first, 201, &[], "first");
    assert_eq!(world.sent(&Bet::new()), "201 replayed");
}

#[test]
fn what_cannot_be_marked_is_refused_all_the_same() {
    for call in [
        "proxy_get_shared_data",
        "proxy_set_shared_data",
        "proxy_set_property",
        "proxy_get_current_time_nanoseconds",
        "proxy_increment_metric",
    ] {
        let mut world = World::new(&json!({}));
        let (mut first, _) = world.headers(&Bet::new());
        world.ending("via_upstream", 0, 1);
        world.host.faults.insert(call, 10);
        assert_eq!(world.answer_headers(&mut first, 200, &[]), replaced(), "{call}");
        let problem: Value = serde_json::from_slice(&first.replied.unwrap().body).unwrap();
        assert_eq!(problem["previous_attempt"], "unknown", "{call}");
    }
}

/// WasmX does not tell a filter's answer from the upstream's, and has no way to replace it.
#[test]
fn on_wasmx() {
    let changes = json!({"host": "wasmx", "facts": {"stripped_by": "player-auth"},
        "commit": "after_reply",
        "store": {"single_node": true, "slots": 256, "zone_bytes": 1_u64 << 30}});
    for (status, then) in
        [(403, "run"), (429, "run"), (200, "409 outcome_unknown"), (503, "409 outcome_unknown")]
    {
        let mut world = World::new(&changes);
        let bet = Bet::new().with("x-player-id", "p-1").with("x-brand", "otter");
        let (mut first, _) = world.headers(&bet);
        assert_eq!(world.answer_headers(&mut first, status, &[]), Told::Real, "{status}");
        world.log(first);
        assert_eq!(world.sent(&bet), then, "{status}");
    }
}
