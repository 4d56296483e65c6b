//! What counts beside a location: the place by address, and partners.

use abi_host::{Chain, Clock, PluginConfig, Profile, Request};
use serde_json::{json, Value};

use crate::fixture::{
    auth, chain, engine, geo, house, located, location, module, outcome, provider, request, run,
    with, AUTH, GEO, NOW, PROFILES, SECOND,
};

const BODY: &str = r#"{"stake":1}"#;
/// Of that body, by `SECRET`.
const SIGNATURE: &str = "c3c5a45fbc5b34c3e5e6a46ca05ad814e282f44b2e106ff52ff298808e7a302d";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Of `hub-key`.
const DIGEST: &str = "f82ac59657837bf60c7a9fe90c4382865df5b84217801858dc2598694202970c";

/// Both documents with a players' and a partners' path for bets, and two partners.
fn partners(profile: Profile) -> Chain {
    let asked = json!({
        "hub": {"api_key": {"header": "x-api-key", "keys": [{"sha256": DIGEST}]},
                "paths": ["/wallet"], "classes": ["wager"]},
        "psp": {"hmac": {"header": "x-psp", "secrets": [SECRET]},
                "paths": ["/wallet"], "classes": ["wager"]},
    });
    let auth = changed(&auth(profile, house()), |document| document["partners"] = asked);
    let geo = changed(&geo(profile, &located(profile, provider(), &json!({}))), |_| ());
    Chain::builder(engine())
        .clock(Clock::at(NOW * SECOND))
        .profile(profile)
        .wasm(module(AUTH), PluginConfig::new(AUTH, auth))
        .wasm(module(GEO), PluginConfig::new(GEO, geo))
        .start()
        .unwrap()
}

/// geo-jurisdiction alone, without player-auth in front of it.
fn alone(profile: Profile) -> Chain {
    let geo = changed(&geo(profile, &located(profile, provider(), &json!({}))), |_| ());
    let chain = Chain::builder(engine()).clock(Clock::at(NOW * SECOND)).profile(profile);
    chain.wasm(module(GEO), PluginConfig::new(GEO, geo)).start().unwrap()
}

fn changed(document: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap();
    document["endpoints"] = json!([
        {"path": "/api/bets", "class": "wager"},
        {"path": "/wallet/debit", "class": "wager", "caller": "partner"},
    ]);
    change(&mut document);
    document.to_string()
}

fn debit(header: (&str, &str)) -> Request {
    let request = request("/wallet/debit").header(header.0, header.1);
    request.header("content-length", BODY.len().to_string()).chunk(BODY)
}

#[test]
fn only_partners_need_no_location() {
    let good = SIGNATURE;
    let flipped = SIGNATURE.replacen('c', "d", 1);
    for profile in PROFILES {
        let mut chain = partners(profile);
        for (name, value, want) in [
            ("x-api-key", "hub-key", "allow"),
            ("x-psp", good, "allow"),
            ("x-psp", flipped.as_str(), "partner_signature"),
            ("x-api-key", "hub-key-2", "partner_unknown"),
            ("x-partner-id", "hub", "partner_unknown"),
        ] {
            let report = run(&mut chain, debit((name, value)));
            assert_eq!(outcome(&report), want, "{name}: {value} under {profile:?}");
        }
        assert_eq!(outcome(&run(&mut chain, request("/api/bets"))), "geo_required", "{profile:?}");
    }
    // With nobody asked: on Envoy no header makes a partner. On WasmX it is the word of whoever strips it.
    let forged = debit(("x-partner-id", "hub"));
    assert_eq!(outcome(&run(&mut alone(Profile::Envoy), forged.clone())), "geo_required");
    assert_eq!(outcome(&run(&mut alone(Profile::Wasmx), forged)), "allow");
    let nobody = debit(("x-note", "none"));
    for profile in PROFILES {
        let report = run(&mut alone(profile), nobody.clone());
        assert_eq!(outcome(&report), "geo_required", "{profile:?}");
    }
}

/// The edge's country, and the decision with a valid token of New Jersey beside it.
#[test]
fn the_edge_may_contradict_a_valid_token() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        for (country, token, want) in [
            ("US", true, "allow"),
            ("T1", true, "jurisdiction_unknown"),
            ("T1", false, "jurisdiction_unknown"),
            ("XX", true, "allow"),
            ("XX", false, "geo_required"),
        ] {
            let mut bet = request("/api/bets");
            bet.headers.set("x-geo-country", country);
            let bet = if token { with(bet, location(&json!({}))) } else { bet };
            let report = run(&mut chain, bet);
            assert_eq!(outcome(&report), want, "{country} {token} under {profile:?}");
        }
    }
}
