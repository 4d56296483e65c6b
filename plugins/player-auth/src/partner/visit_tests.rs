//! What a partner's call leaves behind: headers, answers, budgets and places.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use policy_kit::Action;
use proptest::prelude::*;
use serde_json::{json, Value};

use super::tests::{config, digits, mac, rsa, timed, World, BODY, HOME, NOW, SECOND};

const FAR: &str = "198.51.100.7";

/// The configuration with a budget.
fn unverified(unverified: Value) -> Value {
    let mut config = config();
    config["unverified"] = unverified;
    config
}

fn signature() -> String {
    digits(&mac("psp-secret", BODY))
}

#[test]
fn what_the_upstream_is_told() {
    let mut world = World::new(&config());
    let bee = digits(&mac("bee-secret", BODY));
    let forged = [("x-partner-id", "forged"), ("X-Partner-Tier", "forged"), ("x_partner_id", "f")];
    // Client, path, headers; the partner's name and tier.
    for (client, path, header, id, tier) in [
        (HOME, "/win", ("x-sign", bee.as_str()), Some("bee"), Some("gold")),
        (FAR, "/win", ("x-api-key", "live"), Some("shop"), None),
        (HOME, "/win?key=kiosk+key", ("x-a", "b"), Some("kiosk"), Some("bronze")),
        (FAR, "/win", ("x-api-key", "other"), None, None),
        (FAR, "/bets", ("x-api-key", "live"), None, None),
    ] {
        let (_driver, _) = world.begin(client, path, &[&[header][..], &forged].concat());
        let all = |name| world.host.upstream(name);
        assert_eq!(all("x-partner-id"), Vec::from_iter(id), "{path}");
        assert_eq!(all("x-partner-tier"), Vec::from_iter(tier), "{path}");
        assert_eq!(all("x_partner_id"), [""; 0], "{path}");
    }
}

#[test]
fn keys_end_here_and_signatures_go_on() {
    let mut keeping = config();
    keeping["partners"]["shop"]["forward_credential"] = true.into();
    keeping["partners"]["kiosk"]["forward_credential"] = true.into();
    let sign = signature();
    let target = "/win?a=%20&key=kiosk+key&b=c";
    for (config, key, path) in
        [(config(), vec![], "/win?a=%20&b=c"), (keeping, vec!["live"], target)]
    {
        let mut world = World::new(&config);
        assert_eq!(world.ask(FAR, "/win", &[("x-api-key", "live")], BODY), "pass");
        assert_eq!(world.host.upstream("x-api-key"), key);
        assert_eq!(world.ask(HOME, target, &[], BODY), "pass");
        assert_eq!(world.host.upstream(":path"), [path]);
        assert_eq!(world.ask(FAR, "/psp", &[("x-psp", &sign)], BODY), "pass");
        assert_eq!(world.host.upstream("x-psp"), [sign.as_str()]);
    }
}

