//! Valid tokens as issuers write them, with unused headers and claims or in other forms: dates with fractions,
//! dates as text, `null`, references to keys.

use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::{json, Value};

use crate::fixture::{
    self, assert_refused, bet, forge, outcome, run, through_the_edge, with_token, NOW,
};

/// A token of a good one's claims with some added or replaced, `null` among them.
fn token(header: &Value, changes: &Value) -> String {
    let mut claims = forge().claims();
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    forge().sign_as_is(header, &claims)
}

const DATE: &str = "2026-09-21T12:01:01.180Z";

/// Header, claims; what a bet, the lobby and a withdrawal are answered; the evidence of the last.
#[test]
fn unused_claims_and_headers_are_accepted() {
    let whole = NOW as f64;
    let none = json!({});
    let odd = "claim_unreadable:auth_time";
    for (header, claims, [wager, lobby, withdrawal], evidence) in [
        (json!({"jku": "https://tenant.example/token_keys"}), none.clone(), ["allow"; 3], ""),
        (json!({"x5u": "https://idp.example/c.pem"}), none.clone(), ["allow"; 3], ""),
        (json!({"x5c": ["MIIDBTCCAe2gAwIBAgIQ"], "x5t": "abc"}), none.clone(), ["allow"; 3], ""),
        (json!({"jwk": {"kty": "RSA", "n": "AQ", "e": "AQ"}}), none.clone(), ["allow"; 3], ""),
        (json!({"nonce": "n1", "cty": "JWT", "ver": "1.0"}), none.clone(), ["allow"; 3], ""),
        (none.clone(), json!({"iat": 1.8e9, "exp": whole + 600.0}), ["allow"; 3], ""),
        (
            none.clone(),
            json!({"iat": whole - 59.6, "exp": whole + 600.4, "nbf": whole - 0.5, "auth_time": whole - 5.5}),
            ["allow"; 3],
            "",
        ),
        (none.clone(), json!({"nbf": null, "jti": null, "kyc_level": null}), ["allow"; 3], ""),
        (none.clone(), json!({"auth_time": DATE}), ["allow", "allow", "step_up_required"], odd),
        (
            none.clone(),
            json!({"auth_time": null}),
            ["allow", "allow", "step_up_required"],
            "step_up_required",
        ),
        (none.clone(), json!({"exp": DATE}), ["token_claims"; 3], "token_claims:exp"),
        (none.clone(), json!({"nbf": DATE}), ["token_claims"; 3], "token_claims:nbf"),
        (none.clone(), json!({"iat": DATE}), ["token_claims"; 3], "token_claims:iat"),
        (none.clone(), json!({"aud": [7]}), ["token_claims"; 3], "token_claims:aud"),
        (none.clone(), json!({"sub": null}), ["token_claims"; 3], "token_claims:claims.player"),
        (none.clone(), json!({"sid": {}}), ["token_claims"; 3], "token_claims:claims.session"),
    ] {
        let token = token(&header, &claims);
        for profile in fixture::PROFILES {
            let mut chain = fixture::chain(profile, &fixture::inline(forge()));
            for ((method, path), want) in [
                (("POST", "/api/bets"), wager),
                (("GET", "/api/lobby"), lobby),
                (("POST", "/api/withdrawals"), withdrawal),
            ] {
                let report = run(&mut chain, with_token(through_the_edge(method, path), &token));
                let case = format!("{header} {claims} at {path} under {profile:?}");
                match want {
                    "allow" => assert_eq!(outcome(&report), want, "{case}"),
                    _ => assert_refused(&report, want, &case),
                }
                // What is not known of a call that passes is evidence, too.
                let told =
                    if evidence.starts_with("step_up") && want == "allow" { "" } else { evidence };
                if profile == abi_host::Profile::Envoy {
                    let found = report.filter_state.get("wasm.pitboss.player-auth.evidence");
                    let found = String::from_utf8_lossy(found.map_or(&b""[..], |it| it));
                    assert_eq!(found, told, "{case}");
                }
            }
        }
    }
}

/// A key set without `alg`, under two algorithms of its type, and with a zero and padding in its numbers.
#[test]
fn key_sets_as_issuers_publish_them_are_read() {
    let mut key: Value = serde_json::from_str(&forge().documents()[1]).unwrap();
    key["alg"] = json!(null);
    key["x5c"] = json!(["MIIC"]);
    // 256 bytes are 342 characters and no padding of bits: two more make it 344 with padding.
    let padded = format!("{}==", key["n"].as_str().unwrap());
    for n in [key["n"].clone(), json!(padded)] {
        key["n"] = n;
        let mut issuer = fixture::issuer(&json!({"jwks": {"keys": [key]}}));
        issuer["algorithms"] = json!(["RS256", "PS256"]);
        let mut changes = fixture::inline(forge());
        changes["issuers"] = json!([issuer]);
        for profile in fixture::PROFILES {
            let mut chain = fixture::chain(profile, &changes);
            for alg in [Alg::Rs256, Alg::Ps256] {
                let report = run(&mut chain, bet(forge().sign(alg, &forge().claims())));
                assert_eq!(outcome(&report), "allow", "{} under {profile:?}", alg.name());
                let stranger = Forge::at(NOW);
                let report = run(&mut chain, bet(stranger.sign(alg, &stranger.claims())));
                assert_refused(&report, "token_signature", alg.name());
            }
        }
    }
}
