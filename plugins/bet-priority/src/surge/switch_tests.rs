//! Workers that poll the switch together, and what they keep when it fails.

use super::*;
use crate::market::id::MarketId;
use crate::rival::RivalHost;
use policy_kit::fake::FakeHost;
use policy_kit::{Fault, Headers};
use serde_json::json;

const T0: u64 = 1_790_000_000;

fn rules() -> SwitchRules {
    compile(json!({"cluster": "ops"})).unwrap()
}

fn compile(raw: serde_json::Value) -> Result<SwitchRules, ConfigError> {
    let raw = policy_kit::read_settings(raw.to_string().as_bytes())?;
    SwitchRules::compile(&raw, &mut FakeHost::default())
}

fn reply(status: u16, body: &str) -> CallReply {
    let body = body.as_bytes().to_vec();
    CallReply::Response { status, headers: Headers::default(), body, cut: false }
}

const ON: &str = r#"{"surge": true, "suspended_markets": ["m-1"]}"#;
const OFF: &str = r#"{"surge": false}"#;
const NOBODY: [usize; 0] = [];

/// A node: workers with one map of shared data.
struct Node {
    rules: SwitchRules,
    host: FakeHost,
    workers: Vec<Switch>,
}

impl Node {
    fn new(workers: usize) -> Self {
        let workers = (0..workers).map(|_| Switch::default()).collect();
        Self { rules: rules(), host: FakeHost::default(), workers }
    }

    /// Ticks of all workers; returns those that poll.
    fn tick(&mut self, second: u64) -> Vec<usize> {
        let mut polls = Vec::new();
        for (i, worker) in self.workers.iter_mut().enumerate() {
            if worker.due(&self.rules, &mut self.host, (T0 + second) * SECOND).is_some() {
                polls.push(i);
            }
        }
        polls
    }

    fn take(&mut self, worker: usize, reply: &CallReply, second: u64) {
        let now = (T0 + second) * SECOND;
        self.workers[worker].take(&self.rules, &mut self.host, reply, now);
    }

    fn suspends(&self) -> Vec<bool> {
        let suspends = |it: &Switch| it.document.suspended.has(MarketId::of("m-1"));
        self.workers.iter().map(suspends).collect()
    }

    fn states(&self, second: u64) -> Vec<SwitchState> {
        let state = |it: &Switch| it.state(&self.rules, (T0 + second) * SECOND);
        self.workers.iter().map(state).collect()
    }

    fn counted(&self, result: &str) -> u64 {
        let name = format!("pitboss.bet-priority.surge_switch.result={result}");
        self.host.counters.get(&name).copied().unwrap_or(0)
    }
}

#[test]
fn one_worker_polls_for_all() {
    let mut node = Node::new(9);
    assert_eq!(node.tick(0), [0]);
    assert_eq!(node.tick(1), NOBODY, "it is pending");
    node.take(0, &reply(200, ON), 1);
    assert_eq!(node.suspends(), [true, false, false, false, false, false, false, false, false]);
    assert_eq!(node.tick(1), NOBODY);
    assert_eq!(node.suspends(), [true; 9]);
    assert_eq!(node.states(1), [SwitchState::Fresh; 9]);
    let mut polls = 0;
    for second in 2..100 {
        for worker in node.tick(second) {
            polls += 1;
            node.take(worker, &reply(200, OFF), second);
        }
    }
    assert_eq!(polls, 49, "every two seconds");
    node.tick(100);
    assert_eq!(node.suspends(), [false; 9]);
    assert_eq!(node.host.shared.len(), 2);
}

