//! What retries get, by the state of their key.

use crate::fixture::{metric, DECISION, EVIDENCE};
use crate::fixture::{reply, ruled, Bet, Fixture, KEY, MILLI, SECOND};
use policy_kit::{facts, CallReply, Fault};
use serde_json::{json, Value};

/// The refusal's document.
fn problem(stream: &crate::fixture::Stream) -> Value {
    serde_json::from_slice(&stream.replied.as_ref().unwrap().body).unwrap()
}

#[test]
fn refuses_retries_while_in_progress() {
    let mut fixture = Fixture::new(&json!({}));
    let (first, word) = fixture.send(&Bet::new());
    assert_eq!(word, "run");
    assert!(first.fact(EVIDENCE).contains("rule=catalogue key="), "{}", first.fact(EVIDENCE));
    // Another question gets nothing of the first, not even that it is under way.
    for other in [
        Bet::new().body(r#"{"selection":"s-1","stake":6}"#),
        Bet::new().body(r#"{"stake":5,"selection":"s-1"}"#),
        Bet::new().set(":path", "/bets?now=1"),
    ] {
        assert_eq!(fixture.outcome_of(&other), "422 idempotency_key_reused", "{}", other.body);
    }
    let (second, word) = fixture.send(&Bet::new());
    assert_eq!(word, "409 idempotency_in_progress");
    assert_eq!(second.replied.as_ref().unwrap().header("retry-after"), Some("1"));
    assert_eq!(problem(&second).get("previous_attempt"), None, "it is known");
    assert_eq!(second.fact(DECISION), "deny:idempotency_in_progress");
    // The second that left takes nothing from the first.
    fixture.log(second);
    assert_eq!(fixture.outcome_of(&Bet::new()), "409 idempotency_in_progress");
    fixture.answer(first, 200, &[], "done");
    assert_eq!(fixture.outcome_of(&Bet::new()), "200 replayed");
    assert_eq!(fixture.outcome_of(&Bet::new().body("{}")), "422 idempotency_key_reused");
}

#[test]
fn keys_are_unknown_after_the_deadline_and_absent_after_the_retention() {
    let mut fixture =
        Fixture::new(&ruled(json!({"timeout_ms": 1_000, "margin_ms": 500, "retention_s": 60})));
    let (first, _) = fixture.send(&Bet::new());
    fixture.host.now += 1_500 * MILLI - 1;
    assert_eq!(fixture.outcome_of(&Bet::new()), "409 idempotency_in_progress");
    fixture.host.now += 1;
    assert_eq!(fixture.outcome_of(&Bet::new()), "409 outcome_unknown");
    assert_eq!(fixture.outcome_of(&Bet::new().body("{}")), "422 idempotency_key_reused");
    // Whoever claimed it knows best, late as it is.
    fixture.answer(first, 200, &[], "late");
    assert_eq!(fixture.outcome_of(&Bet::new()), "200 replayed");
    fixture.host.now += 60 * SECOND - 1_500 * MILLI - 1;
    assert_eq!(fixture.outcome_of(&Bet::new()), "200 replayed");
    fixture.host.now += 1;
    assert_eq!(fixture.outcome_of(&Bet::new()), "run");
}

#[test]
fn retries_wait_for_the_first_answer() {
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
        let mut fixture = Fixture::new(&waits);
        let (first, _) = fixture.send(&Bet::new());
        let (mut second, word) = fixture.send(&Bet::new());
        assert_eq!((word.as_str(), fixture.host.awaits_tick), ("wait", true));
        assert_eq!(fixture.tick(&mut second), "wait", "nothing has changed");
        match meanwhile {
            "answered" => drop(fixture.answer(first, 200, &[], "done")),
            "freed" => drop(fixture.answer(first, 401, &[], "log in")),
            "unknown" => drop(fixture.answer(first, 500, &[], "oops")),
            _ => {}
        }
        fixture.host.now += time * MILLI;
        assert_eq!(fixture.tick(&mut second), want, "{meanwhile} {time}");
        if want == "run" {
            assert_eq!(fixture.outcome_of(&Bet::new()), "wait", "it is the second's now");
            fixture.answer(second, 200, &[], "second");
            assert_eq!(fixture.outcome_of(&Bet::new()), "200 replayed");
        }
    }
}

/// Nobody who waits for another's answer is let through because the store fails meanwhile.
#[test]
fn later_store_faults_do_not_let_a_reported_key_pass() {
    let rule = json!({"wait_ms": 200, "on_store_error": "forward"});
    let mut fixture = Fixture::new(&ruled(rule));
    let (_first, _) = fixture.send(&Bet::new());
    let (mut second, word) = fixture.send(&Bet::new());
    assert_eq!(word, "wait");
    fixture.host.faults.insert("proxy_get_shared_data", 10);
    assert_eq!(fixture.tick(&mut second), "503 idempotency_unavailable");
}

#[test]
fn refuses_waiting_retries_without_ticks() {
    let mut fixture = Fixture::new(&ruled(json!({"wait_ms": 200})));
    assert_eq!(fixture.outcome_of(&Bet::new()), "run");
    fixture.host.faults.insert("proxy_set_tick_period_milliseconds", 10);
    assert_eq!(fixture.outcome_of(&Bet::new()), "503 policy_unavailable");
}

#[test]
fn replays_the_first_answer() {
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
    let mut fixture = Fixture::new(&json!({}));
    let (first, _) = fixture.send(&Bet::new());
    fixture.answer(first, 201, &headers, "\u{1f}\u{0}body");
    for (accepts, want) in [
        (Some("gzip, br"), "201 replayed"),
        (Some("*"), "201 replayed"),
        (Some("br"), "409 idempotency_answer_unavailable"),
        (Some("gzip;q=0"), "409 idempotency_answer_unavailable"),
        (None, "409 idempotency_answer_unavailable"),
    ] {
        let bet = accepts.map_or(Bet::new(), |a| Bet::new().with("accept-encoding", a));
        let (second, word) = fixture.send(&bet);
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
    assert_eq!(fixture.host.counters[&counter], 2);
    // A replay that left says nothing new of the key.
    let (second, _) = fixture.send(&Bet::new().with("accept-encoding", "gzip"));
    fixture.log(second);
    assert_eq!(fixture.outcome_of(&Bet::new().with("accept-encoding", "gzip")), "201 replayed");
}

#[test]
fn replays_keep_the_configured_headers() {
    let mut fixture = Fixture::new(&json!({"answers": {"headers": ["x-bet"]}}));
    let (first, _) = fixture.send(&Bet::new());
    fixture.answer(first, 200, &[("x-bet", "7"), ("content-type", "text/plain")], "x");
    let (second, _) = fixture.send(&Bet::new());
    let names: Vec<_> = second.replied.unwrap().headers;
    let names: Vec<_> = names.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["x-bet", "idempotent-replayed"]);
}

fn reconciling() -> Value {
    ruled(json!({"reconcile": {"cluster": "casino", "path": "/state/{owner}/{key}",
        "pointer": "/state", "completed": ["accepted"], "free": ["unseen"], "free_status": [404]}}))
}

const LEASE: u64 = 20 * SECOND; // the catalogue's timeout and margin

/// A client that left, or an answer that was lost, does not stop the upstream: before the deadline, a report
/// that nothing was done is inconclusive.
#[test]
fn a_report_before_the_deadline_frees_nothing() {
    for (passed, told, want) in [
        (0, "unseen", "409 outcome_unknown"),
        (LEASE - 1, "unseen", "409 outcome_unknown"),
        (LEASE, "unseen", "run"),
        (0, "accepted", "200 replayed"),
    ] {
        let mut fixture = Fixture::new(&reconciling());
        fixture.complete(&Bet::new(), 500, "oops");
        fixture.host.now += passed;
        let (mut second, _) = fixture.send(&Bet::new());
        fixture.host.now += SECOND; // what counts is when it was asked
        let told = reply(200, &format!(r#"{{"state":"{told}"}}"#));
        assert_eq!(fixture.complete_call(&mut second, told), want, "{passed}");
    }
}

#[test]
fn reconciles_unknown_outcomes() {
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
        let mut fixture = Fixture::new(&reconciling());
        fixture.complete(&Bet::new(), 500, "oops");
        fixture.host.now += LEASE;
        let (mut second, word) = fixture.send(&Bet::new());
        assert_eq!(word, "wait");
        let path = fixture.last_call().headers.iter().find(|(name, _)| name == ":path").unwrap();
        assert_eq!(path.1, format!("/state/p-1/{KEY}"));
        assert_eq!(fixture.complete_call(&mut second, told.clone()), want, "{told:?}");
        if want == "200 replayed" {
            let body = &second.replied.as_ref().unwrap().body;
            assert_eq!(body, br#"{"state":"accepted","bet":7}"#);
        }
        // Whoever comes next; where nothing was found out it is asked anew, but not at once.
        assert_eq!(fixture.outcome_of(&Bet::new()), then, "{told:?}");
        if then == "409 outcome_unknown" {
            fixture.host.now += 5 * SECOND;
            assert_eq!(fixture.outcome_of(&Bet::new()), "wait", "{told:?}");
        }
    }
}

#[test]
fn stays_unknown_while_reconcile_or_the_store_is_unavailable() {
    let mut fixture = Fixture::new(&reconciling());
    fixture.complete(&Bet::new(), 500, "oops");
    fixture.host.faults.insert("proxy_http_call", 10);
    assert_eq!(fixture.outcome_of(&Bet::new()), "409 outcome_unknown");
    fixture.host.faults.clear();
    // A call that took effect is not carried out because that could not be written down, even where
    // calls pass while the store fails.
    let mut rule = reconciling();
    rule["rules"][0]["on_store_error"] = json!("forward");
    for changes in [reconciling(), rule] {
        for told in [r#"{"state":"accepted"}"#, r#"{"state":"unseen"}"#] {
            let mut fixture = Fixture::new(&changes);
            fixture.complete(&Bet::new(), 500, "oops");
            fixture.host.now += LEASE;
            let (mut second, _) = fixture.send(&Bet::new());
            fixture.host.faults.insert("proxy_set_shared_data", 10);
            let word = fixture.complete_call(&mut second, reply(200, told));
            assert_eq!(word, "503 idempotency_unavailable", "{told}");
        }
    }
}

/// Two retries ask at the same time: what the first found out holds, and only one of them runs.
#[test]
fn two_retries_share_one_reconcile_call() {
    let mut fixture = Fixture::new(&reconciling());
    fixture.complete(&Bet::new(), 500, "oops");
    fixture.host.now += LEASE;
    let (mut second, _) = fixture.send(&Bet::new());
    let (mut third, word) = fixture.send(&Bet::new());
    assert_eq!(word, "wait");
    // Each test host has one call under way at a time: the same token stands for both here.
    fixture.host.calls.truncate(1);
    assert_eq!(fixture.complete_call(&mut second, reply(404, "{}")), "run");
    fixture.host.calls.push(fixture.host.calls[0].clone());
    let word = fixture.complete_call(&mut third, reply(404, "{}"));
    assert_eq!(word, "409 idempotency_in_progress");
}

#[test]
fn refuses_keys_over_the_quota() {
    let changes = json!({"quota": {"player": 2, "partner": 3}});
    let mut fixture = Fixture::new(&changes);
    let bet = |n: u32| Bet::new().key(&format!("key-0000{n:04}"));
    fixture.complete(&bet(1), 200, "done");
    let (second, word) = fixture.send(&bet(2));
    assert_eq!(word, "run");
    let (third, word) = fixture.send(&bet(3));
    assert_eq!(word, "429 idempotency_quota");
    assert_eq!(third.replied.as_ref().unwrap().header("retry-after"), Some("3950"));
    assert_eq!(problem(&third).get("previous_attempt"), None, "there was none");
    assert_eq!(fixture.outcome_of(&bet(1)), "200 replayed", "the old ones are there still");
    assert_eq!(
        fixture.outcome_of(&bet(3).fact(facts::PLAYER, "p-2")),
        "run",
        "others are free to bet"
    );
    // A call that had no effect makes room.
    fixture.answer(second, 429, &[], "later");
    assert_eq!(fixture.outcome_of(&bet(3)), "run");
    assert_eq!(fixture.outcome_of(&bet(4)), "429 idempotency_quota");
    let wallet = |n| bet(n).set(":path", "/wallet").partner("hub", "key");
    let words: Vec<_> = (1..=4).map(|n| fixture.outcome_of(&wallet(n))).collect();
    assert_eq!(words, ["run", "run", "run", "503 idempotency_quota"]);
    // Its bets are as little the player's fault as its settlements.
    let refused = fixture.send(&wallet(4)).0.replied.unwrap();
    assert_eq!(refused.header("retry-after"), Some("96200"), "when the first of them is forgotten");
    // Counts that cannot be read refuse nothing.
    let owners: Vec<_> =
        fixture.host.shared.keys().filter(|k| k.contains("owners")).cloned().collect();
    for name in owners {
        fixture.host.shared.insert(name, (vec![9], 1));
    }
    assert_eq!(fixture.outcome_of(&bet(5)), "run");
}

#[test]
fn store_faults_refuse_or_forward() {
    for (on_error, want) in [("refuse", "503 idempotency_unavailable"), ("forward", "run")] {
        let rule = ruled(json!({"on_store_error": on_error}));
        for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
            let mut fixture = Fixture::new(&rule);
            fixture.host.faults.insert(call, 10);
            let (stream, word) = fixture.send(&Bet::new());
            assert_eq!(word, want, "{call}");
            let decision = if want == "run" { "forward" } else { "deny" };
            assert_eq!(stream.fact(DECISION), format!("{decision}:idempotency_unavailable"));
            if let Some(reply) = &stream.replied {
                assert_eq!(reply.header("retry-after"), Some("1"));
                continue;
            }
            // What is carried out without a claim settles nothing.
            fixture.host.faults.clear();
            fixture.answer(stream, 200, &[], "done");
            assert_eq!(fixture.outcome_of(&Bet::new()), "run");
        }
        let mut fixture = Fixture::new(&rule);
        assert_eq!(fixture.outcome_of(&Bet::new()), "run");
        let names: Vec<_> = fixture.host.shared.keys().cloned().collect();
        for name in names {
            fixture.host.shared.insert(name, (b"not ours".to_vec(), 1));
        }
        assert_eq!(fixture.outcome_of(&Bet::new()), want, "damaged");
    }
}

/// Thirty-two keys are all that this store has: none that has not expired makes room for another.
#[test]
fn a_full_store_refuses_or_forwards() {
    for (on_error, want) in [("refuse", "503 idempotency_unavailable"), ("forward", "run")] {
        let mut changes = ruled(json!({"on_store_error": on_error, "retention_s": 60}));
        changes["store"] = json!({"single_node": true, "slots": 32});
        let mut fixture = Fixture::new(&changes);
        let bet = |n: u32| {
            Bet::new().key(&format!("key-0000{n:04}")).fact(facts::PLAYER, &format!("p-{n}"))
        };
        for n in 0..32 {
            fixture.complete(&bet(n), 200, &format!("answer {n}"));
        }
        assert_eq!(fixture.outcome_of(&bet(32)), want);
        for n in 0..32 {
            let (stream, word) = fixture.send(&bet(n));
            assert_eq!(word, "200 replayed");
            assert_eq!(stream.replied.unwrap().body, format!("answer {n}").into_bytes());
        }
        fixture.host.now += 60 * SECOND;
        fixture.complete(&bet(32), 200, "room again");
    }
}
