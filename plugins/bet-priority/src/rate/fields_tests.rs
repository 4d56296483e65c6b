//! What answers tell.

use super::*;
use crate::rate::fixture::{host, limits, request, Worker};
use crate::rate::state::Phase;
use policy_kit::Headers;

const RULES: &str = r#"[
    {"name": "burst", "fields": "always", "legacy_fields": true, "key": ["client"], "requests": 100,
     "per": "minute", "jitter": 50},
    {"name": "bets", "key": ["client"], "requests": 2, "per": "minute", "jitter": 20},
    {"name": "hidden", "fields": "never", "key": ["client"], "requests": 1, "per": "hour", "burst": 4,
     "jitter": 0},
    {"name": "dear", "fields": "always", "key": [], "requests": 100, "per": "second", "cost": 30}
]"#;

fn after(requests: usize) -> (Worker, Charged) {
    let (mut worker, mut host) = (Worker::new(limits(RULES)), host());
    let headers = Headers::default();
    let caller = request("POST", "/bets", &headers);
    let all = (0..requests).map(|_| worker.charge(&mut host, &caller, Phase::Headers));
    let last = all.last().unwrap();
    (worker, last)
}

#[test]
fn fields_are_lists_of_structured_fields() {
    let both = "\"burst\";q=100;w=60, \"dear\";q=3;w=1";
    for (requests, policy, state, remaining) in [
        (1, both, "\"burst\";r=99;t=1, \"dear\";r=2;t=1", "99"),
        (2, both, "\"burst\";r=98;t=1, \"dear\";r=1;t=1", "98"),
        (
            3,
            "\"burst\";q=100;w=60, \"bets\";q=2;w=60, \"dear\";q=3;w=1",
            "\"burst\";r=98;t=1, \"bets\";r=0;t=30, \"dear\";r=1;t=1",
            "98",
        ),
    ] {
        let (worker, charged) = after(requests);
        let found = limit_fields(&worker.limits, &charged);
        let reset = if remaining == "99" { "1" } else { "2" };
        let want = [
            ("ratelimit-policy", policy),
            ("ratelimit", state),
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", reset),
        ];
        let found: Vec<_> = found.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(found, want, "{requests}");
    }
}

#[test]
fn no_fields_without_rules_that_ask_for_them() {
    let rules = r#"[{"name": "a", "key": [], "requests": 9, "per": 1}]"#;
    let (mut worker, headers) = (Worker::new(limits(rules)), Headers::default());
    let charged = worker.charge(&mut host(), &request("POST", "/bets", &headers), Phase::Headers);
    assert_eq!(limit_fields(&worker.limits, &charged), []);
}

#[test]
fn retries_come_after_the_limit_allows_them() {
    let limits = limits(RULES);
    for (refused, wait, random, want) in [
        (&[1][..], 30 * SECOND, 0, 30),
        (&[1], 30 * SECOND, u64::MAX, 36),
        (&[1], 30 * SECOND, u64::MAX / 2, 33),
        (&[1], 30 * SECOND + 1, 0, 31),
        (&[1], 1, 0, 1),
        (&[1], 0, 0, 1),
        (&[2], 30 * SECOND, u64::MAX, 30),
        (&[0, 1, 2], 30 * SECOND, u64::MAX, 45),
        (&[1], u64::MAX, u64::MAX, 18_446_744_074),
    ] {
        let mut charged = Charged { wait, ..Charged::default() };
        refused.iter().for_each(|rule| charged.refused.insert(*rule));
        assert_eq!(retry_after(&limits, &charged, random), want, "{refused:?} {wait} {random}");
    }
}

#[test]
fn problems_name_the_rules_that_are_not_hidden() {
    let (worker, charged) = after(3);
    let details = quota_details(&worker.limits, &charged, Details::NONE);
    let body = crate::denials::QUOTA.problem(&details).body;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["type"], QUOTA_EXCEEDED);
    assert_eq!(body["code"], "quota_exceeded");
    assert_eq!(body["violated-policies"], serde_json::json!(["bets"]));
    let mut hidden = Charged::default();
    hidden.refused.insert(2);
    let details = quota_details(&worker.limits, &hidden, Details::NONE);
    assert_eq!(details.members, [("violated-policies", serde_json::json!([]))]);
}
