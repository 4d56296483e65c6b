//! The port with a store that makes a call for every command, and is otherwise the embedded one.

use std::time::Duration;

use policy_kit::{CallReply, Host, HttpCall};
use serde_json::{json, Value};

use super::*;
use crate::fixture::{reply, ruled, Bet, ClientView, Fixture, Stream, SECOND};
use crate::names::OUTCOME;
use crate::policy::outcome::Outcome;
use crate::store::slots::Embedded;

/// A store whose commands are calls. The path names the command.
#[derive(Debug)]
struct RemoteStore(Embedded);

impl Store for RemoteStore {
    fn execute(&self, _: &mut dyn Host, _: &Scope, command: &Command<Answer>, _: u64) -> StoreStep {
        let path = match command {
            Command::Claim { .. } => "/claim",
            Command::Commit { outcome: Outcome::NoEffect, .. } => "/free",
            Command::Commit { .. } => "/commit",
            Command::Resolve { .. } => "/resolve",
            Command::Read { .. } => "/read",
        };
        StoreStep::Call(HttpCall {
            target: "store".to_owned(),
            headers: vec![(":path".to_owned(), path.to_owned())],
            body: Vec::new(),
            timeout: Duration::from_millis(50),
            max_reply: 1 << 20,
        })
    }

    fn resume(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        command: &Command<Answer>,
        reply: &CallReply,
        now: u64,
    ) -> StoreStep {
        match reply {
            CallReply::Response { status: 200, .. } => self.0.execute(host, scope, command, now),
            // A second call is needed.
            CallReply::Response { status: 307, .. } => self.execute(host, scope, command, now),
            _ => StoreStep::Done(Err(StoreFault::Contended)),
        }
    }
}

fn with_remote_store(changes: &Value) -> Fixture {
    Fixture::over(changes, |embedded| Box::new(RemoteStore(embedded))).unwrap()
}

/// The path of the last call.
fn last_path(fixture: &Fixture) -> &str {
    &fixture.last_call().headers[0].1
}

/// Sends a request and completes the call that claims its key.
fn claim(fixture: &mut Fixture, bet: &Bet) -> (Stream, String) {
    let (mut stream, word) = fixture.send(bet);
    assert_eq!((word.as_str(), last_path(fixture)), ("wait", "/claim"));
    let word = fixture.complete_call(&mut stream, reply(200, ""));
    (stream, word)
}

/// Answers a claimed request; its answer is held until the call to `path` has completed.
fn answer(fixture: &mut Fixture, stream: &mut Stream, status: u16, path: &str) {
    fixture.report_exchange("via_upstream", 0, 1);
    let now = fixture.answer_headers(stream, status, &[]);
    let told = match now {
        ClientView::Upstream => fixture.answer_body(stream, b"done", true),
        other => other,
    };
    assert_eq!((told, last_path(fixture)), (ClientView::Held, path), "{status}");
    assert!(fixture.complete_response_call(stream, reply(200, "")), "{status}");
}

#[test]
fn claims_commits_and_replays() {
    let mut fixture = with_remote_store(&json!({}));
    let (mut first, word) = claim(&mut fixture, &Bet::new());
    assert_eq!(word, "run");
    assert_eq!(claim(&mut fixture, &Bet::new()).1, "409 idempotency_in_progress");
    assert_eq!(claim(&mut fixture, &Bet::new().body("{}")).1, "422 idempotency_key_reused");
    answer(&mut fixture, &mut first, 200, "/commit");
    assert_eq!(fixture.log(first).fact(OUTCOME), "completed");
    let (second, word) = claim(&mut fixture, &Bet::new());
    assert_eq!((word.as_str(), second.replied.unwrap().body), ("200 replayed", b"done".to_vec()));
}

#[test]
fn frees_the_key_of_a_request_without_effect() {
    let mut fixture = with_remote_store(&json!({}));
    let (mut first, _) = claim(&mut fixture, &Bet::new());
    answer(&mut fixture, &mut first, 429, "/free");
    assert_eq!(fixture.log(first).fact(OUTCOME), "freed");
    assert_eq!(claim(&mut fixture, &Bet::new()).1, "run");
}

#[test]
fn a_command_may_take_several_calls() {
    let mut fixture = with_remote_store(&json!({}));
    let (mut first, _) = fixture.send(&Bet::new());
    assert_eq!(fixture.complete_call(&mut first, reply(307, "")), "wait");
    assert_eq!(fixture.complete_call(&mut first, reply(200, "")), "run");
    fixture.report_exchange("via_upstream", 0, 1);
    assert_eq!(fixture.answer_headers(&mut first, 200, &[]), ClientView::Upstream);
    assert_eq!(fixture.answer_body(&mut first, b"done", true), ClientView::Held);
    assert!(!fixture.complete_response_call(&mut first, reply(307, "")), "held still");
    assert!(fixture.complete_response_call(&mut first, reply(200, "")));
    assert_eq!(claim(&mut fixture, &Bet::new()).1, "200 replayed");
}

