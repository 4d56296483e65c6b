//! The evening: two thousand requests of players, partners, bots and broken clients, in both halves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of a test

use host_tests::envoy::{clock, find_for_test, workspace_root};
use host_tests::gateway::Gateway;
use host_tests::golden::{check, Golden};
use host_tests::record::{record, Scenario};
use host_tests::replay::{lines, run_emulated_in, DemoCasino, Outcome};
use host_tests::traffic::Request;
use host_tests::{artifact, har};
use policy_kit::EndpointClass;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

const CONFIG: &str = "envoy-examples/geo-jurisdiction.yaml";
/// The configuration of the recording.
const CHAIN: &str = "envoy-examples/chain.yaml";
/// The configuration of the recording of a goal.
const PRIORITY: &str = "envoy-examples/bet-priority.yaml";
const HAR: &str = "host-tests/recordings/evening.har";

fn file(name: &str) -> PathBuf {
    workspace_root().join(name)
}

/// The recording, its outcomes in wasmtime, and the casino afterwards.
fn evening() -> &'static (Vec<Request>, Vec<Outcome>, DemoCasino) {
    static EVENING: OnceLock<(Vec<Request>, Vec<Outcome>, DemoCasino)> = OnceLock::new();
    EVENING.get_or_init(|| {
        artifact::build("geo-jurisdiction").unwrap();
        let requests = har::read(&std::fs::read_to_string(file(HAR)).unwrap()).unwrap();
        let (gateway, house) = (Gateway::read(&file(CONFIG)).unwrap(), DemoCasino::open().unwrap());
        let run = run_emulated_in(&house, &gateway, &requests, &artifact::wasm_dir()).unwrap();
        (requests, run, house)
    })
}

#[test]
fn decisions_match_the_golden_file() {
    let (requests, run, _) = evening();
    stands("geo-jurisdiction", &lines(requests, run));
    artifact::build("player-auth").unwrap();
    artifact::build("bet-priority").unwrap();
    artifact::build("idempotency").unwrap();
    for example in ["player-auth", "bet-priority", "idempotency", "chain"] {
        let (gateway, house) = (Gateway::example(example).unwrap(), DemoCasino::open().unwrap());
        let run = run_emulated_in(&house, &gateway, requests, &artifact::wasm_dir()).unwrap();
        stands(example, &lines(requests, &run));
    }
}

fn stands(example: &str, lines: &str) {
    let golden = file(HAR).with_extension(format!("{example}.golden"));
    match check(&golden, lines, false).unwrap() {
        Golden::Differs { diff } => panic!("`make golden` rewrites them:\n{diff}"),
        same => assert_eq!(same, Golden::Same),
    }
}

