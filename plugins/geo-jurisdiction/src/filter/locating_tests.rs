//! Whole requests with location tokens: headers, facts, refusals, waiting for keys.

use super::*;
use crate::location::testing::{claims, document, forge, location, token, CLIENT, NOW};
use crate::plugin::GeoJurisdiction;
use policy_kit::fake::{run, FakeHost};
use policy_kit::SECOND;
use policy_kit::{Action, Driver, Plugin};
use policy_token::Alg;
use serde_json::{json, Value};

/// A request of player p-1 in session s-1 from the United States, as Envoy hands it over.
pub(super) fn ask(path: &str, tokens: &[&str], more: &[(&str, &str)]) -> FakeHost {
    let mut headers = vec![
        (":method", "POST"),
        (":path", path),
        (":authority", "otter.example"),
        ("x-forwarded-for", CLIENT),
        ("x-geo-country", "US"),
        // What a client would like to be believed.
        ("x-location-age", "1"),
        ("x_location_id", "loc-666"),
        ("x-geolocation-note", "kept"),
    ];
    headers.extend(tokens.iter().map(|token| ("x-geolocation", *token)));
    headers.extend_from_slice(more);
    let mut host = FakeHost::request(&headers);
    host.properties.insert("source.address".into(), b"10.0.0.1:40000".to_vec());
    host.facts.insert(facts::PLAYER.into(), "p-1".into());
    host.facts.insert(facts::SESSION.into(), "s-1".into());
    host.now = (NOW + 12) * SECOND;
    host
}

pub(super) fn config(changes: Value) -> String {
    document(location(json!({})), changes).to_string()
}

pub(super) fn outcome(host: &FakeHost) -> &str {
    &host.facts["pitboss.geo-jurisdiction.decision"]
}

fn problem(host: &FakeHost) -> Value {
    serde_json::from_slice(&host.replied.as_ref().unwrap().body).unwrap()
}

#[test]
fn a_located_wager_sets_headers_and_facts() {
    let good = token(json!({}));
    let (action, host) =
        run::<GeoJurisdiction>(&config(json!({})), ask("/bets", &[&good], &[])).unwrap();
    assert_eq!(action, Action::Continue);
    for (name, want) in [
        ("x-jurisdiction", vec!["US-NJ"]),
        ("x-endpoint-class", vec!["wager"]),
        ("x-location-age", vec!["12"]),
        ("x-location-id", vec!["loc-7"]),
        ("x_location_id", vec![]),
        ("x-geolocation", vec![]),
        ("x-geolocation-note", vec!["kept"]),
    ] {
        assert_eq!(host.upstream(name), want, "{name}");
    }
    assert_eq!(host.facts[facts::LOCATION_AGE], "12");
    assert_eq!(host.facts[facts::JURISDICTION], "US-NJ");
    let evidence =
        "place=US-NJ other=US source=location rule=licences[0] location=loc-7 age=12 version=v1";
    assert_eq!(host.facts["pitboss.geo-jurisdiction.evidence"], evidence);
}

/// A request that needs no location goes on as before, without its token, which is for this plugin only.
#[test]
fn tokens_are_ignored_where_no_location_is_needed() {
    for path in ["/balance", "/limits", "/wins", "/deposits"] {
        let host = ask(path, &["a.b.c", "x"], &[]);
        let host = run::<GeoJurisdiction>(&config(json!({})), host).unwrap().1;
        let passes = path != "/deposits";
        assert_eq!(outcome(&host) == "allow", passes, "{path}: {}", outcome(&host));
        for name in ["x-geolocation", "x-location-age", "x_location_id"] {
            assert!(host.upstream(name).is_empty(), "{path} {name}");
        }
        assert!(!host.facts.contains_key(facts::LOCATION_AGE), "{path}");
    }
}

