//! Valid and invalid claims of tokens.

use super::*;
use crate::location::testing::{claims, CLIENT, NOW};
use serde_json::json;

fn mapping(changes: serde_json::Value) -> ClaimMapping {
    let claims = policy_kit::parse(changes.to_string().as_bytes()).unwrap();
    let reasons = ["OUT_OF_BOUNDARY", "vpn"].map(str::to_owned);
    ClaimMapping::compile(claims, reasons.into()).unwrap()
}

fn read(changes: serde_json::Value) -> Result<LocationClaims, &'static str> {
    let claims = Claims::parse(claims(changes).to_string().as_bytes()).unwrap();
    mapping(json!({})).read(&claims)
}

#[test]
fn reads_every_claim() {
    let fix = read(json!({
        "region": "US-ME", "border_m": 12.5, "next_check_at": NOW + 60, "nbf": NOW + 5,
        "passed": false, "reasons": ["vpn", "SECRET", "vpn", 7, "OUT_OF_BOUNDARY"],
    }));
    let want = LocationClaims {
        passed: false,
        reasons: vec!["vpn".into(), "OUT_OF_BOUNDARY".into()],
        place: Place::parse(b"US-ME"),
        confident: Some(true),
        checked: NOW,
        valid_from: NOW + 5,
        expires: NOW + 80_000,
        next_check: Some(NOW + 60),
        border: Some(12.5),
        player: "p-1".into(),
        session: Some("s-1".into()),
        brand: None,
        ip: CLIENT.parse().unwrap(),
        id: Some("loc-7".into()),
    };
    assert_eq!(fix, Ok(want));
}

/// A claim, a value, and the result: `ok`, or the field of the document that names the claim.
#[test]
fn rejects_missing_and_mistyped_claims() {
    for (claim, value, want) in [
        ("passed", json!(null), "passed"),
        ("passed", json!("true"), "passed"),
        ("passed", json!(1), "passed"),
        ("reasons", json!(null), "ok"),
        ("reasons", json!([]), "ok"),
        ("reasons", json!("vpn"), "reasons"),
        ("reasons", json!({"vpn": true}), "reasons"),
        ("region", json!(null), "ok"),
        ("region", json!("us-nj"), "region"),
        ("region", json!("XX"), "region"),
        ("region", json!(["US-NJ"]), "region"),
        ("region", json!(""), "region"),
        ("confident", json!(null), "ok"),
        ("confident", json!("true"), "confident"),
        ("confident", json!(30), "confident"),
        ("iat", json!(null), "checked_at"),
        ("exp", json!(null), "expires_at"),
        ("next_check_at", json!(null), "ok"),
        ("next_check_at", json!("2026-01-01T00:00:00Z"), "next_check_at"),
        ("next_check_at", json!(-1), "ok"),
        ("next_check_at", json!(1e99), "next_check_at"),
        ("next_check_in", json!(u64::MAX), "ok"),
        ("next_check_in", json!(1.5), "ok"),
        ("iat", json!("2026-01-01T00:00:00Z"), "checked_at"),
        ("exp", json!("2026-01-01T00:00:00Z"), "expires_at"),
        ("next_check_in", json!("123"), "next_check_in"),
        ("sub", json!(null), "player"),
        ("sub", json!(""), "player"),
        ("sub", json!("p 1"), "player"),
        ("sub", json!("p".repeat(129)), "player"),
        ("sid", json!(null), "session"),
        ("sid", json!(7), "ok"),
        ("sid", json!(["s-1"]), "session"),
        ("ip", json!(null), "ip"),
        ("ip", json!("203.0.113.7:80"), "ip"),
        ("ip", json!("203.0.113.0/24"), "ip"),
        ("ip", json!(3_405_803_783_u64), "ip"),
        ("ip", json!("203.0.113.007"), "ip"),
        ("ip", json!("::ffff:203.0.113.7"), "ok"),
        ("border_m", json!(null), "ok"),
        ("border_m", json!(-1), "border"),
        ("border_m", json!("1609"), "border"),
        ("jti", json!(null), "ok"),
        ("jti", json!("loc 7"), "ok"),
        ("jti", json!({}), "ok"),
    ] {
        let got = match read(json!({claim: value})) {
            Ok(_) => "ok",
            Err(field) => field.strip_prefix("location.claims.").unwrap(),
        };
        assert_eq!(got, want, "{claim} = {value}");
    }
}

