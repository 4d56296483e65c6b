//! Which calls need a location, and what it means beside the place by address.

use std::rc::Rc;

use super::*;
use crate::location::check::TokenCheck;
use crate::location::claims::ClaimMapping;
use crate::location::testing::{claims, document, location, policy, CLIENT, NOW};
use crate::policy::case::Facts;
use policy_kit::Headers;
use policy_token::Claims;
use serde_json::{json, Value};

/// What is known of the token of a request.
fn genuine(changes: Value) -> TokenCheck {
    let mapping = policy_kit::parse(b"{}").unwrap();
    let mapping = ClaimMapping::compile(mapping, vec!["vpn".to_owned()]).unwrap();
    let claims = Claims::parse(claims(changes).to_string().as_bytes()).unwrap();
    TokenCheck::Genuine(Rc::new(mapping.read(&claims).unwrap()))
}

fn region(code: &str) -> TokenCheck {
    genuine(json!({"region": code}))
}

/// Rules a request of player p-1 from `country`.
fn rule(policy: &Policy, target: &str, country: &str, token: TokenCheck) -> Decision {
    let mut pairs = vec![(":method", "POST"), (":path", target), (":authority", "otter.example")];
    pairs.push(("x-forwarded-for", CLIENT));
    pairs.extend((!country.is_empty()).then_some(("x-geo-country", country)));
    let headers = Headers::from_pairs(pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())));
    let peer = "10.0.0.1".parse().ok();
    let mut case = policy.case(&Facts { headers: &headers, peer, now: NOW * SECOND });
    case.location = token;
    case.player = Some(b"p-1".to_vec());
    case.session = Some(b"s-1".to_vec());
    // Of no consequence but where partners call.
    case.partner = true;
    policy.decide(&policy.endpoint(&case), &case)
}

fn code(policy: &Policy, target: &str, country: &str, token: TokenCheck) -> &'static str {
    rule(policy, target, country, token).denial.map_or("allow", |denial| denial.code)
}

const UNLICENSED_CODE: &str = "jurisdiction_unlicensed";

#[test]
fn every_class_with_and_without_a_location() {
    let needed = ["geo_required", "geo_rejected", "geo_unavailable", "allow"];
    let open = ["geo_required", "geo_rejected", "allow", "allow"];
    let passes = ["allow"; 4];
    let by_default = policy(&document(location(json!({})), json!({}))).unwrap();
    let more = json!({"classes": {"deposit": "fresh", "cashout": "fresh", "launch": "none"}});
    let more = policy(&document(location(more), json!({}))).unwrap();
    let turned = json!({"classes": {"cashout": "fresh"},
                        "on_error": {"cashout": "refuse", "wager": "pass"}});
    let turned = policy(&document(location(turned), json!({}))).unwrap();
    let unclassified = ["endpoint_unclassified"; 4];
    for (target, first, second, third) in [
        ("/bets", needed, needed, open),
        ("/launch", needed, passes, needed),
        ("/deposits", passes, open, passes),
        ("/cashout", passes, open, needed),
        ("/withdrawals", passes, passes, passes),
        ("/balance", passes, passes, passes),
        ("/limits", passes, passes, passes),
        ("/wins", passes, passes, passes),
        // A partner's server: no player's device is there.
        ("/debit", passes, passes, passes),
        ("/nothing", unclassified, unclassified, unclassified),
    ] {
        for (policy, want) in [(&by_default, first), (&more, second), (&turned, third)] {
            let verdicts = [
                TokenCheck::Missing,
                TokenCheck::Invalid("location:token_signature".to_owned()),
                TokenCheck::Unavailable { retry: 1, down: true },
                region("MT"),
            ];
            assert_eq!(verdicts.map(|it| code(policy, target, "MT", it)), want, "{target}");
        }
    }
    let forwarding = json!({"unclassified": "forward"});
    let forwarding = policy(&document(location(json!({})), forwarding)).unwrap();
    for (token, want) in [(TokenCheck::Missing, "geo_required"), (region("MT"), "allow")] {
        assert_eq!(code(&forwarding, "/nothing", "MT", token), want);
    }
}

