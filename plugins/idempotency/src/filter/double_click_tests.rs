//! The same bet under two keys within seconds.

use crate::fixture::metric;
use crate::fixture::{reply, ruled, Bet, Fixture, SECOND};
use policy_kit::facts;
use serde_json::json;

#[test]
fn refuses_the_same_bet_under_another_key() {
    let click = |mode: &str| json!({"double_click": {"mode": mode, "window_ms": 2_000, "same": ["/selection", "/stake"]}});
    let bet = |n: u32| Bet::new().key(&format!("key-0000{n:04}"));
    let slip = |selection: &str, stake: u32, at: u32| json!({"selection": selection, "stake": stake, "at": at});
    for (mode, second) in [("off", "run"), ("shadow", "run"), ("enforce", "409 duplicate_bet")] {
        let mut fixture = Fixture::new(&click(mode));
        assert_eq!(fixture.outcome_of(&bet(1).body(slip("s-1", 5, 1))), "run");
        assert_eq!(fixture.outcome_of(&bet(2).body(slip("s-1", 5, 2))), second, "{mode}");
        let counter = metric("wager", "shadow", "duplicate_bet");
        assert_eq!(fixture.host.counters.contains_key(&counter), mode == "shadow");
        let enforced = mode == "enforce";
        let under_way = if enforced { "409 duplicate_bet" } else { "409 idempotency_in_progress" };
        assert_eq!(
            fixture.outcome_of(&bet(2).body(slip("s-1", 5, 2))),
            under_way,
            "its key is free"
        );
        for (n, body, player) in [
            (3, slip("s-2", 5, 1), "p-1"),
            (4, slip("s-1", 6, 1), "p-1"),
            (5, slip("s-1", 5, 1), "p-2"),
            (6, json!("no bet that can be read"), "p-1"),
            (7, json!("no bet that can be read"), "p-1"),
        ] {
            let bet = bet(n).body(body.clone()).fact(facts::PLAYER, player);
            assert_eq!(fixture.outcome_of(&bet), "run", "{mode}: {body} of {player}");
        }
        assert_eq!(fixture.outcome_of(&bet(8).body("not JSON")), "run");
        assert_eq!(fixture.outcome_of(&bet(9).body("not JSON")), "run");
        fixture.host.now += 2 * SECOND;
        assert_eq!(fixture.outcome_of(&bet(10).body(slip("s-1", 5, 3))), "run", "{mode}: later");
    }
    // A bet of unknown outcome may have been placed.
    let mut fixture = Fixture::new(&click("enforce"));
    let (first, _) = fixture.send(&bet(1));
    fixture.answer(first, 500, &[], "later");
    assert_eq!(fixture.outcome_of(&bet(1)), "409 outcome_unknown");
    assert_eq!(fixture.outcome_of(&bet(2)), "409 duplicate_bet", "the first may have been taken");
    // One that came to nothing is no bet: it may be made again, under its own key or another.
    for key in [1, 2] {
        let mut fixture = Fixture::new(&click("enforce"));
        let (first, _) = fixture.send(&bet(1));
        fixture.answer(first, 429, &[], "later");
        assert_eq!(fixture.outcome_of(&bet(key)), "run");
        assert_eq!(fixture.outcome_of(&bet(3)), "409 duplicate_bet");
    }
    // Bets that cannot be compared pass.
    let recent: Vec<_> =
        fixture.host.shared.keys().filter(|k| k.contains("clicks")).cloned().collect();
    for name in recent {
        fixture.host.shared.insert(name, (vec![9], 1));
    }
    assert_eq!(fixture.outcome_of(&bet(2)), "run");
}

/// A retry under its own key is no second click, and where that one comes to nothing there is none at all.
#[test]
fn a_retry_without_effect_is_no_double_click() {
    let mut changes =
        ruled(json!({"reconcile": {"cluster": "casino", "path": "/state/{owner}/{key}",
        "pointer": "/state", "completed": ["accepted"], "free_status": [404]}}));
    changes["double_click"] =
        json!({"mode": "enforce", "window_ms": 60_000, "same": ["/selection", "/stake"]});
    let mut fixture = Fixture::new(&changes);
    fixture.complete(&Bet::new(), 500, "oops");
    fixture.host.now += 20 * SECOND;
    let (mut retry, word) = fixture.send(&Bet::new());
    assert_eq!(word, "wait");
    assert_eq!(fixture.complete_call(&mut retry, reply(404, "")), "run");
    let other = Bet::new().key("key-00000002");
    assert_eq!(fixture.outcome_of(&other), "409 duplicate_bet");
    fixture.answer(retry, 429, &[], "later");
    assert_eq!(fixture.outcome_of(&other), "run");
}
