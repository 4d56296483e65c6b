//! Player-facing routes of the core, as tables.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use common::Desk;
use serde_json::json;

#[test]
fn refusals_have_stable_codes() {
    let bet = |stake: i64| json!({ "event": "ev-1", "selection": "home", "stake": stake });
    let cases = [
        ("GET", "/api/account/balance", None, json!(null), 401, "player_missing"),
        ("GET", "/api/account/balance", Some("p-nobody"), json!(null), 404, "player_unknown"),
        ("GET", "/api/odds/ev-99", None, json!(null), 404, "event_unknown"),
        ("GET", "/api/history?limit=x", Some("p-1"), json!(null), 400, "query_invalid"),
        ("GET", "/static/../secret", None, json!(null), 404, "file_unknown"),
        ("POST", "/api/bets", Some("p-1"), json!(null), 400, "body_not_json"),
        ("POST", "/api/bets", Some("p-1"), json!({}), 400, "body_invalid"),
        ("POST", "/api/bets", Some("p-1"), bet(0), 422, "amount_out_of_range"),
        ("POST", "/api/bets", Some("p-1"), bet(-5), 422, "amount_out_of_range"),
        ("POST", "/api/bets", Some("p-1"), bet(i64::MAX), 422, "amount_out_of_range"),
        ("POST", "/api/bets", Some("p-1"), bet(100_001), 422, "insufficient_funds"),
        ("POST", "/api/bets/b-9/cashout", Some("p-1"), json!({}), 404, "bet_unknown"),
        ("POST", "/api/games/none/launch", Some("p-1"), json!({}), 404, "game_unknown"),
        ("POST", "/api/games/blackjack/spin", Some("p-1"), bet(1), 409, "action_unknown"),
        ("POST", "/api/rounds/rd-1/hit", Some("p-1"), json!({}), 404, "round_unknown"),
        (
            "POST",
            "/api/withdrawals",
            Some("p-1"),
            json!({"amount": 100_001}),
            422,
            "insufficient_funds",
        ),
        ("POST", "/api/deposits", Some("p-1"), json!({"amount": 0}), 422, "amount_out_of_range"),
        (
            "POST",
            "/psp/callback",
            None,
            json!({"deposit_id": "d-9", "status": "approved", "transaction_id": "t"}),
            404,
            "deposit_unknown",
        ),
        (
            "POST",
            "/wallet/win",
            None,
            json!({"player": "p-1", "amount": 1, "transaction_id": "t", "bet_id": "b-9"}),
            404,
            "bet_unknown",
        ),
        (
            "PUT",
            "/api/safer-gambling/limits",
            Some("p-1"),
            json!({"stake_max": -1}),
            422,
            "limit_negative",
        ),
        ("DELETE", "/api/bets", Some("p-1"), json!(null), 405, "method_not_allowed"),
    ];
    for (method, path, player, body, status, code) in cases {
        let mut desk = Desk::open();
        let answer = desk.ask(method, path, player, &body);
        assert_eq!((answer.status, answer.code()), (status, Some(code)), "{method} {path} {body}");
        assert_eq!(desk.ledger()["invariants"], "hold", "{method} {path}");
    }
}

#[test]
fn the_player_comes_from_header_token_or_query() {
    let mut desk = Desk::open();
    for (headers, path, want) in [
        (vec![("x-player-id", "p-1"), ("authorization", "Bearer demo.p-2")], "?player=p-3", "p-1"),
        (vec![("authorization", "bearer demo.p-2")], "?player=p-3", "p-2"),
        (vec![], "?player=p-3", "p-3"),
    ] {
        let path = format!("/api/account/balance{path}");
        let answer = desk.send("GET", &path, &headers, b"");
        assert_eq!(answer.body["player"], want);
        assert_eq!(answer.body["balance"], 100_000);
    }
}

