//! Calls that do not succeed: how long their keys are kept, and how many of them one player may have.

use policy_kit::{facts, Plugin};
use serde_json::json;

use crate::plugin::Idempotency;
use crate::walk::{reply, ruled, Bet, World, SECOND};

fn bet(number: usize) -> Bet {
    Bet::new().key(&format!("key-{number:08}"))
}

/// Refused for want of money: it may be tried again under its key once that is forgotten, and its place is
/// free by then.
#[test]
fn keys_of_refused_calls_are_kept_for_a_shorter_time() {
    for (status, kept) in [(402, 600), (422, 600), (200, 3_600), (500, 3_600)] {
        let mut world = World::new(&json!({}));
        world.done(&bet(1), status, "no");
        world.host.now += (kept - 1) * SECOND;
        assert_ne!(world.sent(&bet(1)), "run", "{status}");
        world.host.now += SECOND;
        assert_eq!(world.sent(&bet(1)), "run", "{status}");
    }
    // What a partner was told is told again for as long as anything else.
    let mut world = World::new(&json!({}));
    let win = Bet::to("/wallet").key("key-00000001").partner("hub", "signature");
    world.done(&win, 422, "no");
    world.host.now += 86_399 * SECOND;
    assert_eq!(world.sent(&win), "422 replayed");
}

/// 24 of each kind fit in the store of this test.
#[test]
fn whoever_only_fails_has_a_limit_of_its_own() {
    for (status, until) in [(402, 600 / 24), (500, 3_600 / 24)] {
        let mut world = World::new(&json!({}));
        for number in 0..24 {
            world.done(&bet(number), status, "no");
        }
        let (refused, word) = world.send(&bet(99));
        assert_eq!(word, "429 idempotency_quota", "{status}");
        let wait = refused.replied.as_ref().and_then(|reply| reply.header("retry-after"));
        assert_eq!(wait, Some(until.to_string().as_str()), "{status}");
        let other = bet(99).fact(facts::PLAYER, "p-2");
        assert_eq!(world.sent(&other), "run", "{status}: nobody else pays for it");
        // What was answered is told again all the same.
        let again = if status == 402 { "402 replayed" } else { "409 outcome_unknown" };
        assert_eq!(world.sent(&bet(0)), again);
        world.host.now += until * SECOND;
        world.done(&bet(100), 200, "yes");
        assert_eq!(world.sent(&bet(101)), "run", "{status}: it succeeds again");
    }
    // A partner's calls are owed money, whatever becomes of them.
    let mut world = World::new(&json!({}));
    for number in 0..32 {
        let win = Bet::to("/wallet").partner("hub", "signature");
        world.done(&win.key(&format!("key-{number:08}")), 500, "no");
    }
}

/// A client that leaves at once costs its upstream a call and itself nothing.
#[test]
fn calls_that_are_left_count() {
    let mut world = World::new(&json!({}));
    for number in 0..24 {
        let (stream, word) = world.send(&bet(number));
        assert_eq!(word, "run");
        world.ending("downstream_remote_disconnect", 0x4000, 1);
        world.log(stream);
    }
    assert_eq!(world.sent(&bet(99)), "429 idempotency_quota");
}

/// An answer that came before the key was claimed takes a place as any other does, and counts.
#[test]
fn early_answers_count() {
    let mut world = World::new(&json!({}));
    for number in 0..25 {
        let (mut stream, _) = world.headers(&bet(number));
        world.ending("via_upstream", 0, 1);
        world.answer_headers(&mut stream, 200, &[]);
    }
    let counter = crate::names::outcome("wager", "early_over_quota");
    assert_eq!(world.host.counters.get(&counter), Some(&1));
    assert_eq!(world.sent(&bet(0)), "409 outcome_unknown");
    assert_eq!(world.sent(&bet(99)), "429 idempotency_quota");
    assert_eq!(world.sent(&bet(99).fact(facts::PLAYER, "p-2")), "run");
}

/// Players fill their part of the store, and partners have theirs.
#[test]
fn players_take_no_room_from_partners() {
    let mut world = World::new(&json!({"store": {"single_node": true, "slots": 128}}));
    let mut full = 0;
    for number in 0..400 {
        let player = bet(number).fact(facts::PLAYER, &format!("p-{}", number / 20));
        full += usize::from(world.sent(&player) == "503 idempotency_unavailable");
    }
    assert!(full > 100, "{full}");
    let lines = world.host.logs.iter().filter(|line| line.contains("Full")).count();
    assert_eq!(lines, 1, "not one for each call");
    assert_eq!(
        world.host.counters.get(&crate::names::full(crate::Part::Players)),
        Some(&(full as u64))
    );
    for number in 0..16 {
        let win = Bet::to("/wallet").partner("hub", "signature");
        assert_eq!(world.sent(&win.key(&format!("key-{number:08}"))), "run", "{number}");
    }
}

