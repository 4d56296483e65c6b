//! Whole requests over a fake gateway: headers, facts, refusals, counters.

use super::*;
use crate::plugin::GeoJurisdiction;
use policy_kit::fake::{run, FakeHost};
use policy_kit::{Action, Driver, Plugin};

const CONFIG: &str = r#"{
    "version": "v1",
    "address": {"trusted": ["10.0.0.0/8"]},
    "place": {"first": "header", "header": {"country": "x-geo-country", "region": "x-geo-region"}},
    "brands": {"otter.example": "otter"},
    "licences": [{"brand": "otter", "markets": ["MT", "US-NJ"]}],
    "blocked_by": "https://otter.example/licences",
    "endpoints": [
        {"path": "/bets", "methods": ["POST"], "class": "wager"},
        {"path": "/balance", "class": "account"},
        {"path": "/limits", "class": "safer-gambling"},
        {"path": "/one", "envelope": "one", "select": {"pointer": "/type", "classes":
            {"debit": "wager", "credit": "settlement"}}}
    ],
    "envelopes": {"one": {"*": {"status": 200, "json": {"status": "ERROR", "why": "{code}"}}}}
}"#;

fn bet<'a>(more: &[(&'a str, &'a [u8])]) -> FakeHost {
    let mut headers: Vec<(&str, &[u8])> =
        vec![(":method", b"POST"), (":path", b"/bets"), (":authority", b"otter.example")];
    headers.extend_from_slice(more);
    through_the_edge(&headers)
}

fn through_the_edge(headers: &[(&str, &[u8])]) -> FakeHost {
    let mut host = FakeHost::request(headers);
    host.properties.insert("source.address".into(), b"10.0.0.1:40000".to_vec());
    host
}

fn shadow() -> String {
    CONFIG.replacen('{', r#"{"mode": "shadow","#, 1)
}

#[test]
fn an_allowed_wager_sets_headers_and_facts() {
    let host = bet(&[("x-geo-country", b"US"), ("x-geo-region", b"NJ")]);
    let (action, host) = run::<GeoJurisdiction>(CONFIG, host).unwrap();
    assert_eq!(action, Action::Continue);
    assert_eq!(host.upstream("x-jurisdiction"), ["US-NJ"]);
    assert_eq!(host.upstream("x-endpoint-class"), ["wager"]);
    let facts: Vec<_> = host.facts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let want = [
        ("pitboss.brand", "otter"),
        ("pitboss.class", "wager"),
        ("pitboss.geo-jurisdiction.decision", "allow"),
        (
            "pitboss.geo-jurisdiction.evidence",
            "place=US-NJ source=header rule=licences[0] version=v1",
        ),
        ("pitboss.jurisdiction", "US-NJ"),
    ];
    assert_eq!(facts, want);
    let counter = "pitboss.geo-jurisdiction.requests.class=wager.decision=allow.code=none";
    assert_eq!(host.counters[counter], 1);
}

#[test]
fn refusals_are_problem_documents() {
    for (country, status, code) in
        [(&b"DE"[..], 451, "jurisdiction_unlicensed"), (b"XX", 403, "jurisdiction_unknown")]
    {
        let host = bet(&[("x-geo-country", country), ("x-request-id", b"r-1")]);
        let (action, host) = run::<GeoJurisdiction>(CONFIG, host).unwrap();
        assert_eq!(action, Action::Pause);
        let reply = host.replied.unwrap();
        assert_eq!((reply.status, reply.code), (status, code));
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&body["code"], &body["request_id"]), (&code.into(), &"r-1".into()));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let blocked_by = "<https://otter.example/licences>; rel=\"blocked-by\"";
        assert_eq!(reply.header("link"), (status == 451).then_some(blocked_by));
        let decision = &host.facts["pitboss.geo-jurisdiction.decision"];
        assert_eq!(*decision, format!("deny:{code}"));
    }
}

#[test]
fn refusals_of_keyed_requests_leave_the_earlier_attempt_unknown() {
    for (more, want) in [
        (&[][..], None),
        (&[("idempotency-key", &b""[..])], None),
        (&[("idempotency-key", b"k-1")], Some("unknown")),
    ] {
        let headers = [&[("x-geo-country", &b"DE"[..])], more].concat();
        let (_, host) = run::<GeoJurisdiction>(CONFIG, bet(&headers)).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&host.replied.unwrap().body).unwrap();
        assert_eq!(body["previous_attempt"].as_str(), want, "{more:?}");
    }
}

