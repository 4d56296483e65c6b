//! Statuses of host calls, by modules without an SDK.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use abi_host::{Fault, Faults, PluginConfig, Profile, Request};
use support::{builder, engine, hello};

/// A module whose callbacks make one host call and log the status as one byte.
fn module(
    signature: &str,
    name: &str,
    callback: &str,
    parameters: &str,
    arguments: &str,
) -> String {
    let import = if name.starts_with("proxy_") { "env" } else { "wasi_snapshot_preview1" };
    let second = if name == "proxy_log" {
        ""
    } else {
        "(import \"env\" \"proxy_log\" (func $log (param i32 i32 i32) (result i32)))"
    };
    let log = if name == "proxy_log" { "call" } else { "log" };
    let result = if callback == "proxy_on_log" { "" } else { "(result i32)" };
    let zero = if callback == "proxy_on_log" { "" } else { "(i32.const 0)" };
    format!(
        r#"(module
          (import "{import}" "{name}" (func $call (param {signature}) (result i32)))
          {second}
          (memory (export "memory") 1)
          (data (i32.const 16) ":path")
          (data (i32.const 32) "x-new")
          (data (i32.const 48) "request\00path")
          (data (i32.const 64) "/other")
          (data (i32.const 80) "key")
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
          (func (export "{callback}") (param {parameters}) {result}
            (i32.store8 (i32.const 8) (call $call {arguments}))
            (drop (call ${log} (i32.const 2) (i32.const 8) (i32.const 1)))
            {zero}))"#
    )
}

fn status(profile: Profile, text: &str) -> Option<u8> {
    let module = engine().compile(text).unwrap();
    let config = PluginConfig::new("raw", "");
    let mut chain = builder().profile(profile).wasm(&module, config).start().unwrap();
    chain.run(Request::new("POST", "/p").chunk("body"), &mut hello);
    chain.logs().first().map(|line| line.message.as_bytes()[0])
}

const REQUEST: (&str, &str) = ("proxy_on_request_headers", "i32 i32 i32");
const BODY: (&str, &str) = ("proxy_on_request_body", "i32 i32 i32");
const RESPONSE: (&str, &str) = ("proxy_on_response_headers", "i32 i32 i32");
const LOG: (&str, &str) = ("proxy_on_log", "i32");

fn arguments(numbers: &[i64], signature: &str) -> String {
    let types = signature.split(' ');
    numbers.iter().zip(types).map(|(n, t)| format!("({t}.const {n})")).collect()
}

/// Call, signature, callback, arguments, status.
type Case<'a> = (&'a str, &'a str, (&'a str, &'a str), &'a [i64], u8);