#[test]
fn refusals_name_the_remedy() {
    let failed = token(json!({"passed": false, "reasons": ["vpn", "SECRET"]}));
    let failed_there = token(json!({"passed": false, "reasons": ["vpn"], "region": "US-NY"}));
    let other = token(json!({"sub": "p-2"}));
    let old = token(json!({"iat": NOW - 1_800}));
    let elsewhere = token(json!({"region": "US-NY"}));
    let good = token(json!({}));
    let recheck = "/location-check";
    for (tokens, status, code, members, rule) in [
        (
            vec![],
            403,
            "geo_required",
            json!({"max_age": 1_800, "recheck": recheck}),
            "location.header",
        ),
        (
            vec![&old],
            403,
            "geo_stale",
            json!({"max_age": 1_800, "recheck": recheck}),
            "location.interval_s location=loc-7 detected=US-NJ",
        ),
        (
            vec![&failed],
            403,
            "geo_rejected",
            json!({"reasons": ["vpn"], "recheck": recheck}),
            "location.claims.passed location=loc-7 detected=US-NJ",
        ),
        (
            vec![&failed_there],
            451,
            "jurisdiction_unlicensed",
            json!({}),
            "licences location=loc-7 detected=US-NY",
        ),
        (
            vec![&other],
            403,
            "geo_rejected",
            json!({"recheck": recheck}),
            "location.claims.player location=loc-7 detected=US-NJ",
        ),
        (vec![&good, &good], 403, "geo_rejected", json!({"recheck": recheck}), "location.header"),
        (
            vec![&elsewhere],
            451,
            "jurisdiction_unlicensed",
            json!({}),
            "licences location=loc-7 age=12",
        ),
    ] {
        let tokens: Vec<&str> = tokens.into_iter().map(String::as_str).collect();
        let key = ("idempotency-key", "k-1");
        let host = ask("/bets", &tokens, &[key]);
        let (action, host) = run::<GeoJurisdiction>(&config(json!({})), host).unwrap();
        assert_eq!((action, outcome(&host)), (Action::Pause, format!("deny:{code}").as_str()));
        let mut want = json!({
            "code": code, "status": status, "previous_attempt": "unknown",
            "type": format!("urn:pitboss:problem:{code}"), "title": problem(&host)["title"],
        });
        want.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        assert_eq!(problem(&host), want);
        let evidence = &host.facts["pitboss.geo-jurisdiction.evidence"];
        assert!(evidence.contains(&format!(" rule={rule} version=v1")), "{evidence}");
        let link = host.replied.unwrap().headers.iter().any(|(name, _)| *name == "link");
        assert_eq!(link, status == 451, "{code}");
    }
}

#[test]
fn shadow_mode_passes_and_reports() {
    let shadow = config(json!({"mode": "shadow"}));
    for (tokens, want, place) in [
        (vec![], "shadow:geo_required", "US"),
        (vec![token(json!({"sub": "p-2"}))], "shadow:geo_rejected", "US"),
        (vec![token(json!({"region": "US-NY"}))], "shadow:jurisdiction_unlicensed", "US-NY"),
    ] {
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        let (action, host) = run::<GeoJurisdiction>(&shadow, ask("/bets", &tokens, &[])).unwrap();
        assert_eq!((action, outcome(&host)), (Action::Continue, want));
        assert_eq!(host.upstream("x-jurisdiction"), [place]);
        let proven = place == "US-NY";
        assert_eq!(host.facts.contains_key(facts::LOCATION_AGE), proven, "{want}");
        assert_eq!(host.upstream("x-location-age").len(), usize::from(proven), "{want}");
        assert!(host.upstream("x-geolocation").is_empty());
    }
}

/// Under WasmX facts are headers; filter state does not count there.
#[test]
fn wasmx_headers_identify_the_player() {
    let identity = json!({"identity": {"headers_stripped_by": "player-auth"}});
    let config = document(location(identity), json!({"host": "wasmx"})).to_string();
    let good = token(json!({}));
    type PresentedLocation = &'static [(&'static str, &'static str)];
    let cases: [(PresentedLocation, &str); 5] = [
        (&[("x-player-id", "p-1"), ("x-session-id", "s-1")], "allow"),
        (&[("x-player-id", "p-2"), ("x-session-id", "s-1")], "deny:geo_rejected"),
        (&[("x-player-id", "p-1"), ("x-session-id", "s-2")], "deny:geo_rejected"),
        (
            &[("x-player-id", "p-1"), ("x-player-id", "p-1"), ("x-session-id", "s-1")],
            "deny:geo_rejected",
        ),
        (&[], "deny:geo_rejected"),
    ];
    for (more, want) in cases {
        let host = ask("/bets", &[&good], more);
        let (_, host) = run::<GeoJurisdiction>(&config, host).unwrap();
        assert_eq!(outcome(&host), want, "{more:?}");
    }
    // On Envoy such headers do not count.
    let mut host = ask("/bets", &[&good], &[("x-player-id", "p-1"), ("x-session-id", "s-1")]);
    host.facts.remove(facts::PLAYER);
    let (_, host) = run::<GeoJurisdiction>(&self::config(json!({})), host).unwrap();
    assert_eq!(outcome(&host), "deny:geo_rejected");
}

