//! Order, endings and the passage of headers, bodies and trailers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use abi_host::{
    flags, Answer, BufferFilter, Codec, Ending, Headers, LocalReply, NativeFilter, Outcome,
    PluginConfig, Request, Response, Upstream, UpstreamRequest, Verdict,
};
use support::{builder, chain, hello, lines, plain, run, with};

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
fn every_ending_is_logged_with_its_code_and_flags() {
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
fn a_reply_during_the_response_goes_straight_to_the_client() {
    let mut chain = chain(&["trace", "answer-in-response"]);
    let report = run(&mut chain, Request::get("/"));
    assert_eq!((report.status(), &*report.text()), (502, "replaced"));
    assert_eq!(report.replied_by.as_deref(), Some("b"));
    assert!(!lines(&report, "a").iter().any(|line| line.starts_with("response")));
}

#[test]
fn a_reply_after_the_headers_are_out_cuts_the_connection() {
    let report = run(&mut chain(&["answer-in-response-body"]), Request::get("/"));
    assert_eq!(report.ending, Ending::Reset);
    let response = report.response.unwrap();
    assert_eq!((response.status(), response.complete), (200, false));
    assert!(response.body.is_empty());
}

#[test]
fn facts_of_one_filter_are_read_by_the_others_and_in_the_log() {
    let mut chain = chain(&["log", "set-state:p7", "show-state"]);
    let report = run(&mut chain, Request::get("/"));
    assert_eq!(lines(&report, "c"), ["state p7"]);
    assert!(lines(&report, "a")[0].ends_with("player=p7"));
    assert_eq!(report.filter_state["wasm.player"], b"p7");
    let other = run(&mut chain, Request::get("/"));
    assert_eq!(other.filter_state.len(), 1, "another stream has its own state");
}

#[test]
fn bodies_reach_the_filters_as_the_codec_reads_them() {
    let cases: [(Codec, &[&str]); 2] = [
        (Codec::Http1, &["request body 2 false", "request body 3 false", "request body 0 true"]),
        (Codec::Http2, &["request body 2 false", "request body 3 true"]),
    ];
    for (codec, expected) in cases {
        let mut request = Request::new("POST", "/").chunk("ab").chunk("cde");
        request.codec = codec;
        let report = run(&mut chain(&["trace"]), request);
        let seen = lines(&report, "a");
        assert_eq!(&seen[1..=expected.len()], expected, "{codec:?}");
        let upstream = report.upstream.unwrap();
        assert_eq!(upstream.body, b"abcde", "{codec:?}");
        assert!(upstream.complete);
    }
}

#[test]
fn a_paused_body_accumulates() {
    for codec in [Codec::Http1, Codec::Http2] {
        let mut request = Request::new("POST", "/").chunk("ab").chunk("cde");
        request.codec = codec;
        let report = run(&mut chain(&["pause-for-body", "trace"]), request);
        assert_eq!(lines(&report, "a"), ["whole body abcde"], "{codec:?}");
        // The next filter gets it in one piece, and its end with it.
        assert!(lines(&report, "b").contains(&"request body 5 true"), "{:?}", lines(&report, "b"));
        assert_eq!(report.upstream.unwrap().body, b"abcde");
    }
}

#[test]
fn trailers_end_a_stream() {
    let trailers = || Headers::from([("x-sum", "1")]);
    let request = Request::new("POST", "/").chunk("ab").trailers(trailers());
    let mut upstream = |_: &UpstreamRequest| {
        let trailers = Headers::from([("x-sum", "1"), ("x-end", "2")]);
        Answer::respond(Response::new(200).chunk("ok").trailers(trailers))
    };
    let report = chain(&["trace", "pause-for-body"]).run(request, &mut upstream);
    assert_eq!(
        lines(&report, "a"),
        [
            "request headers a false",
            "request body 2 false",
            "request trailers 1",
            "response headers a false",
            "response body 2 false",
            "response trailers 2",
            "done a",
            "deleted",
        ]
    );
    let sent = report.upstream.unwrap();
    assert_eq!((&*sent.body, sent.trailers), (&b"ab"[..], Some(trailers())));
    assert_eq!(report.response.unwrap().trailers.unwrap().len(), 2);
}

#[test]
fn pause_in_request_headers_holds_the_body_too() {
    let post = || Request::post("/", "abc");
    let mut held = chain(&["pause pause-for-body"]);
    let report = run(&mut held, post());
    assert_eq!(report.ending, Ending::Stalled { filter: "a".to_owned() });
    assert_eq!((report.status(), report.flags), (408, flags::STREAM_IDLE_TIMEOUT));
    assert_eq!(report.code_details, "stream_idle_timeout");
    assert!(report.upstream.is_none());
    assert!(lines(&report, "a").is_empty(), "the body callback came: {:?}", lines(&report, "a"));
    assert_eq!(report.ended - report.started, 300_000_000_000);
    // With the setting that has Pause hold the headers alone, the body comes, and ends the pause.
    let config = PluginConfig::new("a", "pause pause-for-body").allow_stop_iteration();
    let mut allowed = builder().wasm(plain(), config).start().unwrap();
    let report = run(&mut allowed, post());
    assert_eq!(report.status(), 200);
    assert_eq!(lines(&report, "a"), ["whole body abc"]);
}

#[test]
fn headers_are_closed_once_they_have_gone_on() {
    // The SDK's own wrappers panic on the BadArgument they get, and that is how plugins die.
    let cases = [
        ("write-header-in-body", "unexpected status: 2", "proxy_on_request_body"),
        ("read-request-in-response", "unexpected status: 2", "proxy_on_response_headers"),
    ];
    for (words, message, callback) in cases {
        let report = run(&mut chain(&[words, "log"]), Request::post("/", "abc"));
        assert_eq!((report.status(), &*report.code_details), (503, "wasm_fail_stream"), "{words}");
        assert_eq!(report.replied_by.as_deref(), Some("a"), "{words}");
        assert_eq!(report.traps.len(), 1, "{words}");
        assert_eq!(report.traps[0].callback, callback, "{words}");
        assert!(lines(&report, "a").iter().any(|line| line.contains(message)), "{words}");
        assert!(report.upstream.unwrap().headers.get("x-late").is_none());
    }
}

#[test]
fn bodies_can_be_replaced() {
    let mut chain = chain(&["replace-body:new replace-response:bye"]);
    let report = run(&mut chain, Request::new("POST", "/").chunk("old"));
    assert_eq!(report.upstream.unwrap().body, b"new");
    assert_eq!(report.response.unwrap().body, b"bye");
}

#[test]
fn limits_of_held_bodies() {
    let start = |words: &str| with(builder().buffer_limit(4), &[words]).start().unwrap();
    let request = || Request::new("POST", "/").chunk("abc").chunk("de");
    let report = run(&mut start("pause-for-body"), request());
    assert_eq!((report.status(), &*report.code_details), (413, "request_payload_too_large"));
    assert_eq!(report.replied_by, None);
    let report = run(&mut start("trace"), request());
    assert_eq!(report.status(), 200, "only what is held counts");
    let report = run(&mut start("hold-response"), Request::get("/"));
    let response = report.response.unwrap();
    assert_eq!((response.status(), response.body.len(), response.complete), (200, 0, false));
}

#[test]
fn without_a_buffer_filter_a_refused_body_opens_and_aborts_an_upstream_request() {
    #[derive(Default)]
    struct Seen(Vec<&'static str>);
    impl Upstream for Seen {
        fn opened(&mut self, _: abi_host::StreamId, _: &Headers) -> Option<Answer> {
            self.0.push("opened");
            None
        }
        fn answer(&mut self, request: &UpstreamRequest) -> Answer {
            self.0.push("answered");
            hello(request)
        }
        fn aborted(&mut self, _: abi_host::StreamId) {
            self.0.push("aborted");
        }
    }
    let cases: [(bool, &str, u16, &[&str]); 5] = [
        (false, "bad", 422, &["opened", "aborted"]),
        (true, "bad", 422, &[]),
        (false, "good", 200, &["opened", "answered"]),
        (true, "good", 200, &["opened", "answered"]),
        (true, "more than eight", 413, &[]),
    ];
    for (buffered, body, status, expected) in cases {
        let mut stages = with(builder(), &["pause-for-body"]);
        if buffered {
            stages = stages.native(BufferFilter { limit: 8 });
        }
        let mut seen = Seen::default();
        let (first, rest) = body.split_at(1);
        let request = Request::new("POST", "/").chunk(first).chunk(rest);
        let request = request.with_chunk_gap(Duration::from_millis(1));
        let report = stages.start().unwrap().run(request, &mut seen);
        assert_eq!(report.status(), status, "{buffered} {body}");
        assert_eq!(seen.0, expected, "{buffered} {body}");
    }
}

#[test]
fn native_filters_answer_and_alter() {
    struct Cors;
    impl NativeFilter for Cors {
        fn name(&self) -> &str {
            "cors"
        }
        fn request_headers(&mut self, headers: &mut Headers, _: bool) -> Verdict {
            if headers.get(":method") != Some(b"OPTIONS") {
                return Verdict::Continue;
            }
            Verdict::Reply(LocalReply { status: 204, ..LocalReply::default() })
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

#[test]
fn an_early_answer_reaches_the_client_before_the_request_is_whole() {
    struct Early;
    impl Upstream for Early {
        fn opened(&mut self, _: abi_host::StreamId, _: &Headers) -> Option<Answer> {
            Some(Answer::respond(Response::new(429).body("busy")))
        }
        fn answer(&mut self, request: &UpstreamRequest) -> Answer {
            hello(request)
        }
    }
    let request =
        Request::new("POST", "/").chunk("a").chunk("b").with_chunk_gap(Duration::from_secs(1));
    let report = chain(&["pause-for-body"]).run(request, &mut Early);
    assert_eq!(report.status(), 429);
    assert!(!report.upstream.unwrap().complete);
}
