//! Places that are known in part: what contains a blocked or a licensed one, what has several codes, and
//! subdivisions that no source can report.

use super::*;
use crate::location::check::TokenCheck;
use crate::location::testing::{document, genuine, location, policy, NOW};
use crate::policy::case::Facts;
use policy_kit::{Headers, SECOND};
use proptest::prelude::*;
use serde_json::{json, Value};

/// A document without location tokens, with some members replaced.
fn plain(changes: Value) -> Value {
    let mut all = document(Value::Null, changes);
    all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    all
}

/// Code, rule and why, for a request with these headers from the edge.
fn ask_for(policy: &Policy, target: &str, sent: &[(&str, &str)], token: TokenCheck) -> String {
    let mut pairs = vec![(":method", "POST"), (":path", target), (":authority", "otter.example")];
    pairs.push(("x-forwarded-for", "203.0.113.7"));
    pairs.extend_from_slice(sent);
    let headers = Headers::from_pairs(pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())));
    let peer = "10.0.0.1".parse().ok();
    let mut case = policy.case(&Facts { headers: &headers, peer, now: NOW * SECOND });
    (case.location, case.player) = (token, Some(b"p-1".to_vec()));
    case.session = Some(b"s-1".to_vec());
    let decision = policy.decide(&policy.endpoint(&case), &case);
    let code = decision.denial.map_or("allow", |denial| denial.code);
    let why = decision.why.map(|why| format!(" {why}")).unwrap_or_default();
    format!("{code} {}{why}", decision.rule)
}

const BLOCKED: &str = "jurisdiction_unlicensed blocked";
const DOUBT: &str = "jurisdiction_unknown blocked blocked_in_part";
const IN_PART: &str = "jurisdiction_unknown licences licensed_in_part";
const LICENSED: &str = "allow licences[0]";

/// Markets, blocked places, country and region by the edge; the decisions about a bet and about a balance.
#[test]
fn half_known_is_not_known() {
    let passes = "allow class";
    for (markets, blocked, country, region, bet, balance) in [
        (&["CA"][..], &["CA-ON"][..], "CA", "", DOUBT, DOUBT),
        (&["CA"], &["CA-ON"], "CA", "ONT", DOUBT, DOUBT),
        (&["CA"], &["CA-ON"], "CA", "ON", BLOCKED, BLOCKED),
        (&["CA"], &["CA-ON"], "CA", "QC", LICENSED, passes),
        (&["CA-ON"], &[], "CA", "", IN_PART, passes),
        (&["CA-ON"], &[], "CA", "ON", LICENSED, passes),
        (&["CA-ON"], &[], "CA", "QC", "jurisdiction_unlicensed licences", passes),
        // A region that cannot be read does not take the country away.
        (&["GB"], &[], "GB", "England", LICENSED, passes),
        (&["US-NJ"], &[], "US", "USNJ", LICENSED, passes),
        (&["US-NJ"], &[], "US", "nj", LICENSED, passes),
        // One place, several codes.
        (&["US"], &["PR"], "US", "PR", BLOCKED, BLOCKED),
        (&["US"], &["PR"], "PR", "", BLOCKED, BLOCKED),
        (&["US"], &["PR"], "US", "", DOUBT, DOUBT),
        (&["US"], &["PR"], "US", "NJ", LICENSED, passes),
        (&["US"], &["US-PR"], "PR", "", BLOCKED, BLOCKED),
        (&["PR"], &[], "US", "PR", LICENSED, passes),
        (&["US"], &[], "US", "PR", IN_PART, passes),
        (&["CN"], &["HK"], "CN", "HK", BLOCKED, BLOCKED),
        (&["CN"], &["HK"], "CN", "", DOUBT, DOUBT),
        (&["FI"], &["AX"], "FI", "01", BLOCKED, BLOCKED),
        (&["FI"], &["AX"], "FI", "", DOUBT, DOUBT),
        (&["RS"], &["XK"], "RS", "KM", BLOCKED, BLOCKED),
        (&["RS"], &["XK"], "RS", "25", BLOCKED, BLOCKED),
        (&["RS"], &["XK"], "RS", "00", LICENSED, passes),
        (&["RU", "UA"], &["UA-43", "UA-40"], "UA", "43", BLOCKED, BLOCKED),
        (&["RU", "UA"], &["UA-43", "UA-40"], "RU", "", DOUBT, DOUBT),
        (&["RU", "UA"], &["UA-43", "UA-40"], "RU", "CR", DOUBT, DOUBT),
        (&["RU", "UA"], &["UA-43", "UA-40"], "RU", "MOW", LICENSED, passes),
        (&["UA"], &["RU"], "UA", "43", DOUBT, DOUBT),
        // What a licence names is not blocked with a country that it only may count to.
        (&["HK"], &["CN"], "HK", "", LICENSED, passes),
        (&["HK"], &["CN"], "CN", "HK", LICENSED, passes),
        (&["HK"], &["CN"], "CN", "", BLOCKED, BLOCKED),
        (&["MT"], &["CN"], "HK", "", DOUBT, DOUBT),
        // Subdivisions of subdivisions.
        (&["GB-ENG"], &[], "GB", "LND", LICENSED, passes),
        (&["GB-LND"], &[], "GB", "ENG", IN_PART, passes),
        (&["ES"], &["ES-CN"], "ES", "GC", BLOCKED, BLOCKED),
        (&["ES"], &["ES-GC"], "ES", "CN", DOUBT, DOUBT),
        (&["FR-IDF"], &[], "FR", "75", LICENSED, passes),
    ] {
        let licences = json!([{"brand": "otter", "markets": markets}]);
        let policy = policy(&plain(json!({"licences": licences, "blocked": blocked}))).unwrap();
        let sent = [("x-geo-country", country), ("x-geo-region", region)];
        for (target, want) in [("/bets", bet), ("/balance", balance), ("/limits", "allow class")] {
            let got = ask_for(&policy, target, &sent, TokenCheck::Missing);
            assert_eq!(got, want, "{markets:?} {blocked:?} {country} {region} {target}");
        }
    }
}