/// Two listeners with two `vm_id`s, and a gateway that was restarted, have each a store of its own.
#[test]
fn a_store_that_begins_empty_has_another_id() {
    let boot = |world: &World| {
        let named = |name: &&String| name.contains(".store.boot=");
        world.host.counters.keys().filter(named).cloned().collect::<Vec<_>>()
    };
    let mut world = World::new(&json!({}));
    let first = boot(&world);
    assert!(first.len() == 1 && first[0].ends_with(".found=empty"), "{first:?}");
    assert!(world.host.logs[0].contains("new and empty"), "{:?}", world.host.logs);
    let (stream, _) = world.send(&bet(1));
    let id = first[0].split(['=', '.']).nth(4).unwrap().to_owned();
    let evidence = stream.fact(crate::names::EVIDENCE);
    assert!(evidence.ends_with(&format!(" store={id}")), "{evidence} {id}");
    world.host.now += 5 * SECOND;
    world.configure(&json!({"version": "v2"}));
    let pushed = boot(&world);
    assert!(pushed.contains(&first[0].replace("empty", "there")), "{pushed:?}");
    assert_eq!(world.host.gauges.get(crate::names::SINCE), Some(&1_000));
    let told = world.host.logs.last().unwrap();
    assert!(told.contains(&id) && told.contains("there since 1000 s"), "{told}");
    world.host.shared.clear();
    world.configure(&json!({}));
    assert_eq!(boot(&world).len(), 3);
    assert_eq!(world.host.gauges.get(crate::names::SINCE), Some(&1_005));
}

/// However many retries want to know, the service is asked once for each key.
#[test]
fn a_key_is_asked_about_once() {
    let mut world = World::new(&ruled(json!({"reconcile": {"cluster": "casino",
        "path": "/state/{owner}/{key}", "pointer": "/state", "completed": ["accepted"],
        "free_status": [404]}})));
    world.done(&bet(1), 500, "oops");
    world.host.now += 20 * SECOND;
    let mut retries: Vec<_> = (0..5).map(|_| world.send(&bet(1))).collect();
    assert!(retries.iter().all(|(_, word)| word == "wait"));
    let mut flights = world.host.flights.clone();
    flights.dedup();
    assert_eq!((flights.len(), world.host.flights.len()), (1, 5), "one flight, five who joined");
    for (stream, _) in &mut retries {
        let word = world.heard(stream, reply(200, r#"{"state":"open"}"#));
        assert_eq!(word, "409 outcome_unknown");
    }
    world.host.now += 4 * SECOND;
    assert_eq!(world.sent(&bet(1)), "409 outcome_unknown", "it was asked a moment ago");
    assert_eq!(world.host.flights.len(), 5);
    world.host.now += SECOND;
    let (mut stream, word) = world.send(&bet(1));
    assert_eq!(word, "wait");
    let told = world.heard(&mut stream, reply(200, r#"{"state":"accepted"}"#));
    assert_eq!(told, "200 replayed");
}

/// How full the store is shows without a call that would be refused.
#[test]
fn gauges_tell_how_full_it_is() {
    let mut world = World::new(&json!({"store": {"single_node": true, "slots": 128}}));
    let gauge = |world: &World, what| {
        let of = |part| world.host.gauges.get(&crate::names::gauge(what, part)).copied();
        (of(crate::Part::Players), of(crate::Part::Partners))
    };
    for number in 0..34 {
        let player = bet(number).fact(facts::PLAYER, &format!("p-{}", number / 10));
        world.done(&player, 200, "yes");
        if number < 2 {
            let win = Bet::to("/wallet").partner("hub", "signature");
            world.done(&win.key(&format!("key-{number:08}")), 200, "yes");
        }
    }
    world.plugin_tick();
    assert_eq!(gauge(&world, "keys"), (Some(34), Some(2)));
    let (players, partners) = gauge(&world, "bytes");
    assert_eq!(players.zip(partners).map(|(of, partners)| of / partners), Some(17));
    let warnings = |world: &World| {
        world.host.logs.iter().filter(|line| line.contains("players is filling up")).count()
    };
    assert_eq!(warnings(&world), 1, "{:?}", world.host.logs);
    world.host.now += SECOND;
    world.plugin_tick();
    assert_eq!(warnings(&world), 1, "once");
    world.host.now += 3_600 * SECOND;
    world.plugin_tick();
    assert_eq!(gauge(&world, "keys"), (Some(0), Some(2)));
}

/// A store keeps its slots, and so its keys, whatever a push says of rates and retentions; what it cannot hold
/// is refused.
#[test]
fn a_push_loses_no_key() {
    let store = |slots: u32| json!({"store": {"single_node": true, "slots": slots}});
    let mut world = World::new(&store(256));
    world.done(&bet(1), 200, "yes");
    for slots in [128, 256] {
        world.configure(&store(slots));
        assert_eq!(world.sent(&bet(1)), "200 replayed", "{slots}");
    }
    let document = crate::walk::document(&store(512));
    let refused = Idempotency::configure(document.as_bytes(), &mut world.host).unwrap_err();
    assert_eq!(refused.field, "store.name");
    assert!(refused.problem.contains("192 slots for players"), "{refused}");
}
