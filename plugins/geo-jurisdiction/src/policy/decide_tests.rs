//! Case tables of the pure policy, the outcome last.

use super::*;
use crate::config::document::Config;
use crate::policy::case::Facts;
use policy_kit::fake::FakeHost;
use policy_kit::{ConfigError, Headers};

const CONFIG: &str = r#"{
    "address": {"trusted": ["10.0.0.0/8"]},
    "place": {"first": "header", "header": {"country": "x-geo-country", "region": "x-geo-region"}},
    "brands": {"otter.example": "otter", "kings.example": "kings"},
    "licences": [
        {"brand": "otter", "markets": ["MT", "GB", "US-NJ"]},
        {"brand": "kings", "markets": ["SE"]},
        {"brand": "kings", "markets": ["GB"], "classes": ["wager", "cashout"]}
    ],
    "blocked_by": "https://otter.example/licences",
    "endpoints": [
        {"path": "/c", "class": "content"}, {"path": "/o", "class": "odds"},
        {"path": "/h", "class": "history"}, {"path": "/a", "class": "account"},
        {"path": "/l", "class": "launch"}, {"path": "/d", "class": "deposit"},
        {"path": "/wd", "class": "withdrawal"}, {"path": "/s", "class": "session"},
        {"path": "/w", "class": "wager"}, {"path": "/r", "class": "round"},
        {"path": "/co", "class": "cashout"}, {"path": "/sg", "class": "safer-gambling"},
        {"path": "/st", "class": "settlement"},
        {"path": "/slots", "class": "wager", "product": "casino"}
    ]
}"#;

/// The base configuration with some top-level members replaced.
fn config(changes: &str) -> Result<Policy, ConfigError> {
    let mut base: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    let changes: serde_json::Value = serde_json::from_str(changes).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    let config = policy_kit::parse::<Config>(base.to_string().as_bytes())?;
    Policy::compile(config, &mut FakeHost::default())
}

/// The code for a request through a trusted proxy.
fn code(policy: &Policy, target: &str, host: &str, country: &str) -> &'static str {
    let country = (!country.is_empty()).then_some(("x-geo-country", country));
    decision(policy, target, host, "10.0.0.1", country.as_slice(), 0).0
}

/// Code and rule for a request with these headers from this peer.
fn decision(
    policy: &Policy,
    target: &str,
    host: &str,
    peer: &str,
    more: &[(&str, &str)],
    now: u64,
) -> (&'static str, String) {
    let mut pairs = vec![(":method", "POST"), (":path", target), (":authority", host)];
    pairs.push(("x-forwarded-for", "203.0.113.7"));
    pairs.extend_from_slice(more);
    let headers = Headers::from_pairs(pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())));
    let case = policy.case(&Facts { headers: &headers, peer: peer.parse().ok(), now });
    let decision = policy.decide(&policy.endpoint(&case), &case);
    (decision.denial.map_or("allow", |denial| denial.code), decision.rule)
}

#[test]
fn every_class_from_licensed_unlicensed_and_unknown_places() {
    let policy = config("{}").unwrap();
    let licensed = ["allow", "jurisdiction_unlicensed", "jurisdiction_unknown"];
    let passes = ["allow"; 3];
    let refused = ["endpoint_unclassified"; 3];
    for (target, want) in [
        ("/c", passes),
        ("/o", passes),
        ("/h", passes),
        ("/a", passes),
        ("/l", licensed),
        ("/d", licensed),
        ("/wd", passes),
        ("/s", passes),
        ("/w", licensed),
        ("/r", passes),
        ("/co", licensed),
        ("/sg", passes),
        ("/st", passes),
        ("/nothing", refused),
        ("/x//w", refused),
    ] {
        let got = ["MT", "DE", ""].map(|place| code(&policy, target, "otter.example", place));
        assert_eq!(got, want, "{target} from MT, DE, nowhere");
    }
}

