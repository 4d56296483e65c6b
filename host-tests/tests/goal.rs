//! A goal is scored: a few hundred recorded requests in both halves, and twenty thousand in wasmtime.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of a test

use host_tests::envoy::{find_for_test, workspace_root};
use host_tests::gateway::Gateway;
use host_tests::golden::{check, update_asked, Golden};
use host_tests::record::{Crowd, Evening};
use host_tests::replay::{
    lines, run_emulated_in, run_emulated_scripted, run_real, Comparison, DemoCasino, Outcome,
};
use host_tests::traffic::{Answer, Request};
use host_tests::{artifact, har};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

const HAR: &str = "host-tests/recordings/goal.har";
const EXAMPLE: &str = "bet-priority";

fn file(name: &str) -> PathBuf {
    workspace_root().join(name)
}

fn recording() -> Vec<Request> {
    har::read(&std::fs::read_to_string(file(HAR)).unwrap()).unwrap()
}

fn built(example: &str) -> Gateway {
    let gateway = Gateway::example(example).unwrap();
    for wasm in gateway.wasm() {
        artifact::build(&wasm.file.trim_end_matches(".wasm").replace('_', "-")).unwrap();
    }
    gateway
}

fn stands(golden: &str, text: &str, update: bool) {
    match check(&file(golden), text, update).unwrap() {
        Golden::Differs { diff } => panic!("{golden}, UPDATE_GOLDEN=1 rewrites it:\n{diff}"),
        Golden::Same | Golden::Updated => {}
    }
}

/// The decision and code of each request, and how many have them.
fn table<'o>(outcomes: impl Iterator<Item = &'o Outcome>) -> String {
    let mut counted: BTreeMap<[&str; 4], usize> = BTreeMap::new();
    for it in outcomes {
        *counted.entry([&it.class, &it.decision, &it.plugin, &it.code]).or_default() += 1;
    }
    let mut out = String::new();
    for ([class, decision, plugin, code], count) in counted {
        writeln!(out, "{class:<15} {decision:<8} {plugin:<13} {code:<18} {count:>6}").unwrap();
    }
    out
}

#[test]
fn decisions_match_the_golden_file() {
    let requests = recording();
    for example in [EXAMPLE, "chain"] {
        let (gateway, house) = (built(example), DemoCasino::open().unwrap());
        let run = run_emulated_in(&house, &gateway, &requests, &artifact::wasm_dir()).unwrap();
        stands(
            &format!("host-tests/recordings/goal.{example}.golden"),
            &lines(&requests, &run),
            false,
        );
        assert_eq!(house.broken(), []);
    }
}

/// What the example is for occurs in the recording.
#[test]
fn every_refusal_of_a_sequence_occurs() {
    let golden = std::fs::read_to_string(file("host-tests/recordings/goal.bet-priority.golden"));
    let golden = golden.unwrap();
    for code in ["quota_exceeded", "market_suspended", "login_locked", "deposits_blocked"] {
        assert!(golden.contains(&format!(" {code} ")), "no {code} around the goal");
    }
    // What overlaps is in tests/surge.rs: a replay sends one request after the other.
    assert!(!golden.contains("capacity_reduced"));
    let shadow = golden.lines().filter(|line| line.contains(" shadow "));
    assert!(shadow.clone().count() > 0 && shadow.clone().all(|line| line.contains(" history ")));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_halves_agree() {
    let Some(envoy) = find_for_test().unwrap() else { return };
    let (gateway, requests) = (built(EXAMPLE), recording());
    let house = DemoCasino::open().unwrap();
    let ours = run_emulated_in(&house, &gateway, &requests, &artifact::wasm_dir()).unwrap();
    let theirs = run_real(&gateway, &requests, &artifact::wasm_dir(), envoy).await.unwrap();
    let comparison = Comparison::new(&requests, &ours, &theirs);
    assert!(comparison.differing.is_empty(), "{}", comparison.differing.join("\n\n"));
}

/// The same scripts with four hundred players: no bet, cash-out or settlement of theirs is refused but those on the
/// suspended event.
#[test]
fn twenty_thousand_requests() {
    let (gateway, house) = (built(EXAMPLE), DemoCasino::open().unwrap());
    let mut scripts = Evening::goal(1, Crowd::ALL);
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut next = |last: Option<&Outcome>| {
        if let Some(last) = last {
            let (status, body) = (last.status, last.body.clone());
            scripts.answered(&Answer { status, body, ..Answer::default() });
            outcomes.push(last.clone());
        }
        scripts.next_request()
    };
    run_emulated_scripted(&house, &gateway, &artifact::wasm_dir(), &mut next).unwrap();
    assert!((19_000..=21_000).contains(&outcomes.len()), "{} requests", outcomes.len());
    stands("host-tests/recordings/goal.all.table", &table(outcomes.iter()), update_asked());
    assert_eq!(house.broken(), []);
}