#[test]
fn statuses_match_envoy() {
    let i5 = "i32 i32 i32 i32 i32";
    let i6 = "i32 i32 i32 i32 i32 i32";
    let i3 = "i32 i32 i32";
    let get = "proxy_get_header_map_value";
    let add = "proxy_add_header_map_value";
    let pairs = "proxy_get_header_map_pairs";
    let buffer = "proxy_get_buffer_bytes";
    let set_buffer = "proxy_set_buffer_bytes";
    let property = "proxy_get_property";
    let (far, huge) = (70_000, -1);
    let cases: &[Case] = &[
        (get, i5, REQUEST, &[0, 16, 5, 0, 4], 0),
        (get, i5, REQUEST, &[0, 32, 5, 0, 4], 1),
        (get, i5, REQUEST, &[9, 16, 5, 0, 4], 2),
        (get, i5, REQUEST, &[0, far, 5, 0, 4], 6),
        (get, i5, REQUEST, &[0, 16, huge, 0, 4], 6),
        (get, i5, REQUEST, &[0, 16, 5, far, 4], 6),
        (get, i5, REQUEST, &[2, 16, 5, 0, 4], 2),
        (get, i5, BODY, &[0, 16, 5, 0, 4], 2),
        (get, i5, RESPONSE, &[0, 16, 5, 0, 4], 2),
        (get, i5, LOG, &[0, 16, 5, 0, 4], 0),
        (get, i5, LOG, &[1, 16, 5, 0, 4], 1),
        (get, i5, REQUEST, &[6, 16, 5, 0, 4], 2),
        (pairs, i3, RESPONSE, &[0, 0, 4], 0),
        (pairs, i3, REQUEST, &[0, 0, 4], 0),
        (pairs, i3, REQUEST, &[8, 0, 4], 2),
        (add, i5, REQUEST, &[0, 32, 5, 64, 6], 0),
        (add, i5, BODY, &[0, 32, 5, 64, 6], 2),
        (add, i5, LOG, &[0, 32, 5, 64, 6], 2),
        (add, i5, REQUEST, &[0, 32, 5, far, 6], 6),
        ("proxy_get_header_map_size", "i32 i32", REQUEST, &[0, 0], 0),
        ("proxy_get_header_map_size", "i32 i32", LOG, &[0, 0], 2),
        (buffer, i5, BODY, &[0, 0, 100, 0, 4], 0),
        (buffer, i5, BODY, &[0, 2, huge, 0, 4], 2),
        (buffer, i5, BODY, &[0, 50, 1, 0, 4], 2),
        (buffer, i5, RESPONSE, &[0, 0, 100, 0, 4], 0),
        (buffer, i5, REQUEST, &[4, 0, 100, 0, 4], 1),
        (buffer, i5, REQUEST, &[7, 0, 100, 0, 4], 1),
        (buffer, i5, REQUEST, &[9, 0, 100, 0, 4], 2),
        (set_buffer, i5, BODY, &[0, 0, 0, 64, 6], 0),
        (set_buffer, i5, BODY, &[0, 1, 1, 64, 6], 2),
        (set_buffer, i5, RESPONSE, &[0, 0, 0, 64, 6], 2),
        (property, "i32 i32 i32 i32", REQUEST, &[48, 12, 0, 4], 0),
        (property, "i32 i32 i32 i32", RESPONSE, &[48, 12, 0, 4], 1),
        (property, "i32 i32 i32 i32", LOG, &[48, 12, 0, 4], 0),
        // A group of attributes is there, but not as a whole.
        (property, "i32 i32 i32 i32", REQUEST, &[48, 7, 0, 4], 3),
        (property, "i32 i32 i32 i32", REQUEST, &[80, 3, 0, 4], 1),
        (property, "i32 i32 i32 i32", REQUEST, &[far, 7, 0, 4], 6),
        ("proxy_set_property", "i32 i32 i32 i32", REQUEST, &[80, 3, 64, 6], 0),
        ("proxy_get_shared_data", i5, REQUEST, &[80, 3, 0, 4, 12], 1),
        ("proxy_set_shared_data", i5, REQUEST, &[80, 3, 64, 6, -1], 0),
        ("proxy_set_shared_data", i5, REQUEST, &[80, 3, far, 6, 0], 6),
        ("proxy_resolve_shared_queue", i5, REQUEST, &[80, 3, 80, 3, 0], 1),
        ("proxy_dequeue_shared_queue", i3, REQUEST, &[1, 0, 4], 1),
        ("proxy_enqueue_shared_queue", i3, REQUEST, &[1, 80, 3], 1),
        ("proxy_define_metric", "i32 i32 i32 i32", REQUEST, &[3, 80, 3, 0], 2),
        ("proxy_increment_metric", "i32 i64", REQUEST, &[4, 1], 1),
        ("proxy_record_metric", "i32 i64", REQUEST, &[4, 1], 1),
        ("proxy_get_metric", "i32 i32", REQUEST, &[6, 0], 2),
        ("proxy_log", i3, REQUEST, &[6, 80, 3], 2),
        ("proxy_log", i3, REQUEST, &[1, far, 3], 6),
        ("proxy_get_log_level", "i32", REQUEST, &[0], 0),
        ("proxy_set_effective_context", "i32", REQUEST, &[99], 2),
        ("proxy_set_effective_context", "i32", REQUEST, &[1], 0),
        ("proxy_continue_stream", "i32", LOG, &[2], 2),
        ("proxy_close_stream", "i32", LOG, &[4], 2),
        ("proxy_call_foreign_function", i6, REQUEST, &[80, 3, 0, 0, 0, 4], 1),
        ("proxy_grpc_cancel", "i32", REQUEST, &[1], 1),
        ("proxy_grpc_send", "i32 i32 i32 i32", REQUEST, &[1, 0, 0, 0], 2),
        (
            "proxy_http_call",
            "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
            REQUEST,
            &[80, 3, 0, 0, 0, 0, 0, 0, 0, 0],
            2,
        ),
        ("clock_time_get", "i32 i64 i32", REQUEST, &[0, 1, 0], 0),
        ("clock_time_get", "i32 i64 i32", REQUEST, &[1, 1, 0], 0),
        ("clock_time_get", "i32 i64 i32", REQUEST, &[2, 1, 0], 58),
        ("clock_time_get", "i32 i64 i32", REQUEST, &[0, 1, far], 21),
        ("random_get", "i32 i32", REQUEST, &[0, huge], 21),
        ("random_get", "i32 i32", REQUEST, &[0, 16], 0),
        ("fd_write", "i32 i32 i32 i32", REQUEST, &[3, 0, 0, 0], 8),
        ("fd_write", "i32 i32 i32 i32", REQUEST, &[1, far, 1, 0], 21),
        ("fd_write", "i32 i32 i32 i32", REQUEST, &[1, 0, huge, 0], 21),
        ("fd_prestat_get", "i32 i32", REQUEST, &[3, 0], 8),
        (
            "path_open",
            "i32 i32 i32 i32 i32 i64 i64 i32 i32",
            REQUEST,
            &[3, 0, 0, 0, 0, 0, 0, 0, 0],
            44,
        ),
        ("args_sizes_get", "i32 i32", REQUEST, &[0, 4], 0),
        ("sched_yield", "", REQUEST, &[], 0),
    ];
    for (name, signature, (callback, parameters), numbers, expected) in cases {
        let arguments = arguments(numbers, signature);
        let text = module(signature, name, callback, parameters, &arguments);
        let got = status(Profile::Envoy, &text);
        assert_eq!(got, Some(*expected), "{name} {numbers:?} in {callback}");
    }
}