/// A token with an unknown key opens nothing; nor do too many failures.
#[test]
fn only_a_provider_that_is_down_opens_a_class() {
    let open = json!({"classes": {"deposit": "fresh"}});
    let policy = policy(&document(location(open), json!({}))).unwrap();
    for (token, want) in [
        (TokenCheck::Unavailable { retry: 1, down: true }, "allow"),
        (TokenCheck::Unavailable { retry: 1, down: false }, "geo_unavailable"),
        (TokenCheck::Limited(1), "too_many_failures"),
        (TokenCheck::Expired, "geo_stale"),
        (TokenCheck::Missing, "geo_required"),
    ] {
        assert_eq!(code(&policy, "/deposits", "MT", token.clone()), want, "{token:?}");
    }
    let down = TokenCheck::Unavailable { retry: 7, down: true };
    let decision = rule(&policy, "/deposits", "MT", down.clone());
    assert_eq!(
        (decision.device, decision.rule.as_str()),
        (DeviceLocation::Unavailable, "licences[0]")
    );
    assert_eq!(code(&policy, "/deposits", "DE", down.clone()), UNLICENSED_CODE);
    assert_eq!(code(&policy, "/deposits", "", down.clone()), "jurisdiction_unknown");
    assert_eq!(rule(&policy, "/bets", "MT", down).retry, Some(7));
}

/// The place by address, the token's, the rule for conflicts; the decision, and its rule.
#[test]
fn the_device_place_counts() {
    for (country, device, on_conflict, want, rule_is) in [
        ("US", "US-NJ", "deny", "allow", "licences[0]"),
        ("", "US-NJ", "deny", "allow", "licences[0]"),
        ("XX", "MT", "deny", "allow", "licences[0]"),
        ("MT", "MT", "deny", "allow", "licences[0]"),
        // The device counts, not the address: both are in the same country.
        ("US-NY", "US-NJ", "deny", "allow", "licences[0]"),
        ("US-NJ", "US-NY", "deny", UNLICENSED_CODE, "licences"),
        ("US-NJ", "US", "deny", "jurisdiction_unknown", "licences"),
        ("MT", "US-NJ", "deny", "place_conflict", "place.on_conflict"),
        ("DE", "MT", "deny", "place_conflict", "place.on_conflict"),
        ("DE", "MT", "first", "allow", "licences[0]"),
        ("MT", "DE", "first", UNLICENSED_CODE, "licences"),
        ("MT", "DE", "second", UNLICENSED_CODE, "licences"),
        ("KP", "MT", "first", UNLICENSED_CODE, "blocked"),
        ("MT", "KP", "first", UNLICENSED_CODE, "blocked"),
        ("MT", "KP", "deny", UNLICENSED_CODE, "blocked"),
    ] {
        let place = json!({"first": "header", "on_conflict": on_conflict,
                           "header": {"country": "x-geo-country"}});
        let policy = policy(&document(location(json!({})), json!({"place": place}))).unwrap();
        let got = rule(&policy, "/bets", country, region(device));
        let code = got.denial.map_or("allow", |denial| denial.code);
        assert_eq!((code, got.rule.as_str()), (want, rule_is), "{country} {device} {on_conflict}");
        let counts = Some(device).filter(|_| country != "KP");
        assert_eq!(got.device.place().map(Place::as_str), counts, "{country} {device}");
    }
    // No place by address is no conflict, and `on_unknown` does not apply.
    let unknown = json!({"on_unknown": {"wager": "pass"}});
    let policy = policy(&document(location(json!({})), unknown)).unwrap();
    assert_eq!(rule(&policy, "/bets", "", region("DE")).rule, "licences");
    assert_eq!(code(&policy, "/bets", "", TokenCheck::Missing), "geo_required");
}

