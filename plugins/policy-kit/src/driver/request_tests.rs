//! The driver over a fake gateway: every wait, every order, every refusal.

use super::*;
use crate::fake::FakeHost;
use crate::{Denial, Details, Host, HttpCall, SharedCall};
use std::time::Duration;

/// Returns the steps of a script, whatever happens.
struct Scripted(Vec<Step>);

impl Scripted {
    fn next(&mut self) -> Step {
        if self.0.is_empty() {
            Step::Continue
        } else {
            self.0.remove(0)
        }
    }
}

impl Filter for Scripted {
    fn on_request_headers(&mut self, _: &mut dyn Host, _: bool) -> Step {
        self.next()
    }
    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        host.log(log::Level::Info, &format!("body {:?}", body.map(<[u8]>::len)));
        if let Err(fault) = body {
            return Step::Deny(fault.denial().problem(&Details::NONE));
        }
        self.next()
    }
    fn on_tick(&mut self, host: &mut dyn Host) -> Step {
        host.log(log::Level::Info, "tick");
        self.next()
    }
    fn on_shared_reply(&mut self, host: &mut dyn Host, reply: &CallReply) -> Step {
        host.log(log::Level::Info, &format!("landed {reply:?}"));
        self.next()
    }
    fn on_call(&mut self, host: &mut dyn Host, reply: CallReply) -> Step {
        host.log(log::Level::Info, &format!("{reply:?}"));
        self.next()
    }
}

fn call() -> Step {
    Step::Call(HttpCall {
        target: "pam".into(),
        headers: vec![],
        body: vec![],
        timeout: Duration::from_millis(100),
        max_reply: 9,
    })
}

fn join() -> Step {
    let Step::Call(call) = call() else { unreachable!() };
    Step::Join(SharedCall { key: "keys".into(), call })
}

fn deny() -> Step {
    Step::Deny(Denial::UNCLASSIFIED.problem(&Details::NONE))
}

const BODY: Step = Step::Body { limit: 4 };

fn driver(steps: &[Step]) -> Driver<Scripted> {
    Driver::new(Some(Scripted(steps.to_vec())))
}

#[test]
fn without_a_configuration_everything_is_refused() {
    let mut host = FakeHost::default();
    let mut driver = Driver::<Scripted>::new(None);
    assert_eq!(driver.on_request_headers(&mut host, true), Action::Pause);
    assert_eq!(host.replied.map(|r| r.code), Some("policy_unavailable"));
}

#[test]
fn a_refusal_that_cannot_be_sent_resets_the_stream() {
    let mut host = FakeHost::default().failing("proxy_send_local_response", 10);
    let mut driver = driver(&[deny()]);
    assert_eq!(driver.on_request_headers(&mut host, false), Action::Pause);
    assert!(host.was_reset);
    assert_eq!(driver.on_request_body(&mut host, 1, true), Action::Pause, "never forwarded");
    assert_eq!(driver.on_request_trailers(&mut host), Action::Pause);
}