#[test]
fn client_headers_are_stripped_whatever_is_decided() {
    let forged: &[(&str, &[u8])] = &[
        ("x-jurisdiction", b"MT"),
        ("X-Jurisdiction", b"US-NJ"),
        ("x-endpoint-class", b"content"),
        ("x-http-method-override", b"GET"),
        ("x-http-method", b"GET"),
        ("x-method-override", b"GET"),
        ("x-original-method", b"GET"),
        ("x-original-url", b"/balance"),
        ("x-rewrite-url", b"/balance"),
        ("x_jurisdiction", b"US-NJ"),
        ("x-location-age", b"1"),
        ("x-location-id", b"loc-1"),
        ("X_Original-URL", b"/balance"),
    ];
    for (config, country) in [(CONFIG.to_owned(), &b"MT"[..]), (shadow(), b"DE"), (shadow(), b"XX")]
    {
        let mut headers = forged.to_vec();
        headers.push(("x-geo-country", country));
        let (action, host) = run::<GeoJurisdiction>(&config, bet(&headers)).unwrap();
        assert_eq!(action, Action::Continue);
        let place = if country == b"XX" { vec![] } else { vec![country] };
        let place: Vec<_> = place.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect();
        assert_eq!(host.upstream("x-jurisdiction"), place);
        assert_eq!(host.upstream("x-endpoint-class"), ["wager"]);
        for (name, _) in &forged[3..] {
            assert!(host.upstream(name).is_empty(), "{name}");
        }
    }
}

#[test]
fn rejects_forged_requests() {
    type PresentedLocation = &'static [(&'static str, &'static [u8])];
    let cases: &[(PresentedLocation, &str)] = &[
        (&[("x-jurisdiction", b"MT")], "jurisdiction_unknown"),
        (&[("x-geo-country", b"MT"), ("x-geo-country", b"MT")], "jurisdiction_unknown"),
        (&[("x-geo-country", b"mt")], "jurisdiction_unknown"),
        (&[("x-geo-country", b"\xff\xfe")], "jurisdiction_unknown"),
        (&[("x-geo-country", b"MT, DE")], "jurisdiction_unknown"),
        (&[("x-geo-country", b"MT"), ("x-geo-region", b"US-NJ")], "jurisdiction_unknown"),
        (&[("x-geo-country", b"DE"), ("x-jurisdiction", b"MT")], "jurisdiction_unlicensed"),
    ];
    for (headers, want) in cases {
        let (action, host) = run::<GeoJurisdiction>(CONFIG, bet(headers)).unwrap();
        assert_eq!(action, Action::Pause, "{headers:?}");
        assert_eq!(host.replied.unwrap().code, *want, "{headers:?}");
    }
}

#[test]
fn shadow_mode_passes_and_reports() {
    let (action, host) =
        run::<GeoJurisdiction>(&shadow(), bet(&[("x-geo-country", b"DE")])).unwrap();
    assert_eq!((action, host.replied.is_none()), (Action::Continue, true));
    let decision = &host.facts["pitboss.geo-jurisdiction.decision"];
    assert_eq!(decision, "shadow:jurisdiction_unlicensed");
    assert_eq!(host.upstream("x-jurisdiction"), ["DE"]);
}

