//! What one request costs a module, in numbers that do not depend on the machine: host calls by name,
//! bytes that the host hands over, fuel. `make bench` measures the time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of a test

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use abi_host::{Answer, Chain, Engine, EngineOptions, PluginConfig, Request, Response};
use abi_host::{Module, UpstreamRequest};
use host_tests::envoy::workspace_root;
use host_tests::gateway::Gateway;
use host_tests::golden::{check, update_asked, Golden, UPDATE_VARIABLE};

/// Most bytes of a module: every worker of every gateway holds a compiled copy.
const LIMITS: &[(&str, usize)] = &[("geo-jurisdiction", 600_000)];

/// Fuel may differ this much from the golden table, in percent, before somebody has to look: another
/// compiler is not another policy.
const BAND: u64 = 10;

const FUEL: &str = "fuel";

/// What a request cost, by row of the table.
type Costs = BTreeMap<String, u64>;

/// Each case is a plugin, what a request is called in the table, the request, and its status.
fn cases() -> Vec<(&'static str, &'static str, Request, u16)> {
    let geo = "geo-jurisdiction";
    let bet = |country| through_the_edge("POST", "/api/bets").header("x-geo-country", country);
    let forged = bet("MT").header("x-jurisdiction", "MT").header("x-original-url", "/static");
    vec![
        (geo, "bet, allowed", bet("MT"), 200),
        (geo, "bet, forged headers", forged, 200),
        (geo, "bet, refused", bet("DE"), 451),
        (geo, "bet, no place", through_the_edge("POST", "/api/bets"), 403),
        (geo, "lobby", through_the_edge("GET", "/api/lobby").header("x-geo-country", "MT"), 200),
        (geo, "no endpoint", through_the_edge("GET", "/admin/../x"), 403),
    ]
}

/// A request as an app sends it and the edge passes it on.
fn through_the_edge(method: &str, path: &str) -> Request {
    let mut request = Request::new(method, path)
        .header("user-agent", "LuckyOtter/7.4 (iPhone; iOS 19.1; Scale/3.00)")
        .header("accept", "application/json")
        .header("authorization", "e".repeat(400))
        .header("idempotency-key", "6f1c1f9a-5d5e-4a0e-9f53-0b6f0e6d3c11")
        .header("x-forwarded-for", "198.51.100.23,10.0.0.1")
        .header("x-request-id", "17f8f7a9-5ad3-406f-95e9-e6fd3f847c98");
    request.headers.set(":authority", "play.lucky-otter.example");
    request.source = "10.0.0.1:40000".parse().unwrap();
    request
}

fn engine() -> Engine {
    let cache_directory = Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("modules"));
    Engine::new(EngineOptions { cache_directory, fuel: true, fuel_per_callback: 0 }).unwrap()
}

fn module(engine: &Engine, plugin: &str) -> Module {
    engine.load(host_tests::artifact::build(plugin).unwrap()).unwrap()
}

/// The configuration of a plugin's example.
fn example(plugin: &str) -> Vec<u8> {
    Gateway::example(plugin).unwrap().wasm().next().unwrap().configuration.clone()
}

/// A plugin as its example deploys it.
fn chain(plugin: &str) -> Chain {
    started(plugin, &example(plugin))
}

fn started(plugin: &str, configuration: &[u8]) -> Chain {
    let engine = engine();
    let config = PluginConfig::new(plugin, configuration);
    Chain::builder(&engine).wasm(&module(&engine, plugin), config).start().unwrap()
}

/// Sends a request and tells the status.
fn send(chain: &mut Chain, request: &Request) -> u16 {
    let mut hello = |_: &UpstreamRequest| Answer::respond(Response::new(200).body("hello"));
    let status = chain.run(request.clone(), &mut hello).status();
    chain.take_logs();
    status
}

