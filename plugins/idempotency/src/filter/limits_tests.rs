//! Limits of keys, failed requests and the store.

use crate::fixture::{reply, ruled, Bet, Fixture, SECOND};
use crate::plugin::IdempotencyPlugin;
use policy_kit::{facts, Plugin};
use serde_json::json;

fn bet(number: usize) -> Bet {
    Bet::new().key(&format!("key-{number:08}"))
}

/// Refused for want of money: it may be tried again under its key once that is forgotten, and its place is
/// free by then.
#[test]
fn keys_of_refused_requests_are_kept_for_a_shorter_time() {
    for (status, kept) in [(402, 600), (422, 600), (200, 3_600), (500, 3_600)] {
        let mut fixture = Fixture::new(&json!({}));
        fixture.complete(&bet(1), status, "no");
        fixture.host.now += (kept - 1) * SECOND;
        assert_ne!(fixture.outcome_of(&bet(1)), "run", "{status}");
        fixture.host.now += SECOND;
        assert_eq!(fixture.outcome_of(&bet(1)), "run", "{status}");
    }
    // A partner's refusal is replayed for as long as any other answer.
    let mut fixture = Fixture::new(&json!({}));
    let win = Bet::to("/wallet").key("key-00000001").partner("hub", "signature");
    fixture.complete(&win, 422, "no");
    fixture.host.now += 86_399 * SECOND;
    assert_eq!(fixture.outcome_of(&win), "422 replayed");
}

/// 24 of each kind fit in the store of this test.
#[test]
fn failed_requests_have_a_limit_of_their_own() {
    for (status, until) in [(402, 600 / 24), (500, 3_600 / 24)] {
        let mut fixture = Fixture::new(&json!({}));
        for number in 0..24 {
            fixture.complete(&bet(number), status, "no");
        }
        let (refused, word) = fixture.send(&bet(99));
        assert_eq!(word, "429 idempotency_quota", "{status}");
        let wait = refused.replied.as_ref().and_then(|reply| reply.header("retry-after"));
        assert_eq!(wait, Some(until.to_string().as_str()), "{status}");
        let other = bet(99).fact(facts::PLAYER, "p-2");
        assert_eq!(fixture.outcome_of(&other), "run", "{status}: nobody else pays for it");
        // Answers are replayed all the same.
        let again = if status == 402 { "402 replayed" } else { "409 outcome_unknown" };
        assert_eq!(fixture.outcome_of(&bet(0)), again);
        fixture.host.now += until * SECOND;
        fixture.complete(&bet(100), 200, "yes");
        assert_eq!(fixture.outcome_of(&bet(101)), "run", "{status}: it succeeds again");
    }
    // A partner's calls are owed money, whatever becomes of them.
    let mut fixture = Fixture::new(&json!({}));
    for number in 0..32 {
        let win = Bet::to("/wallet").partner("hub", "signature");
        fixture.complete(&win.key(&format!("key-{number:08}")), 500, "no");
    }
}

/// A client that leaves at once costs its upstream a call and itself nothing.
#[test]
fn requests_whose_client_left_count_as_failed() {
    let mut fixture = Fixture::new(&json!({}));
    for number in 0..24 {
        let (stream, word) = fixture.send(&bet(number));
        assert_eq!(word, "run");
        fixture.report_exchange("downstream_remote_disconnect", 0x4000, 1);
        fixture.log(stream);
    }
    assert_eq!(fixture.outcome_of(&bet(99)), "429 idempotency_quota");
}

/// An answer that came before the key was claimed takes a place as any other does, and counts.
#[test]
fn early_answers_count_as_failed() {
    let mut fixture = Fixture::new(&json!({}));
    for number in 0..25 {
        let (mut stream, _) = fixture.headers(&bet(number));
        fixture.report_exchange("via_upstream", 0, 1);
        fixture.answer_headers(&mut stream, 200, &[]);
    }
    let counter = crate::names::outcome_metric("wager", "early_over_quota");
    assert_eq!(fixture.host.counters.get(&counter), Some(&1));
    assert_eq!(fixture.outcome_of(&bet(0)), "409 outcome_unknown");
    assert_eq!(fixture.outcome_of(&bet(99)), "429 idempotency_quota");
    assert_eq!(fixture.outcome_of(&bet(99).fact(facts::PLAYER, "p-2")), "run");
}

/// Players fill their part of the store, and partners have theirs.
#[test]
fn players_take_no_room_from_partners() {
    let mut fixture = Fixture::new(&json!({"store": {"single_node": true, "slots": 128}}));
    let mut full = 0;
    for number in 0..400 {
        let player = bet(number).fact(facts::PLAYER, &format!("p-{}", number / 20));
        full += usize::from(fixture.outcome_of(&player) == "503 idempotency_unavailable");
    }
    assert!(full > 100, "{full}");
    let lines = fixture.host.logs.iter().filter(|line| line.contains("Full")).count();
    assert_eq!(lines, 1, "not one for each call");
    assert_eq!(fixture.host.counters.get(&crate::names::full("players")), Some(&(full as u64)));
    for number in 0..16 {
        let win = Bet::to("/wallet").partner("hub", "signature");
        assert_eq!(fixture.outcome_of(&win.key(&format!("key-{number:08}"))), "run", "{number}");
    }
}