#[test]
fn writes_the_reconciled_outcome() {
    let rule = ruled(json!({"reconcile": {"cluster": "casino", "path": "/state/{owner}/{key}",
        "pointer": "/state", "completed": ["accepted"], "free_status": [404]}}));
    for (told, want) in [(200, "200 replayed"), (404, "run")] {
        let mut fixture = with_remote_store(&rule);
        let (mut first, _) = claim(&mut fixture, &Bet::new());
        answer(&mut fixture, &mut first, 500, "/commit");
        fixture.host.now += 20_000_000_000;
        let (mut second, word) = claim(&mut fixture, &Bet::new());
        assert_eq!((word.as_str(), fixture.last_call().target.as_str()), ("wait", "casino"));
        assert_eq!(
            fixture.complete_call(&mut second, reply(told, r#"{"state":"accepted"}"#)),
            "wait"
        );
        assert_eq!(last_path(&fixture), "/resolve");
        assert_eq!(fixture.complete_call(&mut second, reply(200, "")), "wait");
        assert_eq!(last_path(&fixture), "/claim", "how it stands now");
        assert_eq!(fixture.complete_call(&mut second, reply(200, "")), want, "{told}");
    }
}

#[test]
fn releases_keys_that_are_refused_after_they_were_granted() {
    let mut fixture = with_remote_store(&json!({"quota": {"player": 1}}));
    assert_eq!(claim(&mut fixture, &Bet::new()).1, "run");
    let other = Bet::new().key("key-00000002");
    for said in [200, 500] {
        let (mut second, word) = claim(&mut fixture, &other);
        assert_eq!((word.as_str(), last_path(&fixture)), ("wait", "/free"), "{said}");
        // Whether it could be given back or not.
        assert_eq!(
            fixture.complete_call(&mut second, reply(said, "")),
            "429 idempotency_quota",
            "{said}"
        );
    }
    assert_eq!(claim(&mut fixture, &other).1, "409 idempotency_in_progress", "not given back");
}

/// Claims are treated as the rule says, and answers go on.
#[test]
fn an_unavailable_store_refuses_or_forwards() {
    for (on_error, want) in [("refuse", "503 idempotency_unavailable"), ("forward", "run")] {
        let rule = ruled(json!({"on_store_error": on_error}));
        for failure in [CallReply::NoResponse, reply(503, "")] {
            let mut fixture = with_remote_store(&rule);
            let (mut first, _) = fixture.send(&Bet::new());
            assert_eq!(fixture.complete_call(&mut first, failure), want);
        }
        let mut fixture = with_remote_store(&rule);
        fixture.host.faults.insert("proxy_http_call", 10);
        assert_eq!(fixture.outcome_of(&Bet::new()), want);
    }
    let mut fixture = with_remote_store(&json!({}));
    let (mut first, _) = claim(&mut fixture, &Bet::new());
    fixture.report_exchange("via_upstream", 0, 1);
    assert_eq!(fixture.answer_headers(&mut first, 200, &[]), ClientView::Upstream);
    assert_eq!(fixture.answer_body(&mut first, b"done", true), ClientView::Held);
    assert!(
        fixture.complete_response_call(&mut first, CallReply::NoResponse),
        "the real answer goes on"
    );
    assert_eq!(fixture.log(first).fact(OUTCOME), "commit_failed");
    assert_eq!(claim(&mut fixture, &Bet::new()).1, "409 idempotency_in_progress");
    fixture.host.now += 20 * SECOND;
    assert_eq!(claim(&mut fixture, &Bet::new()).1, "409 outcome_unknown");
}

#[test]
fn a_commit_goes_on_when_the_client_leaves() {
    let mut fixture = with_remote_store(&json!({}));
    let (mut first, _) = claim(&mut fixture, &Bet::new());
    fixture.report_exchange("via_upstream", 0, 1);
    assert_eq!(fixture.answer_headers(&mut first, 200, &[]), ClientView::Upstream);
    assert_eq!(fixture.answer_body(&mut first, b"done", true), ClientView::Held);
    let calls = fixture.host.calls.len();
    fixture.log(first);
    assert_eq!(fixture.host.calls.len(), calls, "nothing else is asked of it");
    assert_eq!(claim(&mut fixture, &Bet::new()).1, "409 idempotency_in_progress");
}
