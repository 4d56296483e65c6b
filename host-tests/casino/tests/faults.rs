//! Fault rules in the core; `server.rs` tests the transport.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use bytes::Bytes;
use casino::{Reset, Transport};
use common::Desk;
use http::Request;
use serde_json::{json, Value};

fn rules(desk: &mut Desk, rules: &Value) -> u16 {
    desk.ask("POST", "/_faults", None, &json!({ "rules": rules })).status
}

fn bet() -> Request<Bytes> {
    let body = r#"{"event":"ev-1","selection":"home","stake":100}"#;
    let request = Request::post("/api/bets").header("x-player-id", "p-1");
    request.body(Bytes::from_static(body.as_bytes())).unwrap()
}

#[test]
fn fault_rules_apply() {
    let silent = Some(Reset::Silent);
    // The rule; status, delay, reset and the number of bets placed.
    let cases = [
        (json!({ "prefix": "/api/bets", "delay_ms": 250 }), 201, 250, None, 1),
        (json!({ "prefix": "/api/bets", "status": 500 }), 500, 0, None, 0),
        (json!({ "prefix": "/api/bets", "status": 500, "effect": true }), 500, 0, None, 1),
        (json!({ "prefix": "/api/bets", "reset": "silent" }), 502, 0, silent, 0),
        (json!({ "prefix": "/api/bets", "reset": "silent", "effect": true }), 201, 0, silent, 1),
        (
            json!({ "prefix": "/", "reset": "mid_body", "effect": true }),
            201,
            0,
            Some(Reset::MidBody),
            1,
        ),
        (json!({ "prefix": "/api/bets", "method": "GET", "status": 500 }), 201, 0, None, 1),
        (json!({ "prefix": "/api/odds", "status": 500 }), 201, 0, None, 1),
        (json!({ "prefix": "/api/bets", "status": 500, "times": 0 }), 201, 0, None, 1),
    ];
    for (rule, status, delay_ms, reset, placed) in cases {
        let mut desk = Desk::open();
        assert_eq!(rules(&mut desk, &json!([rule])), 200, "{rule}");
        let response = desk.casino.handle(desk.now, &bet());
        assert_eq!(response.status().as_u16(), status, "{rule}");
        let transport = response.extensions().get::<Transport>().copied().unwrap_or_default();
        assert_eq!(transport, Transport { delay_ms, reset }, "{rule}");
        assert_eq!(desk.ledger()["bets_placed"], placed, "{rule}");
    }
}

#[test]
fn exhausted_rules_give_way_to_the_next() {
    let mut desk = Desk::open();
    let both = json!([
        { "prefix": "/api/bets", "status": 503, "times": 2 },
        { "prefix": "/api", "huge_body_bytes": 100_000 },
    ]);
    assert_eq!(rules(&mut desk, &both), 200);
    let got: Vec<_> = (0..3)
        .map(|_| {
            let response = desk.casino.handle(desk.now, &bet());
            (response.status().as_u16(), response.body().len() > 99_999)
        })
        .collect();
    assert_eq!(got, [(503, false), (503, false), (201, true)]);
    assert_eq!(rules(&mut desk, &json!([])), 200);
    assert!(desk.casino.handle(desk.now, &bet()).body().len() < 1000, "well again");
}

#[test]
fn concurrency_limits_pending_requests() {
    let mut desk = Desk::open();
    rules(&mut desk, &json!([{ "prefix": "/api/bets", "concurrency": 2 }]));
    let first = desk.casino.enter(&bet()).unwrap();
    let _second = desk.casino.enter(&bet()).unwrap();
    let full = desk.casino.enter(&bet()).unwrap_err();
    assert_eq!(full.status().as_u16(), 503);
    let lobby = Request::get("/api/lobby").body(Bytes::new()).unwrap();
    assert!(desk.casino.enter(&lobby).is_ok(), "another route");
    desk.casino.leave(&first);
    let third = desk.casino.enter(&bet()).unwrap();
    // Slots of replaced rules are not released.
    rules(&mut desk, &json!([{ "prefix": "/api/bets", "concurrency": 1 }]));
    let _new = desk.casino.enter(&bet()).unwrap();
    desk.casino.leave(&third);
    assert!(desk.casino.enter(&bet()).is_err());
    assert_eq!(desk.ledger()["statuses"]["POST /api/bets"]["503"], 2);
}

#[test]
fn invalid_rules_are_rejected() {
    let mut desk = Desk::open();
    rules(&mut desk, &json!([{ "prefix": "/api", "status": 500 }]));
    for (bad, code) in [
        (json!({ "prefix": "api" }), "faults_invalid"),
        (json!({ "prefix": "/_ledger" }), "faults_invalid"),
        (json!({ "prefix": "/", "status": 99 }), "faults_invalid"),
        (json!({ "prefix": "/", "delay_ms": 600_001 }), "faults_invalid"),
        (json!({ "prefix": "/", "huge_body_bytes": 999_999_999 }), "faults_invalid"),
        (json!({ "prefix": "/", "stauts": 500 }), "body_invalid"),
        (json!({}), "body_invalid"),
    ] {
        let answer = desk.ask("POST", "/_faults", None, &json!({ "rules": [bad] }));
        assert_eq!((answer.status, answer.code()), (400, Some(code)), "{bad}");
    }
    let told = desk.ask("GET", "/_faults", None, &Value::Null).body;
    assert_eq!(told["rules"][0]["rule"]["status"], 500);
}
