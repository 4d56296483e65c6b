//! Configurations that are pushed, and VMs that are replaced, while requests wait.

use std::time::Duration;

use abi_host::{Ending, Fault, Faults, Profile};
use serde_json::json;

use crate::fixture::{ask, builder, document, gauge, is_empty, outcome, start, Casino, PLUGIN};

/// Those that wait under the old configuration go on under it; its part leaves the gauges with its last request.
#[test]
fn a_configuration_is_pushed_while_requests_wait() {
    let mut chain = start(&json!({}));
    let mut casino = Casino::default();
    let old: Vec<_> = (0..5).map(|_| chain.open(0, ask("/bets"))).collect();
    chain.run_for(Duration::from_millis(30), &mut casino);
    assert_eq!([gauge(&chain, "in_flight"), gauge(&chain, "queued")], [1, 4]);
    let group = json!([{"name": "casino", "limit": {"fixed": 2}}]);
    let next = document(Profile::Envoy, &json!({"version": "v2", "concurrency": group}));
    chain.update(PLUGIN, next.to_string().as_bytes()).unwrap();
    let new: Vec<_> = (0..5).map(|_| chain.open(0, ask("/bets"))).collect();
    chain.run_for(Duration::from_millis(40), &mut casino);
    assert_eq!(gauge(&chain, "limit"), 3, "both configurations'");
    for stream in old.into_iter().chain(new) {
        let report = chain.finish(stream, &mut casino);
        assert_eq!((outcome(&report).as_str(), report.ending), ("allow", Ending::Completed));
    }
    is_empty(&mut chain, &mut casino);
    assert_eq!(gauge(&chain, "limit"), 2);
}

/// The module traps while requests wait: none of them waits longer than the gateway's idle timeout, and the next VM
/// starts with all permits, and takes no stream for another of the old one's.
#[test]
fn a_vm_is_replaced_while_requests_wait() {
    let faults = Faults::new();
    let chain = builder(Profile::Envoy, &json!({})).faults(faults.clone());
    let mut chain = chain.idle_timeout(Duration::from_secs(3)).start().unwrap();
    let mut casino = Casino::default();
    let all: Vec<_> = (0..5).map(|_| chain.open(0, ask("/bets"))).collect();
    chain.run_for(Duration::from_millis(30), &mut casino);
    chain.run_for(Duration::from_secs(2), &mut casino);
    assert_eq!(casino.came.len(), 5, "before the trap all is well");
    for stream in all {
        assert_eq!(outcome(&chain.finish(stream, &mut casino)), "allow");
    }
    let all: Vec<_> = (0..5).map(|_| chain.open(0, ask("/bets"))).collect();
    chain.run_for(Duration::from_millis(30), &mut casino);
    faults.inject(Fault::trap("proxy_get_current_time_nanoseconds").plugin(PLUGIN));
    chain.run_for(Duration::from_millis(30), &mut casino);
    faults.clear();
    assert_eq!(chain.traps().len(), 1);
    for stream in all {
        let report = chain.finish(stream, &mut casino);
        assert!(report.ended - report.started <= 3_100_000_000, "{:?}", report.ending);
    }
    // The next VM.
    let next: Vec<_> = (0..5).map(|_| chain.open(0, ask("/bets"))).collect();
    for stream in next {
        assert_eq!(outcome(&chain.finish(stream, &mut casino)), "allow");
    }
    assert_eq!(chain.misuse(), None);
}
