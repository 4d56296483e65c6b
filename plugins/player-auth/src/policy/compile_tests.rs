//! Configurations that are refused, each by the name of the field.

use crate::tests::gateway::{policy, CONFIG};

#[test]
fn rejects_invalid_configurations() {
    // The member, its value, and the field that the error names.
    for (member, value, field) in [
        ("issuers", "[]", "issuers"),
        ("version", r#""a b""#, "version"),
        ("realm", r#""a\"b""#, "realm"),
        ("realm", r#""""#, "realm"),
        ("cache_tokens", "100001", "cache_tokens"),
        ("cache_tokens", "-1", "cache_tokens"),
        ("failures", r#"{"per_minute": 0}"#, "failures.per_minute"),
        ("failures", r#"{"burst": 0}"#, "failures.burst"),
        ("failures", r#"{"bursts": 1}"#, "failures.bursts"),
        ("classes", r#"{"settlement": {"token": "required"}}"#, "classes.settlement.token"),
        ("classes", r#"{"wagers": {}}"#, "classes.wagers"),
        ("on_error", r#"{"session": "anonymous"}"#, "on_error.session"),
        ("on_error", r#"{"wager": "anonymous"}"#, "on_error.wager"),
        ("on_error", r#"{"wager": "open"}"#, "on_error.wager"),
        ("credentials", "[]", "credentials"),
        ("brands", "{}", "brands"),
        ("address", r#"{"trusted": ["0.0.0.0/0"]}"#, "address.trusted[0]"),
        ("envelopes", "{}", "endpoints[6].envelope"),
        ("endpoints", "[]", "endpoints"),
        ("token", "1", "token"),
        (
            "introspection",
            r#"{"cluster": "id", "path": "x", "any_audience": true}"#,
            "introspection.path",
        ),
        ("introspection", r#"{"cluster": "id", "path": "/x"}"#, "introspection.audiences"),
    ] {
        let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
        document[member] = serde_json::from_str(value).unwrap();
        let error = policy(&document.to_string()).unwrap_err();
        assert_eq!(error.field, field, "{member}: {value}: {error}");
    }
}

#[test]
fn rejects_invalid_issuers() {
    let ec = r#"{"jwks": {"keys": [{"kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}}"#;
    let good = [
        (r#"["ES256"]"#, ec),
        (r#"["ES256", "RS256"]"#, ec),
        (r#"["ES256"]"#, r#"{"cluster": "id"}"#),
        (r#"["HS256"]"#, r#"{"secret": "0123456789abcdef0123456789abcdef"}"#),
    ];
    let issuer = |algorithms: &str, keys: &str, more: &str| {
        let issuer = format!(
            r#"[{{"issuer": "i", "audiences": ["a"], "algorithms": {algorithms}, "keys": {keys}{more}}}]"#
        );
        let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
        document["issuers"] = serde_json::from_str(&issuer).unwrap();
        policy(&document.to_string())
    };
    for (algorithms, keys) in good {
        assert!(issuer(algorithms, keys, "").is_ok(), "{algorithms} {keys}");
    }
    for (algorithms, keys, more, field) in [
        ("[]", ec, "", "algorithms"),
        (r#"["none"]"#, ec, "", "algorithms"),
        (r#"["ES256", "ES256"]"#, ec, "", "algorithms"),
        (r#"["ES256", "HS256"]"#, ec, "", "algorithms"),
        (r#"["HS256"]"#, ec, "", "keys"),
        (r#"["RS256"]"#, ec, "", "keys.jwks"),
        (r#"["ES256"]"#, "{}", "", "keys"),
        (r#"["ES256"]"#, r#"{"jwks": {"keys": []}, "cluster": "id"}"#, "", "keys"),
        (r#"["ES256"]"#, r#"{"secret": "0123456789abcdef0123456789abcdef"}"#, "", "keys.secret"),
        (r#"["HS256"]"#, r#"{"secret": "short"}"#, "", "keys.secret"),
        (r#"["HS256"]"#, r#"{"secret": {"env": "NONE"}}"#, "", "keys.secret.env"),
        (r#"["ES256"]"#, r#"{"cluster": ""}"#, "", "keys.cluster"),
        (r#"["ES256"]"#, r#"{"cluster": "id", "path": "jwks"}"#, "", "keys.path"),
        (r#"["ES256"]"#, r#"{"cluster": "id", "refresh_s": 9}"#, "", "keys.refresh_s"),
        (r#"["ES256"]"#, r#"{"cluster": "id", "max_stale_s": 10}"#, "", "keys.max_stale_s"),
        (r#"["ES256"]"#, r#"{"cluster": "id", "timeout_ms": 0}"#, "", "keys.timeout_ms"),
        (r#"["ES256"]"#, ec, r#", "skew_s": 601"#, "skew_s"),
        (r#"["ES256"]"#, ec, r#", "max_lifetime_s": 0"#, "max_lifetime_s"),
        (r#"["ES256"]"#, ec, r#", "any_audience": true"#, "audiences"),
        (r#"["ES256"]"#, ec, r#", "claims": {"brand": null}"#, "claims.fixed_brand"),
        (
            r#"["ES256"]"#,
            ec,
            r#", "claims": {"headers": {"x-brand": "/b"}}"#,
            "claims.headers.x-brand",
        ),
    ] {
        let error = issuer(algorithms, keys, more).unwrap_err();
        assert_eq!(error.field, format!("issuers[0].{field}"), "{algorithms} {keys} {more}");
    }
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    let twice = document["issuers"][0].clone();
    document["issuers"].as_array_mut().unwrap().push(twice);
    assert_eq!(policy(&document.to_string()).unwrap_err().field, "issuers[1].issuer");
}
