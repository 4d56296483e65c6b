//! Start, failure and reload of VMs, and several streams in one VM.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use abi_host::{
    Answer, Chain, Ending, Engine, EngineOptions, FailurePolicy, HostError, PluginConfig, Request,
    Response, StartFailure, UpstreamRequest,
};
use support::{builder, chain, engine, hello, lines, plain, plain_file, run, with};

#[test]
fn a_refused_configuration_has_a_reason() {
    let error = with(builder(), &["refuse-configuration"]).start().err().unwrap();
    let HostError::Start(error) = error else { panic!("{error}") };
    assert_eq!((&*error.plugin, error.reason.clone()), ("a", StartFailure::Configure));
    assert_eq!(
        error.to_string(),
        "plugin a did not start: on_configure returned false (this configuration is refused)"
    );
    let error = with(builder(), &["panic-in-configure"]).start().err().unwrap();
    let HostError::Start(error) = error else { panic!("{error}") };
    assert!(matches!(error.reason, StartFailure::Trap { callback: "proxy_on_configure", .. }));
    assert!(error.logs[0].message.contains("asked to panic in configure"), "{:?}", error.logs);
}

#[test]
fn modules_are_compiled_once_per_content() {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let abi = "(func (export \"proxy_abi_version_0_2_1\"))";
    engine.compile(format!("(module {abi})")).unwrap();
    let cases = [
        ("(module)".to_owned(), "proxy_abi_version"),
        (format!("(module (import \"env\" \"proxy_fly\" (func)) {abi})"), "env.proxy_fly"),
        (format!("(module (import \"js\" \"proxy_log\" (func)) {abi})"), "js.proxy_log"),
        ("(module".to_owned(), "cannot load"),
    ];
    for (text, expected) in cases {
        let error = engine.compile(&text).err().unwrap().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(plain().host_calls().contains(&"proxy_send_local_response"));
    assert!(plain().exports().contains(&"proxy_on_request_headers"));
    assert!(matches!(support::engine().load("/nowhere.wasm"), Err(HostError::Read { .. })));
}

#[test]
fn a_trap_is_answered_with_503_and_reported() {
    let report = run(&mut chain(&["panic-on:/bad trace log", "log"]), Request::get("/bad"));
    assert_eq!((report.status(), &*report.code_details), (503, "wasm_fail_stream"));
    assert_eq!(report.replied_by.as_deref(), Some("a"));
    assert_eq!(report.traps.len(), 1);
    assert_eq!(report.traps[0].callback, "proxy_on_request_headers");
    // The failed VM gets no on_log; other plugins have the same code but not the same VM id, so
    // they are in the same VM only when that is equal too. Here it is.
    assert!(!lines(&report, "").iter().any(|line| line.starts_with("log ")));
}

#[test]
fn plugins_share_a_vm_only_when_vm_id_module_and_vm_configuration_are_equal() {
    // (vm ids of the two filters, does the second one log?)
    for (first, second, logs) in [("x", "x", false), ("x", "y", true)] {
        let mut chain = builder()
            .wasm(plain(), PluginConfig::new("a", "panic-on:/bad").vm_id(first))
            .wasm(plain(), PluginConfig::new("b", "log").vm_id(second))
            .start()
            .unwrap();
        let report = run(&mut chain, Request::get("/bad"));
        assert_eq!(!lines(&report, "b").is_empty(), logs, "{first} {second}");
    }
}

#[test]
fn the_failure_policy_applies_after_a_trap() {
    let one_ms = Duration::from_millis(1);
    let second = Duration::from_secs(1);
    // (policy, statuses: the trap, right after, after a second, and after another millisecond)
    let cases = [
        (FailurePolicy::Closed, [503, 503, 503, 503]),
        (FailurePolicy::Reload, [503, 503, 200, 200]),
        (FailurePolicy::Open, [200, 200, 200, 200]),
    ];
    for (policy, expected) in cases {
        let config = PluginConfig::new("a", "panic-on:/bad trace").failure_policy(policy);
        let mut chain = builder().wasm(plain(), config).start().unwrap();
        let first = run(&mut chain, Request::get("/bad"));
        let second_try = run(&mut chain, Request::get("/"));
        chain.run_for(second, &mut hello);
        let third = run(&mut chain, Request::get("/"));
        chain.run_for(one_ms, &mut hello);
        let fourth = run(&mut chain, Request::get("/"));
        let got = [first, second_try, third, fourth].map(|report| report.status());
        assert_eq!(got, expected, "{policy:?}");
        assert_eq!(chain.traps().len(), 1, "{policy:?}");
    }
}

#[test]
fn a_trap_affects_all_streams_of_the_vm() {
    let mut chain = chain(&["panic-on:/bad pause-for-body log"]);
    let mut upstream =
        |_: &UpstreamRequest| Answer::respond(Response::new(200)).after(Duration::from_millis(10));
    let sent = chain.open(0, Request::get("/bet"));
    let paused = chain.open(
        0,
        Request::new("POST", "/slow")
            .chunk("a")
            .chunk("b")
            .with_chunk_gap(Duration::from_secs(3600)),
    );
    chain.run_for(Duration::from_millis(1), &mut upstream);
    let bad = chain.open(0, Request::get("/bad"));
    chain.run_for(Duration::from_secs(400), &mut upstream);
    let bad = chain.take_report(bad).unwrap();
    let sent = chain.take_report(sent).unwrap();
    let paused = chain.take_report(paused).unwrap();
    assert_eq!(bad.status(), 503);
    // The upstream accepted the bet, and the client gets 503.
    assert!(sent.upstream.as_ref().unwrap().complete);
    assert_eq!((sent.status(), &*sent.code_details), (503, "wasm_fail_stream"));
    assert!(lines(&sent, "a").is_empty(), "no on_log from a failed VM");
    // A stream that waits for nothing but the failed VM waits until its idle timeout.
    assert_eq!(paused.ending, Ending::Stalled { filter: "a".to_owned() });
    let longest = 300_000_000_000;
    assert!(paused.ended - paused.started >= longest);
}

#[test]
fn streams_in_flight_do_not_mix() {
    let mut chain = chain(&["set-state:one pause-for-body log"]);
    let gap = Duration::from_millis(10);
    let open = |chain: &mut Chain, path: &str, body: [&str; 2]| {
        let request = Request::new("POST", path).chunk(body[0]).chunk(body[1]).with_chunk_gap(gap);
        chain.open(0, request)
    };
    let first = open(&mut chain, "/1", ["a", "b"]);
    let second = open(&mut chain, "/2", ["c", "d"]);
    chain.run_for(Duration::from_secs(1), &mut hello);
    for (stream, body, path) in [(first, "ab", "/1"), (second, "cd", "/2")] {
        let report = chain.take_report(stream).unwrap();
        let upstream = report.upstream.as_ref().unwrap();
        assert_eq!(upstream.body, body.as_bytes());
        assert_eq!(upstream.headers.text(":path"), Some(path));
        assert_eq!(lines(&report, "a")[0], format!("whole body {body}"));
    }
}

#[test]
fn fuel_stops_loops_and_is_counted() {
    let options =
        EngineOptions { fuel: true, fuel_per_callback: 10_000_000, ..EngineOptions::default() };
    let engine = Engine::new(options).unwrap();
    let module = engine.load(plain_file()).unwrap();
    let start = |words: &str| {
        Chain::builder(&engine).wasm(&module, PluginConfig::new("a", words)).start().unwrap()
    };
    let mut calm = start("trace");
    assert_eq!(run(&mut calm, Request::get("/")).status(), 200);
    let fuel = calm.fuel("a");
    assert!(fuel.callbacks >= 8 && fuel.most > 100 && fuel.most <= fuel.total, "{fuel:?}");
    let report = run(&mut start("loop"), Request::get("/"));
    assert_eq!(report.status(), 503);
    assert!(report.traps[0].message.contains("fuel"), "{:?}", report.traps);
}

#[test]
fn memory_size_is_reported() {
    let mut chain = chain(&["hoard:100000"]);
    let before = chain.memory("a");
    for _ in 0..100 {
        run(&mut chain, Request::get("/"));
    }
    let grown = chain.memory("a") - before;
    assert!((9_000_000..12_000_000).contains(&grown), "{grown}");
    let _ = engine();
}
