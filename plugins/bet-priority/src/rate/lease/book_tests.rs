//! What one worker does with answers: each state by itself.

use super::*;
use policy_kit::fake::FakeHost;
use policy_kit::{read_settings, Headers, MILLI, SECOND};
use serde_json::Value;

const NOW: u64 = 1_000_000 * SECOND;
const NEED: Need = Need { cost: 1, batch: 8, longest: 10 * SECOND };

fn fleet() -> Fleet {
    let json = br#"{"cluster": "redis", "gateways": 2, "lease_ms": 500, "retry_s": 2}"#;
    Fleet::compile(&read_settings(json).unwrap(), &mut FakeHost::default()).unwrap()
}

fn book() -> LeaseBook {
    let mut host = FakeHost { now: NOW, random: Some([3; 16]), ..FakeHost::default() };
    LeaseBook::new(64, HashKey::local(&mut host).unwrap())
}

fn wish(id: u64, want: u32) -> Wish {
    Wish { key: format!("k{id}"), limit: Gcra::new(SECOND, 10), want, least: 1 }
}

fn nonce(call: &SharedCall) -> String {
    let body: Value = serde_json::from_slice(&call.call.body).unwrap();
    body.as_array().unwrap().last().unwrap().as_str().unwrap().to_owned()
}