#[test]
fn repeated_posts_take_effect_twice() {
    let mut desk = Desk::open();
    let key = [("x-player-id", "p-1"), ("idempotency-key", "\"k-1\"")];
    for (path, body) in [
        ("/api/bets", json!({ "event": "ev-1", "selection": "home", "stake": 100 })),
        ("/api/deposits", json!({ "amount": 7 })),
        ("/api/withdrawals", json!({ "amount": 3 })),
    ] {
        for _ in 0..2 {
            assert_eq!(desk.send("POST", path, &key, body.to_string().as_bytes()).status, 201);
        }
    }
    let ledger = desk.ledger();
    assert_eq!(ledger["bets_placed"], 2);
    assert_eq!(ledger["total_staked"]["EUR"], 200);
    assert_eq!(ledger["players"]["p-1"]["balance"], 100_000 - 200 + 14 - 6);
    assert_eq!(ledger["double_effects"], json!({ "k-1": 2 }));
    assert_eq!(ledger["invariants"], "hold");
    assert_eq!(ledger["requests"]["POST /api/bets"], 2);
    assert_eq!(desk.ask("POST", "/_reset", None, &json!(null)).status, 200);
    let ledger = desk.ledger();
    assert_eq!((&ledger["bets_placed"], &ledger["requests"]), (&json!(0), &json!({})));
}

#[test]
fn bets_are_placed_cashed_out_and_paid() {
    let mut desk = Desk::open();
    let odds = desk.ask("GET", "/api/odds/ev-4", None, &json!(null)).body["odds"]["draw"].clone();
    let slip = json!({ "event": "ev-4", "selection": "draw", "stake": 1000, "odds": odds });
    let valid = desk.ask("POST", "/api/slips/validate", Some("p-bob"), &slip);
    assert_eq!(valid.body["valid"], true);
    assert_eq!(desk.ask("POST", "/api/bets", Some("p-bob"), &slip).body["bet_id"], "b-1");
    let stale = json!({ "event": "ev-4", "selection": "draw", "stake": 1000, "odds": 1 });
    assert_eq!(desk.ask("POST", "/api/bets", Some("p-bob"), &stale).code(), Some("odds_changed"));

    let sell = |amount: i64| json!({ "amount": amount });
    let part = desk.ask("POST", "/api/bets/b-1/cashout", Some("p-bob"), &sell(400));
    assert_eq!((&part.body["paid"], &part.body["left"]), (&json!(380), &json!(600)));
    let more = desk.ask("POST", "/api/bets/b-1/cashout", Some("p-bob"), &sell(601));
    assert_eq!(more.code(), Some("amount_out_of_range"));
    let other = desk.ask("POST", "/api/bets/b-1/cashout", Some("p-1"), &json!({}));
    assert_eq!(other.code(), Some("bet_unknown"), "a stranger's bet");
    assert_eq!(desk.ask("POST", "/api/bets/b-1/cashout", Some("p-bob"), &json!(null)).status, 200);
    let again = desk.ask("POST", "/api/bets/b-1/cashout", Some("p-bob"), &json!({}));
    assert_eq!(again.code(), Some("bet_closed"));

    let win = json!({"player": "p-bob", "amount": 5, "transaction_id": "t", "bet_id": "b-1"});
    assert_eq!(desk.ask("POST", "/wallet/win", None, &win).status, 200);
    assert_eq!(desk.ask("GET", "/api/bets/b-1", Some("p-bob"), &json!(null)).body["state"], "won");
    let history = desk.ask("GET", "/api/history?limit=2", Some("p-bob"), &json!(null));
    assert_eq!(history.body["entries"][0]["kind"], "win");
    assert_eq!(history.body["entries"].as_array().unwrap().len(), 2);
    assert_eq!(desk.ledger()["invariants"], "hold");
}