/// Not to know a place well enough is never what `on_unknown` lets pass.
#[test]
fn on_unknown_does_not_pass_a_place_known_in_part() {
    let licences = json!([{"brand": "otter", "markets": ["CA-ON"]}]);
    let changes = json!({"licences": licences, "on_unknown": {"wager": "pass"}});
    let policy = policy(&plain(changes)).unwrap();
    for (country, want) in [("", "allow on_unknown"), ("CA", IN_PART)] {
        let got = ask_for(&policy, "/bets", &[("x-geo-country", country)], TokenCheck::Missing);
        assert_eq!(got, want, "{country}");
    }
}

/// The place by the edge, the place of the device; the decision about a bet. CA-ON is blocked.
#[test]
fn a_device_clears_the_doubt_about_its_address() {
    let licences = json!([{"brand": "otter", "markets": ["CA", "PR", "US-NJ"]}]);
    let changes = json!({"licences": licences, "blocked": ["CA-ON", "US-WA"]});
    let policy = policy(&document(location(json!({})), changes)).unwrap();
    for (country, region, device, want) in [
        ("CA", "", Some("CA-QC"), LICENSED),
        ("CA", "", Some("CA-ON"), BLOCKED),
        ("CA", "", Some("CA"), DOUBT),
        ("CA", "", Some("CA-XX"), DOUBT),
        ("CA", "", None, "geo_required location.header"),
        ("CA", "ON", Some("CA-QC"), BLOCKED),
        ("CA", "QC", Some("CA"), DOUBT),
        ("US", "PR", Some("US-PR"), LICENSED),
        ("PR", "", Some("PR"), LICENSED),
        ("US", "", Some("PR"), LICENSED),
        ("US", "NY", Some("PR"), "place_conflict place.on_conflict"),
        ("MT", "", Some("CA-QC"), "place_conflict place.on_conflict"),
    ] {
        let token = device.map_or(TokenCheck::Missing, |at| genuine(json!({"region": at})));
        let sent = [("x-geo-country", country), ("x-geo-region", region)];
        let got = ask_for(&policy, "/bets", &sent, token);
        assert_eq!(got, want, "{country} {region} {device:?}");
    }
    // What needs no device is refused for the doubt.
    assert_eq!(
        ask_for(&policy, "/balance", &[("x-geo-country", "CA")], TokenCheck::Missing),
        DOUBT
    );
}