/// On this machine, and on one whose clock is a year ahead.
#[test]
fn both_halves_agree_with_a_wrong_clock() {
    if find_for_test().unwrap().is_none() {
        return;
    }
    for plugin in ["player-auth", "bet-priority", "idempotency"] {
        artifact::build(plugin).unwrap();
    }
    let count = evening().0.len();
    for (ahead, config, name) in [
        ("0", CONFIG, "geo-jurisdiction"),
        ("31536000", CONFIG, "geo-jurisdiction"),
        ("0", CHAIN, "chain"),
        ("31536000", CHAIN, "chain"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_pitboss"))
            .current_dir(workspace_root())
            .args(["demo", "--gateway-config", config, HAR])
            .env("LD_PRELOAD", clock::library().unwrap())
            .env("PITBOSS_CLOCK_AHEAD", ahead)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let end: Vec<&str> = said.lines().skip(count).collect();
        let summary = format!("replayed {count} requests, {count} agree, 0 differ");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let wanted = [&format!("evening.{name}: {summary}"), &summary];
        assert_eq!(end, wanted, "{name}, {ahead} s ahead: {errors}");
        assert!(output.status.success());
    }
}

/// Policies of one chain must map paths to the same classes.
#[test]
fn the_policies_of_the_chain_share_a_catalogue() {
    let chain = Gateway::example("chain").unwrap();
    let lists: Vec<serde_json::Value> = chain
        .wasm()
        .map(|plugin| serde_json::from_slice::<serde_json::Value>(&plugin.configuration).unwrap())
        .map(|mut document| document["endpoints"].take())
        .collect();
    assert_eq!(lists.len(), 4);
    assert!(lists.iter().all(|list| *list == lists[0]), "the endpoints differ");
    for example in ["player-auth", "geo-jurisdiction", "bet-priority", "idempotency"] {
        for plugin in Gateway::example(example).unwrap().wasm() {
            let document: serde_json::Value =
                serde_json::from_slice(&plugin.configuration).unwrap();
            assert_eq!(document["endpoints"], lists[0], "{} in {example}", plugin.name);
        }
    }
}

#[test]
fn all_invariants_hold_afterwards() {
    let (_, _, house) = evening();
    assert_eq!(house.broken(), []);
}

/// Retries, repeated callbacks and double clicks: without idempotency the ledger shows double effects.
#[test]
fn repeated_requests_take_effect_once() {
    let (requests, _, without) = evening();
    assert!(!without.double_effects().is_empty(), "an evening without retries proves nothing");
    artifact::build("player-auth").unwrap();
    artifact::build("idempotency").unwrap();
    let (gateway, house) = (Gateway::example("idempotency").unwrap(), DemoCasino::open().unwrap());
    let run = run_emulated_in(&house, &gateway, requests, &artifact::wasm_dir()).unwrap();
    assert_eq!(house.double_effects(), BTreeMap::new());
    assert_eq!(house.broken(), []);
    let replays: BTreeSet<_> =
        run.iter().filter(|it| it.decision == "replay").map(|it| it.class.as_str()).collect();
    assert!(replays.is_superset(&BTreeSet::from(["settlement", "wager"])), "{replays:?}");
}

/// The required content of an evening; the message has what is missing.
#[test]
fn every_class_market_brand_and_refusal_occurs() {
    let (requests, run, _) = evening();
    assert!((1800..=2600).contains(&requests.len()), "{} requests", requests.len());
    let all = |what: fn(&Outcome) -> &str| run.iter().map(what).collect::<BTreeSet<&str>>();
    let classes = EndpointClass::ALL.map(EndpointClass::as_str);
    let codes = geo_jurisdiction::denials::ALL.map(|denial| denial.code);
    // What no request brings about, because it is the gateway or a service that fails, is in
    // tests/geo_jurisdiction/faults.rs; what is said of locations is in the chain.
    let elsewhere = |it: &&str| {
        it.starts_with("geo_") || ["policy_unavailable", "too_many_failures"].contains(it)
    };
    let codes: Vec<&str> = codes.into_iter().filter(|it| !elsewhere(it)).collect();
    let allowed: Vec<&Outcome> = run.iter().filter(|it| it.decision == "allow").collect();
    let licensed = |it: &&&Outcome| ["wager", "launch"].contains(&it.class.as_str());
    let markets = allowed.iter().filter(licensed).map(|it| it.jurisdiction.as_str()).collect();
    for (what, found, wanted) in [
        ("class", all(|it| &it.class), &classes[..]),
        ("code", all(|it| &it.code), &codes),
        ("brand", all(|it| &it.brand), &["lucky-otter", "river-kings", "blue-heron"]),
        ("licensed market", markets, &["MT", "GB-ENG", "US-NJ", "SE", "DK", "CA-ON"]),
        ("decision", all(|it| &it.decision), &["allow", "deny", "gateway"]),
    ] {
        let missing: Vec<_> = wanted.iter().filter(|it| !found.contains(**it)).collect();
        assert!(missing.is_empty(), "no {what} {missing:?} in the evening, only {found:?}");
    }
    let players: BTreeSet<String> = requests.iter().filter_map(player).collect();
    assert!(players.len() >= 60, "{} players log in", players.len());
    for (partner, wanted) in
        [("/wallet/hub/", 80), ("/wallet/bee/", 80), ("/wallet/one", 80), ("/psp/callback", 10)]
    {
        let calls = requests.iter().filter(|it| it.target.starts_with(partner.as_bytes())).count();
        assert!(calls >= wanted, "{calls} calls of {partner}");
    }
}

/// Refusals by player, partner and device.
#[test]
fn refusals_have_the_expected_codes() {
    let golden = std::fs::read_to_string(file(HAR).with_extension("chain.golden")).unwrap();
    for code in [
        "token_missing",
        "token_malformed",
        "token_signature",
        "token_expired",
        "token_inactive",
        "issuer_unknown",
        "brand_mismatch",
        "player_excluded",
        "kyc_required",
        "account_suspended",
        "partner_unknown",
        "partner_signature",
        "partner_network",
        "body_too_large",
        "geo_required",
        "geo_stale",
        "geo_rejected",
        "idempotency_key_reused",
        "duplicate_bet",
    ] {
        assert!(golden.contains(&format!(" {code} ")), "no {code} in the evening");
    }
    // An excluded player can still withdraw (GLI-19 A.3.8).
    let (requests, ..) = evening();
    let lines = golden.lines().filter(|line| line.contains("/api/withdrawals"));
    let addresses: BTreeSet<_> = golden
        .lines()
        .filter(|line| line.contains(" player_excluded "))
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    let passed = lines
        .filter(|line| line.contains(" allow ") && addresses.iter().any(|a| line.contains(a)))
        .count();
    assert!(passed > 0 && requests.len() > 2000, "{addresses:?}");
}

fn player(request: &Request) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(&request.body).ok()?;
    let login = request.target == b"/api/session/login" && body.get("password")? == "demo";
    login.then(|| body["player"].as_str().map(str::to_owned))?
}

