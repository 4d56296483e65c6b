//! Partners' requests: headers, replies, certificates, budgets and held bodies.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use policy_kit::Action;
use proptest::prelude::*;
use serde_json::{json, Value};

use crate::names::SECOND;
use crate::tests::partner_gateway::{
    config, digits, mac, rsa, timed, PartnerGateway, BODY, HOME, NOW,
};

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
fn sets_headers_for_the_upstream() {
    let mut gateway = PartnerGateway::new(&config());
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
        let (_driver, _) = gateway.begin(client, path, &[&[header][..], &forged].concat());
        let all = |name| gateway.host.upstream(name);
        assert_eq!(all("x-partner-id"), Vec::from_iter(id), "{path}");
        assert_eq!(all("x-partner-tier"), Vec::from_iter(tier), "{path}");
        assert_eq!(all("x_partner_id"), [""; 0], "{path}");
    }
}

#[test]
fn keys_are_removed_and_signatures_forwarded() {
    let mut keeping = config();
    keeping["partners"]["shop"]["forward_credential"] = true.into();
    keeping["partners"]["kiosk"]["forward_credential"] = true.into();
    let sign = signature();
    let target = "/win?a=%20&key=kiosk+key&b=c";
    for (config, key, path) in
        [(config(), vec![], "/win?a=%20&b=c"), (keeping, vec!["live"], target)]
    {
        let mut gateway = PartnerGateway::new(&config);
        assert_eq!(gateway.ask(FAR, "/win", &[("x-api-key", "live")], BODY), "pass");
        assert_eq!(gateway.host.upstream("x-api-key"), key);
        assert_eq!(gateway.ask(HOME, target, &[], BODY), "pass");
        assert_eq!(gateway.host.upstream(":path"), [path]);
        assert_eq!(gateway.ask(FAR, "/psp", &[("x-psp", &sign)], BODY), "pass");
        assert_eq!(gateway.host.upstream("x-psp"), [sign.as_str()]);
    }
}