/// Two listeners with two `vm_id`s, and a gateway that was restarted, have each a store of its own.
#[test]
fn an_empty_store_has_a_new_id() {
    let boot = |fixture: &Fixture| {
        let named = |name: &&String| name.contains(".store.boot=");
        fixture.host.counters.keys().filter(named).cloned().collect::<Vec<_>>()
    };
    let mut fixture = Fixture::new(&json!({}));
    let first = boot(&fixture);
    assert!(first.len() == 1 && first[0].ends_with(".found=empty"), "{first:?}");
    assert!(fixture.host.logs[0].contains("new and empty"), "{:?}", fixture.host.logs);
    let (stream, _) = fixture.send(&bet(1));
    let id = first[0].split(['=', '.']).nth(4).unwrap().to_owned();
    let evidence = stream.fact(crate::fixture::EVIDENCE);
    assert!(evidence.ends_with(&format!(" store={id}")), "{evidence} {id}");
    fixture.host.now += 5 * SECOND;
    fixture.configure(&json!({"version": "v2"}));
    let pushed = boot(&fixture);
    assert!(pushed.contains(&first[0].replace("empty", "there")), "{pushed:?}");
    assert_eq!(fixture.host.gauges.get(crate::names::SINCE), Some(&1_000));
    let told = fixture.host.logs.last().unwrap();
    assert!(told.contains(&id) && told.contains("there since 1000 s"), "{told}");
    fixture.host.shared.clear();
    fixture.configure(&json!({}));
    assert_eq!(boot(&fixture).len(), 3);
    assert_eq!(fixture.host.gauges.get(crate::names::SINCE), Some(&1_005));
}

/// However many retries want to know, the service is asked once for each key.
#[test]
fn calls_reconcile_once_for_each_key() {
    let mut fixture = Fixture::new(&ruled(json!({"reconcile": {"cluster": "casino",
        "path": "/state/{owner}/{key}", "pointer": "/state", "completed": ["accepted"],
        "free_status": [404]}})));
    fixture.complete(&bet(1), 500, "oops");
    fixture.host.now += 20 * SECOND;
    let mut retries: Vec<_> = (0..5).map(|_| fixture.send(&bet(1))).collect();
    assert!(retries.iter().all(|(_, word)| word == "wait"));
    let mut flights = fixture.host.flights.clone();
    flights.dedup();
    assert_eq!((flights.len(), fixture.host.flights.len()), (1, 5), "one flight, five who joined");
    for (stream, _) in &mut retries {
        let word = fixture.complete_call(stream, reply(200, r#"{"state":"open"}"#));
        assert_eq!(word, "409 outcome_unknown");
    }
    fixture.host.now += 4 * SECOND;
    assert_eq!(fixture.outcome_of(&bet(1)), "409 outcome_unknown", "it was asked a moment ago");
    assert_eq!(fixture.host.flights.len(), 5);
    fixture.host.now += SECOND;
    let (mut stream, word) = fixture.send(&bet(1));
    assert_eq!(word, "wait");
    let told = fixture.complete_call(&mut stream, reply(200, r#"{"state":"accepted"}"#));
    assert_eq!(told, "200 replayed");
}

/// How full the store is shows without a call that would be refused.
#[test]
fn gauges_report_the_fill_level() {
    let mut fixture = Fixture::new(&json!({"store": {"single_node": true, "slots": 128}}));
    let gauge = |fixture: &Fixture, what| {
        let of = |part| fixture.host.gauges.get(&crate::names::gauge(what, part)).copied();
        (of("players"), of("partners"))
    };
    for number in 0..34 {
        let player = bet(number).fact(facts::PLAYER, &format!("p-{}", number / 10));
        fixture.complete(&player, 200, "yes");
        if number < 2 {
            let win = Bet::to("/wallet").partner("hub", "signature");
            fixture.complete(&win.key(&format!("key-{number:08}")), 200, "yes");
        }
    }
    fixture.plugin_tick();
    assert_eq!(gauge(&fixture, "keys"), (Some(34), Some(2)));
    let (players, partners) = gauge(&fixture, "bytes");
    assert_eq!(players.zip(partners).map(|(of, partners)| of / partners), Some(17));
    let warnings = |fixture: &Fixture| {
        fixture.host.logs.iter().filter(|line| line.contains("players is filling up")).count()
    };
    assert_eq!(warnings(&fixture), 1, "{:?}", fixture.host.logs);
    fixture.host.now += SECOND;
    fixture.plugin_tick();
    assert_eq!(warnings(&fixture), 1, "once");
    fixture.host.now += 3_600 * SECOND;
    fixture.plugin_tick();
    assert_eq!(gauge(&fixture, "keys"), (Some(0), Some(2)));
}

/// A store keeps its slots, and so its keys, whatever a push says of rates and retentions; what it cannot hold
/// is refused.
#[test]
fn a_new_configuration_loses_no_key() {
    let store = |slots: u32| json!({"store": {"single_node": true, "slots": slots}});
    let mut fixture = Fixture::new(&store(256));
    fixture.complete(&bet(1), 200, "yes");
    for slots in [128, 256] {
        fixture.configure(&store(slots));
        assert_eq!(fixture.outcome_of(&bet(1)), "200 replayed", "{slots}");
    }
    let document = crate::fixture::document(&store(512));
    let refused = IdempotencyPlugin::configure(document.as_bytes(), &mut fixture.host).unwrap_err();
    assert_eq!(refused.field, "store.name");
    assert!(refused.problem.contains("192 slots for players"), "{refused}");
}