/// The Danish licence ends at nine in the evening, by recorded time.
#[test]
fn a_licence_ends_during_the_evening() {
    let (requests, run, _) = evening();
    let mut seen: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    for (request, outcome) in requests.iter().zip(run) {
        // A Danish player with a VPN is refused for the VPN, at any time.
        let asked = ["-", "jurisdiction_unlicensed"].contains(&outcome.code.as_str());
        let danish = asked && outcome.jurisdiction == "DK" && outcome.brand == "blue-heron";
        if danish && ["wager", "launch"].contains(&outcome.class.as_str()) {
            let ended = request.at >= 1_772_485_200_000_000_000;
            *seen.entry((ended, &outcome.decision)).or_default() += 1;
        }
    }
    let seen: Vec<_> = seen.keys().copied().collect();
    assert_eq!(seen, [(false, "allow"), (true, "deny")]);
}

/// The recording in the repository is reproducible byte for byte.
#[tokio::test(flavor = "multi_thread")]
async fn recording_again_gives_the_same_bytes() {
    let Some(envoy) = find_for_test().unwrap() else { return };
    for plugin in ["geo-jurisdiction", "player-auth", "bet-priority", "idempotency"] {
        artifact::build(plugin).unwrap();
    }
    let wasm_dir = artifact::wasm_dir();
    for (name, config, scenario) in [
        (HAR, CHAIN, Scenario::Evening(1)),
        ("host-tests/recordings/first-light.har", CONFIG, Scenario::FirstLight),
        ("host-tests/recordings/goal.har", PRIORITY, Scenario::Goal(1)),
    ] {
        let gateway = Gateway::read(&file(config)).unwrap();
        let recorded = record(scenario, &gateway, &wasm_dir, envoy.clone());
        let again = har::write(&recorded.await.unwrap()).unwrap();
        let kept = std::fs::read_to_string(file(name)).unwrap();
        let pairs = again.lines().zip(kept.lines());
        let differing: Vec<_> = pairs.filter(|(again, kept)| again != kept).take(1).collect();
        assert!(again == kept, "`make record` writes {name} anew: {differing:?}");
    }
}
