//! `replay --against`: the changed decisions, compared with a table, and the reports.
#![allow(clippy::unwrap_used)] // helpers of a test

use host_tests::artifact;
use host_tests::envoy::workspace_root;
use host_tests::golden::update_asked;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const NOW: &str = "envoy-examples/geo-jurisdiction.yaml";
const THEN: &str = "host-tests/recordings/whatif/geo-jurisdiction.yaml";

/// The changes of the other configuration: its version, one more market for one brand, one licence less for
/// the other.
const EDITS: [(&str, &str); 3] = [
    (r#""2026-11-2""#, r#""2026-12-draft""#),
    (r#"["MT", "GB", "US-NJ"]"#, r#"["MT", "GB", "US-NJ", "US-TX"]"#),
    (
        concat!(
            ",\n                        ",
            r#"{"brand": "river-kings", "markets": ["GB"], "classes": ["wager", "cashout"]}"#
        ),
        "",
    ),
];

/// Written by hand: number, class, market, and whether it is allowed then.
///
/// River Kings loses its British licence: 22 is its only bet from there, 23 is a balance, which needs
/// none. Lucky Otter gains Texas: every bet and deposit of the Texan with an accepted place, in all
/// spellings of `/api/bets`. Not 43 and 44, which have two countries; not 47, which is not from an edge; not
/// 62 and 63, which are not endpoints; not 64, which is for River Kings.
const BY_HAND: [(usize, &str, &str, bool); 13] = [
    (22, "wager", "GB-ENG", false),
    (28, "wager", "US-TX", true),
    (36, "deposit", "US-TX", true),
    (41, "wager", "US-TX", true),
    (42, "wager", "US-TX", true),
    (45, "wager", "US-TX", true),
    (46, "wager", "US-TX", true),
    (53, "wager", "US-TX", true),
    (54, "wager", "US-TX", true),
    (55, "wager", "US-TX", true),
    (56, "wager", "US-TX", true),
    (58, "wager", "US-TX", true),
    (59, "wager", "US-TX", true),
];

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    artifact::build("geo-jurisdiction").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pitboss"))
        .current_dir(workspace_root())
        .args(["replay", "--gateway-config", NOW])
        .args(["--traffic", "host-tests/recordings/first-light.har"])
        .args(arguments)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "no progress where nobody looks");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_other_configuration_differs_only_in_licences() {
    let root = workspace_root();
    let mut wanted = read(&root.join(NOW));
    for (now, then) in EDITS {
        assert!(wanted.contains(now), "the example no longer has {now}");
        wanted = wanted.replacen(now, then, 1);
    }
    if update_asked() {
        std::fs::write(root.join(THEN), &wanted).unwrap();
    }
    let same = read(&root.join(THEN)) == wanted;
    assert!(same, "UPDATE_GOLDEN=1 cargo test -p host-tests --test against makes {THEN} follow");
}

#[test]
fn only_expected_decisions_change() {
    let (code, said) = run(&["--against", THEN, "--json", "-"]);
    assert_eq!(code, Some(0));
    let document: Value = serde_json::from_str(&said).unwrap();
    let changes = document["against"]["changes"].as_array().unwrap();
    let found: Vec<_> = changes
        .iter()
        .map(|it| {
            let decision = |side: &str| it[side]["decision"].as_str().unwrap();
            let (now, then) = (decision("now"), decision("then"));
            let passes = then == "allow";
            let refusal = if passes { now } else { then };
            assert_eq!(refusal, "deny jurisdiction_unlicensed");
            let number = usize::try_from(it["number"].as_u64().unwrap()).unwrap();
            (number, it["class"].as_str().unwrap(), it["market"].as_str().unwrap(), passes)
        })
        .collect();
    assert_eq!(found, BY_HAND);
    assert_eq!(document["against"]["by_market"]["US-TX"], 12);
    assert_eq!(document["against"]["consequences"], Value::Array(Vec::new()));
}

/// Arguments, the exit code and the last line.
#[test]
fn changes_fail_a_run_only_with_the_option() {
    for (arguments, code, line) in [
        (&["--against", THEN][..], 0, "13 of 68 decisions would change"),
        (&["--against", THEN, "--fail-on-change"], 1, "13 of 68 decisions would change"),
        (&["--against", NOW, "--fail-on-change"], 0, "0 of 68 decisions would change"),
    ] {
        let (exit, said) = run(arguments);
        assert_eq!(exit, Some(code), "{said}");
        assert_eq!(said.lines().last(), Some(line));
    }
}

#[test]
fn reports_are_written_with_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (json, junit) = (path("run.json"), path("run.xml"));
    let arguments = ["--via", "wasmtime", "--json", &json, "--junit", &junit];
    let golden = ["--golden", "host-tests/recordings/first-light.geo-jurisdiction.golden"];
    let (code, said) = run(&[&arguments[..], &golden].concat());
    assert_eq!((code, said.lines().last()), (Some(0), Some("replayed 68 requests")));
    let document: Value = serde_json::from_str(&read(json.as_ref())).unwrap();
    assert_eq!(document["replayed"], 68);
    assert_eq!(document["requests"][27]["code"], "jurisdiction_unlicensed");
    assert_eq!(document["golden"]["result"], "same");
    let xml = read(junit.as_ref());
    assert!(xml.contains(r#"tests="69" skipped="0" errors="0" failures="0""#), "{xml}");
    let fail = ["--against", THEN, "--fail-on-change", "--junit", &junit];
    assert_eq!(run(&fail).0, Some(1));
    assert!(read(junit.as_ref()).contains(r#"tests="68" skipped="0" errors="0" failures="13""#));
}
