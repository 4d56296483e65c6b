//! Each way in which a request can end: what its client gets, what a retry gets, and how often it took effect.

use std::time::Duration;

use abi_host::{BufferFilter, Profile, Request, RetryPolicy};
use serde_json::{json, Value};

use crate::fixture::{
    bet, builder, chain, ruled, scripted, send, set, unbuffered, Ledger, PROFILES,
};

const UNKNOWN: &str = "409 outcome_unknown";

/// The casino's word, what the client has, what the retry gets, and how often the bet took effect then.
type Row = (&'static str, &'static str, &'static str, u32);

const ENVOY: [Row; 19] = [
    ("200", "200", "200 replayed", 1),
    ("201", "201", "201 replayed", 1),
    ("400", "400", "400 replayed", 1),
    ("402", "402", "402 replayed", 1),
    ("404", "404", "404 replayed", 1),
    ("422", "422", "422 replayed", 1),
    ("401", "401", "200", 1),
    ("403", "403", "200", 1),
    ("425", "425", "200", 1),
    ("429", "429", "200", 1),
    ("408", "408", UNKNOWN, 1),
    ("409", "409", UNKNOWN, 1),
    ("302", "302", "302 replayed", 1),
    ("500", "500", UNKNOWN, 1),
    ("503", "503", UNKNOWN, 1),
    ("refused", "503", "200", 1),
    ("reset", "503", UNKNOWN, 1),
    ("timeout", "504", UNKNOWN, 1),
    ("mid", "Reset", UNKNOWN, 1),
];

fn check(profile: Profile, changes: &Value, (word, first, retry, effects): Row) {
    let mut chain = chain(profile, changes);
    let mut ledger = Ledger::new(&[word]);
    let case = format!("{word} under {profile:?} {changes}");
    assert_eq!(send(&mut chain, bet(), &mut ledger), first, "{case}");
    let opened = ledger.opened;
    assert_eq!(send(&mut chain, bet(), &mut ledger), retry, "{case}");
    // A retry that is not carried out causes no traffic at all.
    assert_eq!(ledger.opened > opened, retry == "200", "{case}");
    assert_eq!(ledger.effects, effects, "{case}");
}

#[test]
fn outcomes_on_envoy() {
    for commit in ["before_reply", "after_reply"] {
        for row in ENVOY {
            check(Profile::Envoy, &ruled(json!({"commit": commit})), row);
        }
    }
}

/// WasmX does not say whose an answer is: what has no status of the casino's has one of 5xx.
#[test]
fn outcomes_on_wasmx() {
    for (word, first, retry, effects) in ENVOY {
        let retry = if word == "refused" { UNKNOWN } else { retry };
        let effects = if word == "refused" { 0 } else { effects };
        check(Profile::Wasmx, &json!({}), (word, first, retry, effects));
    }
}

#[test]
fn outcomes_of_configured_statuses_and_codes() {
    let shedding = ruled(json!({"not_executed": [503]}));
    let coded = ruled(json!({"outcome": {"pointer": "/status", "completed": ["OK"],
        "retryable": ["LATER"], "unknown": ["WHO"]}}));
    for profile in PROFILES {
        check(profile, &shedding, ("503 shed", "503", "200", 1));
        check(profile, &shedding, ("500", "500", UNKNOWN, 1));
        check(profile, &coded, ("coded", "200", "200 replayed", 1));
        check(profile, &coded, ("retryable", "200", "200", 1));
        check(profile, &coded, ("unlisted", "200", UNKNOWN, 1));
        check(profile, &coded, ("200", "200", UNKNOWN, 1));
    }
}

#[test]
fn clients_that_leave_make_keys_unknown() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut ledger = Ledger::new(&["late"]);
        let leaving = bet().leaving_after(Duration::from_secs(5));
        assert_eq!(send(&mut chain, leaving, &mut ledger), "ClientGone", "{profile:?}");
        assert_eq!(send(&mut chain, bet(), &mut ledger), UNKNOWN, "{profile:?}");
        assert_eq!(ledger.effects, 1, "{profile:?}");
    }
    // Before its body was whole nothing was claimed.
    let mut chain = chain(Profile::Envoy, &json!({}));
    let mut ledger = Ledger::default();
    let mut half = bet().with_chunk_gap(Duration::from_secs(9));
    half.chunks.push(b" ".to_vec());
    let half = set(half, "content-length", "31").leaving_after(Duration::from_secs(5));
    assert_eq!(send(&mut chain, half, &mut ledger), "ClientGone");
    assert_eq!(send(&mut chain, bet(), &mut ledger), "200");
    assert_eq!(ledger.effects, 1);
}

