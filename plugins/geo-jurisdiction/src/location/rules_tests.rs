//! Documents that are refused.

use crate::location::testing::{document, location, policy};
use policy_token::testing::ISSUER;
use serde_json::json;

#[test]
fn rejects_invalid_documents() {
    let jwks = &location(json!({}))["keys"]["jwks"];
    let short = json!({"algorithms": ["HS256"], "keys": {"secret": "S3CRET"}});
    let secret = json!({"secret": {"env": "S3CRET"}});
    let variable = json!({"algorithms": ["HS256"], "keys": secret});
    for (changes, field) in [
        (json!({"issuer": ""}), "issuer"),
        (json!({"issuer": null}), "issuer"),
        (json!({"header": "X-Geo"}), "header"),
        (json!({"header": "x-jurisdiction"}), "header"),
        (json!({"header": "authorization"}), "header"),
        (json!({"header": "x-session-id"}), "header"),
        (json!({"header": "x-partner-id"}), "header"),
        (json!({"header": "x-geo-country"}), "header"),
        (json!({"header": "x-original-url"}), "header"),
        (json!({"audiences": null}), "audiences"),
        (json!({"audiences": []}), "audiences"),
        (json!({"any_audience": true}), "audiences"),
        (json!({"algorithms": []}), "algorithms"),
        (json!({"algorithms": ["none"]}), "algorithms"),
        (json!({"algorithms": ["ES256", "HS256"]}), "algorithms"),
        (json!({"keys": {}}), "keys"),
        (json!({"keys": {"jwks": {"keys": []}}}), "keys.jwks"),
        (json!({"keys": {"jwks": jwks, "cluster": "geo"}}), "keys"),
        (json!({"keys": {"cluster": "geo", "timeout_ms": 0}}), "keys.timeout_ms"),
        (json!({"keys": {"cluster": "geo", "path": "keys"}}), "keys.path"),
        (short, "keys.secret"),
        (variable, "keys.secret.env"),
        (json!({"skew_s": 601}), "skew_s"),
        (json!({"recheck": "ftp://S3CRET"}), "recheck"),
        (json!({"interval_s": 0}), "interval_s"),
        (json!({"interval_s": 86_401}), "interval_s"),
        (json!({"intervals": {"US-ME": 0}}), "intervals (entry 1 in alphabetical order)"),
        (
            json!({"intervals": {"PR": 60, "US-PR": 90}}),
            "intervals (entry 2 in alphabetical order)",
        ),
        (json!({"intervals": {"US-MEE": 60}}), "intervals (entry 1 in alphabetical order)"),
        (
            json!({"intervals": {"US-ME": 60, "maine": 60}}),
            "intervals (entry 2 in alphabetical order)",
        ),
        (json!({"border_interval_s": 0}), "border_interval_s"),
        (json!({"border_m": -1}), "border_m"),
        (json!({"cache_tokens": 100_001}), "cache_tokens"),
        (json!({"failures": {"burst": 0}}), "failures.burst"),
        (json!({"claims": {"player": "sub"}}), "claims.player"),
        (json!({"claims": {"player": null}}), "claims.player"),
        (json!({"claims": {"ip": null}}), "claims.ip"),
        (json!({"claims": {"border": ""}}), "claims.border"),
        (json!({"claims": {"passed_word": ""}}), "claims.passed_word"),
        (json!({"claims": {"colour": "/colour"}}), "claims.colour"),
        (json!({"classes": {"settlement": "fresh"}}), "classes.settlement"),
        (json!({"classes": {"safer-gambling": "fresh"}}), "classes.safer-gambling"),
        (json!({"classes": {"withdrawal": "fresh"}}), "classes.withdrawal"),
        (json!({"classes": {"wager": "stale"}}), "classes.wager"),
        (json!({"on_error": {"deposit": "pass"}}), "on_error.deposit"),
        (json!({"on_error": {"wager": "forward"}}), "on_error.wager"),
        (json!({"identity": {"headers_stripped_by": "player-auth"}}), "identity"),
        (json!({"colour": 1}), "colour"),
    ] {
        let error = policy(&document(location(changes.clone()), json!({}))).map(|_| ());
        let error = error.unwrap_err();
        assert_eq!(error.field, format!("location.{field}"), "{changes}: {error}");
        assert!(!error.to_string().contains("S3CRET"), "{error}");
    }
}

/// Where facts travel in headers, a filter must strip what clients send.
#[test]
fn wasmx_requires_a_stripping_filter() {
    for (changes, want) in [
        (json!({}), Some("location.identity")),
        (json!({"identity": {}}), Some("location.identity.headers_stripped_by")),
        (
            json!({"identity": {"headers_stripped_by": ""}}),
            Some("location.identity.headers_stripped_by"),
        ),
        (json!({"identity": {"headers_stripped_by": "player-auth"}}), None),
    ] {
        let document = document(location(changes.clone()), json!({"host": "wasmx"}));
        let error = policy(&document).map(|_| ()).err();
        assert_eq!(error.map(|e| e.field).as_deref(), want, "{changes}");
    }
}

#[test]
fn accepts_optional_members() {
    for changes in [
        json!({"recheck": null, "reasons": null}),
        json!({"recheck": "https://otter.example/check?x=1"}),
        json!({"keys": {"cluster": "geo", "path": "/keys", "refresh_s": 60}}),
        json!({"classes": {"deposit": "fresh", "wager": "none"}, "on_error": {"deposit": "refuse"}}),
        json!({"audiences": null, "any_audience": true, "issuer": ISSUER}),
        json!({"border_m": 0, "cache_tokens": 0, "skew_s": 0}),
    ] {
        let document = document(location(changes.clone()), json!({}));
        assert_eq!(policy(&document).map(|_| ()), Ok(()), "{changes}");
    }
    let licensed = json!({"classes": {"withdrawal": "licensed"}});
    let asked = location(json!({"classes": {"withdrawal": "fresh"}}));
    assert!(policy(&document(asked, licensed)).is_ok());
}

#[test]
fn the_brand_claim_is_required_unless_ids_are_unique() {
    let brands = json!({"otter.example": "otter", "kings.example": "kings"});
    let (silent, telling) = (json!({}), json!({"claims": {"brand": "/brand"}}));
    for (changes, location_of, want) in [
        (json!({}), &silent, "good"),
        (json!({ "brands": brands }), &silent, "location.claims.brand"),
        (json!({ "brands": brands }), &telling, "good"),
        (json!({ "brands": brands, "players_unique": true }), &silent, "good"),
        (json!({}), &json!({"claims": {"brand": "brand"}}), "location.claims.brand"),
    ] {
        let compiled = policy(&document(location(location_of.clone()), changes.clone()));
        let got = compiled.map(|_| "good".to_owned()).unwrap_or_else(|error| error.field);
        assert_eq!(got, want, "{changes} {location_of}");
    }
}
