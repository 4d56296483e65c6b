//! Upstreams, gateways and filters that answer before the whole body has arrived.

use crate::fixture::DECISION;
use crate::fixture::{ruled, Bet, ClientView, Fixture, KEY};
use policy_kit::Action;
use serde_json::{json, Value};

fn replaced() -> ClientView {
    ClientView::Replaced(409, "outcome_unknown".to_owned())
}

#[test]
fn replaces_early_answers() {
    let genuine = ("via_upstream", 0, 1);
    for ((details, flags, attempts), status, told, then) in [
        (genuine, 200, replaced(), "409 outcome_unknown"),
        (genuine, 429, replaced(), "409 outcome_unknown"),
        // Nobody can tell what the upstream did with what it had; the gateway's words may stay.
        (
            ("upstream_reset_before_response_started{x}", 0x40, 1),
            503,
            ClientView::Upstream,
            "409 outcome_unknown",
        ),
        (
            ("upstream_reset_before_response_started{x}", 0x20, 2),
            503,
            ClientView::Upstream,
            "409 outcome_unknown",
        ),
        // Nothing has left.
        (("upstream_reset_before_response_started{x}", 0x20, 1), 503, ClientView::Upstream, "run"),
        (("player-auth:token_missing", 0, 0), 401, ClientView::Upstream, "run"),
        (("request_payload_too_large", 0, 0), 413, ClientView::Upstream, "run"),
    ] {
        let mut fixture = Fixture::new(&json!({}));
        let (mut first, action) = fixture.headers(&Bet::new());
        assert_eq!(action, Action::Continue);
        fixture.report_exchange(details, flags, attempts);
        let keyed = format!("{details} {attempts} {status}");
        assert_eq!(fixture.answer_headers(&mut first, status, &[]), told, "{keyed}");
        if told == replaced() {
            assert_eq!(first.fact(DECISION), "deny:outcome_unknown", "{keyed}");
        }
        fixture.log(first);
        assert_eq!(fixture.outcome_of(&Bet::new()), then, "{keyed}");
        if then != "run" {
            // Whatever its body would have been.
            assert_eq!(fixture.outcome_of(&Bet::new().body("another")), then, "{keyed}");
            assert_eq!(
                fixture.outcome_of(&Bet::new().key("key-00000002")),
                "run",
                "{keyed}: another key"
            );
        }
    }
}

/// The headers do not tell which key it was, or whose: then the answer is refused alone.
#[test]
fn keys_in_the_body_are_not_marked() {
    let in_body = ruled(json!({"key": {"body": "/id"}}));
    for (changes, bet) in [
        (&in_body, Bet::to("/bets").body(r#"{"id":"body-key-1"}"#)),
        (&json!({}), Bet::to("/hub").key(KEY).body(r#"{"type":"debit"}"#)),
        (&json!({}), Bet::to("/bets")),
        (&json!({}), Bet::new().fact(policy_kit::facts::PLAYER, "")),
    ] {
        let mut fixture = Fixture::new(changes);
        let (mut first, _) = fixture.headers(&bet);
        fixture.report_exchange("via_upstream", 0, 1);
        let told = fixture.answer_headers(&mut first, 200, &[]);
        assert!(
            matches!(told, ClientView::Replaced(_, ref code) if code == "outcome_unknown"),
            "{told:?}"
        );
        assert_eq!(fixture.host.shared.len(), 1, "but for how keys are spread");
    }
}

/// An early answer to a retry takes nothing from what the first attempt came to.
#[test]
fn early_answers_to_retries() {
    let mut fixture = Fixture::new(&json!({}));
    fixture.complete(&Bet::new(), 200, "done");
    let (mut second, _) = fixture.headers(&Bet::new());
    fixture.report_exchange("via_upstream", 0, 1);
    assert_eq!(fixture.answer_headers(&mut second, 500, &[]), replaced());
    fixture.log(second);
    assert_eq!(fixture.outcome_of(&Bet::new()), "200 replayed");
}

/// While another's answer is waited for, or a service is asked, an early answer is none either.
#[test]
fn early_answers_while_the_key_is_claimed() {
    let mut fixture = Fixture::new(&ruled(json!({"wait_ms": 500})));
    let (first, _) = fixture.send(&Bet::new());
    let (mut second, word) = fixture.send(&Bet::new());
    assert_eq!(word, "wait");
    fixture.report_exchange("via_upstream", 0, 1);
    assert_eq!(fixture.answer_headers(&mut second, 200, &[]), replaced());
    fixture.log(second);
    fixture.answer(first, 201, &[], "first");
    assert_eq!(fixture.outcome_of(&Bet::new()), "201 replayed");
}

#[test]
fn refuses_even_if_the_key_cannot_be_marked() {
    for call in [
        "proxy_get_shared_data",
        "proxy_set_shared_data",
        "proxy_set_property",
        "proxy_get_current_time_nanoseconds",
        "proxy_increment_metric",
    ] {
        let mut fixture = Fixture::new(&json!({}));
        let (mut first, _) = fixture.headers(&Bet::new());
        fixture.report_exchange("via_upstream", 0, 1);
        fixture.host.faults.insert(call, 10);
        assert_eq!(fixture.answer_headers(&mut first, 200, &[]), replaced(), "{call}");
        let problem: Value = serde_json::from_slice(&first.replied.unwrap().body).unwrap();
        assert_eq!(problem["previous_attempt"], "unknown", "{call}");
    }
}

/// WasmX does not tell a filter's answer from the upstream's, and has no way to replace it.
#[test]
fn early_answers_on_wasmx() {
    let changes = json!({"host": "wasmx", "facts": {"stripped_by": "player-auth"},
        "commit": "after_reply",
        "store": {"single_node": true, "slots": 256, "zone_bytes": 1_u64 << 30}});
    for (status, then) in
        [(403, "run"), (429, "run"), (200, "409 outcome_unknown"), (503, "409 outcome_unknown")]
    {
        let mut fixture = Fixture::new(&changes);
        let bet = Bet::new().with("x-player-id", "p-1").with("x-brand", "otter");
        let (mut first, _) = fixture.headers(&bet);
        assert_eq!(
            fixture.answer_headers(&mut first, status, &[]),
            ClientView::Upstream,
            "{status}"
        );
        fixture.log(first);
        assert_eq!(fixture.outcome_of(&bet), then, "{status}");
    }
}
