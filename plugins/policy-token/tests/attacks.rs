//! The corpus of forged and malformed tokens (`policy_token::testing`), natively.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::OnceLock;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use policy_token::testing::{Forge, ALGORITHMS, AUDIENCE, ISSUER, MAX_LIFETIME};
use policy_token::{Alg, Claims, Found, Jws, Keys, Refusal, Rules};
use proptest::prelude::*;
use serde_json::json;

const NOW: u64 = 1_800_000_000;

fn forge() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::at(NOW))
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::from_jwks(forge().jwks().as_bytes(), &ALGORITHMS).unwrap())
}

/// The order of checks that every policy follows: cheap first, signature last.
fn check(token: &[u8]) -> Result<(), Refusal> {
    let rules = Rules {
        issuer: ISSUER.into(),
        audiences: Some(vec![AUDIENCE.into()]),
        skew: 60,
        max_lifetime: Some(MAX_LIFETIME),
    };
    let jws = Jws::parse(token)?;
    let claims = Claims::parse(&jws.payload)?;
    claims.check(&rules, NOW)?;
    match keys().find(&jws.header) {
        Found::Key(key) => key.verify(&jws),
        Found::UnknownKid => Err(Refusal::KeyUnknown),
        Found::Refused(refusal) => Err(refusal),
    }
}

#[test]
fn valid_tokens_are_accepted() {
    for alg in ALGORITHMS {
        let token = forge().sign(alg, &forge().claims());
        assert_eq!(check(token.as_bytes()), Ok(()), "{token}");
    }
}

