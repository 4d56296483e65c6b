//! The invariants hold for any sequence of requests. The seed is printed when a property fails;
//! `CASINO_PROPERTY_SEED=<seed>` runs it again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use casino::{partner, route_table, Settings};
use common::Desk;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use serde_json::{json, Value};

fn runner(cases: u32) -> (TestRunner, u64) {
    let given = std::env::var("CASINO_PROPERTY_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed = given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::try_from(now.as_nanos() % u128::from(u64::MAX)).unwrap()
    });
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    (TestRunner::new(config), seed)
}

/// One request of a sequence: a number for the kind of it, and small numbers that make players,
/// amounts and names meet again.
type Op = (u8, u8, i64, u8);

fn op() -> impl Strategy<Value = Op> {
    let amount = prop_oneof![
        8 => 1..500_i64,
        4 => 1..200_000_i64,
        1 => prop_oneof![Just(0), Just(-1), Just(i64::MAX)],
    ];
    (0..18_u8, 0..2_u8, amount, 0..6_u8)
}

fn send(desk: &mut Desk, (kind, who, amount, name): Op) {
    let player = format!("p-{who}");
    let post = |desk: &mut Desk, path: &str, body: Value| {
        desk.ask("POST", path, Some(&player), &body);
    };
    let decimal = format!("{}.{:02}", amount / 100, (amount % 100).abs());
    let hub = |to: &str| {
        json!({
            "user": player, "currency": "EUR", "request_uuid": format!("q{}", amount % 7),
            "transaction_uuid": format!("{to}{name}"), "amount": amount,
            "reference_transaction_uuid": format!("b{}", name / 2),
        })
    };
    let bee = |list: Value| json!({"account_id": player, "currency": "EUR", "transactions": list});
    let one = |call: &str| {
        let (tid, amount) = (format!("{call}{name}"), format!("{}.00", name % 3));
        json!({"type": call, "tid": tid, "userid": player, "amount": amount})
    };
    match kind {
        0 => {
            post(desk, "/api/bets", json!({"event": "ev-1", "selection": "home", "stake": amount}));
        }
        1 => post(desk, &format!("/api/bets/b-{name}/cashout"), json!({ "amount": amount })),
        2 => post(desk, &format!("/api/bets/b-{name}/cashout"), json!({})),
        3 => post(desk, "/api/games/comet-reels/spin", json!({ "stake": amount })),
        4 => post(desk, "/api/games/blackjack/rounds", json!({ "stake": amount })),
        5 => post(desk, &format!("/api/rounds/rd-{name}/free-spin"), Value::Null),
        6 => post(desk, &format!("/api/rounds/rd-{name}/close"), Value::Null),
        7 => post(desk, "/api/deposits", json!({ "amount": amount })),
        8 => post(desk, "/api/deposits", json!({ "amount": amount, "method": "redirect" })),
        9 => {
            let (deposit, status) = (format!("d-{name}"), "approved");
            let body = json!({"deposit_id": deposit, "status": status, "transaction_id": "t"});
            post(desk, "/psp/callback", body);
        }
        10 => post(desk, "/api/withdrawals", json!({ "amount": amount })),
        11 => {
            let body =
                json!({"player": player, "amount": amount, "transaction_id": name.to_string()});
            post(desk, "/wallet/win", body);
        }
        12 => post(desk, "/wallet/hub/transaction/bet", hub("b")),
        13 => post(desk, "/wallet/hub/transaction/win", hub("w")),
        14 => post(desk, "/wallet/hub/transaction/rollback", hub("r")),
        15 => {
            let list = json!([
                {"id_provider": format!("b{name}"), "type": "bet", "amount": decimal},
                {"id_provider": format!("w{name}"), "type": "win", "amount": "2"},
            ]);
            post(desk, "/wallet/bee/betwin", bee(list));
        }
        16 => {
            let (id, original) = (format!("r{name}"), format!("b{}", name / 2));
            let action =
                json!({"id_provider": id, "type": "rollback", "original_id_provider": original});
            post(desk, "/wallet/bee/rollback", bee(json!([action])));
        }
        _ => {
            let mut call = one(if amount % 2 == 0 { "debit" } else { "credit" });
            if name > 3 {
                call["i_rollback"] = json!(format!("debit{}", name - 4));
            }
            call["hmac"] = json!(partner::sign_one(call.as_object().unwrap()));
            post(desk, "/wallet/one", call);
        }
    }
}

