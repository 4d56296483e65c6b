//! The differences of WasmX.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use abi_host::{
    Call, CallAnswer, Chain, ChainBuilder, Ending, HostError, PluginConfig, Profile, Request,
    Response,
};
use support::{builder, engine, lines, run, with};

fn wasmx() -> ChainBuilder {
    builder().profile(Profile::Wasmx)
}

fn start(configurations: &[&str]) -> Chain {
    with(wasmx(), configurations).start().unwrap()
}

#[test]
fn responses_pass_in_the_same_order_as_requests() {
    let report = run(&mut start(&["trace", "trace"]), Request::get("/"));
    let seen = lines(&report, "");
    let headers: Vec<_> = seen.iter().filter(|line| line.contains("headers")).collect();
    assert_eq!(
        headers,
        [
            // Without end of stream, though nothing follows.
            &"request headers a false",
            &"request headers b false",
            &"response headers a false",
            &"response headers b false",
        ]
    );
    assert_eq!(report.status(), 200);
}

#[test]
fn only_small_bodies_are_passed_and_only_once() {
    for (limit, body) in [(5, "whole body abcde"), (4, "whole body ")] {
        let stages = wasmx().client_body_buffer(limit);
        let mut chain = with(stages, &["trace pause-for-body"]).start().unwrap();
        let report = run(&mut chain, Request::new("POST", "/").chunk("ab").chunk("cde"));
        let seen = lines(&report, "a");
        assert_eq!(&seen[1..3], ["request body 5 true", body], "{limit}");
        assert_eq!(report.upstream.unwrap().body, b"abcde", "{limit}");
    }
}

#[test]
fn headers_stay_open_and_pause_in_the_response_is_ignored() {
    let words = "write-header-in-body read-request-in-response pause-response";
    let report = run(&mut start(&[words]), Request::post("/", "abc"));
    assert_eq!(report.status(), 200);
    assert!(report.traps.is_empty(), "{:?}", report.traps);
    assert_eq!(report.upstream.unwrap().headers.get("x-late"), Some(&b"1"[..]));
}

#[test]
fn pause_in_request_headers_stalls() {
    let report = run(&mut start(&["pause"]), Request::get("/"));
    assert_eq!(report.ending, Ending::Stalled { filter: "a".to_owned() });
}

#[test]
fn local_replies_get_a_newline() {
    let report = run(&mut start(&["answer:/no"]), Request::get("/no"));
    assert_eq!((report.status(), &*report.text()), (403, "blocked\n"));
    assert_eq!(report.header("content-length"), Some(&b"8"[..]));
}

#[test]
fn a_local_reply_in_the_response_resets_the_stream() {
    let report = run(&mut start(&["answer-in-response"]), Request::get("/"));
    assert_eq!((report.ending, report.response), (Ending::Reset, None));
}

#[test]
fn a_panic_fails_one_request() {
    let mut chain = start(&["panic-on:/bad"]);
    assert_eq!(run(&mut chain, Request::get("/bad")).status(), 500);
    assert_eq!(run(&mut chain, Request::get("/")).status(), 200);
}

#[test]
fn failed_calls_have_no_headers_and_responses_may_not_call() {
    let answers = [
        CallAnswer::Refused(Duration::ZERO),
        CallAnswer::Silence,
        CallAnswer::Reset(Duration::ZERO),
    ];
    for answer in answers {
        let port = move |_: &Call| answer.clone();
        let mut chain = with(wasmx().callouts(port), &["call call-target:svc:80"]).start().unwrap();
        let report = run(&mut chain, Request::get("/"));
        assert_eq!(lines(&report, "a"), ["call answered \"\" with 0 headers: "]);
    }
    for words in ["call-in-response", "call-in-log"] {
        let port = |_: &Call| CallAnswer::now(Response::new(200));
        let mut chain = with(wasmx().callouts(port), &[words]).start().unwrap();
        run(&mut chain, Request::get("/"));
        assert!(chain.traps()[0].message.contains("WasmX allows no calls"), "{words}");
    }
}

#[test]
fn unimplemented_calls_trap() {
    let error = with(wasmx(), &["queue"]).start().err().unwrap();
    assert!(error.to_string().contains("proxy_register_shared_queue"), "{error}");
    let text = r#"(module
        (import "env" "proxy_get_log_level" (func (param i32) (result i32)))
        (func (export "proxy_abi_version_0_2_1")))"#;
    let module = engine().compile(text).unwrap();
    let error = wasmx().wasm(&module, PluginConfig::new("a", "")).start().err().unwrap();
    assert!(matches!(error, HostError::UnknownImport(_)), "{error}");
}

#[test]
fn properties_are_text_and_read_only() {
    let report = run(&mut start(&["log"]), Request::get("/"));
    // The fixture reads eight little-endian bytes, and there are none.
    assert!(lines(&report, "a")[0].contains("code=-1"), "{:?}", lines(&report, "a"));
    let report = run(&mut start(&["show-headers"]), Request::get("/"));
    assert_eq!(lines(&report, "a"), ["5 headers"], "one more than on Envoy: host");
    // The SDK panics on the error that an unknown property gives.
    let report = run(&mut start(&["set-state:p"]), Request::get("/"));
    assert_eq!((report.status(), report.filter_state.len()), (500, 0));
}
