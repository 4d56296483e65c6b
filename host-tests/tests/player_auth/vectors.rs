//! The examples of RFC 7515, RFC 7519 and RFC 8037 as tokens of requests.

use abi_host::{Clock, Profile};
use policy_token::testing::rfc;
use serde_json::{json, Value};

use crate::fixture::{self, bet, outcome, run};

/// The configuration that an example's issuer would need: the RFCs' "joe" has no audience, no brand
/// and no subject.
fn joe(alg: &str, keys: &Value) -> Value {
    json!({
        "issuers": [{
            "issuer": "joe", "any_audience": true, "algorithms": [alg], "keys": keys,
            "claims": {"player": "/iss", "brand": null, "fixed_brand": "lucky-otter"},
        }],
        "introspection": null,
        "player_state": null,
    })
}

/// The same token with one bit of its payload or signature changed.
fn flipped(token: &str, part: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut bytes = std::mem::take(&mut parts[part]).into_bytes();
    bytes[9] = if bytes[9] == b'A' { b'B' } else { b'A' };
    parts[part] = String::from_utf8(bytes).unwrap();
    parts.join(".")
}

#[test]
fn the_rfc_examples_are_checked() {
    let jwks = |key: &str| json!({"jwks": {"keys": [serde_json::from_str::<Value>(key).unwrap()]}});
    let ed25519 = rfc::ED25519_TOKEN.to_owned();
    let other_secret = json!({"secret": "a secret that is not that of RFC 7515"});
    for (name, alg, keys, token, want) in [
        ("RFC 7515 A.2", "RS256", jwks(rfc::RS256_KEY), rfc::rs256(), "allow"),
        ("RFC 7515 A.3", "ES256", jwks(rfc::ES256_KEY), rfc::es256(), "allow"),
        ("A.2 for ES256", "ES256", jwks(rfc::ES256_KEY), rfc::rs256(), "token_signature"),
        // Its secret is no text, so that no configuration can hold it; natively it is verified.
        ("RFC 7519 3.1", "HS256", other_secret, rfc::hs256(), "token_signature"),
        // Validly signed, but the payload is no claims set.
        ("RFC 8037 A.4", "EdDSA", jwks(rfc::ED25519_KEY), ed25519, "token_malformed"),
    ] {
        for profile in [Profile::Envoy, Profile::Wasmx] {
            let configuration = fixture::configuration(profile, &joe(alg, &keys));
            let clock = Clock::at(rfc::NOW * fixture::SECOND);
            let builder = fixture::builder(profile, &configuration).clock(clock.clone());
            let mut chain = builder.start().unwrap();
            let case = format!("{name} under {profile:?}");
            let forged = outcome(&run(&mut chain, bet(flipped(&token, 2))));
            let refused = if want == "allow" { "token_signature" } else { want };
            assert_eq!(forged, refused, "{case}: signature changed");
            let report = run(&mut chain, bet(&token));
            assert_eq!(outcome(&report), want, "{case}");
            if let Some(upstream) = report.upstream {
                assert_eq!(upstream.headers.text("x-player-id"), Some("joe"), "{case}");
            }
            // A minute is what clocks may differ.
            clock.set((rfc::NOW + 61) * fixture::SECOND);
            let late = if want == "allow" { "token_expired" } else { want };
            let late = if name == "RFC 7519 3.1" { "token_expired" } else { late };
            assert_eq!(outcome(&run(&mut chain, bet(&token))), late, "{case}: later");
        }
    }
}