/// Money of the players by the totals of the kinds alone, against the reported balances.
fn players_hold_what_came_in_less_what_went_out(desk: &Desk) -> bool {
    use casino::Kind;
    let ledger = desk.casino.ledger();
    let sum = |kind: Kind| ledger.totals(kind).values().sum::<i64>();
    let came = [Kind::Opening, Kind::Deposit, Kind::Win, Kind::CashOut, Kind::Refund];
    let went = [Kind::Withdrawal, Kind::Stake, Kind::Reversal];
    let held: i64 = (0..3)
        .map(|n| format!("p-{n}"))
        .chain(["alice", "bob", "carol", "dave", "erin", "frank"].map(|name| format!("p-{name}")))
        .map(|player| {
            use casino::Currency::{Eur, Gbp, Usd};
            [Eur, Gbp, Usd].map(|currency| ledger.balance(&player, currency)).iter().sum::<i64>()
        })
        .sum();
    held == came.map(sum).iter().sum::<i64>() - went.map(sum).iter().sum::<i64>()
}

#[test]
fn the_books_hold_after_every_request() {
    let (mut runner, seed) = runner(192);
    let strategy = (proptest::collection::vec(op(), 1..90), any::<bool>());
    let outcome = runner.run(&strategy, |(ops, wallet_dedup)| {
        let mut desk = Desk::with(Settings { wallet_dedup, ..Settings::default() });
        for op in ops {
            send(&mut desk, op);
            let broken = desk.casino.ledger().check();
            prop_assert!(broken.is_empty(), "{op:?}: {broken:?}");
            prop_assert!(players_hold_what_came_in_less_what_went_out(&desk), "{op:?}");
        }
        if wallet_dedup {
            let doubled = desk.casino.ledger().double_effects();
            let partners = doubled.keys().filter(|name| name.contains(':')).collect::<Vec<_>>();
            prop_assert!(partners.is_empty(), "{partners:?}");
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "CASINO_PROPERTY_SEED={seed}: {}", outcome.unwrap_err());
}

#[test]
fn the_same_requests_get_the_same_answers() {
    let (mut runner, seed) = runner(16);
    let strategy = proptest::collection::vec(op(), 1..40);
    let outcome = runner.run(&strategy, |ops| {
        let (mut one, mut other) = (Desk::open(), Desk::open());
        for op in ops {
            send(&mut one, op);
            send(&mut other, op);
        }
        prop_assert_eq!(one.ledger(), other.ledger());
        Ok(())
    });
    assert!(outcome.is_ok(), "CASINO_PROPERTY_SEED={seed}: {}", outcome.unwrap_err());
}

#[test]
fn no_body_causes_a_5xx() {
    let (mut runner, seed) = runner(64);
    let names = "[a-z0-9.:/_\u{e4}-]{1,12}";
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        Just(b"[]".to_vec()),
        Just(b"{}".to_vec()),
        Just(vec![b'['; 4000]),
    ];
    let strategy = (bytes, names, any::<i64>());
    let outcome = runner.run(&strategy, |(body, name, time)| {
        let mut desk = Desk::open();
        for route in route_table().filter(|route| route.template != "/_reset") {
            let path: Vec<_> = route
                .template
                .split('/')
                .map(|segment| if segment.starts_with('{') { "x" } else { segment })
                .collect();
            let path = path.join("/");
            desk.now = casino::Time::from_millis(time);
            let token = format!("Bearer {name}");
            for headers in [vec![("x-player-id", "p-1")], vec![("authorization", token.as_str())]] {
                let answer = desk.send(route.method.as_str(), &path, &headers, &body);
                prop_assert!(answer.status < 500, "{path}: {answer:?}");
                prop_assert!(answer.status < 400 || !answer.body.is_null(), "{path}: {answer:?}");
            }
        }
        prop_assert!(desk.casino.ledger().check().is_empty());
        Ok(())
    });
    assert!(outcome.is_ok(), "CASINO_PROPERTY_SEED={seed}: {}", outcome.unwrap_err());
}
