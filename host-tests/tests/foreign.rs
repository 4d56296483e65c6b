//! Recordings of other tools replay; unsupported entries are reported.
#![allow(clippy::unwrap_used)] // helpers of a test

use host_tests::artifact;
use host_tests::envoy::{find_for_test, workspace_root};
use host_tests::gateway::Gateway;
use host_tests::intake::{read, Defaults, Recording};
use host_tests::replay::{run_emulated, run_real, Comparison, Outcome};

/// A player in Malta, behind the edge that the example trusts.
fn recording(name: &str) -> Recording {
    let header = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let defaults = Defaults {
        client: "10.20.0.1".parse().unwrap(),
        headers: vec![header("x-forwarded-for", "203.0.113.10"), header("x-geo-country", "MT")],
        ..Defaults::default()
    };
    read(&workspace_root().join("host-tests/recordings/foreign").join(name), &defaults).unwrap()
}

fn replay(recording: &Recording) -> Vec<Outcome> {
    artifact::build("geo-jurisdiction").unwrap();
    run_emulated(
        &Gateway::example("geo-jurisdiction").unwrap(),
        &recording.requests,
        &artifact::wasm_dir(),
    )
    .unwrap()
}

/// Number, method and target, class, decision, status.
fn table(recording: &Recording) -> Vec<String> {
    let outcomes = replay(recording);
    let line = |(request, it): (&host_tests::traffic::Request, &Outcome)| {
        let (method, target) = (request.method.escape_ascii(), request.target.escape_ascii());
        format!("{} {method} {target} {} {} {}", request.number, it.class, it.decision, it.status)
    };
    recording.requests.iter().zip(&outcomes).map(line).collect()
}

fn skipped(recording: &Recording) -> Vec<String> {
    recording.skipped.iter().map(ToString::to_string).collect()
}

#[test]
fn browser_recordings_replay() {
    let recording = recording("chromium.har");
    assert_eq!(
        skipped(&recording),
        ["skipped entry 9: its body was not recorded", "skipped entry 10: a WebSocket"]
    );
    assert_eq!(
        table(&recording),
        [
            "1 GET /api/lobby content allow 200",
            "2 POST /api/session/login session allow 200",
            "3 GET /static/otter.css content allow 200",
            "4 GET /static/otter.css content allow 200",
            "5 GET /api/odds/ev-1?format=decimal&lang=m%C3%BCnchen odds allow 200",
            "6 GET /api/account/balance account allow 200",
            "7 POST /api/bets wager allow 201",
            "8 POST /api/deposits deposit allow 400",
            "11 GET /api/nowhere unclassified deny 403",
        ]
    );
}

#[test]
fn proxy_recordings_replay() {
    let recording = recording("mitmproxy.har");
    assert_eq!(skipped(&recording), [""; 0]);
    let table = table(&recording);
    assert_eq!(table.len(), 14);
    for line in [
        "2 GET /favicon.ico unclassified deny 403",
        "8 POST /api/bets wager allow 201",
        "10 POST /api/withdrawals withdrawal allow 400",
        "13 POST /api/bets wager allow 201",
        "14 GET /api/history?limit=2 history allow 200",
    ] {
        assert!(table.iter().any(|it| it == line), "no `{line}` in {table:#?}");
    }
    let bodies: Vec<&[u8]> = recording.requests.iter().map(|it| it.body.as_slice()).collect();
    assert_eq!(bodies[9], b"\0\xff\xfe\x80\n\r", "raw bytes");
    assert_eq!(bodies[12], br#"{"event":"ev-2","selection":"away","stake":300}"#, "unpacked");
}

#[test]
fn load_test_recordings_replay() {
    let recording = recording("k6.har");
    let reason = "uses a variable of a load test, whose value is not recorded";
    assert_eq!(skipped(&recording), [format!("skipped entry 3: {reason}")]);
    assert_eq!(
        table(&recording),
        [
            "1 GET /api/lobby content allow 200",
            "2 POST /api/session/login session allow 200",
            "4 POST /api/deposits deposit allow 400",
            "5 POST /api/bets wager deny 451",
        ]
    );
    assert_eq!(recording.requests[2].body, b"amount=2500&note=f%C3%BCr+sp%C3%A4ter");
    assert_eq!(recording.requests[2].values("cookie").next(), Some(&b"theme=dark"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_halves_agree_on_foreign_recordings() {
    let Some(envoy) = find_for_test().unwrap() else { return };
    for name in ["chromium.har", "mitmproxy.har", "k6.har"] {
        let recording = recording(name);
        let emulated = replay(&recording);
        let (requests, wasm_dir) = (&recording.requests, artifact::wasm_dir());
        let real = run_real(
            &Gateway::example("geo-jurisdiction").unwrap(),
            requests,
            &wasm_dir,
            envoy.clone(),
        )
        .await
        .unwrap();
        let comparison = Comparison::new(requests, &emulated, &real);
        assert!(comparison.differing.is_empty(), "{name}: {}", comparison.differing.join("\n\n"));
    }
}
