//! Bets that are made twice within seconds, under two keys.

use policy_kit::facts;
use serde_json::json;

use crate::names::metric;
use crate::walk::{reply, ruled, Bet, World, SECOND};

#[test]
fn double_clicks() {
    let click = |mode: &str| json!({"double_click": {"mode": mode, "window_ms": 2_000, "same": ["/selection", "/stake"]}});
    let bet = |n: u32| Bet::new().key(&format!("key-0000{n:04}"));
    let slip = |selection: &str, stake: u32, at: u32| json!({"selection": selection, "stake": stake, "at": at});
    for (mode, second) in [("off", "run"), ("shadow", "run"), ("enforce", "409 duplicate_bet")] {
        let mut world = World::new(&click(mode));
        assert_eq!(world.sent(&bet(1).body(slip("s-1", 5, 1))), "run");
        assert_eq!(world.sent(&bet(2).body(slip("s-1", 5, 2))), second, "{mode}");
        let counter = metric("wager", "shadow", "duplicate_bet");
        assert_eq!(world.host.counters.contains_key(&counter), mode == "shadow");
        let enforced = mode == "enforce";
        let under_way = if enforced { "409 duplicate_bet" } else { "409 idempotency_in_progress" };
        assert_eq!(world.sent(&bet(2).body(slip("s-1", 5, 2))), under_way, "its key is free");
        for (n, body, player) in [
            (3, slip("s-2", 5, 1), "p-1"),
            (4, slip("s-1", 6, 1), "p-1"),
            (5, slip("s-1", 5, 1), "p-2"),
            (6, json!("no bet that can be read"), "p-1"),
            (7, json!("no bet that can be read"), "p-1"),
        ] {
            let bet = bet(n).body(body.clone()).fact(facts::PLAYER, player);
            assert_eq!(world.sent(&bet), "run", "{mode}: {body} of {player}");
        }
        assert_eq!(world.sent(&bet(8).body("not JSON")), "run");
        assert_eq!(world.sent(&bet(9).body("not JSON")), "run");
        world.host.now += 2 * SECOND;
        assert_eq!(world.sent(&bet(10).body(slip("s-1", 5, 3))), "run", "{mode}: later");
    }
    // What nobody can tell may have been taken.
    let mut world = World::new(&click("enforce"));
    let (first, _) = world.send(&bet(1));
    world.answer(first, 500, &[], "later");
    assert_eq!(world.sent(&bet(1)), "409 outcome_unknown");
    assert_eq!(world.sent(&bet(2)), "409 duplicate_bet", "the first may have been taken");
    // One that came to nothing is no bet: it may be made again, under its own key or another.
    for key in [1, 2] {
        let mut world = World::new(&click("enforce"));
        let (first, _) = world.send(&bet(1));
        world.answer(first, 429, &[], "later");
        assert_eq!(world.sent(&bet(key)), "run");
        assert_eq!(world.sent(&bet(3)), "409 duplicate_bet");
    }
    // What nobody can tell keeps nobody from betting.
    let recent: Vec<_> =
        world.host.shared.keys().filter(|k| k.contains("clicks")).cloned().collect();
    for name in recent {
        world.host.shared.insert(name, (vec![9], 1));
    }
    assert_eq!(world.sent(&bet(2)), "run");
}

/// A retry under its own key is no second click, and where that one comes to nothing there is none at all.
#[test]
fn a_retry_that_is_carried_out() {
    let mut changes =
        ruled(json!({"reconcile": {"cluster": "casino", "path": "/state/{owner}/{key}",
        "pointer": "/state", "completed": ["accepted"], "free_status": [404]}}));
    changes["double_click"] =
        json!({"mode": "enforce", "window_ms": 60_000, "same": ["/selection", "/stake"]});
    let mut world = World::new(&changes);
    world.done(&Bet::new(), 500, "oops");
    world.host.now += 20 * SECOND;
    let (mut retry, word) = world.send(&Bet::new());
    assert_eq!(word, "wait");
    assert_eq!(world.heard(&mut retry, reply(404, "")), "run");
    let other = Bet::new().key("key-00000002");
    assert_eq!(world.sent(&other), "409 duplicate_bet");
    world.answer(retry, 429, &[], "later");
    assert_eq!(world.sent(&other), "run");
}
