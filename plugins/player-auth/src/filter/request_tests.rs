//! Whole requests over a fake gateway: headers, facts, refusals, cached tokens.

use policy_kit::{Action, Driver, Plugin};

use crate::names::SECOND;
use crate::tests::gateway::{bearer, forged, token, typed, TestGateway, CLAIMS, CONFIG, NOW};

#[test]
fn a_valid_token_sets_headers_and_facts() {
    let mut gateway = TestGateway::new(CONFIG);
    let forged = ["x-player-id", "X-Player-Id", "x-brand", "x-session-id", "x-kyc-level", "x-tags"];
    let mut headers = vec![bearer(&token(CLAIMS)), ("cookie", "a=1".to_owned())];
    headers.extend(forged.map(|name| (name, "forged".to_owned())));
    for _ in ["cold", "cached"] {
        assert_eq!(gateway.ask("/bets", &headers), "pass");
        for (name, want) in [
            ("x-player-id", &["p-1"][..]),
            ("x-brand", &["otter"]),
            ("x-session-id", &["s-1"]),
            ("x-kyc-level", &["2"]),
            ("x-tags", &["a,b"]),
            ("authorization", &[]),
            ("cookie", &["a=1"]),
        ] {
            assert_eq!(gateway.host.upstream(name), want, "{name}");
        }
        let facts: Vec<_> =
            gateway.host.facts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let want = [
            ("pitboss.brand", "otter"),
            ("pitboss.class", "wager"),
            ("pitboss.kyc", "2"),
            ("pitboss.player", "p-1"),
            ("pitboss.player-auth.decision", "allow"),
            ("pitboss.session", "s-1"),
        ];
        assert_eq!(facts, want);
    }
    let counter = "pitboss.player-auth.requests.class=wager.decision=allow.code=none";
    assert_eq!(gateway.host.counters.get(counter), Some(&2));
}

#[test]
fn a_refused_retry_says_that_the_earlier_attempt_is_unknown() {
    let mut gateway = TestGateway::new(CONFIG);
    for (key, want) in [("", None), ("k-1", Some("unknown"))] {
        let headers = [("idempotency-key", key.to_owned())];
        assert_eq!(gateway.ask("/bets", &headers), "token_missing");
        let body = &gateway.host.replied.as_ref().unwrap().body;
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(body["previous_attempt"].as_str(), want, "{key:?}");
    }
}

#[test]
fn an_anonymous_request_has_no_player_headers() {
    let mut gateway = TestGateway::new(CONFIG);
    let forged = [("x-player-id", "p-9".to_owned()), ("x-tags", "vip".to_owned())];
    assert_eq!(gateway.ask("/lobby", &forged), "pass");
    assert!(gateway.host.upstream("x-player-id").is_empty());
    assert!(gateway.host.upstream("x-tags").is_empty());
    assert_eq!(gateway.host.upstream("x-brand"), ["otter"]);
    assert!(!gateway.host.facts.contains_key("pitboss.player"));
    assert_eq!(gateway.ask("/bets", &forged), "token_missing");
    assert!(gateway.host.upstream("x-player-id").is_empty(), "stripped from denied requests, too");
    let evidence = gateway.host.facts.get("pitboss.player-auth.evidence");
    assert_eq!(evidence.map(String::as_str), Some("token_missing"));
}

