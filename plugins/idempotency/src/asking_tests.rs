//! What retries get, by how their key stands.

use policy_kit::{facts, CallReply, Fault};
use serde_json::{json, Value};

use crate::names::{metric, DECISION, EVIDENCE};
use crate::walk::{reply, ruled, Bet, World, KEY, MILLI, SECOND};

/// The refusal's document.
fn problem(stream: &crate::walk::Stream) -> Value {
    serde_json::from_slice(&stream.replied.as_ref().unwrap().body).unwrap()
}

#[test]
fn in_progress() {
    let mut world = World::new(&json!({}));
    let (first, word) = world.send(&Bet::new());
    assert_eq!(word, "run");
    assert!(first.fact(EVIDENCE).contains("rule=catalogue key="), "{}", first.fact(EVIDENCE));
    // Another question gets nothing of the first, not even that it is under way.
    for other in [
        Bet::new().body(r#"{"selection":"s-1","stake":6}"#),
        Bet::new().body(r#"{"stake":5,"selection":"s-1"}"#),
        Bet::new().set(":path", "/bets?now=1"),
    ] {
        assert_eq!(world.sent(&other), "422 idempotency_key_reused", "{}", other.body);
    }
    let (second, word) = world.send(&Bet::new());
    assert_eq!(word, "409 idempotency_in_progress");
    assert_eq!(second.replied.as_ref().unwrap().header("retry-after"), Some("1"));
    assert_eq!(problem(&second).get("previous_attempt"), None, "it is known");
    assert_eq!(second.fact(DECISION), "deny:idempotency_in_progress");
    // The second that left takes nothing from the first.
    world.log(second);
    assert_eq!(world.sent(&Bet::new()), "409 idempotency_in_progress");
    world.answer(first, 200, &[], "done");
    assert_eq!(world.sent(&Bet::new()), "200 replayed");
    assert_eq!(world.sent(&Bet::new().body("{}")), "422 idempotency_key_reused");
}

#[test]
fn a_deadline_that_passed_is_unknown_and_a_retention_that_passed_is_not_there() {
    let mut world =
        World::new(&ruled(json!({"timeout_ms": 1_000, "margin_ms": 500, "retention_s": 60})));
    let (first, _) = world.send(&Bet::new());
    world.host.now += 1_500 * MILLI - 1;
    assert_eq!(world.sent(&Bet::new()), "409 idempotency_in_progress");
    world.host.now += 1;
    assert_eq!(world.sent(&Bet::new()), "409 outcome_unknown");
    assert_eq!(world.sent(&Bet::new().body("{}")), "422 idempotency_key_reused");
    // Whoever claimed it knows best, late as it is.
    world.answer(first, 200, &[], "late");
    assert_eq!(world.sent(&Bet::new()), "200 replayed");
    world.host.now += 60 * SECOND - 1_500 * MILLI - 1;
    assert_eq!(world.sent(&Bet::new()), "200 replayed");
    world.host.now += 1;
    assert_eq!(world.sent(&Bet::new()), "run");
}

#[test]
fn waiting() {
    let waits = ruled(json!({"wait_ms": 200}));
    // What becomes of the first meanwhile, and what the retry gets at its next look.
    let cases: [(&str, u64, &str); 5] = [
        ("answered", 50, "200 replayed"),
        ("freed", 50, "run"),
        ("unknown", 50, "409 outcome_unknown"),
        ("nothing", 199, "wait"),
        ("nothing", 200, "409 idempotency_in_progress"),
    ];
    for (meanwhile, time, want) in cases {
        let mut world = World::new(&waits);
        let (first, _) = world.send(&Bet::new());
        let (mut second, word) = world.send(&Bet::new());
        assert_eq!((word.as_str(), world.host.awaits_tick), ("wait", true));
        assert_eq!(world.tick(&mut second), "wait", "nothing has changed");
        match meanwhile {
            "answered" => drop(world.answer(first, 200, &[], "done")),
            "freed" => drop(world.answer(first, 401, &[], "log in")),
            "unknown" => drop(world.answer(first, 500, &[], "oops")),
            _ => {}
        }
        world.host.now += time * MILLI;
        assert_eq!(world.tick(&mut second), want, "{meanwhile} {time}");
        if want == "run" {
            assert_eq!(world.sent(&Bet::new()), "wait", "it is the second's now");
            world.answer(second, 200, &[], "second");
            assert_eq!(world.sent(&Bet::new()), "200 replayed");
        }
    }
}

/// Nobody who waits for another's answer is let through because the store fails meanwhile.
#[test]
fn what_was_said_of_a_key_is_not_forgotten_when_the_store_fails() {
    let rule = json!({"wait_ms": 200, "on_store_error": "forward"});
    let mut world = World::new(&ruled(rule));
    let (_first, _) = world.send(&Bet::new());
    let (mut second, word) = world.send(&Bet::new());
    assert_eq!(word, "wait");
    world.host.faults.insert("proxy_get_shared_data", 10);
    assert_eq!(world.tick(&mut second), "503 idempotency_unavailable");
}

#[test]
fn a_gateway_without_ticks_lets_nobody_through() {
    let mut world = World::new(&ruled(json!({"wait_ms": 200})));
    assert_eq!(world.sent(&Bet::new()), "run");
    world.host.faults.insert("proxy_set_tick_period_milliseconds", 10);
    assert_eq!(world.sent(&Bet::new()), "503 policy_unavailable");
}

#[test]
fn replays() {
    let headers = [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
        ("location", "/bets/1"),
        ("link", "</a>"),
        ("link", "</b>"),
        ("set-cookie", "session=1"),
        ("date", "Mon, 01 Jan 2029 00:00:00 GMT"),
        ("x-ratelimit-remaining", "7"),
        ("ratelimit-limit", "9"),
        ("connection", "keep-alive"),
        ("x-mine", "1"),
    ];
    let mut world = World::new(&json!({}));
    let (first, _) = world.send(&Bet::new());
    world.answer(first, 201, &headers, "\u{1f}\u{0}body");
    for (accepts, want) in [
        (Some("gzip, br"), "201 replayed"),
        (Some("*"), "201 replayed"),
        (Some("br"), "409 idempotency_answer_unavailable"),
        (Some("gzip;q=0"), "409 idempotency_answer_unavailable"),
        (None, "409 idempotency_answer_unavailable"),
    ] {
        let bet = accepts.map_or(Bet::new(), |a| Bet::new().with("accept-encoding", a));
        let (second, word) = world.send(&bet);
        assert_eq!(word, want, "{accepts:?}");
        if !want.contains("replayed") {
            assert_eq!(problem(&second)["first_status"], 201, "{accepts:?}");
            continue;
        }
        assert_eq!(second.fact(DECISION), "replay");
        let told = second.replied.unwrap();
        let names: Vec<_> = told.headers.iter().map(|(name, _)| name.as_ref()).collect();
        let want = ["content-type", "content-encoding", "location", "link", "link"];
        assert_eq!(names, [&want[..], &["idempotent-replayed"]].concat());
        assert_eq!(told.header("idempotent-replayed"), Some("true"));
        assert_eq!(told.body, b"\x1f\0body");
    }
    let counter = metric("wager", "replay", "none");
    assert_eq!(world.host.counters[&counter], 2);
    // A replay that left says nothing new of the key.
    let (second, _) = world.send(&Bet::new().with("accept-encoding", "gzip"));
    world.log(second);
    assert_eq!(world.sent(&Bet::new().with("accept-encoding", "gzip")), "201 replayed");
}

#[test]
fn replays_keep_the_headers_that_are_configured() {
    let mut world = World::new(&json!({"answers": {"headers": ["x-bet"]}}));
    let (first, _) = world.send(&Bet::new());
    world.answer(first, 200, &[("x-bet", "7"), ("content-type", "text/plain")], "x");
    let (second, _) = world.send(&Bet::new());
    let names: Vec<_> = second.replied.unwrap().headers;
    let names: Vec<_> = names.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["x-bet", "idempotent-replayed"]);
}

fn reconciling() -> Value {
    ruled(json!({"reconcile": {"cluster": "casino", "path": "/state/{owner}/{key}",
        "pointer": "/state", "completed": ["accepted"], "free": ["unseen"], "free_status": [404]}}))
}

const LEASE: u64 = 20 * SECOND; // the catalogue's timeout and margin

/// A client that left, or an answer that was lost, does not stop the upstream: that it has not heard of
/// the call yet says nothing before the deadline.
#[test]
fn what_is_not_there_yet_is_not_free() {
    for (passed, told, want) in [
        (0, "unseen", "409 outcome_unknown"),
        (LEASE - 1, "unseen", "409 outcome_unknown"),
        (LEASE, "unseen", "run"),
        (0, "accepted", "200 replayed"),
    ] {
        let mut world = World::new(&reconciling());
        world.done(&Bet::new(), 500, "oops");
        world.host.now += passed;
        let (mut second, _) = world.send(&Bet::new());
        world.host.now += SECOND; // what counts is when it was asked
        let told = reply(200, &format!(r#"{{"state":"{told}"}}"#));
        assert_eq!(world.heard(&mut second, told), want, "{passed}");
    }
}

#[test]
fn reconciliation() {
    let accepted = || reply(200, r#"{"state":"accepted","bet":7}"#);
    let failed = || CallReply::Failed(Fault { call: "proxy_http_call", status: Some(10) });
    let cases: Vec<(CallReply, &str, &str)> = vec![
        (accepted(), "200 replayed", "200 replayed"),
        (reply(200, r#"{"state":"unseen"}"#), "run", "409 idempotency_in_progress"),
        (reply(404, "{}"), "run", "409 idempotency_in_progress"),
        (reply(200, r#"{"state":"other"}"#), "409 outcome_unknown", "409 outcome_unknown"),
        (reply(200, "no JSON"), "409 outcome_unknown", "409 outcome_unknown"),
        (reply(500, r#"{"state":"accepted"}"#), "409 outcome_unknown", "409 outcome_unknown"),
        (reply(503, ""), "409 outcome_unknown", "409 outcome_unknown"),
        (reply(504, ""), "409 outcome_unknown", "409 outcome_unknown"),
        (CallReply::NoResponse, "409 outcome_unknown", "409 outcome_unknown"),
        (failed(), "409 outcome_unknown", "409 outcome_unknown"),
    ];
    for (told, want, then) in cases {
        let mut world = World::new(&reconciling());
        world.done(&Bet::new(), 500, "oops");
        world.host.now += LEASE;
        let (mut second, word) = world.send(&Bet::new());
        assert_eq!(word, "wait");
        let path = world.called().headers.iter().find(|(name, _)| name == ":path").unwrap();
        assert_eq!(path.1, format!("/state/p-1/{KEY}"));
        assert_eq!(world.heard(&mut second, told.clone()), want, "{told:?}");
        if want == "200 replayed" {
            let body = &second.replied.as_ref().unwrap().body;
            assert_eq!(body, br#"{"state":"accepted","bet":7}"#);
        }
        // Whoever comes next; where nothing was found out it is asked anew, but not at once.
        assert_eq!(world.sent(&Bet::new()), then, "{told:?}");
        if then == "409 outcome_unknown" {
            world.host.now += 5 * SECOND;
            assert_eq!(world.sent(&Bet::new()), "wait", "{told:?}");
        }
    }
}

#[test]
fn reconciliation_that_cannot_be_asked_or_written() {
    let mut world = World::new(&reconciling());
    world.done(&Bet::new(), 500, "oops");
    world.host.faults.insert("proxy_http_call", 10);
    assert_eq!(world.sent(&Bet::new()), "409 outcome_unknown");
    world.host.faults.clear();
    // A call that took effect is not carried out because that could not be written down, even where
    // calls pass while the store fails.
    let mut rule = reconciling();
    rule["rules"][0]["on_store_error"] = json!("forward");
    for changes in [reconciling(), rule] {
        for told in [r#"{"state":"accepted"}"#, r#"{"state":"unseen"}"#] {
            let mut world = World::new(&changes);
            world.done(&Bet::new(), 500, "oops");
            world.host.now += LEASE;
            let (mut second, _) = world.send(&Bet::new());
            world.host.faults.insert("proxy_set_shared_data", 10);
            let word = world.heard(&mut second, reply(200, told));
            assert_eq!(word, "503 idempotency_unavailable", "{told}");
        }
    }
}

/// Two retries ask at the same time: what the first found out holds, and only one of them runs.
#[test]
fn two_that_reconcile() {
    let mut world = World::new(&reconciling());
    world.done(&Bet::new(), 500, "oops");
    world.host.now += LEASE;
    let (mut second, _) = world.send(&Bet::new());
    let (mut third, word) = world.send(&Bet::new());
    assert_eq!(word, "wait");
    // Each test host has one call under way at a time: the same token stands for both here.
    world.host.calls.truncate(1);
    assert_eq!(world.heard(&mut second, reply(404, "{}")), "run");
    world.host.calls.push(world.host.calls[0].clone());
    let word = world.heard(&mut third, reply(404, "{}"));
    assert_eq!(word, "409 idempotency_in_progress");
}

#[test]
fn quotas() {
    let changes = json!({"quota": {"player": 2, "partner": 3}});
    let mut world = World::new(&changes);
    let bet = |n: u32| Bet::new().key(&format!("key-0000{n:04}"));
    world.done(&bet(1), 200, "done");
    let (second, word) = world.send(&bet(2));
    assert_eq!(word, "run");
    let (third, word) = world.send(&bet(3));
    assert_eq!(word, "429 idempotency_quota");
    assert_eq!(third.replied.as_ref().unwrap().header("retry-after"), Some("3950"));
    assert_eq!(problem(&third).get("previous_attempt"), None, "there was none");
    assert_eq!(world.sent(&bet(1)), "200 replayed", "the old ones are there still");
    assert_eq!(world.sent(&bet(3).fact(facts::PLAYER, "p-2")), "run", "others are free to bet");
    // A call that had no effect makes room.
    world.answer(second, 429, &[], "later");
    assert_eq!(world.sent(&bet(3)), "run");
    assert_eq!(world.sent(&bet(4)), "429 idempotency_quota");
    let wallet = |n| bet(n).set(":path", "/wallet").partner("hub", "key");
    let words: Vec<_> = (1..=4).map(|n| world.sent(&wallet(n))).collect();
    assert_eq!(words, ["run", "run", "run", "503 idempotency_quota"]);
    // Its bets are as little the player's fault as its settlements.
    let refused = world.send(&wallet(4)).0.replied.unwrap();
    assert_eq!(refused.header("retry-after"), Some("96200"), "when the first of them is forgotten");
    // Counts that cannot be read keep nobody from betting.
    let owners: Vec<_> =
        world.host.shared.keys().filter(|k| k.contains("owners")).cloned().collect();
    for name in owners {
        world.host.shared.insert(name, (vec![9], 1));
    }
    assert_eq!(world.sent(&bet(5)), "run");
}

#[test]
fn stores_that_fail() {
    for (on_error, want) in [("refuse", "503 idempotency_unavailable"), ("forward", "run")] {
        let rule = ruled(json!({"on_store_error": on_error}));
        for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
            let mut world = World::new(&rule);
            world.host.faults.insert(call, 10);
            let (stream, word) = world.send(&Bet::new());
            assert_eq!(word, want, "{call}");
            let decision = if want == "run" { "forward" } else { "deny" };
            assert_eq!(stream.fact(DECISION), format!("{decision}:idempotency_unavailable"));
            if let Some(reply) = &stream.replied {
                assert_eq!(reply.header("retry-after"), Some("1"));
                continue;
            }
            // What is carried out without a claim settles nothing.
            world.host.faults.clear();
            world.answer(stream, 200, &[], "done");
            assert_eq!(world.sent(&Bet::new()), "run");
        }
        let mut world = World::new(&rule);
        assert_eq!(world.sent(&Bet::new()), "run");
        let names: Vec<_> = world.host.shared.keys().cloned().collect();
        for name in names {
            world.host.shared.insert(name, (b"not ours".to_vec(), 1));
        }
        assert_eq!(world.sent(&Bet::new()), want, "damaged");
    }
}

/// Thirty-two keys are all that this store has: none that has not expired makes room for another.
#[test]
fn a_full_store() {
    for (on_error, want) in [("refuse", "503 idempotency_unavailable"), ("forward", "run")] {
        let mut changes = ruled(json!({"on_store_error": on_error, "retention_s": 60}));
        changes["store"] = json!({"single_node": true, "slots": 32});
        let mut world = World::new(&changes);
        let bet = |n: u32| {
            Bet::new().key(&format!("key-0000{n:04}")).fact(facts::PLAYER, &format!("p-{n}"))
        };
        for n in 0..32 {
            world.done(&bet(n), 200, &format!("answer {n}"));
        }
        assert_eq!(world.sent(&bet(32)), want);
        for n in 0..32 {
            let (stream, word) = world.send(&bet(n));
            assert_eq!(word, "200 replayed");
            assert_eq!(stream.replied.unwrap().body, format!("answer {n}").into_bytes());
        }
        world.host.now += 60 * SECOND;
        world.done(&bet(32), 200, "room again");
    }
}