#[test]
fn closed_rounds_accept_no_actions() {
    let mut desk = Desk::open();
    let stake = json!({ "stake": 10 });
    let opened = desk.ask("POST", "/api/games/blackjack/rounds", Some("p-1"), &stake);
    assert_eq!(opened.body["round"]["round_id"], "rd-1");
    for (action, status, code) in [
        ("hit", 200, None),
        ("free-spin", 409, Some("no_free_spins")),
        ("hit", 200, None),
        ("close", 200, None),
        ("hit", 409, Some("round_closed")),
        ("close", 409, Some("round_closed")),
    ] {
        let path = format!("/api/rounds/rd-1/{action}");
        let answer = desk.ask("POST", &path, Some("p-1"), &json!(null));
        assert_eq!((answer.status, answer.code()), (status, code), "{action}");
    }
    // Spin until free spins come up, then play them to the end.
    let lucky = (0..200).find_map(|_| {
        let spin = desk.ask("POST", "/api/games/comet-reels/spin", Some("p-1"), &stake).body;
        (spin["open"] == true).then(|| spin["round_id"].as_str().unwrap().to_owned())
    });
    let path = format!("/api/rounds/{}/free-spin", lucky.expect("one spin in eight"));
    let codes: Vec<_> = (0..3)
        .map(|_| desk.ask("POST", &path, Some("p-1"), &json!(null)).code().map(str::to_owned))
        .collect();
    assert_eq!(codes, [None, None, Some("round_closed".to_owned())]);
    assert_eq!(desk.ledger()["invariants"], "hold");
}

#[test]
fn limits_apply_and_excluded_stakes_are_counted() {
    let mut desk = Desk::open();
    let limits = json!({ "stake_max": 50, "deposit_daily": 100 });
    let set = desk.ask("PUT", "/api/safer-gambling/limits", Some("p-1"), &limits);
    assert_eq!(set.body["limits"]["stake_max"], 50);
    let bet = |stake: i64| json!({ "event": "ev-1", "selection": "home", "stake": stake });
    assert_eq!(desk.ask("POST", "/api/bets", Some("p-1"), &bet(51)).code(), Some("stake_limit"));
    assert_eq!(desk.ask("POST", "/api/bets", Some("p-1"), &bet(50)).status, 201);
    let pay = |amount: i64| json!({ "amount": amount });
    assert_eq!(desk.ask("POST", "/api/deposits", Some("p-1"), &pay(60)).status, 201);
    let second = desk.ask("POST", "/api/deposits", Some("p-1"), &pay(60));
    assert_eq!(second.code(), Some("deposit_limit"));
    desk.wait_secs(86_400);
    assert_eq!(desk.ask("POST", "/api/deposits", Some("p-1"), &pay(60)).status, 201);

    let looser = desk.ask("PUT", "/api/safer-gambling/limits", Some("p-1"), &json!({}));
    assert_eq!(looser.body["limits"]["stake_max"], 50);
    assert_eq!(looser.body["pending"]["limits"]["stake_max"], json!(null));
    desk.wait_secs(86_400);
    assert_eq!(desk.ask("POST", "/api/bets", Some("p-1"), &bet(51)).status, 201);

    let days = json!({ "days": 30 });
    let gone = desk.ask("POST", "/api/safer-gambling/self-exclusion", Some("p-1"), &days);
    assert_eq!(
        (&gone.body["state"], &gone.body["state_version"]),
        (&json!("self_excluded"), &json!(2))
    );
    assert_eq!(desk.ledger()["stakes_while_excluded"], 0);
    assert_eq!(desk.ask("POST", "/api/bets", Some("p-1"), &bet(1)).status, 201, "rule 2");
    assert_eq!(desk.ledger()["stakes_while_excluded"], 1);
}

#[test]
fn redirected_deposits_wait_for_the_callback() {
    let mut desk = Desk::open();
    let start = json!({ "amount": 500, "method": "redirect" });
    let started = desk.ask("POST", "/api/deposits", Some("p-1"), &start);
    assert_eq!((&started.body["status"], started.status), (&json!("pending"), 201));
    assert_eq!(desk.ledger()["players"]["p-1"]["balance"], 100_000);
    for (status, balance) in [("declined", 100_000), ("approved", 100_500), ("approved", 101_000)] {
        let body = json!({ "deposit_id": "d-1", "status": status, "transaction_id": "psp-1" });
        assert_eq!(desk.ask("POST", "/psp/callback", None, &body).status, 200);
        assert_eq!(desk.ledger()["players"]["p-1"]["balance"], balance, "{status}");
    }
    assert_eq!(desk.ledger()["double_effects"], json!({ "psp-1": 2 }));
}
