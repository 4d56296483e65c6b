//! Partners' requests: with a class that the body selects, with a signed time, and with a refusal of another
//! plugin.

use std::path::PathBuf;

use abi_host::{Chain, Clock, Module, PluginConfig, Profile};
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use casino::partner::{sign_bee, sign_one, BEE_HEADER, BEE_SECRET};
use hmac::{Hmac, Mac};
use host_tests::gateway::Gateway;
use serde_json::json;
use sha2::Sha256;

use crate::fixture::{self, outcome, run, NOW};
use crate::partners::{call, proof, recorded, with, FOREIGN};

/// The single-URL wallet signs in a field of the body, which the upstream checks: here its network proves it,
/// and the body selects the class.
#[test]
fn the_body_selects_the_class() {
    let message = |kind: &str| {
        let mut body = json!({"type": kind, "userid": "p-1", "tid": "t-1", "amount": "1.00"});
        body["hmac"] = sign_one(body.as_object().unwrap()).unwrap().into();
        body.to_string()
    };
    let mut partners = recorded();
    for profile in fixture::PROFILES {
        for (classes, kind, client, want) in [
            (json!(["settlement", "account"]), "credit", "192.0.2.100", "allow"),
            (json!(["settlement", "account"]), "balance", "192.0.2.100", "allow"),
            (json!(["settlement", "account"]), "roundinfo", "192.0.2.100", "partner_not_allowed"),
            (json!(["settlement", "account"]), "transfer", "192.0.2.100", "endpoint_unclassified"),
            (json!(["settlement", "account"]), "credit", FOREIGN, "partner_unknown"),
            (json!(["account"]), "credit", "192.0.2.100", "partner_not_allowed"),
        ] {
            partners["one"]["classes"] = classes;
            let mut chain = fixture::chain(profile, &with(&partners));
            let request = call(client, "/wallet/one", ("x-a", "b"), &message(kind));
            let report = run(&mut chain, request);
            let case = format!("{kind} from {client} under {profile:?}");
            if want == "allow" {
                assert_eq!(outcome(&report), "allow", "{case}");
                assert_eq!(report.upstream.unwrap().headers.text("x-partner-id"), Some("one"));
            } else {
                // WasmX ends a local reply with a line.
                let refusal = format!(r#"{{"error":"{want}"}}"#);
                assert_eq!(report.text().trim_end(), refusal, "{case}");
                assert_eq!(report.status(), 200, "{case}");
            }
        }
    }
}

/// A signature with a time, in base64 after a prefix.
#[test]
fn signatures_are_valid_within_the_tolerance() {
    let partners = json!({"late": {
        "hmac": {
            "header": "x-signature", "encoding": "base64", "prefix": "v1=",
            "secrets": ["an older secret", "a newer secret"],
            "timestamp": {"header": "x-timestamp", "tolerance_s": 300},
        },
        "paths": ["/wallet/win"],
    }});
    let body = r#"{"amount":100}"#;
    let sign = |secret: &str, time: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{time}.{body}").as_bytes());
        format!("v1={}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    let at = |offset: i64| (NOW as i64 + offset).to_string();
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &with(&partners));
        for (name, signed, sent, want) in [
            ("now", at(0), at(0), "allow"),
            ("in milliseconds", at(0) + "123", at(0) + "123", "allow"),
            ("just in time", at(-300), at(-300), "allow"),
            ("just ahead", at(300), at(300), "allow"),
            ("too old", at(-301), at(-301), "partner_timestamp"),
            ("too far ahead", at(301), at(301), "partner_timestamp"),
            ("another time than the signed one", at(-301), at(0), "partner_signature"),
            ("no time", at(0), String::new(), "partner_timestamp"),
        ] {
            for secret in ["an older secret", "a newer secret"] {
                let request =
                    call(FOREIGN, "/wallet/win", ("x-signature", &sign(secret, &signed)), body);
                let report = run(&mut chain, request.header("x-timestamp", &sent));
                assert_eq!(outcome(&report), want, "{name} under {profile:?}");
            }
        }
        let request = call(FOREIGN, "/wallet/win", ("x-signature", &sign("guess", &at(0))), body);
        let report = run(&mut chain, request.header("x-timestamp", at(0)));
        assert_eq!(outcome(&report), "partner_signature", "{profile:?}");
    }
    // The same in the words of a contract that has some, and only on hosts of its brand.
    let mut changes = with(&partners);
    changes["envelopes"] = json!({"late": {"*": {"status": 202, "json": {"late": "{code}"}}}});
    changes["endpoints"] = json!([{"path": "/wallet/win", "class": "settlement"}]);
    changes["partners"]["late"]["envelope"] = "late".into();
    changes["partners"]["late"]["brands"] = json!(["lucky-otter"]);
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &changes);
        for (host, time, want) in [
            (fixture::OTTER, at(0), "allow"),
            (fixture::OTTER, at(-301), "partner_timestamp"),
            (fixture::RIVER, at(0), "partner_not_allowed"),
            ("nobodys.example", at(0), "partner_not_allowed"),
        ] {
            let signed = sign("a newer secret", &time);
            let request = call(FOREIGN, "/wallet/win", ("x-signature", &signed), body);
            let request = fixture::at_host(request.header("x-timestamp", &time), host);
            let report = run(&mut chain, request);
            if want == "allow" {
                assert_eq!(outcome(&report), "allow", "{host} {time} under {profile:?}");
                continue;
            }
            let refusal = json!({"late": want}).to_string();
            assert_eq!(report.text().trim_end(), refusal, "{host} {time} under {profile:?}");
            assert_eq!(report.status(), 202, "{host} {time} under {profile:?}");
        }
    }
}

