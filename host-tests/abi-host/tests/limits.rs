//! Timeouts, misuses of the ABI, and unsupported features, all as observed in the real Envoy.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use abi_host::{Answer, Chain, Outcome, PluginConfig, Request, Response, UpstreamRequest};
use support::{builder, engine, hello};

/// A module that makes one host call in one callback, which then returns this action.
fn module(version: &str, imports: &str, callback: &str, calls: &str) -> String {
    format!(
        r#"(module
          {imports}
          (memory (export "memory") 1)
          (func (export "proxy_abi_version_{version}"))
          (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
          (func (export "{callback}") {calls}))"#
    )
}

const CONTINUE: &str =
    r#"(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))"#;
const HEADERS: &str = "(param i32 i32 i32) (result i32)";

fn chain(text: &str) -> Chain {
    let module = engine().compile(text).unwrap();
    builder().wasm(&module, PluginConfig::new("raw", "")).start().unwrap()
}

fn resuming(callback: &str, way: u32, action: u32) -> Chain {
    let calls = format!("{HEADERS} (drop (call $continue (i32.const {way}))) (i32.const {action})");
    chain(&module("0_2_1", CONTINUE, callback, &calls))
}

/// The callback, the way it resumes, the action it returns, and what Envoy makes of it.
#[test]
fn resuming_without_holding_is_a_misuse() {
    let (request, response) = ("proxy_on_request_headers", "proxy_on_response_headers");
    let body = "proxy_on_request_body";
    for (callback, way, action, wanted) in [
        (request, 0, 0, Some("resumes a request that it does not hold: Envoy sends it twice")),
        (request, 0, 1, None),
        (request, 1, 0, Some("resumes an answer that has not begun: Envoy's process ends there")),
        (body, 0, 0, None),
        (body, 1, 0, Some("resumes an answer that has not begun: Envoy's process ends there")),
        (response, 0, 0, None),
        (response, 1, 0, Some("resumes an answer that it does not hold: Envoy sends it twice")),
    ] {
        let mut chain = resuming(callback, way, action);
        let request = if callback == body { Request::post("/", "abc") } else { Request::get("/") };
        let report = chain.run(request, &mut hello);
        let found = chain.misuse().map(|it| (it.plugin, it.what));
        let wanted = wanted.map(|what| ("raw".to_owned(), what));
        assert_eq!(found, wanted, "{callback} {way} {action}");
        assert_eq!(report.status(), 200, "{callback} {way} {action}");
    }
}

/// Which limit, whether the client has sent all of its request, and what Envoy answers.
#[test]
fn timeouts_reply_408_or_504() {
    let never = |_: &UpstreamRequest| Answer::fail(Outcome::Timeout);
    let late =
        |_: &UpstreamRequest| Answer::respond(Response::new(200)).after(Duration::from_secs(9));
    let held = module("0_2_1", "", "proxy_on_request_headers", &format!("{HEADERS} (i32.const 1)"));
    let plain =
        module("0_2_1", "", "proxy_on_request_headers", &format!("{HEADERS} (i32.const 0)"));
    let whole = Request::post("/", "body");
    let slow = Request::post("/", "a").chunk("b").with_chunk_gap(Duration::from_secs(60));
    let (idle, request, longest) =
        ("stream_idle_timeout", "request_overall_timeout", "max_duration_timeout");
    for (limit, text, sent, status, details) in [
        (idle, &held, &whole, 504, idle),
        (idle, &plain, &slow, 408, idle),
        (idle, &plain, &whole, 504, idle),
        (request, &held, &whole, 504, request),
        (request, &plain, &slow, 408, request),
        (request, &plain, &whole, 200, "via_upstream"),
        (longest, &held, &whole, 504, longest),
        (longest, &plain, &slow, 408, longest),
        (longest, &plain, &whole, 504, longest),
    ] {
        let module = engine().compile(text).unwrap();
        let second = Duration::from_secs(1);
        let builder = builder().route_timeout(Duration::from_secs(600));
        let builder = match limit {
            "stream_idle_timeout" => builder.idle_timeout(second),
            "request_overall_timeout" => builder.request_timeout(second),
            _ => builder.max_stream_duration(second),
        };
        let mut chain = builder.wasm(&module, PluginConfig::new("raw", "")).start().unwrap();
        let report = chain.run(sent.clone(), &mut { late });
        assert_eq!((report.status(), &*report.code_details), (status, details), "{limit}");
    }
    let module = engine().compile(&plain).unwrap();
    let mut chain = builder()
        .idle_timeout(Duration::ZERO)
        .route_timeout(Duration::from_secs(900))
        .wasm(&module, PluginConfig::new("raw", ""))
        .start()
        .unwrap();
    let report = chain.run(whole, &mut { never });
    assert_eq!(report.code_details, "response_timeout", "no idle timeout is none");
}

/// Unsupported features are reported separately from failures.
#[test]
fn unsupported_features_are_reported() {
    let long = "i32 ".repeat(12);
    let zeros = "(i32.const 0)".repeat(12);
    let grpc =
        format!(r#"(import "env" "proxy_grpc_call" (func $call (param {long}) (result i32)))"#);
    let foreign = r#"(import "env" "proxy_call_foreign_function"
        (func $call (param i32 i32 i32 i32 i32 i32) (result i32))) (data (i32.const 16) "sign")"#;
    let property = r#"(import "env" "proxy_get_property"
        (func $call (param i32 i32 i32 i32) (result i32))) (data (i32.const 16) "xds\00node")"#;
    let sign =
        "(i32.const 16) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 68)";
    let node = "(i32.const 16) (i32.const 8) (i32.const 64) (i32.const 68)";
    for (imports, arguments, wanted) in [
        (grpc.as_str(), zeros.as_str(), "a gRPC call of a module"),
        (foreign, sign, "a foreign function of Envoy's"),
        (property, node, "the attribute xds.node as a whole"),
    ] {
        let calls = format!("{HEADERS} (drop (call $call {arguments})) (i32.const 0)");
        let mut chain = chain(&module("0_2_1", imports, "proxy_on_request_headers", &calls));
        let report = chain.run(Request::get("/"), &mut hello);
        assert_eq!((report.status(), report.not_emulated), (200, vec![wanted]), "{wanted}");
        assert!(chain.traps().is_empty(), "{wanted}");
    }
    let tick = r#"(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))"#;
    let text = format!(
        r#"(module {grpc} {tick}
          (memory (export "memory") 1)
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $tick (i32.const 10))) (i32.const 1))
          (func (export "proxy_on_tick") (param i32) (drop (call $call {zeros}))))"#
    );
    let mut chain = chain(&text);
    assert!(chain.not_emulated().is_empty());
    chain.run_for(Duration::from_millis(15), &mut hello);
    assert_eq!(chain.not_emulated(), ["a gRPC call of a module"]);
}

/// ABI 0.1.0: header callbacks without the end of the stream, `proxy_continue_request`.
#[test]
fn a_module_of_abi_0_1_runs() {
    let held = module(
        "0_1_0",
        "",
        "proxy_on_request_headers",
        "(param i32 i32) (result i32) (i32.const 1)",
    );
    let mut chain = chain(&held);
    let report = chain.run(Request::get("/"), &mut hello);
    assert_eq!(report.status(), 504, "it holds the request, so its callback was called");
    let unknown = module("0_0_9", "", "proxy_on_log", "(param i32)");
    assert!(engine().compile(unknown).is_err());
}