#[test]
fn licences_are_per_brand_and_class() {
    let policy = config("{}").unwrap();
    for (target, host, place, want) in [
        ("/w", "otter.example", "US-NJ", "allow"),
        ("/w", "otter.example", "US", "jurisdiction_unknown"),
        ("/w", "otter.example", "US-NY", "jurisdiction_unlicensed"),
        ("/w", "otter.example", "GB-ENG", "allow"),
        ("/w", "OTTER.example:443", "MT", "allow"),
        ("/w", "kings.example", "SE", "allow"),
        ("/w", "kings.example", "MT", "jurisdiction_unlicensed"),
        ("/w", "kings.example", "GB", "allow"),
        ("/co", "kings.example", "GB", "allow"),
        ("/l", "kings.example", "GB", "jurisdiction_unlicensed"),
        ("/l", "kings.example", "SE", "allow"),
        ("/w", "else.example", "MT", "jurisdiction_unlicensed"),
        ("/w", "", "MT", "jurisdiction_unlicensed"),
        ("/a", "else.example", "MT", "allow"),
        ("/w", "otter.example", "XX", "jurisdiction_unknown"),
        ("/w", "otter.example", "T1", "jurisdiction_unknown"),
        ("/w", "otter.example", "mt", "jurisdiction_unknown"),
    ] {
        assert_eq!(code(&policy, target, host, place), want, "{target} {host} {place}");
    }
}