#[test]
fn a_class_without_token_keeps_the_credential() {
    let mut gateway = TestGateway::new(CONFIG);
    for path in ["/login", "/win", "/wallet"] {
        assert_eq!(gateway.ask(path, &[bearer("whatever"), ("x-player-id", "p-9".into())]), "pass");
        assert_eq!(gateway.host.upstream("authorization"), ["Bearer whatever"], "{path}");
        assert!(gateway.host.upstream("x-player-id").is_empty(), "{path}");
    }
    let keeping = CONFIG.replacen('{', r#"{"forward_credential": true,"#, 1);
    let mut gateway = TestGateway::new(&keeping);
    assert_eq!(gateway.ask("/bets", &[bearer(&token(CLAIMS))]), "pass");
    assert_eq!(gateway.host.upstream("authorization").len(), 1);
}

#[test]
fn rejects_invalid_tokens() {
    let mut gateway = TestGateway::new(CONFIG);
    let with = |from: &str, to: &str| token(&CLAIMS.replace(from, to));
    let good = token(CLAIMS);
    for (bad, want) in [
        (forged(), "token_signature"),
        (good[..good.len() - 3].to_owned(), "token_signature"),
        (format!("{good}AAAA"), "token_signature"),
        (good[..good.len() - 1].to_owned(), "token_malformed"),
        (format!("{good}."), "token_malformed"),
        ("abc".to_owned(), "token_malformed"),
        (with("1800000900", "1799999940"), "token_expired"),
        (with("https://id.example", "https://evil.example"), "issuer_unknown"),
        (with(r#""api""#, r#""other""#), "audience_mismatch"),
        (with(r#""iat": 1800000000"#, r#""iat": 1800000061"#), "token_not_yet_valid"),
        (with("p-1", "p\\n1"), "token_claims"),
        (with(r#""otter""#, r#""kings""#), "brand_mismatch"),
        (with(r#""sub": "p-1","#, ""), "token_claims"),
    ] {
        assert_eq!(gateway.ask("/bets", &[bearer(&bad)]), want);
        assert!(gateway.host.upstream("x-player-id").is_empty(), "{want}");
    }
    assert_eq!(gateway.ask("/bets", &[bearer(&good), bearer(&good)]), "credential_conflict");
}

#[test]
fn rejects_other_kinds_of_token() {
    let mut gateway = TestGateway::new(CONFIG);
    for (typ, want) in [
        ("JWT", "pass"),
        ("jwt", "pass"),
        ("at+jwt", "pass"),
        ("application/at+JWT", "pass"),
        ("location+jwt", "token_malformed"),
        ("logout+jwt", "token_malformed"),
        ("", "token_malformed"),
    ] {
        let header = format!(r#"{{"alg": "HS256", "typ": "{typ}"}}"#);
        assert_eq!(gateway.ask("/bets", &[bearer(&typed(&header, CLAIMS))]), want, "{typ}");
    }
}

#[test]
fn other_spellings_of_headers_are_stripped() {
    let mut gateway = TestGateway::new(CONFIG);
    let forged = ["x_player_id", "X-Player_Id", "x_tags", "x_http_method_override"];
    let forged = forged.map(|name| (name, "forged".to_owned()));
    let edge = [("x-forwarded-host", "kings.example".to_owned()), ("forwarded", "host=k".into())];
    let kept = ("x_other_id", "kept".to_owned());
    let headers: Vec<_> = forged.iter().chain(&edge).chain([&kept]).cloned().collect();
    assert_eq!(gateway.ask("/lobby", &headers), "pass");
    for (name, _) in forged.iter().chain(&edge) {
        assert!(gateway.host.upstream(name).is_empty(), "{name}");
    }
    assert_eq!(gateway.host.upstream("x_other_id"), ["kept"]);
}

#[test]
fn a_cached_token_expires() {
    let mut gateway = TestGateway::new(CONFIG);
    let good = token(CLAIMS);
    for (at, want) in [(0, "pass"), (959, "pass"), (960, "token_expired"), (0, "pass")] {
        gateway.host.now = (NOW + at) * SECOND;
        assert_eq!(gateway.ask("/bets", &[bearer(&good)]), want, "{at}");
    }
}

#[test]
fn a_source_over_its_budget_is_refused_unchecked() {
    let limited = CONFIG.replacen('{', r#"{"failures": {"per_minute": 60, "burst": 3},"#, 1);
    let mut gateway = TestGateway::new(&limited);
    let good = token(CLAIMS);
    assert_eq!(gateway.ask("/bets", &[bearer(&good)]), "pass");
    let forged = [(); 5].map(|()| gateway.ask("/bets", &[bearer(&forged())]));
    let (bad, often) = ("token_signature", "too_many_failures");
    assert_eq!(forged, [bad, bad, bad, often, often]);
    assert_eq!(gateway.host.replied.as_ref().unwrap().header("retry-after"), Some("1"));
    assert_eq!(gateway.ask("/bets", &[bearer(&good)]), "pass", "cached, and not limited");
    assert_eq!(gateway.ask("/bets", &[bearer(&token(&CLAIMS.replace("p-1", "p-2")))]), often);
    gateway.host.now += SECOND;
    assert_eq!(gateway.ask("/bets", &[bearer(&token(&CLAIMS.replace("p-1", "p-2")))]), "pass");
}

#[test]
fn the_body_selects_the_class() {
    let mut gateway = TestGateway::new(CONFIG);
    let json = ("content-type", "application/json".to_owned());
    // Body, whether there is a token; the outcome.
    for (body, signed, want) in [
        (r#"{"type": "debit"}"#, true, "pass"),
        (r#"{"type": "debit"}"#, false, "token_missing"),
        (r#"{"type": "credit"}"#, false, "pass"),
        (r#"{"type": "other"}"#, true, "endpoint_unclassified"),
    ] {
        let mut headers = vec![json.clone(), ("x-player-id", "p-9".to_owned())];
        headers.extend(signed.then(|| bearer(&token(CLAIMS))));
        gateway.host.body = body.as_bytes().to_vec();
        let base = [(":method", "POST"), (":path", "/one"), (":authority", "otter.example")];
        let base = base.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()));
        let more = headers.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.clone().into_bytes()));
        gateway.host.request = base.chain(more).collect();
        gateway.host.replied = None;
        let mut driver = Driver::new(Some(gateway.plugin.filter()));
        assert_eq!(driver.on_request_headers(&mut gateway.host, false), Action::Continue);
        let player = gateway.host.upstream("x-player-id");
        assert_eq!(player, if signed { vec!["p-1"] } else { vec![] }, "{body}");
        let action = driver.on_request_body(&mut gateway.host, body.len(), true);
        assert_eq!(gateway.outcome(action), want, "{body}");
    }
}

#[test]
fn a_failing_gateway_denies_every_request() {
    for call in [
        "proxy_get_header_map_pairs",
        "proxy_remove_header_map_value",
        "proxy_replace_header_map_value",
        "proxy_get_property",
        "proxy_set_property",
        "proxy_get_current_time_nanoseconds",
    ] {
        let mut gateway = TestGateway::new(CONFIG);
        gateway.host.faults.insert(call, 10);
        let headers = [bearer(&token(CLAIMS)), ("x-player-id", "p-9".to_owned())];
        assert_eq!(gateway.ask("/bets", &headers), "policy_unavailable", "{call}");
    }
}