#[test]
fn a_switch_that_fails_keeps_its_last_state() {
    let fault = Fault { call: "proxy_http_call", status: Some(2) };
    let cut = CallReply::Response {
        status: 200,
        headers: Headers::default(),
        body: OFF.as_bytes().to_vec(),
        cut: true,
    };
    for (reply_then, result) in [
        (reply(503, ""), "failed"),
        (reply(404, OFF), "failed"),
        (reply(204, ""), "failed"),
        (CallReply::NoResponse, "failed"),
        (CallReply::Failed(fault), "failed"),
        (CallReply::TooManyWaiting, "failed"),
        (cut, "failed"),
        (reply(200, "{"), "malformed"),
        (reply(200, r#"{"surge": false, "suspended_markets": [""]}"#), "malformed"),
    ] {
        let mut node = Node::new(2);
        node.tick(0);
        node.take(0, &reply(200, ON), 0);
        let mut polls = 0;
        for second in 1..1_000 {
            for worker in node.tick(second) {
                polls += 1;
                node.take(worker, &reply_then, second);
            }
            assert_eq!(node.suspends(), [true, true]);
            assert!(node.workers.iter().all(|it| it.document.is_on((T0 + second) * SECOND)));
            let want = if second <= 60 { SwitchState::Fresh } else { SwitchState::Stale };
            assert_eq!(node.states(second), [want; 2], "{second}");
        }
        assert!((30..50).contains(&polls), "{polls}");
        assert_eq!([node.counted("ok"), node.counted(result)], [1, polls]);
        assert_eq!(node.host.logs.len(), 1, "logged once");
        // It is back.
        let second = (1_000..).find(|second| !node.tick(*second).is_empty()).unwrap();
        let worker = usize::from(node.workers[0].turn.is_none());
        node.take(worker, &reply(200, OFF), second);
        node.tick(second);
        assert_eq!(node.suspends(), [false, false]);
        assert_eq!(node.states(second), [SwitchState::Fresh; 2]);
    }
}

#[test]
fn a_switch_that_was_never_read_is_off() {
    let mut node = Node::new(1);
    for second in 0..100 {
        for worker in node.tick(second) {
            node.take(worker, &CallReply::NoResponse, second);
        }
        assert_eq!(node.states(second), [SwitchState::Unknown]);
        assert_eq!(node.suspends(), [false]);
        assert!(!node.workers[0].document.is_on((T0 + second) * SECOND));
    }
}

/// A reply that never comes does not stop the polling.
#[test]
fn lost_polls_are_taken_over() {
    let mut node = Node::new(2);
    assert_eq!(node.tick(0), [0]);
    for second in 1..=3 {
        assert_eq!(node.tick(second), NOBODY, "{second}");
    }
    assert_eq!(node.tick(4).len(), 1);
}

/// A worker whose reply comes late, before or after that of the worker that took over, changes nothing for the
/// others, and knows what they know.
#[test]
fn late_replies_count_for_nobody() {
    for late_first in [true, false] {
        let mut node = Node::new(2);
        assert_eq!(node.tick(0), [0]);
        node.workers.swap(0, 1);
        // The other worker is asked first this time.
        assert_eq!(node.tick(4), [0]);
        if late_first {
            node.take(1, &reply(200, OFF), 4);
        }
        node.take(0, &reply(200, ON), 4);
        if !late_first {
            node.tick(5);
            assert_eq!(node.suspends(), [true, true]);
            node.take(1, &reply(200, OFF), 5);
        }
        node.tick(5);
        assert_eq!(node.suspends(), [true, true], "{late_first}");
    }
}

/// Two workers read that a poll is due: one of them polls.
#[test]
fn a_turn_is_taken_once() {
    let mut rival = Switch::default();
    let act = move |host: &mut FakeHost| {
        assert!(rival.due(&rules(), host, T0 * SECOND).is_some());
    };
    let mut host = RivalHost::new(FakeHost::default(), 1, Box::new(act));
    let mut worker = Switch::default();
    assert_eq!(worker.due(&rules(), &mut host, T0 * SECOND), None);
    assert_eq!(worker.due(&rules(), &mut host, (T0 + 1) * SECOND), None);
}

/// What one worker read while the gateway did not share is shared once it does.
#[test]
fn documents_are_shared_later() {
    let mut node = Node::new(2);
    node.tick(0);
    node.take(0, &reply(200, OFF), 0);
    node.tick(1);
    node.host.faults.insert("proxy_get_shared_data", 3);
    assert_eq!(node.tick(2), [0, 1]);
    node.take(0, &reply(200, ON), 2);
    node.take(1, &CallReply::NoResponse, 2);
    assert_eq!(node.suspends(), [true, false]);
    node.host.faults.clear();
    let workers = node.tick(4);
    assert_eq!(workers, [0]);
    node.take(0, &reply(200, ON), 4);
    node.tick(5);
    assert_eq!(node.suspends(), [true, true]);
}

/// A configuration is pushed: its workers know what the earlier ones knew.
#[test]
fn a_new_worker_knows_at_once() {
    let mut node = Node::new(1);
    node.tick(0);
    node.take(0, &reply(200, ON), 0);
    let mut fresh = Switch::default();
    fresh.adopt(&node.rules, &mut node.host, T0 * SECOND);
    assert_eq!(fresh.document, node.workers[0].document);
    assert_eq!(fresh.state(&node.rules, T0 * SECOND), SwitchState::Fresh);
}

#[test]
fn workers_that_cannot_share_poll_for_themselves() {
    for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
        for status in 1..=12 {
            let mut node = Node::new(3);
            node.host = FakeHost::default().failing(call, status);
            assert_eq!(node.tick(0), [0, 1, 2], "{call} {status}");
            (0..3).for_each(|worker| node.take(worker, &reply(200, ON), 0));
            assert_eq!(node.suspends(), [true; 3]);
            assert_eq!(node.tick(1), NOBODY);
            assert_eq!(node.tick(2), [0, 1, 2]);
        }
    }
    // Shared data fails once a document is there.
    let mut node = Node::new(2);
    assert_eq!(node.tick(0), [0]);
    node.host.faults.insert("proxy_set_shared_data", 3);
    node.take(0, &reply(200, ON), 0);
    assert!(node.workers[0].alone);
    assert_eq!(node.suspends(), [true, false]);
    node.host.faults.clear();
    assert_eq!(node.tick(2), [0]);
    assert_eq!(node.tick(4), [1], "the lost turn is taken over");
}

#[test]
fn values_of_another_format_are_replaced() {
    let mut node = Node::new(2);
    let names = [node.rules.progress.clone(), node.rules.document.clone()];
    for name in &names {
        node.host.set_shared(name, b"?", None).unwrap();
    }
    assert_eq!(node.tick(0), [0]);
    node.take(0, &reply(200, ON), 0);
    node.tick(1);
    assert_eq!(node.suspends(), [true; 2]);
}

#[test]
fn steps_of_the_clock_do_not_stop_the_polling() {
    let mut node = Node::new(2);
    let mut second = 1_000_000u64;
    let mut last_poll = second;
    for step in [0i64, 2, 2, -3_600, 2, 2, 86_400, 2, -900_000, 2, 2, 2] {
        second = second.saturating_add_signed(step);
        let polls = node.tick(second);
        assert!(polls.len() <= 1, "{step}");
        for worker in polls {
            node.take(worker, &reply(200, ON), second);
            last_poll = second;
        }
        assert!(second.abs_diff(last_poll) <= 2, "{step}");
        node.tick(second);
        assert_eq!(node.states(second), [SwitchState::Fresh; 2], "{step}");
    }
}

#[test]
fn rejects_invalid_configurations() {
    for (raw, want) in [
        (json!({"cluster": ""}), "surge.switch.cluster"),
        (json!({"cluster": "ops", "path": "surge"}), "surge.switch.path"),
        (json!({"cluster": "ops", "authorization": ""}), "surge.switch.authorization"),
        (json!({"cluster": "ops", "timeout_ms": 0}), "surge.switch.timeout_ms"),
        (json!({"cluster": "ops", "timeout_ms": 5_001}), "surge.switch.timeout_ms"),
        (json!({"cluster": "ops", "poll_s": 0}), "surge.switch.poll_s"),
        (json!({"cluster": "ops", "poll_s": 61}), "surge.switch.poll_s"),
        (json!({"cluster": "ops", "poll_s": 60}), "surge.switch.stale_s"),
        (json!({"cluster": "ops", "stale_s": 86_401}), "surge.switch.stale_s"),
        (json!({"cluster": "ops", "hold_s": 1}), "hold_s"),
        (json!({}), "cluster"),
    ] {
        let error = compile(raw.clone()).unwrap_err();
        assert_eq!(error.field, want, "{raw}: {error}");
    }
    let call = rules().call;
    assert_eq!((call.target.as_str(), call.max_reply), ("ops", 262_144));
}
