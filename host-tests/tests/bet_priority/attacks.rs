//! What clients try: forged headers, odd targets, keys that they leave away.

use abi_host::{Profile, Request};
use serde_json::json;

use crate::fixture::{ask, builder, hello, outcome, settle, start, PROFILES};

/// Headers that only the gateway sets, however they are written, never reach the upstream as the client wrote them.
#[test]
fn forged_headers_are_stripped() {
    for profile in PROFILES {
        let descriptors = json!([{"header": "x-limit-key", "key": ["client"]}]);
        let mut chain = builder(profile, &json!({"descriptors": descriptors})).start().unwrap();
        for name in [
            "x-request-priority",
            "X-Request-Priority",
            "x_request_priority",
            "x-request_priority",
            "x-endpoint-class",
            "X-Endpoint-Class",
            "x_endpoint_class",
            "x-limit-key",
            "x_limit_key",
            "x-original-url",
            "x-rewrite-url",
            "x-http-method-override",
        ] {
            let request =
                ask("/odds").header_as_written(name, "forged").header_as_written(name, "forged");
            let report = chain.run(request, &mut hello);
            let headers = report.upstream.as_ref().unwrap().headers.clone();
            let left: Vec<_> = headers.iter().filter(|(_, value)| *value == b"forged").collect();
            assert!(left.is_empty(), "{profile:?} {name}: {left:?}");
            assert_eq!(headers.text("x-request-priority"), Some("low"), "{profile:?} {name}");
            assert_eq!(headers.text("x-endpoint-class"), Some("odds"), "{profile:?} {name}");
        }
    }
}

/// No spelling of a path is a way to a class that is kept longer, or around the limits.
#[test]
fn odd_targets_are_refused() {
    for profile in PROFILES {
        let mut chain = builder(profile, &json!({})).start().unwrap();
        for target in [
            "/limits/../bets",
            "//limits",
            "/limits/",
            "/limits%2f",
            "/%2e%2e/limits",
            "/LIMITS",
            "/limits%00",
            "/nowhere",
        ] {
            let mut request = ask("/");
            request.headers.set(":path", target);
            let report = chain.run(request, &mut hello);
            assert_eq!(outcome(&report), "endpoint_unclassified", "{profile:?} {target}");
            assert_eq!(report.upstream, None);
        }
    }
}

/// A rule cannot be left by leaving its key away, or by sending two.
#[test]
fn keys_cannot_be_left_away() {
    let rule =
        json!([{"name": "a", "key": [{"header": "x-device-id"}], "requests": 1, "per": "minute"}]);
    for second in [vec![], vec!["a", "b"]] {
        let mut chain = start(&json!({"limits": rule, "concurrency": []}));
        let with = |ids: &[&str]| {
            ids.iter().fold(Request::get("/odds"), |it, id| it.header("x-device-id", id))
        };
        assert_eq!(outcome(&chain.run(with(&second), &mut hello)), "allow");
        assert_eq!(outcome(&chain.run(with(&[]), &mut hello)), "quota_exceeded", "{second:?}");
        assert_eq!(outcome(&chain.run(with(&["d-1"]), &mut hello)), "allow", "another key");
    }
}

/// Whoever claims to be a partner takes none of its requests, and a flood of claims does not stop settlement.
#[test]
fn claims_take_nothing_from_a_partner() {
    let rule = json!([{"name": "psp", "match": {"classes": ["settlement"]}, "key": ["partner"], "requests": 2, "per": "minute"}]);
    let mut chain = builder(Profile::Envoy, &json!({"limits": rule})).start().unwrap();
    for _ in 0..20 {
        // The filter before this one never proves it; nothing is charged to the partner, but to the address.
        chain.run(settle("/wallet", "claimed", "{}"), &mut hello);
    }
    for want in ["allow", "allow", "quota_exceeded"] {
        let report = chain.run(settle("/wallet", "signature", "{}"), &mut hello);
        assert_eq!(outcome(&report), want);
        assert!(want == "allow" || report.status() == 503);
    }
    let report = chain.run(settle("/wallet", "network", "{}"), &mut hello);
    assert_eq!(outcome(&report), "allow", "proven by its network it has no limit");
}

/// Bodies that two readers read differently name no class and no market.
#[test]
fn ambiguous_bodies_are_refused() {
    let market = json!({"id": {"pointer": "/market"}, "suspended": ["m-1"]});
    for profile in PROFILES {
        let mut chain = builder(profile, &json!({"market": market})).start().unwrap();
        for (path, body, want) in [
            ("/hub", r#"{"type": "credit", "type": "debit"}"#, "endpoint_unclassified"),
            ("/hub", "", "endpoint_unclassified"),
            ("/hub", r#"{"type": "credit"}"#, "allow"),
            ("/bets", r#"{"market": "m-1"}"#, "market_suspended"),
            ("/bets", r#"{"market": "m-2", "market": "m-1"}"#, "market_suspended"),
            ("/bets", r#"{"market": "m-2"}"#, "allow"),
            ("/cashout", r#"{"market": "m\u002d1"}"#, "market_suspended"),
        ] {
            let request = settle(path, "network", body);
            let report = chain.run(request, &mut hello);
            assert_eq!(outcome(&report), want, "{profile:?} {path} {body}");
            assert!(
                want == "allow" || path != "/hub" || report.status() == 503,
                "{}",
                report.status()
            );
        }
    }
}
