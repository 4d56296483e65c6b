//! Both halves decide by the recorded time, not by the machine's clock.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of a test

use host_tests::envoy::{clock, find_for_test, workspace_root};
use host_tests::gateway::Gateway;
use host_tests::har::{self, Recorded};
use host_tests::traffic::{Answer, Request};
use serde_json::{json, Value};
use std::process::Command;

const SECOND: u64 = 1_000_000_000;
const YEAR: u64 = 365 * 86_400;
/// 2026-03-02T21:00:00Z, when the licence below ends.
const END: u64 = 1_772_485_200;

/// The example, with one licence that begins and ends.
fn document() -> Value {
    let example = workspace_root().join("envoy-examples/geo-jurisdiction.yaml");
    let mut document = Gateway::read(&example).unwrap().document;
    let value = document.pointer_mut(concat!(
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/1",
        "/typed_config/config/configuration/value"
    ));
    let value = value.unwrap();
    let mut policy: Value = serde_json::from_str(value.as_str().unwrap()).unwrap();
    policy["licences"] = json!([{"brand": "lucky-otter", "markets": ["MT"],
        "from": "2025-03-02T21:00:00Z", "until": "2026-03-02T21:00:00Z"}]);
    *value = policy.to_string().into();
    document
}

/// A bet from Malta at a number of seconds after the licence ends.
fn bet(number: usize, after_end: i64) -> Recorded {
    let mut request = Request::new("POST", "/api/bets").body("{}");
    request.headers[0].1 = b"play.lucky-otter.example".to_vec();
    let request = request.header("x-forwarded-for", "203.0.113.10").header("x-geo-country", "MT");
    let at = END.saturating_add_signed(after_end) * SECOND;
    let client = "10.20.0.1:41000".parse().unwrap();
    Recorded { request: Request { number, at, client, ..request }, answer: Answer::default() }
}

/// Forward 30 minutes, forward a year: the licence holds or does not at each recorded moment. The
/// same once more on a machine whose clock is a year ahead, and on one that is 30 years behind.
#[test]
fn dated_licences_use_the_recorded_time() {
    if find_for_test().unwrap().is_none() {
        return;
    }
    host_tests::artifact::build("geo-jurisdiction").unwrap();
    let year = i64::try_from(YEAR).unwrap();
    let moments =
        [(-year - 1, "deny"), (-year + 1, "allow"), (-1801, "allow"), (-1, "allow"), (0, "deny")];
    let moments = moments.into_iter().chain([(1800, "deny"), (year, "deny")]);
    let (recorded, wanted): (Vec<_>, Vec<_>) =
        (1..).zip(moments).map(|(number, (after, wanted))| (bet(number, after), wanted)).unzip();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("gateway.yaml"), document().to_string()).unwrap();
    std::fs::write(path("traffic.har"), har::write(&recorded).unwrap()).unwrap();
    let count = recorded.len();
    for ahead in [0, year, -30 * year] {
        let output = Command::new(env!("CARGO_BIN_EXE_pitboss"))
            .current_dir(workspace_root())
            .args(["replay", "--via", "both", "--gateway-config"])
            .arg(path("gateway.yaml"))
            .arg("--traffic")
            .arg(path("traffic.har"))
            // The replayer and its Envoy both live on such a machine.
            .env("LD_PRELOAD", clock::library().unwrap())
            .env("PITBOSS_CLOCK_AHEAD", ahead.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let decisions: Vec<_> =
            said.lines().take(count).map(|it| it.split_whitespace().nth(6).unwrap()).collect();
        assert_eq!(decisions, wanted, "{ahead} s ahead: {said}{errors}");
        let summary = format!("replayed {count} requests, {count} agree, 0 differ\n");
        assert!(said.ends_with(&summary), "{ahead} s ahead: {said}{errors}");
        assert!(output.status.success());
    }
}
