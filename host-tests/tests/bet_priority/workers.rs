//! Eight workers that overtake each other at every read and write of shared data hammer one key.

use std::time::Duration;

use abi_host::{Profile, Request, UpstreamRequest};
use serde_json::{json, Value};

use crate::fixture::{builder, hello, outcome};

const WORKERS: usize = 8;

/// How many of so many requests each 10 ms, for two seconds, are admitted.
fn admitted(seed: u64, rule: &Value, each: usize) -> usize {
    let document = json!({"limits": [rule], "concurrency": [], "workers": WORKERS});
    let chain = builder(Profile::Envoy, &document).workers(WORKERS).seed(seed).interleaved();
    let mut chain = chain.start().unwrap();
    let mut streams = Vec::new();
    let mut upstream = |request: &UpstreamRequest| hello(request);
    for _ in 0..200 {
        for n in 0..each {
            streams.push(chain.open(n % WORKERS, Request::get("/bets").header("as-player", "p-1")));
        }
        chain.run_for(Duration::from_millis(10), &mut upstream);
    }
    let reports = streams.into_iter().map(|stream| chain.finish(stream, &mut upstream));
    reports.filter(|report| outcome(report) == "allow").count()
}

#[test]
fn one_key_never_gets_more_than_its_rate() {
    for (scope, least) in [("node", 100), ("worker", 100)] {
        for seed in 0..6 {
            let rule = json!({"name": "bets", "key": ["player"], "scope": scope, "requests": 50, "per": "second",
                "burst": 16});
            let admitted = admitted(seed, &rule, 16);
            // 16 at once, and 50 each second for two seconds.
            assert!(admitted <= 16 + 100, "{scope}, seed {seed}: {admitted}");
            assert!(admitted >= least, "{scope}, seed {seed}: {admitted}");
            println!("{scope}, seed {seed}: {admitted} of at most 116");
        }
    }
}
