//! Whether markets take bets.

use super::*;
use policy_kit::{BodyFormat, Headers, SECOND};
use serde_json::{json, Value};

const T0: u64 = 1_790_000_000 * SECOND;

fn endpoints() -> Endpoints {
    let raw = json!([
        {"path": "/bets", "class": "wager", "product": "sportsbook"},
        {"path": "/spins", "class": "wager", "product": "casino"},
        {"path": "/cashout", "class": "cashout", "product": "sportsbook"},
        {"path": "/settle", "class": "settlement"},
        {"path": "/hit", "class": "round"},
        {"path": "/odds", "class": "odds"},
        {"path": "/rpc", "select": {
            "pointer": "/do", "classes": {"bet": "wager", "win": "settlement"},
        }},
    ]);
    Endpoints::compile(policy_kit::read_settings(raw.to_string().as_bytes()).unwrap()).unwrap()
}

fn compile(change: Value, switched: bool) -> Result<MarketRules, ConfigError> {
    let mut raw = json!({"id": {"pointer": "/market"}});
    for (name, value) in change.as_object().unwrap() {
        raw[name] = value.clone();
    }
    MarketRules::compile(
        policy_kit::read_settings(raw.to_string().as_bytes())?,
        &endpoints(),
        switched,
    )
}

/// A node's markets.
#[derive(Default)]
struct Markets {
    permits: MarketPermits,
    switched: Suspended,
    held: Vec<MarketPermit>,
}

impl Markets {
    /// A request; in one word.
    fn check(&mut self, rules: &MarketRules, path: &str, body: Option<&str>) -> String {
        let endpoints = endpoints();
        let mut endpoint = endpoints.found(endpoints.classify(b"POST", path.as_bytes()));
        let pairs = [(&b"content-type"[..], &b"application/json"[..])];
        let format = BodyFormat::by(&Headers::from_pairs(pairs));
        let content = body.map(|body| Content::selecting(body.as_bytes(), format));
        if let Some(content) = &content {
            endpoint = endpoint.with_body(content);
        }
        let request = (&endpoint, path.as_bytes());
        match rules.check(&self.permits, &self.switched, request, content.as_ref(), T0) {
            MarketCheck::NotConcerned => "pass".to_owned(),
            MarketCheck::NeedsBody => "body".to_owned(),
            MarketCheck::Open(permit) => {
                self.held.extend(permit);
                "open".to_owned()
            }
            MarketCheck::Unread(why) => format!("unread {why}"),
            MarketCheck::Suspended(why) => format!("suspended {why}"),
            MarketCheck::Busy => "busy".to_owned(),
        }
    }
}

#[test]
fn suspended_markets_take_no_bets_and_are_settled() {
    let rules = compile(json!({"suspended": ["m-1"]}), false).unwrap();
    let mut markets = Markets::default();
    let m1 = Some(r#"{"market": "m-1"}"#);
    for (path, body, want) in [
        ("/bets", m1, "suspended market"),
        ("/cashout", m1, "suspended market"),
        ("/bets", Some(r#"{"market": ["m-2", "m-1"]}"#), "suspended market"),
        ("/bets", Some(r#"{"market": "m-2"}"#), "open"),
        ("/bets", Some(r#"{"stake": 1}"#), "pass"),
        ("/bets", None, "body"),
        // It may be the one that is suspended.
        ("/bets", Some(r#"{"market": "m-2", "market": "m-1"}"#), "suspended body_twice"),
        ("/bets", Some(""), "suspended body_empty"),
        ("/settle", m1, "pass"),
        ("/hit", m1, "pass"),
        ("/odds", m1, "pass"),
        ("/nothing", m1, "pass"),
        ("/rpc", None, "body"),
        ("/rpc", Some(r#"{"do": "bet", "market": "m-1"}"#), "suspended market"),
        ("/rpc", Some(r#"{"do": "win", "market": "m-1"}"#), "pass"),
    ] {
        assert_eq!(markets.check(&rules, path, body), want, "{path} {body:?}");
    }
}

#[test]
fn the_switch_suspends_markets() {
    let rules = compile(json!({}), true).unwrap();
    let mut markets = Markets::default();
    let bodies = [Some(r#"{"market": "m-1"}"#), Some("{"), None];
    assert_eq!(bodies.map(|body| markets.check(&rules, "/bets", body)), ["pass"; 3]);
    markets.switched = Suspended::new(vec![MarketId::of("m-1")]);
    let want = ["suspended market", "suspended body_syntax", "body"];
    assert_eq!(bodies.map(|body| markets.check(&rules, "/bets", body)), want);
}

#[test]
fn markets_have_a_limit() {
    let rules = compile(json!({"in_flight": 2}), false).unwrap();
    let mut markets = Markets::default();
    let (m1, m2) = (Some(r#"{"market": "m-1"}"#), Some(r#"{"market": "m-2"}"#));
    for (body, want) in [
        (m1, "open"),
        (m1, "open"),
        (m1, "busy"),
        (m2, "open"),
        (Some(r#"{"market": ["m-1", "m-2"]}"#), "busy"),
        (Some("{"), "unread body_syntax"),
        (Some(r#"{"stake": 1}"#), "pass"),
    ] {
        assert_eq!(markets.check(&rules, "/bets", body), want, "{body:?}");
    }
    assert_eq!(markets.check(&rules, "/settle", m1), "pass");
    markets.held.remove(0);
    assert_eq!(markets.check(&rules, "/cashout", m1), "open");
    markets.held.clear();
    assert_eq!(markets.permits.total(), 0);
}

#[test]
fn products_and_classes_choose() {
    let rules = compile(
        json!({"suspended": ["m-1"], "products": ["sportsbook"], "classes": ["wager"]}),
        false,
    )
    .unwrap();
    let mut markets = Markets::default();
    let m1 = Some(r#"{"market": "m-1"}"#);
    for (path, want) in [("/bets", "suspended market"), ("/spins", "pass"), ("/cashout", "pass")] {
        assert_eq!(markets.check(&rules, path, m1), want, "{path}");
    }
}

#[test]
fn rejects_invalid_configurations() {
    let many: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
    for (change, want) in [
        (json!({}), "market"),
        (json!({"id": {}}), "market.id"),
        (json!({"in_flight": 0}), "market.in_flight"),
        (json!({"in_flight": 10_001}), "market.in_flight"),
        (json!({"in_flight": 1, "classes": []}), "market.classes"),
        (json!({"in_flight": 1, "classes": ["settlement"]}), "market.classes[0]"),
        (json!({"in_flight": 1, "classes": ["wager", "round"]}), "market.classes[1]"),
        (json!({"in_flight": 1, "classes": ["safer-gambling"]}), "market.classes[0]"),
        (json!({"in_flight": 1, "classes": ["wager", "wager"]}), "market.classes[1]"),
        (json!({"in_flight": 1, "classes": ["deposit"]}), "market.classes[0]"),
        (json!({"in_flight": 1, "id": {"variable": "id"}}), "market.classes[0]"),
        (json!({"in_flight": 1, "products": ["poker"]}), "market.products[0]"),
        (json!({"suspended": [""]}), "market.suspended[0]"),
        (json!({"suspended": ["a", "m".repeat(129)]}), "market.suspended[1]"),
        (json!({"suspended": many}), "market.suspended"),
        (json!({"suspends": []}), "suspends"),
    ] {
        let error = compile(change.clone(), false).unwrap_err();
        assert_eq!(error.field, want, "{change:.60}: {error}");
    }
}
