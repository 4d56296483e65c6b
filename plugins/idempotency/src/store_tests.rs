//! The port holds without input and output: a store that calls somebody for every question, and is
//! otherwise the embedded one.

use std::time::Duration;

use policy_kit::{CallReply, Host, HttpCall};
use serde_json::{json, Value};

use super::*;
use crate::names::OUTCOME;
use crate::walk::{reply, ruled, Bet, Stream, Told, World, SECOND};
use crate::Embedded;

/// Lies elsewhere: its questions are calls whose path names the question.
#[derive(Debug)]
struct Elsewhere(Embedded);

impl Store for Elsewhere {
    fn ask(&self, _: &mut dyn Host, _: &Scope, ask: &Ask, _: u64) -> Asked {
        let path = match ask {
            Ask::Claim { .. } => "/claim",
            Ask::Commit { .. } => "/commit",
            Ask::Free { .. } => "/free",
            Ask::Resolve { .. } => "/resolve",
            Ask::Read { .. } => "/read",
        };
        Asked::Call(HttpCall {
            target: "store".to_owned(),
            headers: vec![(":path".to_owned(), path.to_owned())],
            body: Vec::new(),
            timeout: Duration::from_millis(50),
            max_reply: 1 << 20,
        })
    }

    fn heard(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        ask: &Ask,
        reply: &CallReply,
        now: u64,
    ) -> Asked {
        match reply {
            CallReply::Response { status: 200, .. } => self.0.ask(host, scope, ask, now),
            // It asks for a second try.
            CallReply::Response { status: 307, .. } => self.ask(host, scope, ask, now),
            _ => Asked::Said(Err(StoreFault::Contended)),
        }
    }
}

fn elsewhere(changes: &Value) -> World {
    World::over(changes, |embedded| Box::new(Elsewhere(embedded))).unwrap()
}

/// Where the last call went.
fn asked(world: &World) -> &str {
    &world.called().headers[0].1
}

/// Sends a call until its key has been asked about.
fn claimed(world: &mut World, bet: &Bet) -> (Stream, String) {
    let (mut stream, word) = world.send(bet);
    assert_eq!((word.as_str(), asked(world)), ("wait", "/claim"));
    let word = world.heard(&mut stream, reply(200, ""));
    (stream, word)
}

/// Answers a claimed call; what is held of it is let go once `question` was answered.
fn answered(world: &mut World, stream: &mut Stream, status: u16, question: &str) {
    world.ending("via_upstream", 0, 1);
    let now = world.answer_headers(stream, status, &[]);
    let told = match now {
        Told::Real => world.answer_body(stream, b"done", true),
        other => other,
    };
    assert_eq!((told, asked(world)), (Told::Held, question), "{status}");
    assert!(world.heard_of_answer(stream, reply(200, "")), "{status}");
}

#[test]
fn a_claim_a_commit_and_a_replay() {
    let mut world = elsewhere(&json!({}));
    let (mut first, word) = claimed(&mut world, &Bet::new());
    assert_eq!(word, "run");
    assert_eq!(claimed(&mut world, &Bet::new()).1, "409 idempotency_in_progress");
    assert_eq!(claimed(&mut world, &Bet::new().body("{}")).1, "422 idempotency_key_reused");
    answered(&mut world, &mut first, 200, "/commit");
    assert_eq!(world.log(first).fact(OUTCOME), "completed");
    let (second, word) = claimed(&mut world, &Bet::new());
    assert_eq!((word.as_str(), second.replied.unwrap().body), ("200 replayed", b"done".to_vec()));
}

#[test]
fn a_call_that_had_no_effect() {
    let mut world = elsewhere(&json!({}));
    let (mut first, _) = claimed(&mut world, &Bet::new());
    answered(&mut world, &mut first, 429, "/free");
    assert_eq!(world.log(first).fact(OUTCOME), "freed");
    assert_eq!(claimed(&mut world, &Bet::new()).1, "run");
}

#[test]
fn a_store_may_ask_more_than_once() {
    let mut world = elsewhere(&json!({}));
    let (mut first, _) = world.send(&Bet::new());
    assert_eq!(world.heard(&mut first, reply(307, "")), "wait");
    assert_eq!(world.heard(&mut first, reply(200, "")), "run");
    world.ending("via_upstream", 0, 1);
    assert_eq!(world.answer_headers(&mut first, 200, &[]), Told::Real);
    assert_eq!(world.answer_body(&mut first, b"done", true), Told::Held);
    assert!(!world.heard_of_answer(&mut first, reply(307, "")), "held still");
    assert!(world.heard_of_answer(&mut first, reply(200, "")));
    assert_eq!(claimed(&mut world, &Bet::new()).1, "200 replayed");
}

