//! The order of filters, the ends of streams, local replies.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use abi_host::{
    Answer, Ending, Headers, LocalReply, NativeAction, NativeFilter, Outcome, PluginConfig,
    Request, Response, UpstreamRequest,
};
use support::{builder, chain, hello, lines, plain, run};

#[test]
fn requests_go_first_to_last_and_responses_back() {
    let report = run(&mut chain(&["trace log", "trace log"]), Request::get("/x"));
    assert_eq!(report.status(), 200);
    assert_eq!(report.text(), "hello");
    assert_eq!(report.ending, Ending::Completed);
    assert_eq!(
        lines(&report, ""),
        [
            "request headers a true",
            "request headers b true",
            "response headers b false",
            "response headers a false",
            "response body 5 false",
            "response body 5 false",
            "response body 0 true",
            "response body 0 true",
            "log a path=/x code=200 details=via_upstream flags=0x0 player=",
            "log b path=/x code=200 details=via_upstream flags=0x0 player=",
            "done a",
            "deleted",
            "done b",
            "deleted",
        ]
    );
}

#[test]
fn streams_are_logged_with_code_and_flags() {
    struct Case {
        name: &'static str,
        answer: fn(&UpstreamRequest) -> Answer,
        status: u16,
        ending: Ending,
        log: &'static str,
        response_headers: bool,
    }
    let cases = [
        Case {
            name: "answer",
            answer: hello,
            status: 200,
            ending: Ending::Completed,
            log: "code=200 details=via_upstream flags=0x0",
            response_headers: true,
        },
        Case {
            name: "refused",
            answer: |_| Answer::fail(Outcome::Refused),
            status: 503,
            ending: Ending::Completed,
            log: "code=503 details=upstream_reset_before_response_started\
                  {remote_connection_failure|delayed_connect_error:_Connection_refused} flags=0x20",
            response_headers: true,
        },
        Case {
            name: "reset",
            answer: |_| Answer::fail(Outcome::Reset),
            status: 503,
            ending: Ending::Completed,
            log: "code=503 details=upstream_reset_before_response_started\
                  {connection_termination} flags=0x40",
            response_headers: true,
        },
        Case {
            name: "timeout",
            answer: |_| Answer::fail(Outcome::Timeout),
            status: 504,
            ending: Ending::Completed,
            log: "code=504 details=response_timeout flags=0x4",
            response_headers: true,
        },
        Case {
            name: "an answer later than the route's timeout",
            answer: |_| Answer::respond(Response::new(200)).after(Duration::from_secs(15)),
            status: 504,
            ending: Ending::Completed,
            log: "code=504 details=response_timeout flags=0x4",
            response_headers: true,
        },
        Case {
            name: "reset in mid-body",
            answer: |_| Answer::fail(Outcome::ResetMidBody(Response::new(200).chunk("par"))),
            status: 200,
            ending: Ending::Reset,
            log: "code=200 details=upstream_reset_after_response_started flags=0x800000",
            response_headers: true,
        },
        Case {
            name: "client gone",
            answer: |_| Answer::respond(Response::new(200)).after(Duration::from_secs(9)),
            status: 0,
            ending: Ending::ClientGone,
            log: "code=-1 details=downstream_remote_disconnect flags=0x4000",
            response_headers: false,
        },
    ];
    for Case { name, answer, status, ending, log, response_headers } in cases {
        let mut request = Request::get("/x");
        if ending == Ending::ClientGone {
            request = request.leaving_after(Duration::from_secs(5));
        }
        let mut upstream = answer;
        let report = chain(&["trace log"]).run(request, &mut upstream);
        assert_eq!(report.status(), status, "{name}");
        assert_eq!(report.ending, ending, "{name}");
        let lines = lines(&report, "a");
        let expected = format!("log a path=/x {log} player=");
        assert!(lines.contains(&&*expected), "{name}: {lines:?} lacks {expected}");
        let seen = lines.iter().any(|line| line.starts_with("response headers"));
        assert_eq!(seen, response_headers, "{name}");
        assert_eq!(report.replied_by, None, "{name}");
        assert!(report.traps.is_empty(), "{name}");
    }
}