/// The places of the edge, the table and the token, the rules for conflicts and unknown places; the
/// decision, and its rule.
#[test]
fn sources_may_contradict_a_token() {
    let good = |code| region(code);
    let licences = "licences[0]";
    let conflict = "place.on_conflict";
    for (country, table, token, on_conflict, unknown, want, rule_is) in [
        ("T1", "", good("MT"), "deny", "refuse", "jurisdiction_unknown", "on_unknown"),
        ("T1", "", good("MT"), "deny", "pass", "allow", licences),
        ("T1", "DE", good("MT"), "deny", "refuse", "jurisdiction_unknown", "on_unknown"),
        ("T1", "DE", good("MT"), "deny", "pass", "place_conflict", conflict),
        ("T1", "DE", good("MT"), "first", "refuse", "jurisdiction_unknown", "on_unknown"),
        ("T1", "DE", good("MT"), "first", "pass", "allow", licences),
        ("T1", "MT", good("MT"), "deny", "refuse", "jurisdiction_unknown", "on_unknown"),
        ("T1", "MT", good("MT"), "deny", "pass", "allow", licences),
        ("T1", "KP", good("MT"), "deny", "pass", UNLICENSED_CODE, "blocked"),
        ("T1", "", TokenCheck::Missing, "deny", "refuse", "jurisdiction_unknown", "on_unknown"),
        ("T1", "", TokenCheck::Missing, "deny", "pass", "geo_required", "location.header"),
        ("", "DE", good("MT"), "deny", "refuse", "place_conflict", conflict),
        ("", "DE", good("MT"), "first", "refuse", "allow", licences),
        ("", "MT", good("MT"), "deny", "refuse", "allow", licences),
        // No place is not Tor, and what the table knows counts all the same.
        ("XX", "", good("MT"), "deny", "refuse", "allow", licences),
        ("XX", "DE", good("MT"), "deny", "refuse", "place_conflict", conflict),
        ("XX", "DE", good("MT"), "second", "refuse", "allow", licences),
    ] {
        let mut place = json!({"first": "header", "header": {"country": "x-geo-country"},
                               "on_conflict": on_conflict});
        if !table.is_empty() {
            place["second"] = json!("table");
            place["table"] = json!({table: ["203.0.113.0/24"]});
        }
        let changes = json!({"place": place, "on_unknown": {"wager": unknown}});
        let policy = policy(&document(location(json!({})), changes)).unwrap();
        let case = format!("{country} {table} {on_conflict} {unknown} {token:?}");
        let got = rule(&policy, "/bets", country, token);
        let code = got.denial.map_or("allow", |denial| denial.code);
        assert_eq!((code, got.rule.as_str()), (want, rule_is), "{case}");
    }
}

/// What no better check would mend is the law's refusal, not the want of a location: the place by
/// address, what is known of the token, the rule for conflicts; the code, the rule, what was detected.
#[test]
fn refusals_by_law_where_no_check_would_help() {
    let failed = |code: &str| genuine(json!({"passed": false, "region": code}));
    let doubtful = |code: &str| genuine(json!({"confident": false, "region": code}));
    let nowhere = || genuine(json!({"passed": false, "region": null}));
    let old = |code: &str| genuine(json!({"region": code, "exp": NOW}));
    let anothers = |code: &str| {
        genuine(json!({"passed": false, "region": code, "sub": "p-2", "reasons": ["vpn"]}))
    };
    let (missing, expired) = (|| TokenCheck::Missing, || TokenCheck::Expired);
    let bad = || TokenCheck::Invalid("location:token_signature".to_owned());
    let down = || TokenCheck::Unavailable { retry: 1, down: true };
    let expires = "location.claims.expires_at";
    for (country, token, on_conflict, want, rule_is, detected) in [
        // The check found where the player is, and that place is not licensed.
        ("MT", failed("KP"), "deny", UNLICENSED_CODE, "blocked", "KP"),
        ("MT", failed("DE"), "deny", UNLICENSED_CODE, "licences", "DE"),
        ("MT", failed("DE"), "first", UNLICENSED_CODE, "licences", "DE"),
        ("US", failed("US-NY"), "deny", UNLICENSED_CODE, "licences", "US-NY"),
        ("", failed("DE"), "deny", UNLICENSED_CODE, "licences", "DE"),
        ("MT", doubtful("DE"), "deny", UNLICENSED_CODE, "licences", "DE"),
        ("MT", failed("MT"), "deny", "geo_rejected", "location.claims.passed", "MT"),
        ("DE", failed("MT"), "deny", "geo_rejected", "location.claims.passed", "MT"),
        ("MT", doubtful("MT"), "deny", "geo_rejected", "location.claims.confident", "MT"),
        ("MT", nowhere(), "deny", "geo_rejected", "location.claims.passed", "unknown"),
        ("DE", nowhere(), "deny", UNLICENSED_CODE, "licences", "unknown"),
        // Not this player's, or not in time: the token does not locate the player.
        ("MT", anothers("DE"), "deny", "geo_rejected", "location.claims.player", "DE"),
        ("DE", anothers("KP"), "deny", "geo_rejected", "location.claims.player", "KP"),
        ("MT", old("DE"), "deny", "geo_stale", expires, "DE"),
        ("DE", old("MT"), "deny", UNLICENSED_CODE, "licences", "MT"),
        // Nothing may contradict the address, and nowhere in its country would do.
        ("DE", missing(), "deny", UNLICENSED_CODE, "licences", ""),
        ("DE", expired(), "deny", UNLICENSED_CODE, "licences", ""),
        ("DE", missing(), "first", "geo_required", "location.header", ""),
        ("DE", expired(), "second", "geo_stale", expires, ""),
        ("DE", bad(), "deny", "geo_rejected", "location:token_signature", ""),
        ("DE", down(), "deny", "geo_unavailable", "location.keys", ""),
        ("", missing(), "deny", "geo_required", "location.header", ""),
        ("MT", missing(), "deny", "geo_required", "location.header", ""),
        // The device may be elsewhere in the country than its address is thought to be.
        ("US", missing(), "deny", "geo_required", "location.header", ""),
        ("US-NY", missing(), "deny", "geo_required", "location.header", ""),
    ] {
        let place = json!({"first": "header", "on_conflict": on_conflict,
                           "header": {"country": "x-geo-country"}});
        let policy = policy(&document(location(json!({})), json!({"place": place}))).unwrap();
        let got = rule(&policy, "/bets", country, token.clone());
        let case = format!("{country} {on_conflict} {token:?}");
        let code = got.denial.map_or("allow", |denial| denial.code);
        assert_eq!((code, got.rule.as_str()), (want, rule_is), "{case}");
        let says = got.device.evidence();
        assert_eq!(says.split("detected=").nth(1).unwrap_or_default(), detected, "{case}");
        assert!(want != UNLICENSED_CODE || got.members.is_empty(), "{case}");
    }
}