#[test]
fn classes_may_be_overridden() {
    let policy = config(r#"{"classes": {"withdrawal": "licensed", "deposit": "pass"}}"#).unwrap();
    assert_eq!(code(&policy, "/wd", "otter.example", "DE"), "jurisdiction_unlicensed");
    assert_eq!(code(&policy, "/d", "otter.example", "DE"), "allow");
    let policy = config(r#"{"unclassified": "forward"}"#).unwrap();
    for (host, place, want) in [
        ("otter.example", "MT", "allow"),
        ("otter.example", "DE", "jurisdiction_unlicensed"),
        ("otter.example", "", "jurisdiction_unknown"),
        ("kings.example", "GB", "jurisdiction_unlicensed"), // licensed there for bets alone
    ] {
        assert_eq!(code(&policy, "/x//w", host, place), want, "{host} {place}");
    }
}

#[test]
fn rejects_invalid_configurations() {
    for (changes, field) in [
        (r#"{"licences": []}"#, "licences"),
        (r#"{"licences": null}"#, "licences"),
        (r#"{"licences": "MT"}"#, "licences"),
        (r#"{"licences": [{"brand": "ottr", "markets": ["MT"]}]}"#, "licences[0].brand"),
        (r#"{"version": "2026.1"}"#, "version"),
        (r#"{"blocked": ["KP", "Iran"]}"#, "blocked[1]"),
        (r#"{"address": {"trusted": ["10.0.0.1/8"]}}"#, "address.trusted[0]"),
        (r#"{"address": null}"#, "address"),
        (r#"{"on_unknown": {"wager": "deny"}}"#, "on_unknown.wager"),
        (r#"{"on_unknown": {"content": "refuse"}}"#, "on_unknown.content"),
        (r#"{"address": {"trusted": []}}"#, "address.trusted"),
        (r#"{"address": {"trusted": ["0.0.0.0/0"]}}"#, "address.trusted[0]"),
        (r#"{"licenses": []}"#, "licenses"),
        (r#"{"mode": "off"}"#, "mode"),
        (r#"{"host": "nginx"}"#, "host"),
        (r#"{"on_error": "allow"}"#, "on_error"),
        (r#"{"unclassified": "pass"}"#, "unclassified"),
        (r#"{"place": {"first": "header"}}"#, "place.header"),
        (r#"{"place": {"first": "guess"}}"#, "place.first"),
        (r#"{"place": null}"#, "place"),
        (r#"{"brands": {}}"#, "brands"),
        (r#"{"blocked_by": "someone"}"#, "blocked_by"),
        (r#"{"blocked_by": "https://a>; rel=x"}"#, "blocked_by"),
        (r#"{"classes": {"settlement": "licensed"}}"#, "classes.settlement"),
        (r#"{"classes": {"safer-gambling": "licensed"}}"#, "classes.safer-gambling"),
        (r#"{"endpoints": []}"#, "endpoints"),
        (
            r#"{"endpoints": [{"path": "/w", "class": "wager"}, {"path": "/w", "class": "odds"}]}"#,
            "endpoints[1]",
        ),
        (
            r#"{"endpoints": [{"path": "/w", "class": "wager", "envelope": "hub"}]}"#,
            "endpoints[0].envelope",
        ),
    ] {
        let error = config(changes).map(|_| ()).unwrap_err();
        assert_eq!(error.field, field, "{changes}: {error}");
    }
}

#[test]
fn no_class_that_must_pass_can_be_blocked() {
    for class in ["settlement", "safer-gambling"] {
        assert!(config(&format!(r#"{{"classes": {{"{class}": "pass"}}}}"#)).is_ok());
    }
}

#[test]
fn blocked_anonymous_unknown_and_product() {
    let policy = config(
        r#"{"blocked": ["KP", "US-TX"],
            "on_unknown": {"deposit": "pass"},
            "anonymous": {"headers": {"x-vpn": "vpn", "x-tor": "tor"},
                          "refuse": {"account": ["tor"], "deposit": []}},
            "licences": [{"brand": "otter", "markets": ["MT", "KP", "US"]},
                         {"brand": "kings", "markets": ["MT"], "products": ["sportsbook"]}]}"#,
    )
    .unwrap();
    const OTTER: &str = "otter.example";
    type PresentedLocation = &'static [(&'static str, &'static str)];
    let cases: &[(&str, &str, PresentedLocation, &str, &str)] = &[
        ("/c", OTTER, &[("x-geo-country", "KP")], "jurisdiction_unlicensed", "blocked"),
        ("/wd", OTTER, &[("x-geo-country", "KP")], "jurisdiction_unlicensed", "blocked"),
        ("/a", OTTER, &[("x-geo-country", "US-TX")], "jurisdiction_unlicensed", "blocked"),
        ("/a", OTTER, &[("x-geo-country", "US")], "jurisdiction_unknown", "blocked"),
        ("/a", OTTER, &[("x-geo-country", "US-NJ")], "allow", "class"),
        ("/sg", OTTER, &[("x-geo-country", "KP")], "allow", "class"),
        ("/st", OTTER, &[("x-geo-country", "KP")], "allow", "class"),
        (
            "/w",
            OTTER,
            &[("x-geo-country", "MT"), ("x-vpn", "true")],
            "anonymous_network",
            "anonymous:vpn",
        ),
        ("/w", OTTER, &[("x-vpn", "true")], "anonymous_network", "anonymous:vpn"),
        ("/w", OTTER, &[("x-geo-country", "MT"), ("x-vpn", "false")], "allow", "licences[0]"),
        ("/a", OTTER, &[("x-vpn", "true")], "allow", "class"),
        ("/a", OTTER, &[("x-tor", "true")], "anonymous_network", "anonymous:tor"),
        ("/d", OTTER, &[("x-geo-country", "MT"), ("x-vpn", "true")], "allow", "licences[0]"),
        ("/sg", OTTER, &[("x-vpn", "true")], "allow", "class"),
        ("/d", OTTER, &[], "allow", "on_unknown"),
        ("/w", OTTER, &[], "jurisdiction_unknown", "on_unknown"),
        ("/slots", OTTER, &[("x-geo-country", "MT")], "allow", "licences[0]"),
        ("/slots", "kings.example", &[("x-geo-country", "MT")], "product_unlicensed", "licences"),
        (
            "/slots",
            "kings.example",
            &[("x-geo-country", "SE")],
            "jurisdiction_unlicensed",
            "licences",
        ),
        ("/x//", OTTER, &[("x-geo-country", "MT")], "endpoint_unclassified", "unclassified"),
    ];
    for (target, host, headers, code, rule) in cases {
        let got = decision(&policy, target, host, "10.0.0.1", headers, 0);
        assert_eq!(got, (*code, (*rule).to_owned()), "{target} {host} {headers:?}");
    }
}

#[test]
fn the_second_source_counts_and_can_block() {
    let place = r#""place": {"first": "header", "second": "table",
        "header": {"country": "x-geo-country", "region": "x-geo-region"},
        "table": {"KP": ["203.0.113.0/24"]}}"#;
    let policy = config(&format!("{{{place}}}")).unwrap();
    assert_eq!(code(&policy, "/w", "otter.example", "MT"), "place_conflict");
    assert_eq!(code(&policy, "/a", "otter.example", "MT"), "allow");
    let policy = config(&format!(r#"{{{place}, "blocked": ["KP"]}}"#)).unwrap();
    assert_eq!(code(&policy, "/a", "otter.example", "MT"), "jurisdiction_unlicensed");
    assert_eq!(code(&policy, "/a", "otter.example", "T1"), "jurisdiction_unlicensed");
}

#[test]
fn licences_hold_between_their_dates() {
    let licences = r#"[{"brand": "otter", "markets": ["MT"], "until": "1970-01-01T00:00:05Z"}]"#;
    let policy = config(&format!(r#"{{"licences": {licences}}}"#)).unwrap();
    assert!(policy.needs_clock);
    assert!(!config("{}").unwrap().needs_clock);
    for (second, want) in [(4, "allow"), (5, "jurisdiction_unlicensed")] {
        let headers = [("x-geo-country", "MT")];
        let now = second * 1_000_000_000;
        let got = decision(&policy, "/w", "otter.example", "10.0.0.1", &headers, now);
        assert_eq!(got.0, want, "second {second}");
    }
}