/// The endpoint's envelope, or the partner's, or a problem document with a challenge.
#[test]
fn refuses_in_the_envelope_of_endpoint_or_partner() {
    let mut gateway = PartnerGateway::new(&config());
    let wrong = digits(&mac("wrong", BODY));
    for (client, path, header, status, body, challenge) in [
        (FAR, "/psp", ("x-psp", wrong.as_str()), 200, r#"{"error":"partner_signature"}"#, false),
        (FAR, "/psp", ("x-a", ""), 200, r#"{"error":"partner_unknown"}"#, false),
        (HOME, "/win", ("x-sign", wrong.as_str()), 400, r#"{"two":"partner_signature"}"#, false),
        (FAR, "/win", ("x-sign", wrong.as_str()), 400, r#"{"two":"partner_network"}"#, false),
        (FAR, "/win", ("x-api-key", "other"), 401, r#"{"code":"partner_unknown""#, true),
        (FAR, "/win", ("x-test-key", "live"), 503, r#"{"code":"partner_environment""#, false),
    ] {
        gateway.ask(client, path, &[header], BODY);
        let reply = gateway.host.replied.clone().unwrap();
        let text = String::from_utf8(reply.body).unwrap();
        assert!(reply.status == status && text.starts_with(body), "{} {text}", reply.status);
        let challenges = reply.headers.iter().filter(|(name, _)| name == "www-authenticate");
        let challenges: Vec<_> = challenges.map(|(_, value)| value.as_ref()).collect();
        let want = if challenge { vec![&b"Partner realm=\"player\""[..]] } else { vec![] };
        assert_eq!(challenges, want, "{text}");
    }
}

#[test]
fn certificates_must_match() {
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
        ("not reported", vec![], "partner_unknown"),
        ("another", with("sha256_peer_certificate_digest", b"cd"), "partner_unknown"),
        ("no digest", with("sha256_peer_certificate_digest", b""), "partner_unknown"),
        ("another name", with("uri_san_peer_certificate", b"spiffe://mesh2"), "partner_unknown"),
        ("no name", with("uri_san_peer_certificate", b""), "partner_unknown"),
    ];
    for (name, properties, want) in cases {
        let mut gateway = PartnerGateway::new(&config());
        for (property, value) in properties {
            gateway.host.properties.insert(format!("connection.{property}"), value);
        }
        assert_eq!(gateway.ask(FAR, "/win", &[], BODY), want, "{name}");
        let proof = if want == "pass" { "certificate" } else { "" };
        assert_eq!(gateway.fact("pitboss.partner-proof"), proof, "{name}");
    }
}

#[test]
fn an_address_over_its_budget_is_refused() {
    let mut gateway = PartnerGateway::new(&unverified(json!({"per_minute": 60, "burst": 3})));
    let (sign, wrong) = (signature(), digits(&mac("wrong", BODY)));
    let failures = [("x-psp", wrong.as_str()), ("x-psp", "no hex"), ("x-api-key", "other")];
    for header in failures {
        assert!(gateway.ask(HOME, "/psp", &[header], BODY).starts_with("partner_"));
    }
    let forge = ["x-psp", "x-api-key"].map(|name| (name, "x"));
    for header in forge.into_iter().chain([("x-psp", sign.as_str())]) {
        assert_eq!(gateway.ask(HOME, "/psp", &[header], BODY), "partner_budget", "{header:?}");
    }
    let reply = gateway.host.replied.clone().unwrap();
    assert!(reply.code == "partner_budget" && reply.status == 200, "in its envelope");
    // Exempt requests and other addresses are not affected.
    assert_eq!(gateway.ask(HOME, "/win?key=kiosk+key", &[], BODY), "pass");
    assert_eq!(gateway.ask(HOME, "/win", &[("x-api-key", "live")], BODY), "partner_budget");
    let reply = gateway.host.replied.clone().unwrap();
    assert!(reply.status == 503 && reply.header("retry-after") == Some("1"));
    assert_eq!(gateway.ask(FAR, "/psp", &[("x-psp", &sign)], BODY), "pass");
    gateway.host.now += SECOND;
    assert_eq!(gateway.ask(HOME, "/psp", &[("x-psp", &sign)], BODY), "pass");
    assert_eq!(gateway.ask(HOME, "/psp", &[("x-psp", &sign)], BODY), "pass", "refunded");
}

#[test]
fn valid_signatures_are_not_charged() {
    let mut gateway = PartnerGateway::new(&unverified(json!({"per_minute": 1, "burst": 1})));
    let sign = signature();
    for turn in 0..100 {
        assert_eq!(gateway.ask(FAR, "/psp", &[("x-psp", &sign)], BODY), "pass", "{turn}");
    }
    let results = "pitboss.player-auth.partners.partner=psp.result=allow";
    assert_eq!(gateway.host.counters.get(results), Some(&100));
}

#[test]
fn an_address_holds_a_quarter_of_the_bodies() {
    let few = json!({"per_minute": 1, "burst": 3, "max_held": 8});
    let mut gateway = PartnerGateway::new(&unverified(few));
    let sign = signature();
    let header = [("x-psp", sign.as_str())];
    let mut held: Vec<_> = (0..2).map(|_| gateway.begin(FAR, "/psp", &header)).collect();
    assert!(held.iter().all(|(_, action)| *action == Action::Continue));
    assert_eq!(gateway.ask(FAR, "/psp", &header, BODY), "partner_busy", "a quarter is its share");
    let others = ["192.0.2.81", "192.0.2.82", "192.0.2.83"];
    let mut theirs: Vec<_> =
        others.iter().chain(&others).map(|other| gateway.begin(other, "/psp", &header)).collect();
    assert_eq!(gateway.ask(HOME, "/psp", &header, BODY), "partner_busy", "no permit is left");
    assert_eq!(gateway.ask(HOME, "/win?key=kiosk+key", &[], BODY), "pass", "needs no permit");
    let (mut one, _) = theirs.pop().unwrap();
    assert_eq!(gateway.finish(&mut one, BODY), Action::Continue);
    assert_eq!(gateway.ask(HOME, "/psp", &header, BODY), "pass", "one permit is free again");
    // Clients that leave free their permits, but stay charged. The last quarter of the permits is reserved
    // for partners' addresses.
    held.truncate(1);
    assert_eq!(gateway.ask(FAR, "/psp", &header, BODY), "partner_busy", "reserved for partners");
    theirs.pop();
    let (_third, action) = gateway.begin(FAR, "/psp", &header);
    assert_eq!(action, Action::Continue);
    assert_eq!(gateway.ask(FAR, "/psp", &header, BODY), "partner_budget");
    // A verified body is refunded.
    let (mut last, _) = held.pop().unwrap();
    assert_eq!(gateway.finish(&mut last, BODY), Action::Continue);
    drop(last);
    assert_eq!(gateway.ask(FAR, "/psp", &header, BODY), "pass");
}

#[test]
fn refuses_bodies_over_the_limit() {
    let mut gateway = PartnerGateway::new(&unverified(json!({"max_body_bytes": 40})));
    for (length, want) in [(40, "pass"), (41, "body_too_large")] {
        let body = "x".repeat(length);
        let sign = digits(&mac("psp-secret", &body));
        assert_eq!(gateway.ask(FAR, "/psp", &[("x-psp", &sign)], &body), want);
    }
    let reply = gateway.host.replied.clone().unwrap();
    assert_eq!(String::from_utf8(reply.body).unwrap(), r#"{"error":"body_too_large"}"#);
}

/// Senders stop after a 4xx, and the settlement's money may be owed.
#[test]
fn settlement_refusals_are_retryable() {
    let mut config = config();
    config["unverified"] = json!({"max_body_bytes": 40});
    config["envelopes"]["one"]["*"]["status"] = 500.into();
    config["partners"]["shop"]["paths"] = json!(["/win", "/bets"]);
    config["endpoints"][0]["caller"] = "partner".into();
    let mut gateway = PartnerGateway::new(&config);
    let (long, late, key) = ("x".repeat(41), timed("1"), ("x-api-key", "live"));
    let sign = digits(&mac("psp-secret", &long));
    for (path, headers, body, status, wait) in [
        ("/only", &[key][..], BODY, 503, Some("60")),
        ("/win", &[("x-stripe", &late), ("x-time", "1")], BODY, 503, Some("60")),
        // In an envelope.
        ("/psp", &[("x-psp", &sign)], &long, 500, Some("60")),
        ("/win", &[("x-api-key", "other")], BODY, 401, None),
        // A bet owes no money.
        ("/bets", &[key], BODY, 403, None),
    ] {
        gateway.ask(FAR, path, headers, body);
        let reply = gateway.host.replied.clone().unwrap();
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
        let mut gateway = PartnerGateway::new(&config);
        assert_eq!(gateway.ask(FAR, "/win", &[("x-api-key", "live")], BODY), want, "{paths}");
    }
}

/// The host is `otter.example`, whose brand is otter unless the configuration says otherwise.
#[test]
fn a_partner_may_use_the_hosts_of_its_brands() {
    let both = json!({"otter.example": "otter", "kings.example": "kings"});
    let kings = json!({"kings.example": "kings"});
    for (hosts, brands, want) in [
        (&both, json!(null), "pass"),
        (&both, json!(["otter"]), "pass"),
        (&both, json!(["kings", "otter"]), "pass"),
        (&both, json!(["kings"]), "partner_not_allowed"),
        (&kings, json!(["kings"]), "partner_not_allowed"),
        (&kings, json!(null), "pass"),
    ] {
        let mut config = config();
        config["brands"] = hosts.clone();
        config["partners"]["bee"]["brands"] = brands.clone();
        config["partners"]["shop"]["brands"] = brands.clone();
        let mut gateway = PartnerGateway::new(&config);
        let sign = digits(&mac("bee-secret", BODY));
        assert_eq!(gateway.ask(HOME, "/win", &[("x-sign", &sign)], BODY), want, "{hosts} {brands}");
        if want != "pass" {
            let reply = gateway.host.replied.clone().unwrap();
            assert_eq!(reply.body, br#"{"two":"partner_not_allowed"}"#, "in its envelope");
            assert_eq!(gateway.fact("pitboss.partner-proof"), "", "no proof");
        }
        assert_eq!(
            gateway.ask(FAR, "/win", &[("x-api-key", "live")], BODY),
            want,
            "{hosts} {brands}"
        );
    }
}

#[test]
fn credentials_are_for_one_environment() {
    for (environment, shop, tests) in [
        (json!(null), "pass", "partner_environment"),
        (json!("production"), "pass", "partner_environment"),
        (json!("sandbox"), "partner_environment", "pass"),
    ] {
        let mut config = config();
        config["environment"] = environment;
        let mut gateway = PartnerGateway::new(&config);
        assert_eq!(gateway.ask(FAR, "/win", &[("x-api-key", "live")], BODY), shop);
        assert_eq!(gateway.ask(FAR, "/win", &[("x-test-key", "live")], BODY), tests);
    }
}

#[test]
fn without_partners_no_credential_is_required() {
    let mut config = config();
    config["partners"] = Value::Null;
    config["endpoints"].as_array_mut().unwrap().remove(3);
    let mut gateway = PartnerGateway::new(&config);
    let (mut driver, action) = gateway.begin(FAR, "/win", &[("x-partner-id", "forged")]);
    assert_eq!(action, Action::Continue);
    assert_eq!(gateway.finish(&mut driver, BODY), Action::Continue);
    assert_eq!(gateway.host.upstream("x-partner-id"), [""; 0], "stripped all the same");
    assert_eq!(gateway.fact("pitboss.partner-proof"), "");
}

/// A failed host call denies the request, and so does a body that is shorter than announced.
#[test]
fn a_failing_gateway_denies_every_request() {
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
        let mut gateway = PartnerGateway::new(&config());
        gateway.host.faults.insert(call, 10);
        assert_eq!(gateway.ask(FAR, "/psp", &header, BODY), "policy_unavailable", "{call}");
    }
    let mut gateway = PartnerGateway::new(&config());
    let (mut driver, _) = gateway.begin(FAR, "/psp", &header);
    gateway.host.body = Vec::new();
    assert_eq!(driver.on_request_body(&mut gateway.host, BODY.len(), true), Action::Pause);
    assert_eq!(gateway.host.replied.unwrap().code, "policy_unavailable");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Only the signature of the same body passes, and no header causes a panic.
    #[test]
    fn only_the_signature_of_the_same_body_passes(
        body in "[ -~]{0,60}", other in "[ -~]{0,60}", noise in "[ -~]{0,90}", flip in 0..256usize,
    ) {
        let mut gateway = PartnerGateway::new(&config());
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
            let outcome = gateway.ask(FAR, "/psp", &[("x-psp", &sign)], &body);
            let want = fits && !body.is_empty();
            prop_assert_eq!(outcome == "pass", want, "{} {}", outcome, sign);
        }
        let (_, _, hub) = rsa();
        prop_assert_eq!(gateway.ask(FAR, "/win", &[("x-hub", &hub)], &body), "partner_signature");
        prop_assert!(gateway.host.now == NOW * SECOND);
    }
}
