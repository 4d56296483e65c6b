//! Every status of every host call: the host itself must not fail.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use abi_host::{During, Ending, Fault, Faults, Occurrence, PluginConfig, Request};
use support::{builder, hello, lines, plain, run};

const WORDS: &str = "trace log set-state:p show-state count-shared:n count:c enqueue:e queue print";

fn start(faults: &Faults) -> Result<abi_host::Chain, abi_host::HostError> {
    let config = PluginConfig::new("a", WORDS).env("X", "1");
    builder().faults(faults.clone()).wasm(plain(), config).start()
}

#[test]
fn every_host_call_answering_every_status_ends_the_stream() {
    let statuses = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99];
    let faults = Faults::new();
    for call in plain().host_calls() {
        for status in statuses {
            faults.clear();
            let mut chain = start(&faults).unwrap();
            faults.inject(Fault::new(call, status).during(During::Traffic));
            let report = chain.run(Request::post("/", "abc"), &mut hello);
            assert_eq!(report.ending, Ending::Completed, "{call} {status}");
            // A trap in the log or in another event may leave the answer as it was.
            let failed = !chain.traps().is_empty() && report.status() == 503;
            assert!(failed || report.status() == 200, "{call} {status}: {}", report.status());
        }
    }
}

#[test]
fn a_fault_has_no_other_effect() {
    let faults = Faults::new();
    let mut chain = start(&faults).unwrap();
    faults.inject(Fault::new("proxy_log", 0).occurrence(Occurrence::Only(1)));
    let report = run(&mut chain, Request::get("/"));
    assert!(!lines(&report, "a").contains(&"request headers a true"), "the first line is lost");
    assert!(lines(&report, "a").contains(&"state p"));
    faults.clear();
    faults.inject(Fault::new("proxy_set_property", 0).plugin("a"));
    faults.inject(Fault::new("proxy_set_property", 2));
    let report = run(&mut chain, Request::get("/"));
    assert!(report.filter_state.is_empty());
    assert!(report.traps.is_empty());
}

#[test]
fn faults_can_be_limited_to_the_start() {
    let faults = Faults::new();
    let call = "proxy_register_shared_queue";
    faults.inject(Fault::new(call, 10).during(During::Start));
    assert!(start(&faults).is_err());
    faults.clear();
    faults.inject(Fault::new(call, 10).during(During::Traffic));
    assert!(start(&faults).is_ok());
}

#[test]
fn host_calls_are_counted() {
    let mut chain = start(&Faults::new()).unwrap();
    let before = chain.trace("a");
    run(&mut chain, Request::get("/"));
    let after = chain.trace("a");
    assert_eq!(after.count("proxy_set_property") - before.count("proxy_set_property"), 1);
    assert_eq!(after.count("proxy_set_shared_data"), 1);
    assert_eq!(after.count("proxy_http_call"), 0);
}

#[test]
fn faults_can_trap() {
    let faults = Faults::new();
    let mut chain = start(&faults).unwrap();
    let call = "proxy_set_shared_data";
    faults.inject(Fault::trap(call).occurrence(Occurrence::Only(1)));
    let report = run(&mut chain, Request::get("/"));
    assert_eq!((report.status(), report.code_details.as_str()), (503, "wasm_fail_stream"));
    assert_eq!(report.traps.len(), 1);
    assert!(report.traps[0].message.contains("made to trap in proxy_set_shared_data"));
    assert_eq!(chain.shared_data("", "n"), None, "nothing of it was done");
    assert_eq!(run(&mut chain, Request::get("/")).status(), 503, "the VM is gone");
}
