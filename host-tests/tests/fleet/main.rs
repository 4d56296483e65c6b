//! Limits of scope `fleet` on two real Envoys, with a real Redis behind a real nginx as `envoy-examples/redis` sets
//! them up: together they stay within the stated bound, and go on with their shares when Redis is killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../probe/gateway.rs"]
mod gateway;
mod redis;

use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway::gateway_of;
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::traffic::Request;
use host_tests::upstream::Server;
use redis::Redis;
use serde_json::{json, Value};

/// Requests a second that pass.
const RATE: u64 = 100;
/// Requests that pass at once.
const BURST: u64 = 20;
/// How long tokens may be used, in seconds; twice that is part of the bound.
const LEASE: f64 = 0.2;
/// How long each part of the test sends requests.
const TIME: Duration = Duration::from_secs(3);
/// Clients of each gateway, each with one request at a time.
const CLIENTS: usize = 4;

fn document() -> Value {
    let lease_ms = (LEASE * 1_000.0) as u64;
    let policy = json!({
        "address": {"trusted": []},
        "workers": 2,
        "limits": [{"name": "hot", "scope": "fleet", "key": [], "requests": RATE, "per": "second",
            "burst": BURST}],
        "fleet": {"cluster": "redis", "gateways": 2, "lease_ms": lease_ms, "retry_s": 1,
            "timeout_ms": 500},
        "endpoints": [{"path": "/bets", "class": "wager"}],
    });
    gateway_of("bet-priority", &policy, "redis")
}

/// Sends requests to all gateways for a while. Returns how many passed, and how many were answered.
async fn press(gateways: &[EnvoyProcess]) -> (u64, u64) {
    let until = Instant::now() + TIME;
    let clients = gateways.iter().flat_map(|gateway| std::iter::repeat_n(gateway, CLIENTS));
    let clients: Vec<_> = clients
        .map(|gateway| {
            let (address, port) = (gateway.address, gateway.listener_port);
            tokio::spawn(async move {
                let (mut passed, mut all) = (0, 0);
                while Instant::now() < until {
                    let answer = send(address, Some(port), &Request::new("POST", "/bets")).await;
                    match answer.unwrap().status {
                        200 => passed += 1,
                        429 => {}
                        other => panic!("status {other}"),
                    }
                    all += 1;
                }
                (passed, all)
            })
        })
        .collect();
    let mut sum = (0, 0);
    for client in clients {
        let (passed, all) = client.await.unwrap();
        sum = (sum.0 + passed, sum.1 + all);
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_stay_within_the_bound() {
    let Some(binary) = find_for_test().unwrap() else { return };
    let Some(redis) = Redis::start() else { return };
    host_tests::artifact::build("bet-priority").unwrap();
    let upstream = Server::start(|_| http::Response::new(Bytes::new())).await.unwrap();
    let mut gateways = Vec::new();
    for _ in 0..2 {
        let wasm_dir = host_tests::artifact::wasm_dir();
        let mut options = Options::new(binary.clone(), wasm_dir, upstream.address);
        options.clusters.insert("redis".to_owned(), redis.front);
        options.concurrency = 2;
        gateways.push(EnvoyProcess::start(&document(), options).await.unwrap());
    }

    let most = |start: Instant, more: f64| {
        BURST + (RATE as f64 * (start.elapsed().as_secs_f64() + more)).ceil() as u64
    };
    let start = Instant::now();
    let (passed, all) = press(&gateways).await;
    let bound = most(start, 2.0 * LEASE);
    println!("{passed} of {all} passed, {bound} at most");
    assert!(all > 2 * bound, "there was too little to refuse: {all}");
    assert!(passed <= bound && passed > RATE, "{passed} of {bound}");

    redis.kill();
    let start = Instant::now();
    let (passed, all) = press(&gateways).await;
    // Tokens that were leased before it was killed count, too.
    let bound = most(start, 2.0 * LEASE) + BURST;
    println!("without Redis {passed} of {all} passed, {bound} at most");
    assert!(passed <= bound && passed > RATE, "{passed} of {bound}");
}
