//! Endpoints of partners: a reported partner needs no location there, every other caller does.

use super::locating_tests::{ask, config, outcome};
use super::*;
use crate::location::testing::{document, location, token};
use crate::plugin::GeoJurisdiction;
use policy_kit::fake::{run, FakeHost};
use policy_kit::{Action, Driver, Plugin};
use serde_json::{json, Value};

/// The fact of player-auth under Envoy, the path, and the decision about a request without a token.
#[test]
fn only_reported_partners_need_no_location() {
    for (left, path, want) in [
        (Some("hub"), "/debit", "allow"),
        (None, "/debit", "deny:geo_required"),
        (Some(""), "/debit", "deny:geo_required"),
        // A partner's name does not make a player's endpoint a partner's.
        (Some("hub"), "/bets", "deny:geo_required"),
        (None, "/wins", "allow"),
    ] {
        // A client's header does not count there.
        let mut host = ask(path, &[], &[("x-partner-id", "hub"), ("x-geo-region", "NJ")]);
        host.facts.extend(left.map(|name| (facts::PARTNER.to_owned(), name.to_owned())));
        let host = run::<GeoJurisdiction>(&config(json!({})), host).unwrap().1;
        assert_eq!(outcome(&host), want, "{left:?} {path}");
    }
    // A caller that is no partner is a player, and a player's token helps.
    let host = ask("/debit", &[&token(json!({}))], &[]);
    let host = run::<GeoJurisdiction>(&config(json!({})), host).unwrap().1;
    assert_eq!(outcome(&host), "allow");
}

/// The place of a partner's server is not the player's. The fact of player-auth, the place of the server by the
/// edge, the request; the decision, and the jurisdiction that is reported.
#[test]
fn the_place_of_a_partners_server_does_not_matter() {
    let endpoints = json!([
        {"path": "/debit", "class": "wager", "caller": "partner", "product": "casino"},
        {"path": "/poker", "class": "wager", "caller": "partner", "product": "poker"},
        {"path": "/check", "class": "account", "caller": "partner"},
        {"path": "/game", "class": "launch", "caller": "partner"},
        {"path": "/bee", "class": "wager", "caller": "partner", "partners": ["bee"]},
        {"path": "/bets", "class": "wager", "product": "casino"},
    ]);
    let changes = json!({
        "endpoints": endpoints, "blocked": ["KP"], "players_unique": true,
        "licences": [{"brand": "otter", "markets": ["MT"], "products": ["casino"]},
                     {"brand": "gone", "markets": ["MT"], "until": "1970-01-02T00:00:00Z"}],
        "brands": {"otter.example": "otter", "gone.example": "gone"}, "players_unique": true,
        "anonymous": {"headers": {"x-hosting": "hosting"}},
    });
    let with = config(changes.clone());
    let mut without = document(Value::Null, changes);
    without.as_object_mut().unwrap().remove("location");
    let (unlicensed, hub) = ("deny:jurisdiction_unlicensed", Some("hub"));
    type PresentedLocation = &'static [(&'static str, &'static str)];
    let (de, kp): (PresentedLocation, PresentedLocation) =
        (&[("x-geo-country", "DE")], &[("x-geo-country", "KP")]);
    let hosting: PresentedLocation = &[("x-geo-country", "DE"), ("x-hosting", "1")];
    let (otter, gone, nobody) = ("otter.example", "gone.example", "else.example");
    for (left, brand, sent, path, want) in [
        (hub, otter, de, "/debit", "allow"),
        (hub, otter, kp, "/debit", "allow"),
        (hub, otter, hosting, "/debit", "allow"),
        (hub, otter, &[], "/debit", "allow"),
        (hub, otter, kp, "/check", "allow"),
        // No licence covers the bet, wherever the player is.
        (hub, otter, de, "/poker", "deny:product_unlicensed"),
        (hub, gone, de, "/debit", unlicensed),
        (hub, nobody, de, "/debit", unlicensed),
        // At a launch the player's own place is checked.
        (hub, otter, de, "/game", unlicensed),
        // No partner is reported, or the endpoint is not for partners.
        (None, otter, de, "/debit", unlicensed),
        (Some(""), otter, de, "/debit", unlicensed),
        (None, otter, kp, "/check", unlicensed),
        // It is another partner's.
        (hub, otter, de, "/bee", unlicensed),
        (Some("bee"), otter, de, "/bee", "allow"),
        (hub, otter, de, "/bets", unlicensed),
    ] {
        for document in [with.as_str(), &without.to_string()] {
            let mut pairs = vec![(":method", "POST"), (":path", path), (":authority", brand)];
            pairs.extend_from_slice(&[("x-forwarded-for", "203.0.113.7"), ("x-partner-id", "hub")]);
            pairs.extend_from_slice(sent);
            let mut host = FakeHost::request(&pairs);
            host.properties.insert("source.address".into(), b"10.0.0.1:40000".to_vec());
            host.now = (crate::location::testing::NOW + 12) * policy_kit::SECOND;
            host.facts.extend(left.map(|name| (facts::PARTNER.to_owned(), name.to_owned())));
            let (_, host) = run::<GeoJurisdiction>(document, host).unwrap();
            assert_eq!(outcome(&host), want, "{left:?} {brand} {sent:?} {path}");
            if want == "allow" {
                assert_eq!(host.facts[facts::JURISDICTION], "unknown", "it is not the player's");
                assert!(host.upstream("x-jurisdiction").is_empty());
            }
        }
    }
}