#[test]
fn failed_host_calls_decide_as_configured() {
    let forward = CONFIG.replacen('{', r#"{"on_error": "forward","#, 1);
    let watching = shadow();
    // A call, and whether its failure keeps the policy from doing its work.
    let calls = [
        ("proxy_get_header_map_pairs", true),
        ("proxy_replace_header_map_value", true),
        ("proxy_remove_header_map_value", true),
        ("proxy_get_property", true),
        ("proxy_set_property", true),
        ("proxy_increment_metric", false),
    ];
    for status in [1, 2, 3, 4, 7, 8, 10, 12, 99] {
        for (call, needed) in calls {
            let passes = [forward.as_str(), watching.as_str()];
            let passes = passes.map(|config| (config, Action::Continue));
            for (config, on_error) in passes.into_iter().chain([(CONFIG, Action::Pause)]) {
                let host = bet(&[("x-geo-country", b"MT"), ("x-jurisdiction", b"MT")]);
                let (action, host) =
                    run::<GeoJurisdiction>(config, host.failing(call, status)).unwrap();
                let want = if needed { on_error } else { Action::Continue };
                assert_eq!(action, want, "{call} {status}");
                if needed && call != "proxy_set_property" {
                    let word = if want == Action::Pause { "deny" } else { "forward" };
                    let decision = &host.facts["pitboss.geo-jurisdiction.decision"];
                    assert_eq!(*decision, format!("{word}:policy_unavailable"), "{call} {status}");
                }
                let refused = host.replied.map(|r| r.code);
                let unavailable = (want == Action::Pause).then_some("policy_unavailable");
                assert_eq!(refused, unavailable, "{call} {status}");
            }
        }
    }
}

#[test]
fn places_of_untrusted_peers_are_ignored_and_stripped() {
    let mut host = bet(&[
        ("x-geo-country", b"MT"),
        ("x-geo-region", b""),
        ("x-forwarded-host", b"else.example"),
        ("forwarded", b"host=else.example"),
    ]);
    host.properties.insert("source.address".into(), b"[2001:db8::1]:40000".to_vec());
    let (action, host) = run::<GeoJurisdiction>(&shadow(), host).unwrap();
    assert_eq!(action, Action::Continue);
    assert_eq!(host.facts["pitboss.geo-jurisdiction.decision"], "shadow:jurisdiction_unknown");
    assert!(host.upstream("x-geo-country").is_empty());
    for name in ["x-geo-region", "x-forwarded-host", "forwarded"] {
        assert!(host.upstream(name).is_empty(), "{name}");
    }
    assert!(host.upstream("x-jurisdiction").is_empty());
}

#[test]
fn the_body_tells_the_class() {
    for (body, country, want) in [
        (r#"{"type": "debit"}"#, "MT", "allow"),
        (r#"{"type": "debit"}"#, "DE", "deny:jurisdiction_unlicensed"),
        (r#"{"type": "credit"}"#, "DE", "allow"),
        (r#"{"type": "credit", "type": "debit"}"#, "MT", "deny:endpoint_unclassified"),
        (r#"{"type": "bonus"}"#, "MT", "deny:endpoint_unclassified"),
        ("", "MT", "deny:endpoint_unclassified"),
    ] {
        let mut host = through_the_edge(&[
            (":method", b"POST"),
            (":path", b"/one"),
            (":authority", b"otter.example"),
            ("x-geo-country", country.as_bytes()),
            ("content-type", b"application/json; charset=utf-8"),
        ]);
        host.body = body.as_bytes().to_vec();
        let plugin = GeoJurisdiction::configure(CONFIG.as_bytes(), &mut host).unwrap();
        let mut driver = Driver::new(Some(plugin.filter()));
        assert_eq!(driver.on_request_headers(&mut host, false), Action::Continue);
        assert_eq!(host.facts["pitboss.class"], "wager", "the strictest, until it is known");
        assert_eq!(host.upstream("x-endpoint-class"), ["wager"]);
        let action = driver.on_request_body(&mut host, body.len(), true);
        assert_eq!(action == Action::Continue, want == "allow", "{body} {country}");
        assert_eq!(host.facts["pitboss.geo-jurisdiction.decision"], want, "{body} {country}");
        if let Some(reply) = host.replied {
            let code = want.trim_start_matches("deny:");
            let answer = format!(r#"{{"status":"ERROR","why":"{code}"}}"#);
            assert_eq!(String::from_utf8(reply.body).unwrap(), answer);
            assert_eq!(reply.status, 200);
        }
    }
}

#[test]
fn unreadable_bodies_are_refused() {
    for (size, fails, want) in
        [(MAX_SELECTING_BODY + 1, None, "body_too_large"), (3, Some(10), "policy_unavailable")]
    {
        let mut host =
            through_the_edge(&[(":method", b"POST"), (":path", b"/one"), (":authority", b"o")]);
        if let Some(status) = fails {
            host = host.failing("proxy_get_buffer_bytes", status);
        }
        let plugin = GeoJurisdiction::configure(CONFIG.as_bytes(), &mut host).unwrap();
        let mut driver = Driver::new(Some(plugin.filter()));
        driver.on_request_headers(&mut host, false);
        assert_eq!(driver.on_request_body(&mut host, size, true), Action::Pause);
        let reply = host.replied.unwrap();
        assert_eq!((reply.code, reply.status), (want, 200));
    }
}

#[test]
fn version_and_catalogue_are_reported() {
    let (_, host) = run::<GeoJurisdiction>(CONFIG, bet(&[])).unwrap();
    let told = host.counters.keys().find(|k| k.contains(".configured.")).unwrap();
    let catalogue = told.split("version=v1.catalogue=").nth(1).unwrap();
    assert_eq!(catalogue.len(), 12, "{told}");
    assert!(host.logs.iter().any(|l| l.contains("version v1") && l.contains(catalogue)));
}
