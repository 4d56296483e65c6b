//! Several workers over one store, timers, queues, and new configurations.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_host::{Call, CallAnswer, PluginConfig, Request, Response};
use support::{builder, chain, hello, lines, plain, run, with};

fn messages(chain: &abi_host::Chain, prefix: &str) -> Vec<(Option<usize>, String)> {
    let logs = chain.logs().into_iter().filter(|line| line.message.starts_with(prefix));
    logs.map(|line| (line.worker, line.message)).collect()
}

#[test]
fn plugins_start_on_the_main_thread_and_every_worker() {
    let chain = with(builder().workers(2).with_main_thread(), &[""]).start().unwrap();
    let started: Vec<_> =
        messages(&chain, "configured").into_iter().map(|(worker, _)| worker).collect();
    assert_eq!(started, [None, Some(0), Some(1)]);
}

#[test]
fn ticks_come_at_their_period_until_stopped() {
    let mut chain = chain(&["tick:100 stop-ticks-after:3"]);
    chain.run_for(Duration::from_millis(99), &mut hello);
    assert_eq!(messages(&chain, "tick").len(), 0);
    chain.run_for(Duration::from_millis(1), &mut hello);
    assert_eq!(messages(&chain, "tick").len(), 1);
    chain.run_for(Duration::from_secs(10), &mut hello);
    let ticks = chain.logs().into_iter().filter(|line| line.message.starts_with("tick"));
    let at: Vec<u64> = ticks.map(|line| line.at - abi_host::Clock::default().now()).collect();
    assert_eq!(at, [100_000_000, 200_000_000, 300_000_000]);
}

#[test]
fn each_vm_ticks_and_can_call() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let port = move |call: &Call| {
        log.lock().unwrap().push(call.worker);
        CallAnswer::now(Response::new(200).body("ok"))
    };
    let stages = builder().workers(2).with_main_thread().callouts(port);
    let mut chain = with(stages, &["tick:1000 call-in-tick"]).start().unwrap();
    chain.run_for(Duration::from_secs(1), &mut hello);
    let mut workers = seen.lock().unwrap().clone();
    workers.sort();
    assert_eq!(workers, [None, Some(0), Some(1)]);
    assert_eq!(messages(&chain, "root call answered: 2 headers, 2 bytes").len(), 3);
}

#[test]
fn queues_notify_the_last_registered_vm() {
    let mut chain = with(builder().workers(2), &["queue enqueue:hello"]).start().unwrap();
    assert_eq!(run(&mut chain, Request::get("/")).status(), 200);
    assert_eq!(messages(&chain, "dequeued"), [(Some(1), "dequeued hello".to_owned())]);
}

#[test]
fn all_workers_share_data_and_metrics() {
    let mut chain = with(builder().workers(3), &["count-shared:n count:c"]).start().unwrap();
    let streams: Vec<_> = (0..9).map(|n| chain.open(n % 3, Request::get("/"))).collect();
    chain.run_for(Duration::from_millis(1), &mut hello);
    for stream in streams {
        assert_eq!(chain.take_report(stream).unwrap().status(), 200);
    }
    assert_eq!(chain.shared_data("", "n").unwrap().0, b"9");
    assert_eq!(chain.shared_keys(""), [b"n".to_vec()]);
    assert_eq!(chain.metric("c"), Some(9));
}

#[test]
fn workers_overtake_each_other_between_a_read_and_a_write() {
    let mut mismatches = 0;
    for seed in 0..10 {
        let stages = builder().workers(4).seed(seed).interleaved();
        let mut chain = with(stages, &["count-shared:n"]).start().unwrap();
        let streams: Vec<_> = (0..16).map(|n| chain.open(n % 4, Request::get("/"))).collect();
        chain.run_for(Duration::from_millis(1), &mut hello);
        for stream in streams {
            assert_eq!(chain.take_report(stream).unwrap().status(), 200, "seed {seed}");
        }
        assert_eq!(chain.shared_data("", "n").unwrap().0, b"16", "seed {seed}");
        mismatches += messages(&chain, "stored after").len();
    }
    assert!(mismatches > 10, "only {mismatches} races in ten runs");
}

#[test]
fn only_the_seed_decides_the_order_of_workers() {
    let order = |seed: u64| {
        let mut chain = with(builder().workers(4).seed(seed), &["trace"]).start().unwrap();
        for n in 0..16 {
            chain.open(n % 4, Request::get("/"));
        }
        chain.run_for(Duration::from_millis(1), &mut hello);
        let lines = messages(&chain, "request headers");
        lines.into_iter().map(|(worker, _)| worker).collect::<Vec<_>>()
    };
    assert_eq!(order(7), order(7));
    let orders: std::collections::BTreeSet<_> = (0..8).map(order).collect();
    assert!(orders.len() > 4, "{orders:?}");
}

#[test]
fn new_configurations_apply_to_new_streams() {
    let mut chain =
        with(builder().workers(2), &["set-state:old pause-for-body log"]).start().unwrap();
    let gap = Duration::from_millis(10);
    let old = chain.open(0, Request::new("POST", "/").chunk("a").chunk("b").with_chunk_gap(gap));
    chain.run_for(Duration::from_millis(1), &mut hello);
    chain.update("a", b"set-state:new log").unwrap();
    let new = run(&mut chain, Request::get("/"));
    assert!(lines(&new, "a")[0].ends_with("player=new"));
    chain.run_for(Duration::from_secs(1), &mut hello);
    let old = chain.take_report(old).unwrap();
    assert!(lines(&old, "a")[1].ends_with("player=old"), "{:?}", lines(&old, "a"));
    // A configuration that is refused changes nothing.
    assert!(chain.update("a", b"refuse-configuration").is_err());
    let after = run(&mut chain, Request::get("/"));
    assert!(lines(&after, "a")[0].ends_with("player=new"));
}

#[test]
fn the_old_instance_ends_with_its_last_stream() {
    let mut chain = chain(&["tick:100 pause-for-body"]);
    let gap = Duration::from_millis(250);
    let old = chain.open(0, Request::new("POST", "/").chunk("a").chunk("b").with_chunk_gap(gap));
    chain.run_for(Duration::from_millis(150), &mut hello);
    assert_eq!(messages(&chain, "tick").len(), 1);
    chain.update("a", b"trace").unwrap();
    chain.run_for(Duration::from_millis(60), &mut hello);
    assert_eq!(messages(&chain, "tick").len(), 2, "it still has a stream, and ticks");
    chain.run_for(Duration::from_secs(5), &mut hello);
    assert_eq!(chain.take_report(old).unwrap().status(), 200);
    assert_eq!(messages(&chain, "tick").len(), 2, "without streams it has no timer");
}

#[test]
fn environment_and_output_of_a_vm() {
    let config = PluginConfig::new("a", "print-env:SECRET print").env("SECRET", "s3").env("B", "");
    let mut chain = builder().wasm(plain(), config).start().unwrap();
    assert_eq!(messages(&chain, "env"), [(Some(0), "env s3".to_owned())]);
    let report = run(&mut chain, Request::get("/"));
    assert_eq!(lines(&report, "a"), ["printed"]);
}
