use policy_kit::EndpointClass;

use super::*;
use crate::limit::config::{AdaptiveConfig, LimitConfig, LimitRules};
use crate::queue::lane::Lane;

fn adaptive(initial: u32) -> Adaptive {
    let adaptive = Some(AdaptiveConfig { initial, ..AdaptiveConfig::default() });
    let raw = LimitConfig { fixed: None, adaptive };
    match LimitRules::compile(raw, "limit", &|_| true) {
        Ok(LimitRules::Adaptive(rules)) => Adaptive::new(rules),
        other => panic!("{other:?}"),
    }
}

/// Plays a second in which 100 requests of a class are answered after `latency` milliseconds, `in_flight` at once.
fn second(limit: &mut Adaptive, class: EndpointClass, at: u64, in_flight: u32, latency: u64) {
    for n in 0..100u64 {
        let time = at * SECOND + n * 10 * MILLI;
        limit.used(in_flight, time);
        let since = time.saturating_sub(latency * MILLI);
        limit.answered(Answer { lane: Lane::of(class), since, latency: latency * MILLI });
        limit.advance(time, time, in_flight.min(limit.current()));
    }
}

#[test]
fn it_does_not_grow_while_nobody_uses_it() {
    let mut limit = adaptive(10);
    (1..60).for_each(|at| second(&mut limit, EndpointClass::Content, at, 4, 50));
    assert_eq!(limit.limit, 10);
    for at in 60..65 {
        let in_flight = limit.current();
        second(&mut limit, EndpointClass::Content, at, in_flight, 50);
    }
    let grown = limit.limit;
    assert!(grown > 10 && limit.found, "{grown}");
    (65..120).for_each(|at| second(&mut limit, EndpointClass::Content, at, 4, 50));
    assert_eq!(limit.limit, grown);
}

#[test]
fn it_grows_while_all_of_it_is_used_and_nothing_queues() {
    let mut limit = adaptive(10);
    let mut at = 1;
    while limit.current() < 1_000 {
        let in_flight = limit.current();
        second(&mut limit, EndpointClass::Content, at, in_flight, 50);
        at += 1;
        assert!(at < 60, "at {} after a minute", limit.current());
    }
    (0..30).for_each(|n| second(&mut limit, EndpointClass::Content, at + n, 1_000, 50));
    assert!(limit.limit <= 1_000, "{}", limit.limit);
}

/// A wager may take seconds by design: the delay of a bet in play.
#[test]
fn the_latency_of_wagers_does_not_count() {
    let mut limit = adaptive(10);
    for at in 1..60 {
        second(&mut limit, EndpointClass::Wager, at, 10, 50 * at);
    }
    assert_eq!(limit.limit, 10);
}

#[test]
fn it_shrinks_when_the_upstream_fails_and_not_below_its_least() {
    let mut limit = adaptive(40);
    let mut seen = Vec::new();
    for at in 1..30u64 {
        for n in 0..100u64 {
            let time = at * SECOND + n * 10 * MILLI;
            match n % 5 {
                0 => limit.failed(),
                _ => {
                    let lane = Lane::of(EndpointClass::Account);
                    limit.answered(Answer { lane, since: time - 1, latency: MILLI });
                }
            }
            limit.advance(time, time, 1);
        }
        seen.push(limit.current());
    }
    assert!(seen[1] < 40 && seen.windows(2).all(|it| it[1] <= it[0]), "{seen:?}");
    assert_eq!(seen.last(), Some(&3));
}