/// A subdivision that no source can report is a mistake, and the error names the remedy.
#[test]
fn rejects_subdivisions_that_no_source_reports() {
    let header = json!({"first": "header", "header": {"country": "c"}});
    let both = json!({"first": "header", "header": {"country": "c", "region": "r"}});
    let one = json!({"first": "header", "header": {"country": "c", "region": "c"}});
    let table = |code: &str| {
        json!({"first": "header", "header": {"country": "c"}, "second": "table",
               "table": {code: ["203.0.113.0/24"]}})
    };
    let market = Some("licences[0].markets[1]");
    let tokens = || location(json!({}));
    for (place, location, markets, blocked, want) in [
        (header.clone(), Value::Null, ["MT", "CA-ON"], "KP", market),
        (both, Value::Null, ["MT", "CA-ON"], "KP", None),
        (one, Value::Null, ["MT", "CA-ON"], "CA-QC", None),
        (table("CA-QC"), Value::Null, ["MT", "CA-ON"], "KP", market),
        (table("CA"), Value::Null, ["MT", "CA-ON"], "KP", market),
        (table("CA-ON"), Value::Null, ["MT", "CA-ON"], "KP", None),
        (table("GB-LND"), Value::Null, ["MT", "GB-ENG"], "KP", None),
        (header.clone(), tokens(), ["MT", "CA-ON"], "KP", None),
        // Every call needs to know that, and not only those that bring a token.
        (header.clone(), tokens(), ["MT", "CA"], "CA-ON", Some("blocked[0]")),
        (header.clone(), Value::Null, ["MT", "US-PR"], "CN-HK", None),
        (header.clone(), Value::Null, ["MT", "CA"], "CA-ONT", Some("blocked[0]")),
        (header.clone(), Value::Null, ["MT", "UA"], "UA-34", Some("blocked[0]")),
        (header, Value::Null, ["MT", "US-NK"], "KP", market),
    ] {
        let licences = json!([{"brand": "otter", "markets": markets}]);
        let changes = json!({"place": place, "licences": licences, "blocked": [blocked]});
        let mut all = document(location.clone(), changes);
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let got = policy(&all).map(|_| ()).map_err(|error| error.field).err();
        assert_eq!(got.as_deref(), want, "{markets:?} {blocked} {place}");
    }
}

/// Places that hold each other, and none that a country claims from another.
const PLACES: [&str; 18] = [
    "CA", "CA-ON", "CA-QC", "US", "US-NJ", "PR", "GB", "GB-ENG", "GB-LND", "GB-SCT", "RS", "XK",
    "RS-25", "FR", "FR-IDF", "FR-75C", "NL-BQ1", "BQ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A request that may pass from a place may pass from all that lies in it: less knowledge never permits
    /// more.
    #[test]
    fn less_knowledge_never_permits_more(
        markets in prop::collection::vec(prop::sample::select(&PLACES[..]), 1..4),
        blocked in prop::collection::vec(prop::sample::select(&PLACES[..]), 0..3),
        known in prop::sample::select(&PLACES[..]),
        target in prop::sample::select(vec!["/bets", "/deposits", "/balance"]),
    ) {
        let licences = json!([{"brand": "otter", "markets": markets}]);
        let policy = policy(&plain(json!({"licences": licences, "blocked": blocked}))).unwrap();
        let passes = |code: &str| {
            ask_for(&policy, target, &[("x-geo-country", code)], TokenCheck::Missing).starts_with("allow")
        };
        let place = |code: &str| Place::parse(code.as_bytes()).unwrap();
        for finer in PLACES.into_iter().filter(|it| place(it).relation(&place(known)) == Relation::Inside) {
            prop_assert!(!passes(known) || passes(finer), "{known} {finer} {markets:?} {blocked:?}");
        }
    }
}