#[test]
fn what_was_found_out_is_written_elsewhere_too() {
    let rule = ruled(json!({"reconcile": {"cluster": "casino", "path": "/state/{owner}/{key}",
        "pointer": "/state", "completed": ["accepted"], "free_status": [404]}}));
    for (told, want) in [(200, "200 replayed"), (404, "run")] {
        let mut world = elsewhere(&rule);
        let (mut first, _) = claimed(&mut world, &Bet::new());
        answered(&mut world, &mut first, 500, "/commit");
        world.host.now += 20_000_000_000;
        let (mut second, word) = claimed(&mut world, &Bet::new());
        assert_eq!((word.as_str(), world.called().target.as_str()), ("wait", "casino"));
        assert_eq!(world.heard(&mut second, reply(told, r#"{"state":"accepted"}"#)), "wait");
        assert_eq!(asked(&world), "/resolve");
        assert_eq!(world.heard(&mut second, reply(200, "")), "wait");
        assert_eq!(asked(&world), "/claim", "how it stands now");
        assert_eq!(world.heard(&mut second, reply(200, "")), want, "{told}");
    }
}

#[test]
fn what_is_refused_after_it_was_granted_is_given_back() {
    let mut world = elsewhere(&json!({"quota": {"player": 1}}));
    assert_eq!(claimed(&mut world, &Bet::new()).1, "run");
    let other = Bet::new().key("key-00000002");
    for said in [200, 500] {
        let (mut second, word) = claimed(&mut world, &other);
        assert_eq!((word.as_str(), asked(&world)), ("wait", "/free"), "{said}");
        // Whether it could be given back or not.
        assert_eq!(world.heard(&mut second, reply(said, "")), "429 idempotency_quota", "{said}");
    }
    assert_eq!(claimed(&mut world, &other).1, "409 idempotency_in_progress", "not given back");
}

/// While the store cannot be reached: claims as the rule says, and answers go on.
#[test]
fn a_store_that_cannot_be_reached() {
    for (on_error, want) in [("refuse", "503 idempotency_unavailable"), ("forward", "run")] {
        let rule = ruled(json!({"on_store_error": on_error}));
        for failure in [CallReply::NoResponse, reply(503, "")] {
            let mut world = elsewhere(&rule);
            let (mut first, _) = world.send(&Bet::new());
            assert_eq!(world.heard(&mut first, failure), want);
        }
        let mut world = elsewhere(&rule);
        world.host.faults.insert("proxy_http_call", 10);
        assert_eq!(world.sent(&Bet::new()), want);
    }
    let mut world = elsewhere(&json!({}));
    let (mut first, _) = claimed(&mut world, &Bet::new());
    world.ending("via_upstream", 0, 1);
    assert_eq!(world.answer_headers(&mut first, 200, &[]), Told::Real);
    assert_eq!(world.answer_body(&mut first, b"done", true), Told::Held);
    assert!(world.heard_of_answer(&mut first, CallReply::NoResponse), "the real answer goes on");
    assert_eq!(world.log(first).fact(OUTCOME), "commit_failed");
    assert_eq!(claimed(&mut world, &Bet::new()).1, "409 idempotency_in_progress");
    world.host.now += 20 * SECOND;
    assert_eq!(claimed(&mut world, &Bet::new()).1, "409 outcome_unknown");
}

/// A client that leaves while its answer is written down takes nothing from that.
#[test]
fn a_client_that_leaves_while_the_store_writes() {
    let mut world = elsewhere(&json!({}));
    let (mut first, _) = claimed(&mut world, &Bet::new());
    world.ending("via_upstream", 0, 1);
    assert_eq!(world.answer_headers(&mut first, 200, &[]), Told::Real);
    assert_eq!(world.answer_body(&mut first, b"done", true), Told::Held);
    let calls = world.host.calls.len();
    world.log(first);
    assert_eq!(world.host.calls.len(), calls, "nothing else is asked of it");
    assert_eq!(claimed(&mut world, &Bet::new()).1, "409 idempotency_in_progress");
}
