//! Introspection calls, responses, and invalid configurations.

use super::*;
use policy_kit::fake::FakeHost;
use policy_kit::Headers;

fn introspection(extra: &str) -> Result<Introspection, ConfigError> {
    let json = format!(
        r#"{{"cluster": "id", "path": "/introspect", "audiences": ["api"], "active_s": 60,
            "inactive_s": 5{extra}}}"#
    );
    let raw = policy_kit::parse(json.as_bytes())?;
    Introspection::compile(raw, &mut FakeHost::default())
}

fn reply(status: u16, body: &str, cut: bool) -> CallReply {
    let headers = Headers::from_pairs(std::iter::empty::<(&[u8], &[u8])>());
    CallReply::Response { status, headers, body: body.as_bytes().to_vec(), cut }
}

#[test]
fn calls_send_the_token() {
    let introspection = introspection(r#", "authorization": "Basic eA==""#).unwrap();
    let shared = introspection.call(b"a+b/c=").unwrap();
    assert_eq!(shared.call.body, b"token=a%2Bb%2Fc%3D&token_type_hint=access_token");
    assert_eq!(shared.call.target, "id");
    let header =
        |name: &str| shared.call.headers.iter().find(|(n, _)| n == name).unwrap().1.clone();
    assert_eq!(header("authorization"), "Basic eA==");
    assert_eq!(header(":authority"), "id");
    for invalid in [&b""[..], b"a b", b"a\"b", b"\xff", &[b'a'; 1025]] {
        assert_eq!(introspection.call(invalid), None);
    }
}

#[test]
fn reads_responses() {
    const NOW: u64 = 1_000;
    const DATE: &str = "2026-09-21T12:01:01.180Z";
    let refused = |denial: Denial| IntrospectionResult::Refused(denial, denial.code, NOW + 5);
    let claims = |claim| IntrospectionResult::Refused(CLAIMS, claim, NOW + 5);
    let unavailable = |what: &str| IntrospectionResult::Unavailable(what.to_owned());
    let truth = "no `active` that is true or false";
    let good = |until| {
        let (player, brand) = ("p-1".to_owned(), "otter".to_owned());
        IntrospectionResult::Active(
            Box::new(Identity { player, brand, ..Identity::default() }),
            until,
        )
    };
    let of_issuer = |issuer: &str, until| match good(until) {
        IntrospectionResult::Active(who, until) => {
            let issuer = Some(issuer.to_owned());
            IntrospectionResult::Active(Box::new(Identity { issuer, ..*who }), until)
        }
        other => other,
    };
    let with = |until, issued, unreadable| {
        let (player, brand) = ("p-1".to_owned(), "otter".to_owned());
        let who = Identity { player, brand, issued, unreadable, ..Identity::default() };
        IntrospectionResult::Active(Box::new(who), until)
    };
    let with_iat = |until, issued| with(until, Some(issued), None);
    let unreadable = |claim| with(NOW + 60, None, Some(claim));
    let base = r#""active": true, "sub": "p-1", "brand": "otter""#;
    for (members, want) in [
        (format!(r#"{base}, "aud": "api""#), good(NOW + 60)),
        (format!(r#"{base}, "aud": "api", "iss": "any", "exp": 1030"#), of_issuer("any", 1_030)),
        (format!(r#"{base}, "aud": ["api"], "exp": 9000"#), good(NOW + 60)),
        (r#""active": false"#.to_owned(), refused(INACTIVE)),
        (format!(r#"{base}, "aud": "api", "exp": 1000"#), refused(denials::EXPIRED)),
        (format!(r#"{base}, "aud": "api", "nbf": 1061"#), refused(denials::NOT_YET)),
        (format!(r#"{base}, "aud": "api", "nbf": 1060"#), good(NOW + 60)),
        (format!(r#"{base}, "aud": "other""#), refused(denials::AUDIENCE)),
        (base.to_owned(), refused(denials::AUDIENCE)),
        (
            r#""active": true, "aud": "api", "sub": "p-1""#.to_owned(),
            claims("token_claims:claims.brand"),
        ),
        (format!(r#"{base}, "aud": "api", "exp": 1030.9, "iat": 9.4e2"#), with_iat(1_030, 940)),
        (format!(r#"{base}, "aud": "api", "exp": 1000.9"#), refused(denials::EXPIRED)),
        (format!(r#"{base}, "aud": "api", "nbf": 1060.1"#), refused(denials::NOT_YET)),
        (format!(r#"{base}, "aud": "api", "exp": null, "nbf": null, "sid": null"#), good(NOW + 60)),
        (format!(r#"{base}, "aud": "api", "exp": "{DATE}""#), claims("token_claims:exp")),
        (format!(r#"{base}, "aud": "api", "nbf": "{DATE}""#), claims("token_claims:nbf")),
        (format!(r#"{base}, "aud": ["api", 7]"#), claims("token_claims:aud")),
        (
            format!(r#"{base}, "aud": "api", "auth_time": "{DATE}""#),
            unreadable("claim_unreadable:auth_time"),
        ),
        (format!(r#"{base}, "aud": "api", "iat": "{DATE}""#), unreadable("claim_unreadable:iat")),
        (r#""active": "true""#.to_owned(), unavailable(truth)),
        (r#""active": null"#.to_owned(), unavailable(truth)),
        (r#""active": true, "active": false"#.to_owned(), unavailable("no JSON object")),
        (String::new(), unavailable(truth)),
    ] {
        let got =
            introspection("").unwrap().read(&reply(200, &format!("{{{members}}}"), false), NOW);
        assert_eq!(got, want, "{members}");
    }
}

/// Refresh tokens and tokens of other clients are active, too.
#[test]
fn checks_the_use_of_active_tokens() {
    let extra = r#", "clients": ["web"], "payload_types": ["Bearer"]"#;
    for (members, want) in [
        (r#""client_id": "web", "typ": "Bearer""#, None),
        (r#""client_id": "other", "typ": "Bearer""#, Some(denials::CLIENT)),
        (r#""client_id": "web", "typ": "Refresh""#, Some(denials::MALFORMED)),
        (r#""typ": "Bearer""#, Some(denials::CLIENT)),
    ] {
        let base = r#""active": true, "sub": "p-1", "brand": "otter", "aud": "api""#;
        let body = format!("{{{base}, {members}}}");
        let got = introspection(extra).unwrap().read(&reply(200, &body, false), 1_000);
        match (got, want) {
            (IntrospectionResult::Active(..), None) => {}
            (IntrospectionResult::Refused(denial, ..), Some(want)) if denial == want => {}
            (got, _) => panic!("{members}: {got:?}"),
        }
    }
}

#[test]
fn an_unusable_response_is_unavailable() {
    let good = r#"{"active": false}"#;
    for unusable in [
        reply(500, good, false),
        reply(401, good, false),
        reply(200, good, true),
        reply(200, "", false),
        reply(200, "[]", false),
        reply(200, "nonsense", false),
        CallReply::NoResponse,
    ] {
        let got = introspection("").unwrap().read(&unusable, 0);
        assert!(matches!(got, IntrospectionResult::Unavailable(_)), "{unusable:?}");
    }
}

#[test]
fn rejects_invalid_configurations() {
    for (extra, field) in [
        (r#", "timeout_ms": 0"#, "introspection.timeout_ms"),
        (r#", "timeout_ms": 5001"#, "introspection.timeout_ms"),
        (r#", "authorization": """#, "introspection.authorization"),
        (r#", "authorization": "a\nb""#, "introspection.authorization"),
        (r#", "authorization": {"env": "NONE"}"#, "introspection.authorization.env"),
        (r#", "authority": "a b""#, "introspection.authority"),
        (r#", "any_audience": true"#, "introspection.audiences"),
        (r#", "clients": []"#, "introspection.clients"),
        (r#", "payload_types": [""]"#, "introspection.payload_types"),
        (r#", "headers": {"host": "x"}"#, "introspection.headers.host"),
        (r#", "claims": {"player": "sub"}"#, "introspection.claims.player"),
    ] {
        assert_eq!(introspection(extra).map_err(|e| e.field).unwrap_err(), field, "{extra}");
    }
}
