//! The cost of one request in a module, independent of the machine: host calls by name, bytes from the host,
//! fuel. `make bench` measures the time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of a test

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use abi_host::{Answer, Chain, Clock, Engine, EngineOptions, PluginConfig, Request, Response};
use abi_host::{Module, UpstreamRequest};
use host_tests::envoy::workspace_root;
use host_tests::gateway::Gateway;
use host_tests::golden::{check, update_asked, Golden, UPDATE_VARIABLE};
use policy_token::testing::{Forge, ALGORITHMS, AUDIENCE, ISSUER};
use policy_token::Alg;
use serde_json::{json, Value};

/// Most bytes of a module: every worker of every gateway holds a compiled copy.
const LIMITS: &[(&str, usize)] = &[
    ("bet-priority", 400_000),
    ("geo-jurisdiction", 530_000),
    ("idempotency", 460_000),
    ("player-auth", 620_000),
];

/// Tolerance of fuel against the golden table, in percent, for other compilers.
const BAND: u64 = 10;

const FUEL: &str = "fuel";

/// What a request cost, by row of the table.
type Costs = BTreeMap<String, u64>;

/// The time, in seconds since the epoch.
const NOW: u64 = 1_800_000_000;

/// One column of a table.
struct Case {
    name: &'static str,
    /// Changed members of the example's configuration.
    changes: Value,
    /// A request that is sent once before.
    before: Option<Request>,
    request: Request,
    /// Whether each has an idempotency key of its own.
    fresh: bool,
    status: u16,
}

impl Case {
    fn new(name: &'static str, request: Request, status: u16) -> Self {
        Self { name, changes: json!({}), before: None, request, fresh: false, status }
    }

    /// The request for the `number`th time.
    fn request(&self, number: usize) -> Request {
        let mut request = self.request.clone();
        if self.fresh {
            request.headers.set("idempotency-key", format!("\"fresh-{number:08}\""));
        }
        request
    }
}

/// The cases of each plugin.
fn cases() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("geo-jurisdiction", geo_jurisdiction()),
        ("player-auth", player_auth()),
        ("bet-priority", bet_priority()),
        ("idempotency", idempotency()),
    ]
}

fn bet_priority() -> Vec<Case> {
    let rule = |n: u32, classes: Value, key: Value, requests: u32| {
        json!({"name": format!("rule-{n}"), "match": {"classes": classes}, "key": key,
            "requests": requests, "per": "second"})
    };
    // As `make bench` has them: ten for bets, two of which odds have, too.
    let keys =
        [json!(["client"]), json!(["player"]), json!(["session"]), json!(["brand"]), json!([])];
    let rules: Vec<Value> = (0..10_u32)
        .map(|n| {
            let classes = if n < 2 { json!(["wager", "odds"]) } else { json!(["wager"]) };
            rule(n, classes, keys[n as usize % 5].clone(), 100_000 + n)
        })
        .collect();
    // The bets here have no body that names a market.
    let changes = json!({"limits": rules, "market": null, "concurrency": [
        {"name": "bets", "classes": ["wager", "odds"], "limit": {"fixed": 64}}]});
    let case = |name, request, status| Case {
        changes: changes.clone(),
        ..Case::new(name, request, status)
    };
    let bet = || {
        let bet = through_the_edge("POST", "/api/bets");
        bet.header("x-fact-player", "p-1").header("x-fact-brand", "lucky-otter")
    };
    let mut refused = changes.clone();
    refused["limits"] = json!([{"name": "bets", "match": {"classes": ["wager"]}, "key": ["player"],
        "requests": 1, "per": "day"}]);
    vec![
        case("bet, ten rules", bet(), 200),
        case("odds, two rules", through_the_edge("GET", "/api/odds/ev-1"), 200),
        Case {
            before: Some(bet()),
            changes: refused,
            ..Case::new("bet, over its limit", bet(), 429)
        },
        case("lobby, no rules", through_the_edge("GET", "/api/lobby"), 200),
        case("history, no group", through_the_edge("GET", "/api/history/1"), 200),
    ]
}

