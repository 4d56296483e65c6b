//! Endpoints of partners: who is named a partner there needs no location, and nobody else goes without.

use super::locating_tests::{ask, config, outcome};
use super::*;
use crate::location::testing::{document, location, token};
use policy_kit::fake::run;
use policy_kit::{Action, Driver};
use serde_json::json;

/// What player-auth left under Envoy, the path, and what comes of a call without a token.
#[test]
fn a_partner_is_who_is_named_one() {
    for (left, path, want) in [
        (Some("hub"), "/debit", "allow"),
        (None, "/debit", "deny:geo_required"),
        (Some(""), "/debit", "deny:geo_required"),
        // A partner's name does not make a player's endpoint a partner's.
        (Some("hub"), "/bets", "deny:geo_required"),
        (None, "/wins", "allow"),
    ] {
        // Nobody believes a client's header there.
        let mut host = ask(path, &[], &[("x-partner-id", "hub"), ("x-geo-region", "NJ")]);
        host.facts.extend(left.map(|name| (facts::PARTNER.to_owned(), name.to_owned())));
        let host = run::<GeoJurisdiction>(&config(json!({})), host).unwrap().1;
        assert_eq!(outcome(&host), want, "{left:?} {path}");
    }
    // Whoever is no partner is a player, and a player's token helps.
    let host = ask("/debit", &[&token(json!({}))], &[]);
    let host = run::<GeoJurisdiction>(&config(json!({})), host).unwrap().1;
    assert_eq!(outcome(&host), "allow");
}

/// Under WasmX facts are headers; filter state there is nobody's word.
#[test]
fn a_partner_under_wasmx() {
    let identity = json!({"identity": {"headers_stripped_by": "player-auth"}});
    let config = document(location(identity), json!({"host": "wasmx"})).to_string();
    type Sent = &'static [(&'static str, &'static str)];
    let cases: [(Sent, &str); 4] = [
        (&[("x-partner-id", "hub")], "allow"),
        (&[("x-partner-id", "")], "deny:geo_required"),
        (&[("x-partner-id", "hub"), ("x-partner-id", "hub")], "deny:geo_required"),
        (&[], "deny:geo_required"),
    ];
    for (sent, want) in cases {
        let more: Vec<_> = sent.iter().copied().chain([("x-geo-region", "NJ")]).collect();
        let mut host = ask("/debit", &[], &more);
        host.facts.insert(facts::PARTNER.into(), "hub".into());
        let host = run::<GeoJurisdiction>(&config, host).unwrap().1;
        assert_eq!(outcome(&host), want, "{sent:?}");
    }
}

/// A partner has nothing to wait for; a stranger who brings no token waits for the provider's keys.
#[test]
fn a_partner_does_not_wait_for_keys() {
    let config = document(location(json!({"keys": {"cluster": "geo"}})), json!({})).to_string();
    for (left, want) in [(Some("hub"), 0), (None, 1)] {
        let mut host = ask("/debit", &[], &[]);
        host.facts.extend(left.map(|name| (facts::PARTNER.to_owned(), name.to_owned())));
        let (_, host) = run::<GeoJurisdiction>(&config, host).unwrap();
        assert_eq!(host.flights.len(), want, "{left:?}");
    }
}

/// Where the body tells the class, who calls is asked again once it is there.
#[test]
fn a_partner_that_the_body_proves() {
    let endpoints = json!([{"path": "/one", "caller": "partner", "select": {"pointer": "/type",
        "classes": {"debit": "wager", "credit": "settlement"}}}]);
    let config = config(json!({"endpoints": endpoints}));
    for (kind, before, after, want) in [
        ("debit", true, true, "allow"),
        ("debit", false, true, "allow"),
        ("debit", false, false, "deny:geo_required"),
        ("credit", false, false, "allow"),
    ] {
        let more = [("content-type", "application/json"), ("x-geo-region", "NJ")];
        let mut host = ask("/one", &[], &more);
        host.body = format!(r#"{{"type": "{kind}"}}"#).into_bytes();
        let plugin = GeoJurisdiction::configure(config.as_bytes(), &mut host).unwrap();
        let mut driver = Driver::new(Some(plugin.filter()));
        let named = |yes: bool| yes.then(|| (facts::PARTNER.to_owned(), "hub".to_owned()));
        host.facts.extend(named(before));
        assert_eq!(driver.on_request_headers(&mut host, false), Action::Continue);
        host.facts.extend(named(after));
        let size = host.body.len();
        driver.on_request_body(&mut host, size, true);
        assert_eq!(outcome(&host), want, "{kind} {before} {after}");
    }
}