/// After a retry of a route that insists on it, the last attempt does not show what the first did.
#[test]
fn retries_of_the_route_are_disabled() {
    let policy = RetryPolicy::parse("connect-failure,reset,5xx", 1).unwrap();
    for (script, first, retry, effects) in [
        (&["refused", "200"][..], "200", "200 replayed", 1),
        (&["reset", "200"], "200", "200 replayed", 2),
        (&["reset", "refused"], "503", UNKNOWN, 1),
        (&["reset", "422"], "422", UNKNOWN, 2),
        (&["reset", "429"], "429", UNKNOWN, 1),
        (&["503", "503"], "503", UNKNOWN, 2),
        // The first may have been read.
        (&["refused", "refused"], "503", UNKNOWN, 0),
        (&["refused", "422"], "422", UNKNOWN, 1),
    ] {
        let mut chain = builder(Profile::Envoy, &json!({})).retries(policy).start().unwrap();
        let mut ledger = Ledger::new(script);
        let insisting = bet().header("x-insist", "1");
        assert_eq!(send(&mut chain, insisting, &mut ledger), first, "{script:?}");
        assert_eq!(send(&mut chain, bet(), &mut ledger), retry, "{script:?}");
        // Those are the route's own; the module adds none.
        assert_eq!(ledger.effects, effects, "{script:?}");
    }
}

/// A request that a later filter refuses does not reach the casino.
#[test]
fn refusals_of_later_filters_free_the_key() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut ledger = Ledger::default();
        for _ in 0..2 {
            let refused = bet().header("x-refuse", "1");
            assert_eq!(send(&mut chain, refused, &mut ledger), "403", "{profile:?}: unchanged");
        }
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200", "{profile:?}");
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200 replayed", "{profile:?}");
        assert_eq!(ledger.effects, 1, "{profile:?}");
    }
    // Once the key was claimed, by a filter that waits for the body, too. Without a buffer filter the
    // headers have left by then, and it is unknown what they did.
    let buffer = BufferFilter { limit: 1_000 };
    for (mut chain, outcome, then) in [
        (scripted().native(buffer).start().unwrap(), "freed", "200"),
        (scripted().start().unwrap(), "unknown", UNKNOWN),
    ] {
        let mut ledger = Ledger::default();
        let word = send(&mut chain, bet().header("x-script", "body:100,deny"), &mut ledger);
        assert_eq!(word, "403 endpoint_unclassified", "{outcome}");
        let counter = format!("pitboss.idempotency.outcomes.class=wager.outcome={outcome}");
        assert_eq!(chain.metric(&counter), Some(1), "{outcome}");
        assert_eq!(send(&mut chain, bet(), &mut ledger), then, "{outcome}");
        assert_eq!(ledger.effects, u32::from(then == "200"), "{outcome}");
    }
}

/// Without a buffer filter an upstream may answer before the body is there. It is unknown what it did, so
/// that its answer is no answer, and nothing is run under this key.
#[test]
fn early_answers_are_replaced() {
    let early = |status: &str| -> Request {
        let mut early = bet().header("x-early", status).with_chunk_gap(Duration::from_millis(5));
        early.chunks.push(b" ".to_vec());
        set(early, "content-length", "31")
    };
    for status in ["200", "429", "500"] {
        let mut chain = unbuffered(Profile::Envoy).start().unwrap();
        let mut ledger = Ledger::default();
        assert_eq!(send(&mut chain, early(status), &mut ledger), UNKNOWN, "{status}");
        for body in [r#"{"selection":"s-1","stake":5}"#, "{}"] {
            let mut retry = bet();
            retry.chunks = vec![body.as_bytes().to_vec()];
            let retry = set(retry, "content-length", &body.len().to_string());
            assert_eq!(send(&mut chain, retry, &mut ledger), UNKNOWN, "{status} {body}");
        }
        assert_eq!(ledger.effects, 1, "{status}");
    }
    // WasmX has no other answer to give in its place.
    for (status, then) in [("200", UNKNOWN), ("500", UNKNOWN), ("429", "200")] {
        let mut chain = unbuffered(Profile::Wasmx).start().unwrap();
        let mut ledger = Ledger::default();
        assert_eq!(send(&mut chain, early(status), &mut ledger), status);
        assert_eq!(send(&mut chain, bet(), &mut ledger), then, "{status}");
    }
    // With a buffer filter there is no such answer.
    let mut chain = chain(Profile::Envoy, &json!({}));
    let mut ledger = Ledger::default();
    assert_eq!(send(&mut chain, early("200"), &mut ledger), "200");
    assert_eq!(send(&mut chain, bet(), &mut ledger), "422 idempotency_key_reused");
}