/// What one more request costs, once the first of its kind has defined its counters.
fn costs(plugin: &str, name: &str, request: &Request, wanted: u16) -> Costs {
    let mut chain = chain(plugin);
    assert_eq!(send(&mut chain, request), wanted, "{name}");
    let (trace, fuel) = (chain.trace(plugin), chain.fuel(plugin));
    assert_eq!(send(&mut chain, request), wanted, "{name}");
    let (after, burnt) = (chain.trace(plugin), chain.fuel(plugin));
    let calls = after.calls.iter().map(|(call, count)| (*call, count - trace.count(call)));
    let mut costs: Costs = calls
        .filter(|(_, count)| *count > 0)
        .map(|(call, count)| (call.to_owned(), count))
        .collect();
    costs.insert("host calls in all".to_owned(), costs.values().sum());
    costs.insert("bytes handed over".to_owned(), after.bytes - trace.bytes);
    costs.insert(FUEL.to_owned(), burnt.total - fuel.total);
    costs
}

/// The table, with the golden fuel where ours is close enough to it.
fn table(columns: &[(&str, Costs)], golden: &str) -> String {
    let rows: BTreeSet<&String> = columns.iter().flat_map(|(_, costs)| costs.keys()).collect();
    let known = golden.lines().find_map(|line| line.strip_prefix(FUEL)).unwrap_or_default();
    let known: Vec<u64> = known.split_whitespace().filter_map(|it| it.parse().ok()).collect();
    let mut out = format!("{:30}", "");
    for (name, _) in columns {
        out += &format!("{name:>21}");
    }
    for row in rows {
        out += &format!("\n{row:30}");
        for (at, (_, costs)) in columns.iter().enumerate() {
            let own = costs.get(row).copied().unwrap_or(0);
            let close = |golden: &u64| row == FUEL && golden.abs_diff(own) * 100 <= golden * BAND;
            out += &format!("{:>21}", known.get(at).copied().filter(close).unwrap_or(own));
        }
    }
    out + "\n"
}

#[test]
fn a_request_costs_what_the_table_says() {
    let path = workspace_root().join("host-tests/tests/costs.golden");
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let cases = cases();
    let column = |case: &(&str, &'static str, Request, u16)| {
        (case.1, costs(case.0, case.1, &case.2, case.3))
    };
    let columns: Vec<_> = cases.iter().map(column).collect();
    let known = if update_asked() { "" } else { golden.as_str() };
    match check(&path, &table(&columns, known), update_asked()).unwrap() {
        Golden::Differs { diff } => panic!("{UPDATE_VARIABLE}=1 rewrites the table:\n{diff}"),
        Golden::Same | Golden::Updated => {}
    }
}

#[test]
fn modules_stay_small() {
    for (plugin, limit) in LIMITS {
        let size = module(&engine(), plugin).size();
        assert!(size <= *limit, "{plugin}: {size} bytes, at most {limit}");
    }
}

/// A VM lives as long as its gateway.
#[test]
fn requests_leave_nothing_in_memory() {
    for (plugin, name, request, status) in cases() {
        let mut chain = chain(plugin);
        let mut memory_after = |count: usize| {
            for _ in 0..count {
                assert_eq!(send(&mut chain, &request), status, "{name}");
            }
            chain.memory(plugin)
        };
        let early = memory_after(100);
        assert_eq!(memory_after(2_000), early, "{name}");
    }
}

/// Every worker holds its table, and a VM gives back nothing that it once took: what counts is the most
/// that reading the document needs.
#[test]
fn ten_thousand_networks_take_less_than_a_megabyte() {
    let plugin = "geo-jurisdiction";
    let network = |n: u32| match n % 2 {
        0 => format!("{}/24", std::net::Ipv4Addr::from_bits(0x0b00_0000 + (n << 8))),
        _ => format!("2001:{:x}:{:x}::/48", n / 100 + 1, n % 100),
    };
    let mut table: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for n in 0..10_000 {
        let code = ["MT", "GB", "SE", "US-NJ"][(n % 4) as usize];
        table.entry(code).or_default().push(network(n));
    }
    let mut document: serde_json::Value = serde_json::from_slice(&example(plugin)).unwrap();
    let before = started(plugin, document.to_string().as_bytes()).memory(plugin);
    document["place"]["table"] = serde_json::to_value(table).unwrap();
    let after = started(plugin, document.to_string().as_bytes()).memory(plugin);
    assert!(after - before < 1_000_000, "{} bytes more", after - before);
}