fn geo() -> Module {
    let path: PathBuf = host_tests::artifact::build("geo-jurisdiction").unwrap();
    fixture::engine().load(path).unwrap()
}

/// Both plugins take the same envelopes and endpoints: where the other one refuses a partner's call,
/// it does so in the partner's words, too, codes of either plugin included.
#[test]
fn another_plugin_refuses_in_the_same_envelope() {
    let shared = json!({
        "envelopes": {"bee": {
            "partner_signature": {"status": 400, "json": {"api_code": "403", "why": "{code}"}},
            "jurisdiction_unlicensed": {"status": 400, "json": {"api_code": "451", "why": "{code}"}},
            "*": {"status": 400, "json": {"api_code": "500", "why": "{code}"}},
        }},
        "endpoints": [
            // A launch needs the player's own location, also from a partner.
            {"path": "/wallet/bee/bet", "class": "launch", "caller": "partner", "envelope": "bee"},
        ],
    });
    let mut partners = json!({"bee": {
        "hmac": {"header": BEE_HEADER, "secrets": [BEE_SECRET]},
        "paths": ["/wallet/bee"], "classes": ["launch"],
    }});
    partners["bee"]["cidrs"] = json!([FOREIGN]);
    let mut auth = with(&partners);
    let mut place = json!({});
    for (name, value) in shared.as_object().unwrap() {
        auth[name] = value.clone();
        place[name] = value.clone();
    }
    let place = Gateway::example("geo-jurisdiction").unwrap().configured(&place).unwrap();
    let (module, body) = (geo(), r#"{"amount":"1.00"}"#);
    let builder = Chain::builder(fixture::engine()).clock(Clock::at(NOW * fixture::SECOND));
    let auth = PluginConfig::new(fixture::PLUGIN, fixture::configuration(Profile::Envoy, &auth));
    let place = PluginConfig::new("geo-jurisdiction", place.to_string());
    let mut chain = builder.wasm(fixture::module(), auth).wasm(&module, place).start().unwrap();
    let sign = sign_bee(body.as_bytes());
    for (name, country, sign, by, api_code, why) in [
        ("forged", "MT", "00", fixture::PLUGIN, "403", "partner_signature"),
        ("no licence", "DE", sign.as_str(), "geo-jurisdiction", "451", "jurisdiction_unlicensed"),
        ("nowhere", "", sign.as_str(), "geo-jurisdiction", "500", "jurisdiction_unknown"),
    ] {
        let request = call(FOREIGN, "/wallet/bee/bet", (BEE_HEADER, sign), body);
        let report = run(&mut chain, request.header("x-geo-country", country));
        assert_eq!(report.replied_by.as_deref(), Some(by), "{name}");
        assert_eq!(report.status(), 400, "{name}");
        assert_eq!(report.text(), json!({"api_code": api_code, "why": why}).to_string(), "{name}");
    }
    let request = call(FOREIGN, "/wallet/bee/bet", (BEE_HEADER, &sign), body);
    let report = run(&mut chain, request.header("x-geo-country", "MT"));
    assert_eq!((outcome(&report).as_str(), proof(&report).as_str()), ("allow", "signature"));
}