/// What a country is licensed for decides whether a check there would help.
#[test]
fn refusals_by_law_depend_on_product_class_and_time() {
    for (licence, want) in [
        (json!({}), "geo_required"),
        (json!({"products": ["casino"]}), "geo_required"),
        (json!({"products": ["poker"]}), "product_unlicensed"),
        (json!({"products": ["poker"], "markets": ["US-NJ"]}), "product_unlicensed"),
        (json!({"classes": ["launch"]}), UNLICENSED_CODE),
        (json!({"until": "2026-01-01T00:00:00Z"}), UNLICENSED_CODE),
        (json!({"markets": ["GB", "MT"]}), UNLICENSED_CODE),
        (json!({"markets": ["GB", "US-NY"]}), "geo_required"),
    ] {
        let mut all = json!({"brand": "otter", "markets": ["US"]});
        all.as_object_mut().unwrap().extend(licence.as_object().unwrap().clone());
        let endpoints = json!([{"path": "/bets", "class": "wager", "product": "casino"}]);
        let changes = json!({"licences": [all], "endpoints": endpoints});
        let policy = policy(&document(location(json!({})), changes)).unwrap();
        assert_eq!(code(&policy, "/bets", "US-NJ", TokenCheck::Missing), want, "{licence}");
    }
}

#[test]
fn refusals_have_max_age_recheck_and_reasons() {
    let with = json!({"intervals": {"MT": 600}});
    let policy = policy(&document(location(with), json!({}))).unwrap();
    let recheck = ("recheck", json!("/location-check"));
    let failed = json!({"passed": false, "reasons": ["vpn", "SECRET"]});
    for (token, want) in [
        (TokenCheck::Missing, vec![("max_age", json!(600)), recheck.clone()]),
        (TokenCheck::Expired, vec![("max_age", json!(600)), recheck.clone()]),
        (genuine(json!({"exp": NOW})), vec![("max_age", json!(1_800)), recheck.clone()]),
        (genuine(json!({"sub": "p-2"})), vec![recheck.clone()]),
        (
            genuine(json!({"sub": "p-2", "passed": false, "reasons": ["vpn"]})),
            vec![recheck.clone()],
        ),
        (genuine(failed), vec![recheck.clone(), ("reasons", json!(["vpn"]))]),
        (genuine(json!({"passed": false})), vec![recheck]),
        (TokenCheck::Unavailable { retry: 1, down: false }, vec![]),
        (TokenCheck::Limited(1), vec![]),
        (region("DE"), vec![]),
    ] {
        let got = rule(&policy, "/bets", "MT", token.clone()).members;
        assert_eq!(got, want, "{token:?}");
    }
}
