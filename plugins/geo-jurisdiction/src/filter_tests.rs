//! Whole requests over a fake gateway: what is stripped, told, refused, counted.

use super::*;
use policy_kit::fake::{run, FakeHost};
use policy_kit::Action;

const CONFIG: &str = r#"{
    "source": {"country_header": "x-geo-country", "region_header": "x-geo-region"},
    "brands": {"otter.example": "otter"},
    "licences": [{"brand": "otter", "markets": ["MT", "US-NJ"]}],
    "blocked_by": "https://otter.example/licences",
    "endpoints": [
        {"path": "/bets", "methods": ["POST"], "class": "wager"},
        {"path": "/balance", "class": "account"},
        {"path": "/limits", "class": "safer-gambling"}
    ]
}"#;

fn bet<'a>(more: &[(&'a str, &'a [u8])]) -> FakeHost {
    let mut headers: Vec<(&str, &[u8])> =
        vec![(":method", b"POST"), (":path", b"/bets"), (":authority", b"otter.example")];
    headers.extend_from_slice(more);
    FakeHost::request(&headers)
}

fn shadow() -> String {
    CONFIG.replacen('{', r#"{"mode": "shadow","#, 1)
}

#[test]
fn an_allowed_wager_tells_the_upstream_and_the_filters() {
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
        ("pitboss.jurisdiction", "US-NJ"),
    ];
    assert_eq!(facts, want);
    let counter = "pitboss.geo-jurisdiction.requests.class=wager.decision=allow.code=none";
    assert_eq!(host.counters[counter], 1);
}

#[test]
fn refusals() {
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
        assert!(reply.headers.contains(&("cache-control", "no-store".into())));
        let link = reply.headers.iter().find(|(n, _)| *n == "link").map(|(_, v)| v.as_ref());
        let blocked_by = "<https://otter.example/licences>; rel=\"blocked-by\"";
        assert_eq!(link, (status == 451).then_some(blocked_by));
        let decision = &host.facts["pitboss.geo-jurisdiction.decision"];
        assert_eq!(*decision, format!("deny:{code}"));
    }
}

#[test]
fn what_the_client_says_of_itself_is_stripped_whatever_is_decided() {
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
fn forged_requests_do_not_pass() {
    type Sent = &'static [(&'static str, &'static [u8])];
    let cases: &[(Sent, &str)] = &[
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
fn shadow_lets_pass_and_says_so() {
    let (action, host) =
        run::<GeoJurisdiction>(&shadow(), bet(&[("x-geo-country", b"DE")])).unwrap();
    assert_eq!((action, host.replied.is_none()), (Action::Continue, true));
    let decision = &host.facts["pitboss.geo-jurisdiction.decision"];
    assert_eq!(decision, "shadow:jurisdiction_unlicensed");
    assert_eq!(host.upstream("x-jurisdiction"), ["DE"]);
}

#[test]
fn every_failing_call_decides_as_configured() {
    let forward = CONFIG.replacen('{', r#"{"on_error": "forward","#, 1);
    // A call, and whether its failure keeps the policy from doing its work.
    let calls = [
        ("proxy_get_header_map_pairs", true),
        ("proxy_replace_header_map_value", true),
        ("proxy_remove_header_map_value", true),
        ("proxy_set_property", true),
        ("proxy_increment_metric", false),
    ];
    for status in [1, 2, 3, 4, 7, 8, 10, 12, 99] {
        for (call, needed) in calls {
            for (config, on_error) in [(CONFIG, Action::Pause), (&forward, Action::Continue)] {
                let host = bet(&[("x-geo-country", b"MT"), ("x-jurisdiction", b"MT")]);
                let (action, host) =
                    run::<GeoJurisdiction>(config, host.failing(call, status)).unwrap();
                let want = if needed { on_error } else { Action::Continue };
                assert_eq!(action, want, "{call} {status}");
                let refused = host.replied.map(|r| r.code);
                let unavailable = (want == Action::Pause).then_some("policy_unavailable");
                assert_eq!(refused, unavailable, "{call} {status}");
            }
        }
    }
}