/// A failed check that names no place that is one: its failure is what counts.
#[test]
fn a_failed_check_may_have_any_region() {
    for region in [json!("us-nj"), json!("XX"), json!(["US-NJ"]), json!(""), json!(7)] {
        let fix = read(json!({"passed": false, "region": region, "reasons": ["vpn"]})).unwrap();
        assert_eq!((fix.passed, fix.place), (false, None), "{region}");
        assert_eq!(fix.reasons, ["vpn"], "{region}");
    }
}

/// What begins is rounded up, what ends and what grows old is cut off.
#[test]
fn beginnings_round_up_and_ends_round_down() {
    let exact = |seconds: u64| f64::from(u32::try_from(seconds).unwrap());
    let fix = read(json!({
        "iat": exact(NOW - 10) + 0.5, "exp": exact(NOW + 500) + 0.9, "nbf": exact(NOW - 20) + 0.1,
        "next_check_at": exact(NOW + 60) + 0.9, "next_check_in": 71.5, "jti": "loc\n7",
    }));
    let fix = fix.unwrap();
    assert_eq!((fix.checked, fix.valid_from), (NOW - 10, NOW - 9));
    assert_eq!((fix.expires, fix.next_check), (NOW + 500, Some(NOW + 60)));
    assert_eq!(fix.id, None, "one that cannot be handed on");
    let fix = read(json!({"iat": exact(NOW), "next_check_in": 71.5})).unwrap();
    assert_eq!((fix.checked, fix.valid_from, fix.next_check), (NOW, NOW, Some(NOW + 71)));
}

/// The provider's own claim, `exp`, and which of them ends it.
#[test]
fn the_sooner_end_counts() {
    for (named, exp, want) in [
        (json!(NOW + 100), json!(NOW + 200), Some(NOW + 100)),
        (json!(NOW + 200), json!(NOW + 100), Some(NOW + 100)),
        (json!(NOW + 200), json!(null), Some(NOW + 200)),
        (json!(null), json!(NOW + 200), None),
    ] {
        let mut claims = claims(json!({"exp": exp}));
        claims["until"] = named.clone();
        let mapping = mapping(json!({"expires_at": "/until"}));
        let fix = mapping.read(&Claims::parse(claims.to_string().as_bytes()).unwrap());
        assert_eq!(fix.ok().map(|fix| fix.expires), want, "{named} {exp}");
    }
}

#[test]
fn addresses_are_compared_in_one_form() {
    for (text, want) in [
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("203.0.113.7", "203.0.113.7"),
    ] {
        assert_eq!(read(json!({"ip": text})).unwrap().ip.to_string(), want);
    }
}

#[test]
fn the_sooner_next_check_counts() {
    for (at, wait, want) in [
        (json!(null), json!(null), None),
        (json!(NOW + 100), json!(null), Some(NOW + 100)),
        (json!(null), json!(123), Some(NOW + 123)),
        (json!(NOW + 100), json!(123), Some(NOW + 100)),
        (json!(NOW + 200), json!(123), Some(NOW + 123)),
    ] {
        let fix = read(json!({"next_check_at": at, "next_check_in": wait})).unwrap();
        assert_eq!(fix.next_check, want, "{at} {wait}");
    }
}

/// A provider with other claims, like GeoComply's `result` and nested ones.
#[test]
fn claims_are_read_by_the_configured_pointers() {
    let mapping = mapping(json!({
        "passed": "/geo/result", "passed_word": "PASSED", "region": "/geo/state", "confident": null,
        "session": null, "id": null, "checked_at": "/geo/at", "border": null, "reasons": null,
    }));
    for (result, passed) in [
        (json!("PASSED"), Some(true)),
        (json!("passed"), Some(false)),
        (json!("REJECTED"), Some(false)),
        (json!(true), None),
        (json!(null), None),
    ] {
        let mut claims = claims(json!({"sid": null, "jti": null, "border_m": "far"}));
        claims["geo"] = json!({"result": result, "state": "US-NJ", "at": NOW - 5});
        let read = mapping.read(&Claims::parse(claims.to_string().as_bytes()).unwrap());
        assert_eq!(read.as_ref().ok().map(|fix| fix.passed), passed, "{result}");
        let Ok(fix) = read else { continue };
        assert_eq!((fix.confident, fix.session, fix.id), (Some(true), None, None));
        assert_eq!((fix.checked, fix.valid_from), (NOW - 5, NOW));
    }
}