fn answer(nonce: &str, tokens: u32, wait: u64) -> CallReply {
    let body = format!(r#"{{"result": ["{nonce}", {tokens}, {wait}]}}"#).into_bytes();
    CallReply::Response { status: 200, headers: Headers::default(), body, cut: false }
}

/// Asks for tokens and gets some.
fn lease(book: &mut LeaseBook, id: u64, (want, tokens, wait): (u32, u32, u64), now: u64) {
    let call = book.ask(&fleet(), id, || wish(id, want), now).unwrap();
    let reply = answer(&nonce(&call), tokens, wait);
    assert!(book.answered(&fleet(), &call.key, &reply, now));
}

#[test]
fn tokens_are_spent_until_they_expire() {
    let (mut book, fleet) = (book(), fleet());
    assert_eq!(book.look(&fleet, 1, &NEED, NOW), Look::Ask(1), "a new key asks for one");
    lease(&mut book, 1, (4, 4, 0), NOW);
    for (left, soon) in [(4, false), (3, false), (2, true), (1, true)] {
        assert_eq!(book.look(&fleet, 1, &NEED, NOW), Look::Enough(left, soon));
        assert_eq!(book.spend(1, 1), Some(left - 1));
    }
    assert_eq!(book.look(&fleet, 1, &NEED, NOW), Look::Ask(8), "twice what was used up in time");
    assert_eq!(book.spend(1, 1), None);
    book.give_back(1, 1);
    assert_eq!(book.look(&fleet, 1, &NEED, NOW), Look::Enough(1, true));
    let late = NOW + 500 * MILLI;
    assert_eq!(book.look(&fleet, 1, &NEED, late), Look::Ask(3), "what was used of the last ones");
    assert_eq!(book.look(&fleet, 1, &NEED, NOW - SECOND), Look::Ask(3), "a clock set back");
}

#[test]
fn a_refusal_holds_for_all_until_there_are_tokens() {
    let (mut book, fleet) = (book(), fleet());
    lease(&mut book, 1, (4, 0, 1_500_000), NOW);
    assert_eq!(book.look(&fleet, 1, &NEED, NOW), Look::Refused(1_500 * MILLI));
    assert_eq!(book.look(&fleet, 1, &NEED, NOW + SECOND), Look::Refused(500 * MILLI));
    assert_eq!(book.look(&fleet, 1, &NEED, NOW + 1_500 * MILLI), Look::Ask(1));
    assert_eq!(book.look(&fleet, 1, &NEED, NOW - 3_600 * SECOND), Look::Ask(1));
    assert_eq!(book.spend(1, 1), None);
    // However long an answer says, no longer than a burst takes.
    lease(&mut book, 2, (4, 0, u64::MAX), NOW);
    assert_eq!(book.look(&fleet, 2, &NEED, NOW), Look::Refused(10 * SECOND));
}

#[test]
fn few_new_tokens_do_not_make_old_ones_younger() {
    let (mut book, fleet) = (book(), fleet());
    lease(&mut book, 1, (4, 4, 0), NOW);
    lease(&mut book, 1, (4, 3, 0), NOW + 300 * MILLI);
    assert_eq!(book.look(&fleet, 1, &NEED, NOW + 499 * MILLI), Look::Enough(7, false));
    assert!(matches!(book.look(&fleet, 1, &NEED, NOW + 500 * MILLI), Look::Ask(_)));
    lease(&mut book, 2, (4, 4, 0), NOW);
    assert!(book.spend(2, 3).is_some());
    lease(&mut book, 2, (4, 4, 0), NOW + 300 * MILLI);
    assert_eq!(book.look(&fleet, 2, &NEED, NOW + 799 * MILLI), Look::Enough(5, false));
}

#[test]
fn what_is_not_ones_own_answer_is_nothing_heard() {
    let fleet = fleet();
    let (other, error) = (answer("other", 4, 0), answer("", 4, 0));
    for reply in [other, error, CallReply::NoResponse] {
        let mut book = book();
        let call = book.ask(&fleet, 1, || wish(1, 4), NOW).unwrap();
        assert!(!book.answered(&fleet, &call.key, &reply, NOW), "{reply:?}");
        assert_eq!(book.look(&fleet, 1, &NEED, NOW), Look::Down);
        assert_eq!(book.look(&fleet, 1, &NEED, NOW + 1_999 * MILLI), Look::Down);
        assert_eq!(book.look(&fleet, 1, &NEED, NOW + 2 * SECOND), Look::Ask(1));
        assert_eq!(book.look(&fleet, 1, &NEED, NOW - SECOND), Look::Ask(1), "a clock set back");
        // The answer that comes late finds nobody.
        let late = answer(&nonce(&call), 4, 0);
        assert!(book.answered(&fleet, &call.key, &late, NOW + SECOND));
        assert_eq!(book.look(&fleet, 1, &NEED, NOW + SECOND), Look::Down);
    }
}

#[test]
fn an_answer_counts_once() {
    let (mut book, fleet) = (book(), fleet());
    let call = book.ask(&fleet, 1, || wish(1, 4), NOW).unwrap();
    let reply = answer(&nonce(&call), 4, 0);
    assert!(book.answered(&fleet, &call.key, &CallReply::TooManyWaiting, NOW));
    assert!(book.answered(&fleet, "another purpose", &reply, NOW));
    assert_eq!(book.look(&fleet, 1, &NEED, NOW), Look::Ask(1), "it is pending");
    for _ in 0..3 {
        assert!(book.answered(&fleet, &call.key, &reply, NOW));
    }
    assert_eq!(book.look(&fleet, 1, &NEED, NOW), Look::Enough(4, false));
    // The next call has another nonce, so an old answer to it is not heard.
    let again = book.ask(&fleet, 1, || wish(1, 4), NOW).unwrap();
    assert_ne!(nonce(&again), nonce(&call));
    assert!(!book.answered(&fleet, &again.key, &reply, NOW));
}

#[test]
fn calls_are_shared_and_bounded() {
    let (mut book, fleet) = (book(), fleet());
    let first = book.ask(&fleet, 1, || wish(1, 4), NOW).unwrap();
    assert_eq!(book.ask(&fleet, 1, || panic!("it is pending"), NOW), Some(first.clone()));
    for id in 2..=MOST_PENDING as u64 {
        assert!(book.ask(&fleet, id, || wish(id, 4), NOW).is_some());
    }
    assert_eq!(book.ask(&fleet, 999, || wish(999, 4), NOW), None);
    // A gateway that loses calls does not hold their places for ever.
    let late = NOW + 401 * MILLI;
    assert!(book.ask(&fleet, 999, || wish(999, 4), late).is_some());
    assert_ne!(book.ask(&fleet, 1, || wish(1, 4), late), Some(first));
}

#[test]
fn tokens_are_asked_for_before_they_are_needed() {
    let (mut book, fleet) = (book(), fleet());
    for id in 0..100 {
        book.ask_soon(id, || wish(id, 4));
        book.ask_soon(id, || panic!("it is due"));
    }
    let calls = book.due(&fleet, NOW);
    assert_eq!(calls.len(), MOST_DUE);
    assert!(book.due(&fleet, NOW).is_empty());
    book.ask_soon(0, || panic!("it is pending"));
    book.ask_soon(50, || wish(50, 4));
    assert!(!book.answered(&fleet, &calls[0].key, &CallReply::NoResponse, NOW));
    assert!(book.due(&fleet, NOW).is_empty(), "not while Redis is away");
}