#[test]
fn a_local_reply_passes_the_response_filters_that_saw_the_request() {
    let mut chain = chain(&["trace log", "trace answer:/no", "trace log"]);
    let report = run(&mut chain, Request::get("/no"));
    assert_eq!((report.status(), &*report.text()), (403, "blocked"));
    assert_eq!(report.header("x-why"), Some(&b"path"[..]));
    assert_eq!(report.header("content-length"), Some(&b"7"[..]));
    assert_eq!(report.header("content-type"), Some(&b"text/plain"[..]));
    assert_eq!(report.replied_by.as_deref(), Some("b"));
    assert!(report.upstream.is_none());
    assert_eq!(
        lines(&report, ""),
        [
            "request headers a true",
            "request headers b true",
            "response headers b false",
            "response headers a false",
            "response body 7 true",
            "response body 7 true",
            "log a path=/no code=403 details= flags=0x0 player=",
            // The third filter never saw the request, yet it logs.
            "log c path=/no code=403 details= flags=0x0 player=",
            "done a",
            "deleted",
            "done b",
            "deleted",
            "done c",
            "deleted",
        ]
    );
}

#[test]
fn a_reply_during_the_response_skips_the_filters() {
    let mut chain = chain(&["trace", "answer-in-response"]);
    let report = run(&mut chain, Request::get("/"));
    assert_eq!((report.status(), &*report.text()), (502, "replaced"));
    assert_eq!(report.replied_by.as_deref(), Some("b"));
    assert!(!lines(&report, "a").iter().any(|line| line.starts_with("response")));
}

#[test]
fn a_reply_after_response_headers_resets_the_stream() {
    let report = run(&mut chain(&["answer-in-response-body"]), Request::get("/"));
    assert_eq!(report.ending, Ending::Reset);
    let response = report.response.unwrap();
    assert_eq!((response.status(), response.complete), (200, false));
    assert!(response.body.is_empty());
}

#[test]
fn filter_state_is_shared_between_filters() {
    let mut chain = chain(&["log", "set-state:p7", "show-state"]);
    let report = run(&mut chain, Request::get("/"));
    assert_eq!(lines(&report, "c"), ["state p7"]);
    assert!(lines(&report, "a")[0].ends_with("player=p7"));
    assert_eq!(report.filter_state["wasm.player"], b"p7");
    let other = run(&mut chain, Request::get("/"));
    assert_eq!(other.filter_state.len(), 1, "another stream has its own state");
}

#[test]
fn native_filters_reply_and_change_headers() {
    struct Cors;
    impl NativeFilter for Cors {
        fn name(&self) -> &str {
            "cors"
        }
        fn request_headers(&mut self, headers: &mut Headers, _: bool) -> NativeAction {
            if headers.get(":method") != Some(b"OPTIONS") {
                return NativeAction::Continue;
            }
            NativeAction::Reply(LocalReply { status: 204, ..LocalReply::default() })
        }
        fn response_headers(&mut self, request: &Headers, headers: &mut Headers) {
            if let Some(origin) = request.get("origin") {
                headers.set("access-control-allow-origin", origin);
            }
        }
    }
    let mut chain = builder()
        .native(Cors)
        .wasm(plain(), PluginConfig::new("a", "trace answer:/no log"))
        .start()
        .unwrap();
    // (method, path, status, by)
    let cases = [
        ("OPTIONS", "/", 204, Some("cors")),
        ("GET", "/no", 403, Some("a")),
        ("GET", "/", 200, None),
    ];
    for (method, path, status, by) in cases {
        let request = Request::new(method, path).header("origin", "https://casino.test");
        let report = run(&mut chain, request);
        assert_eq!(
            (report.status(), report.replied_by.as_deref()),
            (status, by),
            "{method} {path}"
        );
        let origin = report.header("access-control-allow-origin");
        assert_eq!(origin, Some(&b"https://casino.test"[..]), "{method} {path}");
    }
}