fn idempotency() -> Vec<Case> {
    let bet = |stake: u32| {
        let body = format!(r#"{{"event":"ev-1","selection":"home","stake":{stake}}}"#);
        let request =
            through_the_edge("POST", "/api/bets").header("content-type", "application/json");
        let request = request.header("content-length", body.len().to_string());
        request.header("x-fact-player", "p-1").header("x-fact-brand", "lucky-otter").chunk(body)
    };
    let case = |name, request, status| {
        // Each bet is like the one before it; and a player of this test holds many keys.
        let changes = json!({"double_click": null, "quota": {"player": 32_768}});
        Case { changes, ..Case::new(name, request, status) }
    };
    let mut keyless = bet(500);
    keyless.headers.remove("idempotency-key");
    vec![
        Case { fresh: true, ..case("bet, claimed", bet(500), 200) },
        case("bet, replayed", bet(500), 200),
        Case { before: Some(bet(500)), ..case("bet, another's key", bet(600), 422) },
        case("bet, no key", keyless, 400),
        case("lobby", through_the_edge("GET", "/api/lobby"), 200),
    ]
}

fn geo_jurisdiction() -> Vec<Case> {
    let bet = |country| through_the_edge("POST", "/api/bets").header("x-geo-country", country);
    let forged = bet("MT").header("x-jurisdiction", "MT").header("x-original-url", "/static");
    let lobby = through_the_edge("GET", "/api/lobby").header("x-geo-country", "MT");
    vec![
        Case::new("bet, allowed", bet("MT"), 200),
        Case::new("bet, forged headers", forged, 200),
        Case::new("bet, refused", bet("DE"), 451),
        Case::new("bet, no place", through_the_edge("POST", "/api/bets"), 403),
        Case::new("lobby", lobby, 200),
        Case::new("no endpoint", through_the_edge("GET", "/admin/../x"), 403),
    ]
}

fn player_auth() -> Vec<Case> {
    let forge = Forge::at(NOW);
    let keys: Value = serde_json::from_str(&forge.jwks()).unwrap();
    let issuer = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE], "keys": {"jwks": keys},
        "algorithms": ALGORITHMS.map(Alg::name),
        // As the example and the bench have it.
        "claims": {"headers": {"x-player-jurisdiction": "/jurisdiction"}},
    });
    let claims = forge.claims_with(&json!({"jurisdiction": "MT"}));
    /// Failures of one source that are looked at: more than there are here.
    const MANY: u32 = 10_000;
    let changes = |tokens: usize, burst: u32| {
        let failures = json!({"per_minute": burst * 6, "burst": burst});
        // There is no service.
        json!({"issuers": [issuer], "cache_tokens": tokens, "failures": failures,
            "player_state": null})
    };
    let with = |token: &str| {
        let mut request = through_the_edge("POST", "/api/bets");
        request.headers.set("authorization", format!("Bearer {token}"));
        request
    };
    let nobody = |method, path| {
        let mut request = through_the_edge(method, path);
        request.headers.remove("authorization");
        request
    };
    let [es256, rs256] = [Alg::Es256, Alg::Rs256].map(|alg| forge.sign(alg, &claims));
    // What is cold stays cold where nothing is remembered.
    let cold = |name, token, status| Case {
        changes: changes(0, MANY),
        ..Case::new(name, with(token), status)
    };
    let warm = |name, request, status| Case {
        changes: changes(64, MANY),
        ..Case::new(name, request, status)
    };
    // Another player's claims under this one's signature.
    let other = forge.sign(Alg::Es256, &forge.claims_with(&json!({"sub": "p-2"})));
    let (claims, signature) = (other.rfind('.').unwrap(), es256.rfind('.').unwrap());
    let forged = format!("{}{}", &other[..claims], &es256[signature..]);
    vec![
        warm("bet, known", with(&es256), 200),
        cold("bet, cold ES256", &es256, 200),
        cold("bet, cold RS256", &rs256, 200),
        cold("bet, forged", &forged, 401),
        Case {
            // It fails, and is the last one that is looked at.
            changes: changes(0, 1),
            before: Some(with(&forged)),
            ..Case::new("bet, forged again", with(&forged), 429)
        },
        warm("bet, no token", nobody("POST", "/api/bets"), 401),
        warm("lobby, nobody", nobody("GET", "/api/lobby"), 200),
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

/// A plugin as its example deploys it, but for the case's own changes.
fn chain(plugin: &str, changes: &Value) -> Chain {
    started(plugin, &Gateway::example(plugin).unwrap().configured(changes).unwrap())
}

fn started(plugin: &str, document: &Value) -> Chain {
    let engine = engine();
    let config = PluginConfig::new(plugin, document.to_string());
    let clock = Clock::at(NOW * 1_000_000_000);
    let facts = module(&engine, "facts");
    let chain = Chain::builder(&engine).clock(clock).wasm(&facts, PluginConfig::new("facts", ""));
    chain.wasm(&module(&engine, plugin), config).start().unwrap()
}

/// Sends a request and returns the status.
fn send(chain: &mut Chain, request: &Request) -> u16 {
    let mut hello = |_: &UpstreamRequest| Answer::respond(Response::new(200).body("hello"));
    let status = chain.run(request.clone(), &mut hello).status();
    chain.take_logs();
    status
}

/// The cost of a further request, after the first has defined its counters.
fn costs(plugin: &str, case: &Case) -> Costs {
    costs_in(chain(plugin, &case.changes), plugin, case)
}

fn costs_in(mut chain: Chain, plugin: &str, case: &Case) -> Costs {
    let Case { name, status: wanted, .. } = case;
    case.before.iter().for_each(|request| _ = send(&mut chain, request));
    assert_eq!(send(&mut chain, &case.request(0)), *wanted, "{name}");
    let (trace, fuel) = (chain.trace(plugin), chain.fuel(plugin));
    assert_eq!(send(&mut chain, &case.request(1)), *wanted, "{name}");
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
fn costs_match_the_table() {
    for (plugin, cases) in cases() {
        let path = workspace_root().join(format!("host-tests/tests/costs.{plugin}.golden"));
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        let columns: Vec<_> = cases.iter().map(|case| (case.name, costs(plugin, case))).collect();
        let known = if update_asked() { "" } else { golden.as_str() };
        match check(&path, &table(&columns, known), update_asked()).unwrap() {
            Golden::Differs { diff } => panic!("{UPDATE_VARIABLE}=1 rewrites the table:\n{diff}"),
            Golden::Same | Golden::Updated => {}
        }
    }
}

/// What `make bench` measures a hit against.
#[test]
fn hit_calls_makes_the_host_calls_of_a_hit() {
    let (plugin, cases) = ("hit-calls", player_auth());
    let hit = &cases[0];
    let mut wanted = costs("player-auth", hit);
    let mut alone = costs_in(started(plugin, &json!({})), plugin, hit);
    assert!(alone.remove(FUEL) < wanted.remove(FUEL));
    assert_eq!(alone, wanted);
}

#[test]
fn modules_stay_small() {
    for (plugin, limit) in LIMITS {
        let size = module(&engine(), plugin).size();
        assert!(size <= *limit, "{plugin}: {size} bytes, at most {limit}");
    }
}

/// A VM runs as long as its gateway.
#[test]
fn memory_does_not_grow_with_requests() {
    for (plugin, case) in cases().iter().flat_map(|(p, cases)| cases.iter().map(move |c| (p, c))) {
        let mut chain = chain(plugin, &case.changes);
        case.before.iter().for_each(|request| _ = send(&mut chain, request));
        let mut sent = 0;
        let mut memory_after = |count: usize| {
            for _ in 0..count {
                sent += 1;
                assert_eq!(send(&mut chain, &case.request(sent)), case.status, "{}", case.name);
            }
            chain.memory(plugin)
        };
        let early = memory_after(100);
        assert_eq!(memory_after(2_000), early, "{}", case.name);
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
    let mut document = Gateway::example(plugin).unwrap().configured(&json!({})).unwrap();
    let before = started(plugin, &document).memory(plugin);
    document["place"]["table"] = serde_json::to_value(table).unwrap();
    let after = started(plugin, &document).memory(plugin);
    assert!(after - before < 1_000_000, "{} bytes more", after - before);
}