/// One URL for all classes: the body decides whether a location is needed, and player and session may
/// only then be known.
#[test]
fn the_body_tells_whether_a_location_is_needed() {
    let good = token(json!({}));
    for (kind, tokens, player_known, want) in [
        ("debit", vec![good.as_str()], true, "allow"),
        ("debit", vec![&good], false, "allow"),
        ("debit", vec![], true, "deny:geo_required"),
        ("balance", vec![], true, "allow"),
        ("bonus", vec![&good], true, "deny:endpoint_unclassified"),
    ] {
        let mut host = ask("/one", &tokens, &[("content-type", "application/json")]);
        let player = host.facts.remove(facts::PLAYER).unwrap();
        if player_known {
            host.facts.insert(facts::PLAYER.into(), player.clone());
        }
        host.body = format!(r#"{{"type": "{kind}"}}"#).into_bytes();
        let config = config(json!({}));
        let plugin = GeoJurisdiction::configure(config.as_bytes(), &mut host).unwrap();
        let mut driver = Driver::new(Some(plugin.filter()));
        assert_eq!(driver.on_request_headers(&mut host, false), Action::Continue);
        let told = player_known && !tokens.is_empty();
        assert_eq!(host.upstream("x-location-age").len(), usize::from(told), "{kind} {tokens:?}");
        host.facts.insert(facts::PLAYER.into(), player);
        let size = host.body.len();
        driver.on_request_body(&mut host, size, true);
        assert_eq!(outcome(&host), want, "{kind} {}", tokens.len());
    }
}

/// A document whose keys are fetched: how a request waits, and its decision.
#[test]
fn requests_wait_for_keys() {
    let keys = json!({"keys": {"cluster": "geo"}, "classes": {"deposit": "fresh"}});
    let config = document(location(keys), json!({})).to_string();
    let jwks = forge().jwks();
    let good = forge().sign(Alg::Rs256, &claims(json!({})));
    type Landing<'a> = Option<(u16, &'a str)>;
    let cases: [(&str, Landing<'_>, &str, bool); 7] = [
        ("/bets", Some((200, &jwks)), "allow", false),
        ("/bets", Some((500, "")), "deny:geo_unavailable", true),
        ("/bets", Some((200, "{}")), "deny:geo_unavailable", true),
        ("/bets", None, "deny:geo_unavailable", true),
        ("/launch", None, "deny:geo_unavailable", true),
        ("/deposits", Some((503, "")), "deny:jurisdiction_unknown", false),
        ("/deposits", Some((200, &jwks)), "allow", false),
    ];
    for (path, landing, want, retry) in cases {
        for tokens in [vec![good.as_str()], vec![]] {
            let mut host = ask(path, &tokens, &[]);
            let mut plugin = GeoJurisdiction::configure(config.as_bytes(), &mut host).unwrap();
            assert!(plugin.tick_period().is_some());
            let mut driver = Driver::new(Some(plugin.filter()));
            assert_eq!(driver.on_request_headers(&mut host, true), Action::Pause);
            assert_eq!((host.flights.len(), host.calls[0].target.as_str()), (1, "geo"));
            let reply = match landing {
                Some((status, body)) => {
                    let (headers, body, cut) = (Headers::default(), body.into(), false);
                    CallReply::Response { status, headers, body, cut }
                }
                None => CallReply::NoResponse,
            };
            let key = host.flights[0].clone();
            plugin.on_shared_reply(&mut host, &key, &reply);
            driver.on_shared_reply(&mut host, &reply);
            let want = match (tokens.is_empty(), want) {
                (true, "allow") => "deny:geo_required",
                (_, want) => want,
            };
            let case = format!("{path} {landing:?} {}", tokens.len());
            assert_eq!(outcome(&host), want, "{case}");
            assert_eq!(host.resumed, want == "allow", "{case}");
            let reply = host.replied.as_ref();
            let told = reply.is_some_and(|r| r.headers.iter().any(|(n, _)| *n == "retry-after"));
            assert_eq!(told, retry, "{case}");
        }
    }
}

/// A fetch that does not take off, and one that is under way already.
#[test]
fn failed_fetches_and_the_timer_keep_keys_fresh() {
    let keys = json!({"keys": {"cluster": "geo"}});
    let config = document(location(keys), json!({})).to_string();
    let good = token(json!({}));
    let host = ask("/bets", &[&good], &[]).failing("proxy_http_call", 1);
    let (action, host) = run::<GeoJurisdiction>(&config, host).unwrap();
    assert_eq!((action, outcome(&host)), (Action::Pause, "deny:geo_unavailable"));
    let mut host = ask("/bets", &[&good], &[]);
    let mut plugin = GeoJurisdiction::configure(config.as_bytes(), &mut host).unwrap();
    let flights = plugin.on_tick(&mut host);
    assert_eq!(flights.len(), 1);
    let body = forge().jwks().into_bytes();
    let reply = CallReply::Response { status: 200, headers: Headers::default(), body, cut: false };
    plugin.on_shared_reply(&mut host, &flights[0].key, &reply);
    assert_eq!(plugin.on_tick(&mut host), []);
    let mut driver = Driver::new(Some(plugin.filter()));
    assert_eq!(driver.on_request_headers(&mut host, true), Action::Continue);
    // Without `location` there is no timer.
    let without = document(json!({}), json!({"location": null})).to_string();
    let plugin = GeoJurisdiction::configure(without.as_bytes(), &mut host).unwrap();
    assert_eq!(plugin.tick_period(), None);
}
