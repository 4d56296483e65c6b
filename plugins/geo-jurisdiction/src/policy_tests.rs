//! Case tables of the pure policy, the outcome last.

use super::*;
use policy_kit::Headers;

const CONFIG: &str = r#"{
    "source": {"country_header": "x-geo-country", "region_header": "x-geo-region"},
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
        {"path": "/st", "class": "settlement"}
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
    policy_kit::parse::<Config>(base.to_string().as_bytes()).and_then(Policy::try_from)
}

fn code(policy: &Policy, target: &str, host: &str, country: &str) -> &'static str {
    let map = Headers::from_pairs([(&b"c"[..], country.as_bytes())]);
    let country = if country.is_empty() { One::Absent } else { map.one("c") };
    let facts = Facts {
        method: b"POST",
        target: target.as_bytes(),
        authority: host.as_bytes(),
        country,
        region: One::Absent,
    };
    policy.decide(&facts).refusal.map_or("allow", |denial| denial.code)
}

#[test]
fn every_class_from_inside_outside_and_nowhere() {
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
        ("/w", "otter.example", "US", "jurisdiction_unlicensed"),
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
fn overrides() {
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
fn refused_configurations_name_the_field() {
    for (changes, field) in [
        (r#"{"licences": []}"#, "licences"),
        (r#"{"licences": null}"#, "licences"),
        (r#"{"licences": "MT"}"#, "licences"),
        (r#"{"licences": [{"brand": "ottr", "markets": ["MT"]}]}"#, "licences[0].brand"),
        (r#"{"licences": [{"brand": "otter", "markets": []}]}"#, "licences[0].markets"),
        (r#"{"licences": [{"brand": "otter", "markets": ["UK"]}]}"#, "licences[0].markets[0]"),
        (r#"{"licences": [{"brand": "otter", "markets": ["mt"]}]}"#, "licences[0].markets[0]"),
        (
            r#"{"licences": [{"brand": "otter", "markets": ["MT"], "classes": []}]}"#,
            "licences[0].classes",
        ),
        (
            r#"{"licences": [{"brand": "otter", "markets": ["MT"], "classes": ["bet"]}]}"#,
            "licences[0].classes[0]",
        ),
        (r#"{"licenses": []}"#, "licenses"),
        (r#"{"mode": "off"}"#, "mode"),
        (r#"{"host": "nginx"}"#, "host"),
        (r#"{"on_error": "allow"}"#, "on_error"),
        (r#"{"unclassified": "pass"}"#, "unclassified"),
        (r#"{"source": {"country_header": ""}}"#, "source.country_header"),
        (r#"{"source": {"country_header": "X-Geo"}}"#, "source.country_header"),
        (r#"{"source": {"country": "x-geo"}}"#, "source.country"),
        (r#"{"source": {}}"#, "source.country_header"),
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
