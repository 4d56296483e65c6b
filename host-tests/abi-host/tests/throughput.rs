//! How many requests a second one core drives through one small filter.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Instant;

use abi_host::Request;
use support::{chain, run};

#[test]
#[ignore = "a measurement; run with --release --ignored --nocapture"]
fn requests_per_second() {
    for words in ["", "add-header:x set-state:p log"] {
        let mut chain = chain(&[words]);
        let count = 50_000;
        let start = Instant::now();
        for _ in 0..count {
            assert_eq!(run(&mut chain, Request::get("/")).status(), 200);
            chain.take_logs();
        }
        let rate = f64::from(count) / start.elapsed().as_secs_f64();
        println!("[{words}]: {rate:.0} requests/s");
    }
}
