//! Calls of filters, and their virtual time.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_host::{Call, CallAnswer, Ending, Request, Response};
use support::{builder, hello, lines, run, with};

const SECOND: u64 = 1_000_000_000;

fn answering(answer: CallAnswer) -> impl FnMut(&Call) -> CallAnswer + Send {
    move |_| answer.clone()
}

#[test]
fn a_call_pauses_the_request_until_it_is_answered() {
    struct Case {
        name: &'static str,
        answer: CallAnswer,
        line: &'static str,
        status: u16,
        took: u64,
    }
    let ok = Response::new(200).body("yes");
    let cases = [
        Case {
            name: "answered",
            answer: CallAnswer::Response(ok.clone(), Duration::from_millis(250)),
            line: "call answered \"200\" with 2 headers: yes",
            status: 200,
            took: SECOND / 4,
        },
        Case {
            name: "refused by the service",
            answer: CallAnswer::now(Response::new(200).body("no")),
            line: "call answered \"200\" with 2 headers: no",
            status: 403,
            took: 0,
        },
        Case {
            name: "too late",
            answer: CallAnswer::Response(ok, Duration::from_secs(1)),
            line: "call answered \"504\" with 3 headers: upstream request timeout",
            status: 200,
            took: SECOND,
        },
        Case {
            name: "connection refused",
            answer: CallAnswer::Refused(Duration::ZERO),
            line: "call answered \"503\" with 3 headers: \
                   upstream connect error or disconnect/reset before headers",
            status: 200,
            took: 0,
        },
        Case {
            name: "broken in mid-answer",
            answer: CallAnswer::Reset(Duration::from_millis(1)),
            line: "call answered \"\" with 0 headers: ",
            status: 200,
            took: SECOND / 1000,
        },
        Case {
            name: "silent",
            answer: CallAnswer::Silence,
            line: "call answered \"504\" with 3 headers: upstream request timeout",
            status: 200,
            took: SECOND,
        },
        Case {
            name: "no such cluster",
            answer: CallAnswer::UnknownTarget,
            line: "call refused with BadArgument",
            status: 200,
            took: 0,
        },
        Case {
            name: "no endpoints",
            answer: CallAnswer::NoCapacity,
            line: "call refused with InternalFailure",
            status: 200,
            took: 0,
        },
    ];
    for Case { name, answer, line, status, took } in cases {
        let stages = with(builder().callouts(answering(answer)), &["call", "trace"]);
        let report = run(&mut stages.start().unwrap(), Request::get("/"));
        assert_eq!(report.status(), status, "{name}");
        assert_eq!(lines(&report, "a"), [line], "{name}");
        assert_eq!(report.ended - report.started, took, "{name}");
        let passed = lines(&report, "b").contains(&"request headers b true");
        assert_eq!(passed, status == 200, "{name}");
    }
}

#[test]
fn the_called_service_sees_the_call() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let port = move |call: &Call| {
        log.lock().unwrap().push(call.clone());
        CallAnswer::now(Response::new(204))
    };
    let report = run(
        &mut with(builder().callouts(port), &["call timeout:70"]).start().unwrap(),
        Request::get("/"),
    );
    assert_eq!(report.upstream.unwrap().headers.get("x-call"), Some(&b"204"[..]));
    let calls = seen.lock().unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!((&*calls[0].plugin, calls[0].worker), ("a", Some(0)));
    assert_eq!(calls[0].upstream, b"svc");
    assert_eq!(calls[0].headers.text(":path"), Some("/check"));
    assert_eq!(calls[0].headers.text("content-length"), Some("8"));
    assert_eq!(calls[0].body, b"question");
    assert_eq!(calls[0].timeout, Some(Duration::from_millis(70)));
}

#[test]
fn a_call_from_the_body_callback_sees_the_held_body() {
    let port = answering(CallAnswer::now(Response::new(200).body("yes")));
    let stages = with(builder().callouts(port), &["pause-for-body call-with-body", "trace"]);
    let report = run(&mut stages.start().unwrap(), Request::post("/", "abc"));
    assert_eq!(report.status(), 200);
    assert_eq!(report.upstream.unwrap().body, b"abc");
}

#[test]
fn a_pause_in_headers_keeps_the_body_visible() {
    let answer = CallAnswer::Response(Response::new(200).body("yes"), Duration::from_secs(9));
    let stages = with(
        builder().callouts(answering(answer)),
        &["call timeout:10000 trace", "pause-for-body"],
    );
    let request =
        Request::new("POST", "/").chunk("ab").chunk("c").with_chunk_gap(Duration::from_secs(1));
    let report = run(&mut stages.start().unwrap(), request);
    assert_eq!(lines(&report, "a")[2], "request body 3 true");
    assert_eq!(lines(&report, "b"), ["whole body abc"]);
    assert_eq!(report.upstream.unwrap().body, b"abc");
}

#[test]
fn a_call_in_the_response_holds_it() {
    let answer = CallAnswer::Response(Response::new(200).body("yes"), Duration::from_millis(5));
    let stages = with(builder().callouts(answering(answer)), &["trace", "call-in-response"]);
    let report = run(&mut stages.start().unwrap(), Request::get("/"));
    assert_eq!((report.status(), &*report.text()), (200, "hello"));
    assert_eq!(report.ended - report.started, 5_000_000);
    assert_eq!(lines(&report, "a")[2], "response body 5 true", "held body passes in one piece");
}

#[test]
fn an_unanswered_call_ends_with_the_idle_timeout() {
    let port = answering(CallAnswer::Silence);
    let report = run(
        &mut with(builder().callouts(port), &["call timeout:0"]).start().unwrap(),
        Request::get("/"),
    );
    assert_eq!(report.ending, Ending::Stalled { filter: "a".to_owned() });
}

#[test]
fn a_response_after_the_stream_ended_is_ignored() {
    let answer = CallAnswer::Response(Response::new(200).body("yes"), Duration::from_millis(500));
    let mut chain = with(builder().callouts(answering(answer)), &["call"]).start().unwrap();
    let report = run(&mut chain, Request::get("/").leaving_after(Duration::from_millis(100)));
    assert_eq!(report.ending, Ending::ClientGone);
    chain.run_for(Duration::from_secs(1), &mut hello);
    assert_eq!(chain.traps(), []);
    assert_eq!(run(&mut chain, Request::get("/")).status(), 200);
}

#[test]
fn calls_from_on_log_are_sent() {
    let seen = Arc::new(Mutex::new(0));
    let count = seen.clone();
    let port = move |_: &Call| {
        *count.lock().unwrap() += 1;
        CallAnswer::now(Response::new(200))
    };
    let mut chain = with(builder().callouts(port), &["call-in-log"]).start().unwrap();
    assert_eq!(run(&mut chain, Request::get("/")).status(), 200);
    assert_eq!(*seen.lock().unwrap(), 1);
    assert_eq!(chain.traps(), []);
}