/// The endpoint's envelope, else the partner's, else a problem document with a challenge.
#[test]
fn in_whose_words_it_is_refused() {
    let mut world = World::new(&config());
    let wrong = digits(&mac("wrong", BODY));
    for (client, path, header, status, body, challenge) in [
        (FAR, "/psp", ("x-psp", wrong.as_str()), 200, r#"{"error":"partner_signature"}"#, false),
        (FAR, "/psp", ("x-a", ""), 200, r#"{"error":"partner_unknown"}"#, false),
        (HOME, "/win", ("x-sign", wrong.as_str()), 400, r#"{"two":"partner_signature"}"#, false),
        (FAR, "/win", ("x-sign", wrong.as_str()), 400, r#"{"two":"partner_network"}"#, false),
        (FAR, "/win", ("x-api-key", "other"), 401, r#"{"code":"partner_unknown""#, true),
        (FAR, "/win", ("x-test-key", "live"), 503, r#"{"code":"partner_environment""#, false),
    ] {
        world.ask(client, path, &[header], BODY);
        let reply = world.host.replied.clone().unwrap();
        let text = String::from_utf8(reply.body).unwrap();
        assert!(reply.status == status && text.starts_with(body), "{} {text}", reply.status);
        let challenges = reply.headers.iter().filter(|(name, _)| name == "www-authenticate");
        let challenges: Vec<_> = challenges.map(|(_, value)| value.as_ref()).collect();
        let want = if challenge { vec![&b"Partner realm=\"player\""[..]] } else { vec![] };
        assert_eq!(challenges, want, "{text}");
    }
}

#[test]
fn certificates() {
    let digest = "ab".repeat(32);
    let good = [
        ("mtls", vec![1]),
        ("sha256_peer_certificate_digest", digest.clone().into_bytes()),
        ("uri_san_peer_certificate", b"spiffe://mesh".to_vec()),
    ];
    let with = |name: &str, value: &[u8]| {
        let changed = (name.to_owned(), value.to_vec());
        good.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).chain([changed]).collect()
    };
    type Properties = Vec<(String, Vec<u8>)>;
    let cases: [(&str, Properties, &str); 8] = [
        ("its own", with("id", b"7"), "pass"),
        ("a DNS name beside it", with("dns_san_peer_certificate", b"x"), "pass"),
        ("none", with("mtls", &[0]), "partner_unknown"),
        ("not told", vec![], "partner_unknown"),
        ("another", with("sha256_peer_certificate_digest", b"cd"), "partner_unknown"),
        ("no digest", with("sha256_peer_certificate_digest", b""), "partner_unknown"),
        ("another name", with("uri_san_peer_certificate", b"spiffe://mesh2"), "partner_unknown"),
        ("no name", with("uri_san_peer_certificate", b""), "partner_unknown"),
    ];
    for (name, properties, want) in cases {
        let mut world = World::new(&config());
        for (property, value) in properties {
            world.host.properties.insert(format!("connection.{property}"), value);
        }
        assert_eq!(world.ask(FAR, "/win", &[], BODY), want, "{name}");
        let proof = if want == "pass" { "certificate" } else { "" };
        assert_eq!(world.fact("pitboss.partner-proof"), proof, "{name}");
    }
}

#[test]
fn whoever_fails_too_often_waits_and_no_one_else() {
    let mut world = World::new(&unverified(json!({"per_minute": 60, "burst": 3})));
    let (sign, wrong) = (signature(), digits(&mac("wrong", BODY)));
    let failures = [("x-psp", wrong.as_str()), ("x-psp", "no hex"), ("x-api-key", "other")];
    for header in failures {
        assert!(world.ask(HOME, "/psp", &[header], BODY).starts_with("partner_"));
    }
    let forge = ["x-psp", "x-api-key"].map(|name| (name, "x"));
    for header in forge.into_iter().chain([("x-psp", sign.as_str())]) {
        assert_eq!(world.ask(HOME, "/psp", &[header], BODY), "partner_budget", "{header:?}");
    }
    let reply = world.host.replied.clone().unwrap();
    assert!(reply.code == "partner_budget" && reply.status == 200, "in its envelope");
    // Whoever is proven by headers alone has no part in it, and nobody from elsewhere.
    assert_eq!(world.ask(HOME, "/win?key=kiosk+key", &[], BODY), "pass");
    assert_eq!(world.ask(HOME, "/win", &[("x-api-key", "live")], BODY), "partner_budget");
    let reply = world.host.replied.clone().unwrap();
    assert!(reply.status == 503 && reply.header("retry-after") == Some("1"));
    assert_eq!(world.ask(FAR, "/psp", &[("x-psp", &sign)], BODY), "pass");
    world.host.now += SECOND;
    assert_eq!(world.ask(HOME, "/psp", &[("x-psp", &sign)], BODY), "pass");
    assert_eq!(world.ask(HOME, "/psp", &[("x-psp", &sign)], BODY), "pass", "given back");
}

#[test]
fn honest_signers_cost_their_address_nothing() {
    let mut world = World::new(&unverified(json!({"per_minute": 1, "burst": 1})));
    let sign = signature();
    for turn in 0..100 {
        assert_eq!(world.ask(FAR, "/psp", &[("x-psp", &sign)], BODY), "pass", "{turn}");
    }
    let results = "pitboss.player-auth.partners.partner=psp.result=allow";
    assert_eq!(world.host.counters.get(results), Some(&100));
}

#[test]
fn bodies_that_never_come_hold_no_more_than_their_part() {
    let few = json!({"per_minute": 1, "burst": 3, "max_held": 8});
    let mut world = World::new(&unverified(few));
    let sign = signature();
    let header = [("x-psp", sign.as_str())];
    let mut held: Vec<_> = (0..2).map(|_| world.begin(FAR, "/psp", &header)).collect();
    assert!(held.iter().all(|(_, action)| *action == Action::Continue));
    assert_eq!(world.ask(FAR, "/psp", &header, BODY), "partner_busy", "a quarter is its part");
    let others = ["192.0.2.81", "192.0.2.82", "192.0.2.83"];
    let mut theirs: Vec<_> =
        others.iter().chain(&others).map(|other| world.begin(other, "/psp", &header)).collect();
    assert_eq!(world.ask(HOME, "/psp", &header, BODY), "partner_busy", "all are taken");
    assert_eq!(world.ask(HOME, "/win?key=kiosk+key", &[], BODY), "pass", "needs no place");
    let (mut one, _) = theirs.pop().unwrap();
    assert_eq!(world.finish(&mut one, BODY), Action::Continue);
    assert_eq!(world.ask(HOME, "/psp", &header, BODY), "pass", "there is a place again");
    // Some clients leave, another comes: places are free again, charges are not. The last quarter of them
    // is for addresses that are a partner's.
    held.truncate(1);
    assert_eq!(world.ask(FAR, "/psp", &header, BODY), "partner_busy", "not for strangers");
    theirs.pop();
    let (_third, action) = world.begin(FAR, "/psp", &header);
    assert_eq!(action, Action::Continue);
    assert_eq!(world.ask(FAR, "/psp", &header, BODY), "partner_budget");
    // Only the one that has a body after all gives its charge back.
    let (mut last, _) = held.pop().unwrap();
    assert_eq!(world.finish(&mut last, BODY), Action::Continue);
    drop(last);
    assert_eq!(world.ask(FAR, "/psp", &header, BODY), "pass");
}

#[test]
fn bodies_over_the_cap() {
    let mut world = World::new(&unverified(json!({"max_body_bytes": 40})));
    for (length, want) in [(40, "pass"), (41, "body_too_large")] {
        let body = "x".repeat(length);
        let sign = digits(&mac("psp-secret", &body));
        assert_eq!(world.ask(FAR, "/psp", &[("x-psp", &sign)], &body), want);
    }
    let reply = world.host.replied.clone().unwrap();
    assert_eq!(String::from_utf8(reply.body).unwrap(), r#"{"error":"body_too_large"}"#);
}

/// Senders take a 4xx for the end of a settlement, and its money may be owed.
#[test]
fn a_settlement_is_told_nothing_final_where_the_call_is_not_at_fault() {
    let mut config = config();
    config["unverified"] = json!({"max_body_bytes": 40});
    config["envelopes"]["one"]["*"]["status"] = 500.into();
    config["partners"]["shop"]["paths"] = json!(["/win", "/bets"]);
    config["endpoints"][0]["caller"] = "partner".into();
    let mut world = World::new(&config);
    let (long, late, key) = ("x".repeat(41), timed("1"), ("x-api-key", "live"));
    let sign = digits(&mac("psp-secret", &long));
    for (path, headers, body, status, wait) in [
        ("/only", &[key][..], BODY, 503, Some("60")),
        ("/win", &[("x-stripe", &late), ("x-time", "1")], BODY, 503, Some("60")),
        // In the words of the one who calls, and again no sooner.
        ("/psp", &[("x-psp", &sign)], &long, 500, Some("60")),
        ("/win", &[("x-api-key", "other")], BODY, 401, None),
        // No money is owed by a bet.
        ("/bets", &[key], BODY, 403, None),
    ] {
        world.ask(FAR, path, headers, body);
        let reply = world.host.replied.clone().unwrap();
        assert_eq!((reply.status, reply.header("retry-after")), (status, wait), "{path}");
    }
}

#[test]
fn paths_are_whole_segments() {
    for (paths, want) in [
        (json!(["/win"]), "pass"),
        (json!(["/win/"]), "pass"),
        (json!(["/"]), "pass"),
        (json!(["/wallet", "/win"]), "pass"),
        (json!(["/wi"]), "partner_not_allowed"),
        (json!(["/win/x"]), "partner_not_allowed"),
        (json!(["/wallet"]), "partner_not_allowed"),
    ] {
        let mut config = config();
        config["partners"]["shop"]["paths"] = paths.clone();
        let mut world = World::new(&config);
        assert_eq!(world.ask(FAR, "/win", &[("x-api-key", "live")], BODY), want, "{paths}");
    }
}

/// The host is `otter.example`, whose brand is otter unless the configuration says otherwise.
#[test]
fn whose_hosts_it_may_call() {
    let both = json!({"otter.example": "otter", "kings.example": "kings"});
    let nobodys = json!({"kings.example": "kings"});
    for (hosts, brands, want) in [
        (&both, json!(null), "pass"),
        (&both, json!(["otter"]), "pass"),
        (&both, json!(["kings", "otter"]), "pass"),
        (&both, json!(["kings"]), "partner_not_allowed"),
        (&nobodys, json!(["kings"]), "partner_not_allowed"),
        (&nobodys, json!(null), "pass"),
    ] {
        let mut config = config();
        config["brands"] = hosts.clone();
        config["partners"]["bee"]["brands"] = brands.clone();
        config["partners"]["shop"]["brands"] = brands.clone();
        let mut world = World::new(&config);
        let sign = digits(&mac("bee-secret", BODY));
        assert_eq!(world.ask(HOME, "/win", &[("x-sign", &sign)], BODY), want, "{hosts} {brands}");
        if want != "pass" {
            let reply = world.host.replied.clone().unwrap();
            assert_eq!(reply.body, br#"{"two":"partner_not_allowed"}"#, "in its envelope");
            assert_eq!(world.fact("pitboss.partner-proof"), "", "nothing is proven");
        }
        assert_eq!(
            world.ask(FAR, "/win", &[("x-api-key", "live")], BODY),
            want,
            "{hosts} {brands}"
        );
    }
}

#[test]
fn where_credentials_count() {
    for (environment, shop, tests) in [
        (json!(null), "pass", "partner_environment"),
        (json!("production"), "pass", "partner_environment"),
        (json!("sandbox"), "partner_environment", "pass"),
    ] {
        let mut config = config();
        config["environment"] = environment;
        let mut world = World::new(&config);
        assert_eq!(world.ask(FAR, "/win", &[("x-api-key", "live")], BODY), shop);
        assert_eq!(world.ask(FAR, "/win", &[("x-test-key", "live")], BODY), tests);
    }
}

#[test]
fn without_partners_nobody_is_asked() {
    let mut config = config();
    config["partners"] = Value::Null;
    config["endpoints"].as_array_mut().unwrap().remove(3);
    let mut world = World::new(&config);
    let (mut driver, action) = world.begin(FAR, "/win", &[("x-partner-id", "forged")]);
    assert_eq!(action, Action::Continue);
    assert_eq!(world.finish(&mut driver, BODY), Action::Continue);
    assert_eq!(world.host.upstream("x-partner-id"), [""; 0], "stripped all the same");
    assert_eq!(world.fact("pitboss.partner-proof"), "");
}

/// A gateway that tells a short body has refused it, and one that fails a call proves nobody.
#[test]
fn gateways_that_fail() {
    let sign = signature();
    let header = [("x-psp", sign.as_str()), ("x-partner-id", "forged")];
    for call in [
        "proxy_get_header_map_pairs",
        "proxy_remove_header_map_value",
        "proxy_replace_header_map_value",
        "proxy_get_property",
        "proxy_set_property",
        "proxy_get_current_time_nanoseconds",
        "proxy_get_buffer_bytes",
    ] {
        let mut world = World::new(&config());
        world.host.faults.insert(call, 10);
        assert_eq!(world.ask(FAR, "/psp", &header, BODY), "policy_unavailable", "{call}");
    }
    let mut world = World::new(&config());
    let (mut driver, _) = world.begin(FAR, "/psp", &header);
    world.host.body = Vec::new();
    assert_eq!(driver.on_request_body(&mut world.host, BODY.len(), true), Action::Pause);
    assert_eq!(world.host.replied.unwrap().code, "policy_unavailable");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Only the signature of this very body passes, and no header makes anything fail badly.
    #[test]
    fn only_the_signature_of_this_body(
        body in "[ -~]{0,60}", other in "[ -~]{0,60}", noise in "[ -~]{0,90}", flip in 0..256usize,
    ) {
        let mut world = World::new(&config());
        let good = mac("psp-secret", &body);
        let mut flipped = good;
        flipped[flip / 8] ^= 1 << (flip % 8);
        for (sign, fits) in [
            (digits(&good), true),
            (digits(&flipped), false),
            (digits(&mac("psp-secret", &other)), other == body),
            (STANDARD.encode(good), false),
            (noise, false),
        ] {
            let outcome = world.ask(FAR, "/psp", &[("x-psp", &sign)], &body);
            let want = fits && !body.is_empty();
            prop_assert_eq!(outcome == "pass", want, "{} {}", outcome, sign);
        }
        let (_, _, hub) = rsa();
        prop_assert_eq!(world.ask(FAR, "/win", &[("x-hub", &hub)], &body), "partner_signature");
        prop_assert!(world.host.now == NOW * SECOND);
    }
}