/// What issuers write into tokens and this crate ignores.
#[test]
fn valid_tokens_of_other_issuers_are_accepted() {
    let f = f64::from(u32::try_from(NOW).unwrap());
    let date = "2026-09-21T12:01:01.180Z";
    for (header, changes) in [
        (json!({"jku": "https://tenant.example/token_keys"}), json!({})),
        (json!({"x5u": "https://idp.example/c.pem", "x5t": "abc", "x5t#S256": "abc"}), json!({})),
        (json!({"x5c": ["MIIDBTCCAe2gAwIBAgIQ"]}), json!({})),
        // An attacker's own key is ignored.
        (json!({"jwk": {"kty": "RSA", "n": "AQ", "e": "AQ"}}), json!({})),
        (json!({"nonce": "n1", "cty": "JWT", "ver": "1.0"}), json!({})),
        (json!({"typ": null}), json!({})),
        (json!({}), json!({"exp": f + 600.387_841, "iat": f - 59.596_715})),
        (json!({}), json!({"exp": f + 600.0, "iat": f - 60.0, "nbf": f - 0.5})),
        (json!({}), json!({"auth_time": date, "nbf": null, "jti": null})),
        (json!({}), json!({"auth_time": null, "jti": 7, "sub": 7})),
    ] {
        let mut claims = forge().claims();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let token = forge().sign_as_is(&header, &claims);
        assert_eq!(check(token.as_bytes()), Ok(()), "{header} {changes}");
    }
    let claims = forge().claims().to_string().replace(&NOW.to_string(), "1.8E9");
    let token = forge().sign_text(r#"{"alg":"ES256","kid":"es"}"#, &claims);
    assert!(claims.contains(r#""iat":1.8E9"#));
    assert_eq!(check(token.as_bytes()), Ok(()), "{claims}");
}

#[test]
fn every_attack_is_refused() {
    let attacks = forge().attacks();
    assert!(attacks.len() >= 60, "{} attacks", attacks.len());
    for attack in attacks {
        assert_eq!(check(&attack.token), Err(attack.refusal), "{}", attack.name);
    }
}

#[test]
fn invalid_keys_are_refused() {
    let [es, ..] = &forge().documents();
    let with = |member: &str| format!(r#"{{{member},{}"#, es.trim_start_matches('{'));
    let rsa_of = |modulus: &[u8], exponent: &str| {
        let modulus = URL_SAFE_NO_PAD.encode(modulus);
        format!(r#"{{"kty":"RSA","e":"{exponent}","alg":"RS256","n":"{modulus}"}}"#)
    };
    // Odd, with the highest bit of that many bytes set.
    let rsa = |bytes: usize| rsa_of(&vec![0xff; bytes], "AQAB");
    let bits_2047 = [&[0x7f][..], &[0xff; 255]].concat();
    let point = |alg: &str, curve: &str, x: &[u8], y: &[u8]| {
        let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!(r#"{{"kty":"EC","crv":"{curve}","alg":"{alg}","x":"{x}","y":"{y}"}}"#)
    };
    let ed25519 = |key: [u8; 32]| {
        let x = URL_SAFE_NO_PAD.encode(key);
        format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"{x}"}}"#)
    };
    let small = |first: u8| std::array::from_fn(|at| if at == 0 { first } else { 0 });
    let set = |jwk: &str| Keys::from_jwks(format!(r#"{{"keys": [{jwk}]}}"#).as_bytes(), &Alg::ALL);
    assert!(set(&rsa(256)).is_some(), "2048 bits are enough");
    assert!(set(&rsa(512)).is_some(), "4096 bits are not too many");
    for document in forge().documents() {
        assert!(set(&document).is_some(), "{document}");
    }
    let off_curve = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4";
    assert_eq!(URL_SAFE_NO_PAD.decode(off_curve).map(|y| y.len()), Ok(32), "canonical, and yet");
    for (name, jwk) in [
        ("a shared secret", r#"{"kty":"oct","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned()),
        ("RSA of 1024 bits", rsa(128)),
        ("RSA of 2040 bits", rsa(255)),
        ("RSA of 4104 bits", rsa(513)),
        ("RSA of 2047 bits", rsa_of(&bits_2047, "AQAB")),
        ("RSA with an even modulus", rsa_of(&[0xfe; 256], "AQAB")),
        ("RSA with 3 for exponent", rsa_of(&[0xff; 256], "Aw")),
        ("RSA with another exponent", rsa_of(&[0xff; 256], "AQABAQ")),
        ("the point of zeros", point("ES256", "P-256", &[0; 32], &[0; 32])),
        ("a coordinate beyond the field", point("ES256", "P-256", &[0xff; 32], &[1; 32])),
        ("a point of 384 bits off the curve", point("ES384", "P-384", &[1; 48], &[2; 48])),
        ("an Ed25519 key that anybody can sign for", ed25519(small(1))),
        ("another of them", ed25519(small(0))),
        ("a point off the curve", r#"{"kty":"EC","crv":"P-256","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4"}"#.to_owned()),
        ("the point at infinity", r#"{"kty":"EC","crv":"P-256","alg":"ES256","x":"","y":""}"#.to_owned()),
        ("a private key", forge().private_jwk()),
        ("a key for encryption", es.replace("\"sig\"", "\"enc\"")),
        ("another curve", es.replace("P-256", "P-384")),
        ("another algorithm", es.replace("ES256", "RS256")),
        ("an unknown algorithm", es.replace("ES256", "none")),
        ("a member twice", with(r#""kty":"EC""#)),
    ] {
        let set = format!(r#"{{"keys": [{jwk}]}}"#);
        let keys = Keys::from_jwks(set.as_bytes(), &Alg::ALL);
        assert!(keys.is_none(), "{name}: {jwk}");
    }
    for document in ["", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": []}"#, r#"{"keys": [1]}"#] {
        assert!(Keys::from_jwks(document.as_bytes(), &Alg::ALL).is_none(), "{document}");
    }
}

proptest! {
    #[test]
    fn a_flipped_bit_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut token = forge().good().into_bytes();
        let at = at.index(token.len());
        token[at] ^= 1 << bit;
        prop_assert!(check(&token).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(token in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(check(token.as_bytes()).is_err());
    }
}