#[test]
fn bodies_are_held_up_to_the_limit() {
    // Chunks as (bytes so far, end of stream); the actions; what the filter got.
    type Case = (&'static [(usize, bool)], &'static [Action], &'static str);
    let cases: &[Case] = &[
        (&[(2, false), (4, true)], &[Action::Pause, Action::Continue], "body Ok(4)"),
        (&[(0, true)], &[Action::Continue], "body Ok(0)"),
        (&[(5, false)], &[Action::Pause], "413"),
        (&[(2, false), (5, true)], &[Action::Pause, Action::Pause], "413"),
    ];
    for (chunks, actions, want) in cases {
        let mut host = FakeHost { body: b"12345".to_vec(), ..FakeHost::default() };
        let mut driver = driver(&[BODY]);
        assert_eq!(driver.on_request_headers(&mut host, false), Action::Continue);
        let got: Vec<_> =
            chunks.iter().map(|(n, end)| driver.on_request_body(&mut host, *n, *end)).collect();
        assert_eq!(got, *actions, "{chunks:?}");
        let refused = host.replied.map(|r| r.status.to_string());
        assert_eq!(refused.or(host.logs.pop()).unwrap(), *want, "{chunks:?}");
    }
}

#[test]
fn trailers_complete_a_body() {
    for (body, want) in [(&b"1234"[..], None), (b"12345", Some("body_too_large"))] {
        let mut host = FakeHost { body: body.to_vec(), ..FakeHost::default() };
        let mut driver = driver(&[BODY]);
        driver.on_request_headers(&mut host, false);
        assert_eq!(driver.on_request_body(&mut host, 4, false), Action::Pause);
        let action = driver.on_request_trailers(&mut host);
        assert_eq!(action == Action::Continue, want.is_none());
        assert_eq!(host.replied.map(|r| r.code), want);
    }
}

#[test]
fn a_body_shorter_than_announced_is_a_fault() {
    let mut host = FakeHost::default();
    let mut driver = driver(&[BODY]);
    driver.on_request_headers(&mut host, false);
    driver.on_request_body(&mut host, 3, true);
    assert!(host.logs[0].starts_with("body Err"), "{:?}", host.logs);
}

#[test]
fn a_message_without_a_body_is_an_empty_body() {
    let mut host = FakeHost::default();
    assert_eq!(driver(&[BODY]).on_request_headers(&mut host, true), Action::Continue);
    assert_eq!(host.logs, ["body Ok(0)"]);
}

#[test]
fn a_body_that_was_not_announced_is_refused() {
    let mut host = FakeHost { body: b"123".to_vec(), ..FakeHost::default() };
    let mut driver = driver(&[BODY]);
    assert_eq!(driver.on_request_headers(&mut host, true), Action::Continue);
    assert_eq!(driver.on_request_body(&mut host, 0, true), Action::Continue, "an empty end");
    assert_eq!(driver.on_request_body(&mut host, 3, true), Action::Pause);
    assert_eq!(host.replied.map(|r| r.code), Some("policy_unavailable"));
}

#[test]
fn calls_hold_the_stream_until_their_own_reply() {
    let mut host = FakeHost::default();
    let mut driver = driver(&[call(), call(), Step::Continue]);
    assert_eq!(driver.on_request_headers(&mut host, true), Action::Pause);
    driver.on_call(&mut host, 77, |_| CallReply::NoResponse);
    assert!(host.logs.is_empty(), "a stranger's answer");
    driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
    assert!(!host.resumed, "asked again");
    driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
    assert!(!host.resumed, "a token that was answered");
    driver.on_call(&mut host, 2, |_| CallReply::NoResponse);
    assert!(host.resumed);
    assert_eq!(driver.on_request_body(&mut host, 3, true), Action::Continue);
}

#[test]
fn a_body_may_follow_a_call() {
    let mut host = FakeHost { body: b"123".to_vec(), ..FakeHost::default() };
    let mut driver = driver(&[call(), BODY, call(), Step::Continue]);
    assert_eq!(driver.on_request_headers(&mut host, false), Action::Pause);
    driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
    assert!(host.resumed, "the headers must go on for the body to come");
    host.resumed = false;
    assert_eq!(driver.on_request_body(&mut host, 3, true), Action::Pause);
    driver.on_call(&mut host, 2, |_| CallReply::NoResponse);
    assert!(host.resumed);
}

#[test]
fn failed_calls_are_reported_and_bounded() {
    let mut host = FakeHost::default().failing("proxy_http_call", 2);
    let mut asks_for_ever = driver(&vec![call(); 99]);
    assert_eq!(asks_for_ever.on_request_headers(&mut host, true), Action::Pause);
    assert_eq!(host.logs.len(), usize::from(MAX_CALLS));
    assert_eq!(host.replied.map(|r| r.code), Some("policy_unavailable"));
}

#[test]
fn shared_calls_hold_the_stream_until_they_complete() {
    let mut host = FakeHost { body: b"123".to_vec(), ..FakeHost::default() };
    let mut driver = driver(&[join(), BODY, join(), call(), Step::Continue]);
    assert_eq!(driver.on_request_headers(&mut host, false), Action::Pause);
    assert_eq!(host.flights, ["keys"]);
    driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
    assert!(host.logs.is_empty(), "a call's answer is no landing");
    driver.on_shared_reply(&mut host, &CallReply::NoResponse);
    assert!(host.resumed, "the headers must go on for the body to come");
    host.resumed = false;
    assert_eq!(driver.on_request_body(&mut host, 3, true), Action::Pause);
    driver.on_shared_reply(&mut host, &CallReply::NoResponse);
    driver.on_shared_reply(&mut host, &CallReply::NoResponse);
    assert!(!host.resumed, "a landing is no call's answer");
    driver.on_call(&mut host, 3, |_| CallReply::NoResponse);
    assert!(host.resumed);
}

/// Envoy with `allow_on_headers_stop_iteration`: going on with the headers would take what has come of
/// the body with them, unseen.
#[test]
fn an_early_body_is_held_with_the_headers() {
    use Action::{Continue, Pause};
    // The body by the time of the reply, as (size, end); trailers; what the filter got at once; where that is
    // nothing, the rest of the body and the action.
    type Case = (&'static [(usize, bool)], bool, &'static str, Option<((usize, bool), Action)>);
    let cases: &[Case] = &[
        (&[(2, false), (4, true)], false, "body Ok(4)", None),
        (&[(4, false)], true, "body Ok(4)", None),
        (&[], true, "body Ok(0)", None),
        (&[(2, false), (5, true)], false, "body Err(TooLarge)", None),
        (&[(5, false)], false, "body Err(TooLarge)", None),
        (&[(2, false)], false, "body Ok(4)", Some(((4, true), Continue))),
        (&[(2, false)], false, "body Err(TooLarge)", Some(((5, false), Pause))),
    ];
    for (pieces, trailers, told, rest) in cases {
        for wants in [BODY, Step::HeldBody { limit: 4 }] {
            let mut host = FakeHost { body: b"123456789".to_vec(), ..FakeHost::default() };
            let mut driver = driver(&[call(), wants.clone()]);
            driver.on_request_headers(&mut host, false);
            for (size, end) in *pieces {
                assert_eq!(driver.on_request_body(&mut host, *size, *end), Pause);
            }
            if *trailers {
                assert_eq!(driver.on_request_trailers(&mut host), Pause);
            }
            driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
            let case = format!("{wants:?} {pieces:?} {trailers}");
            if let Some(((size, end), action)) = rest {
                assert!(!host.resumed && host.logs.len() == 1, "{case}");
                assert_eq!(driver.on_request_body(&mut host, *size, *end), *action, "{case}");
            } else {
                assert_eq!(host.resumed, told.contains("Ok"), "{case}");
            }
            assert_eq!(host.logs[1..], [*told], "{case}");
            assert_eq!(host.replied.is_some(), told.contains("Err"), "{case}");
        }
    }
}

#[test]
fn failed_shared_calls_are_reported_and_bounded() {
    let mut host = FakeHost::default().failing("proxy_http_call", 2);
    let mut asks_for_ever = driver(&vec![join(); 99]);
    assert_eq!(asks_for_ever.on_request_headers(&mut host, true), Action::Pause);
    assert_eq!(host.logs.len(), usize::from(MAX_CALLS));
    assert!(host.logs[0].contains("Failed"), "{:?}", host.logs);
    assert_eq!(host.replied.map(|r| r.code), Some("policy_unavailable"));
}

#[test]
fn a_stream_that_cannot_be_resumed_is_reset() {
    let mut host = FakeHost::default().failing("proxy_continue_stream", 10);
    let mut driver = driver(&[call()]);
    driver.on_request_headers(&mut host, true);
    driver.on_call(&mut host, 1, |_| CallReply::NoResponse);
    assert!(host.was_reset);
    assert_eq!(driver.on_request_body(&mut host, 1, true), Action::Pause);
}

#[test]
fn a_tick_resumes_a_stream_that_waits_for_it() {
    let mut host = FakeHost { body: b"123".to_vec(), ..FakeHost::default() };
    let mut driver = driver(&[BODY, Step::Tick, Step::Tick, Step::Continue]);
    driver.on_request_headers(&mut host, false);
    driver.on_tick(&mut host);
    assert!(host.logs.is_empty(), "nobody waits for one");
    assert_eq!(driver.on_request_body(&mut host, 3, true), Action::Pause);
    assert!(host.awaits_tick);
    host.awaits_tick = false;
    driver.on_tick(&mut host);
    assert!(host.awaits_tick && !host.resumed, "waits for the next");
    driver.on_tick(&mut host);
    assert!(host.resumed);
}

#[test]
fn a_wait_for_ticks_that_never_come_is_refused() {
    let mut host = FakeHost::default().failing("proxy_set_tick_period_milliseconds", 2);
    assert_eq!(driver(&[Step::Tick]).on_request_headers(&mut host, true), Action::Pause);
    assert_eq!(host.replied.map(|r| r.code), Some("policy_unavailable"));
}

#[test]
fn held_bodies_hold_the_headers() {
    let mut host = FakeHost { body: b"123".to_vec(), ..FakeHost::default() };
    let mut driver = driver(&[Step::HeldBody { limit: 4 }]);
    assert_eq!(driver.on_request_headers(&mut host, false), Action::Pause);
    assert_eq!(driver.on_request_body(&mut host, 2, false), Action::Pause);
    assert_eq!(driver.on_request_body(&mut host, 3, true), Action::Continue);
}
