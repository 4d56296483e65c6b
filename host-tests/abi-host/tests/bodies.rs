//! Bodies and trailers: pieces, pauses, limits, and what may be changed when.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use abi_host::{
    flags, Answer, BufferFilter, Codec, Ending, Headers, PluginConfig, Request, Response, Upstream,
    UpstreamRequest,
};
use support::{builder, chain, hello, lines, plain, run, with};

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
    assert_eq!((report.status(), report.flags), (504, flags::STREAM_IDLE_TIMEOUT));
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
fn passed_headers_cannot_be_changed() {
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
fn buffer_limits_apply() {
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
fn early_answers_reach_the_client_before_the_request_ends() {
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