/// Without location tokens the header counts under WasmX only where a filter strips what clients send.
#[test]
fn wasmx_partners_without_location_need_a_stripping_filter() {
    let stripped = json!({"headers_stripped_by": "player-auth"});
    for (host, identity, want) in [
        ("wasmx", Some(stripped.clone()), Ok("allow")),
        ("wasmx", None, Ok("deny:jurisdiction_unlicensed")),
        ("wasmx", Some(json!({"headers_stripped_by": ""})), Err("identity.headers_stripped_by")),
        ("envoy", Some(stripped), Err("identity")),
    ] {
        let mut config = document(Value::Null, json!({"host": host}));
        let all = config.as_object_mut().unwrap();
        all.remove("location");
        all.extend(identity.map(|it| ("identity".to_owned(), it)));
        let pairs = [
            (":method", "POST"),
            (":path", "/debit"),
            (":authority", "otter.example"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-geo-country", "DE"),
            ("x-partner-id", "hub"),
        ];
        let mut host = FakeHost::request(&pairs);
        host.properties.insert("source.address".into(), b"10.0.0.1:40000".to_vec());
        let got = run::<GeoJurisdiction>(&config.to_string(), host);
        let got = got.map(|(_, host)| outcome(&host).to_owned()).map_err(|error| error.field);
        assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned), "{config}");
    }
}

/// Under WasmX facts are headers; filter state does not count there.
#[test]
fn wasmx_headers_identify_the_partner() {
    let identity = json!({"identity": {"headers_stripped_by": "player-auth"}});
    let config = document(location(identity), json!({"host": "wasmx"})).to_string();
    type PresentedLocation = &'static [(&'static str, &'static str)];
    let cases: [(PresentedLocation, &str); 4] = [
        (&[("x-partner-id", "hub")], "allow"),
        (&[("x-partner-id", "")], "deny:geo_required"),
        (&[("x-partner-id", "hub"), ("x-partner-id", "hub")], "deny:geo_required"),
        (&[], "deny:geo_required"),
    ];
    for (sent, want) in cases {
        let more: Vec<_> = sent.iter().copied().chain([("x-geo-region", "NJ")]).collect();
        let mut host = ask("/debit", &[], &more);
        host.facts.insert(facts::PARTNER.into(), "hub".into());
        let host = run::<GeoJurisdiction>(&config, host).unwrap().1;
        assert_eq!(outcome(&host), want, "{sent:?}");
    }
}

/// A partner has nothing to wait for; a stranger who brings no token waits for the provider's keys.
#[test]
fn partners_do_not_wait_for_keys() {
    let config = document(location(json!({"keys": {"cluster": "geo"}})), json!({})).to_string();
    for (left, want) in [(Some("hub"), 0), (None, 1)] {
        let mut host = ask("/debit", &[], &[]);
        host.facts.extend(left.map(|name| (facts::PARTNER.to_owned(), name.to_owned())));
        let (_, host) = run::<GeoJurisdiction>(&config, host).unwrap();
        assert_eq!(host.flights.len(), want, "{left:?}");
    }
}

/// Where the body tells the class, the partner is read again once the body is there.
#[test]
fn partners_may_be_authenticated_by_the_body() {
    let endpoints = json!([{"path": "/one", "caller": "partner", "select": {"pointer": "/type",
        "classes": {"debit": "wager", "credit": "settlement"}}}]);
    let config = config(json!({"endpoints": endpoints}));
    for (kind, before, after, want) in [
        ("debit", true, true, "allow"),
        ("debit", false, true, "allow"),
        ("debit", false, false, "deny:geo_required"),
        ("credit", false, false, "allow"),
    ] {
        let more = [("content-type", "application/json"), ("x-geo-region", "NJ")];
        let mut host = ask("/one", &[], &more);
        host.body = format!(r#"{{"type": "{kind}"}}"#).into_bytes();
        let plugin = GeoJurisdiction::configure(config.as_bytes(), &mut host).unwrap();
        let mut driver = Driver::new(Some(plugin.filter()));
        let named = |yes: bool| yes.then(|| (facts::PARTNER.to_owned(), "hub".to_owned()));
        host.facts.extend(named(before));
        assert_eq!(driver.on_request_headers(&mut host, false), Action::Continue);
        host.facts.extend(named(after));
        let size = host.body.len();
        driver.on_request_body(&mut host, size, true);
        assert_eq!(outcome(&host), want, "{kind} {before} {after}");
    }
}