#[test]
fn local_replies_with_bad_pointers_are_refused() {
    let signature = "i32 i32 i32 i32 i32 i32 i32 i32";
    let cases: [([i64; 8], u8, u16); 3] = [
        ([403, 0, 0, 70_000, 5, 0, 0, -1], 6, 200),
        ([403, 0, 0, 80, 3, 70_000, 5, -1], 6, 200),
        // Malformed header pairs read as none.
        ([403, 0, 0, 80, 3, 16, 9, -1], 0, 403),
    ];
    for (numbers, expected, answered) in cases {
        let (callback, parameters) = REQUEST;
        let arguments = arguments(&numbers, signature);
        let text = module(signature, "proxy_send_local_response", callback, parameters, &arguments);
        let module = engine().compile(&text).unwrap();
        let mut chain = builder().wasm(&module, PluginConfig::new("raw", "")).start().unwrap();
        let report = chain.run(Request::get("/"), &mut hello);
        assert_eq!(report.logs[0].message.as_bytes(), [expected]);
        assert_eq!(report.status(), answered);
    }
}

#[test]
fn injected_statuses_reach_the_guest() {
    let (callback, parameters) = REQUEST;
    let text = module("i32", "proxy_get_log_level", callback, parameters, "(i32.const 0)");
    let module = engine().compile(&text).unwrap();
    let faults = Faults::new();
    let stages = builder().faults(faults.clone());
    let mut chain = stages.wasm(&module, PluginConfig::new("raw", "")).start().unwrap();
    for injected in [0, 1, 12, 99] {
        faults.clear();
        faults.inject(Fault::new("proxy_get_log_level", injected));
        let report = chain.run(Request::get("/"), &mut hello);
        assert_eq!(u32::from(report.logs[0].message.as_bytes()[0]), injected);
    }
}
