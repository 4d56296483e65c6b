//! The examples of RFC 7515 (appendix A.1 to A.3), RFC 7519 (section 3.1) and RFC 8037 (appendix A.4).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use policy_token::testing::rfc::{
    es256, hs256, rs256, ED25519_KEY, ED25519_TOKEN, ES256_KEY, HS256_SECRET, RS256_KEY,
};
use policy_token::{Alg, Claims, Found, Jws, Key, Keys, Refusal, Rules};

#[test]
fn the_examples_are_valid_and_a_flipped_bit_is_not() {
    for (name, token, jwk, alg) in [
        ("RFC 7515 A.2", rs256(), RS256_KEY, Alg::Rs256),
        ("RFC 7515 A.3", es256(), ES256_KEY, Alg::Es256),
        ("RFC 8037 A.4", ED25519_TOKEN.to_owned(), ED25519_KEY, Alg::EdDsa),
    ] {
        let key = Key::from_jwk(&serde_json::from_str(jwk).unwrap(), alg, None).unwrap();
        assert_eq!(key.verify(&Jws::parse(token.as_bytes()).unwrap()), Ok(()), "{name}");
        let payload = token.find('.').unwrap() + 5;
        let mut flipped = token.clone().into_bytes();
        flipped[payload] ^= 1;
        let got = Jws::parse(&flipped).and_then(|jws| key.verify(&jws));
        assert_eq!(got, Err(Refusal::Signature), "{name}");
        let mut flipped = Jws::parse(token.as_bytes()).unwrap();
        flipped.signature[9] ^= 1;
        if alg == Alg::EdDsa {
            assert_eq!(key.verify(&flipped), Err(Refusal::Signature), "{name}");
        }
    }
}

/// RFC 7519 section 3.1 is the token of RFC 7515 A.1.
#[test]
fn accepts_the_shared_secret_of_rfc_7515_a_1() {
    let secret = HS256_SECRET;
    let token = hs256();
    let jws = Jws::parse(token.as_bytes()).unwrap();
    assert_eq!(jws.header.typ.as_deref(), Some("JWT"));
    assert_eq!(Key::from_secret(&secret, None).unwrap().verify(&jws), Ok(()));
    assert_eq!(Key::from_secret(&[7; 32], None).unwrap().verify(&jws), Err(Refusal::Signature));
    assert!(Key::from_secret(&secret[..31], None).is_none(), "RFC 7518 section 3.2");
    let claims = Claims::parse(&jws.payload).unwrap();
    assert_eq!(claims.at("/http:~1~1example.com~1is_root"), Some(&true.into()));
    let rules = |issuer: &str| Rules {
        issuer: issuer.into(),
        audiences: None,
        skew: 60,
        max_lifetime: None,
    };
    for (issuer, now, want) in [
        ("joe", 1_300_819_379, Ok(())),
        ("joe", 1_300_819_440, Err(Refusal::Expired)),
        ("jim", 1_300_819_379, Err(Refusal::Issuer)),
    ] {
        assert_eq!(claims.check(&rules(issuer), now), want, "{issuer} {now}");
    }
}

#[test]
fn reads_a_key_set_for_the_configured_algorithms() {
    let set = format!(r#"{{"keys": [{RS256_KEY}, {ES256_KEY}, {ED25519_KEY}]}}"#);
    for (wanted, size) in [
        (&[Alg::Rs256, Alg::Es256, Alg::EdDsa][..], 3),
        (&[Alg::Es256], 1),
        (&[Alg::Es384], 0),
        // An RSA key without `alg` is used for each configured algorithm.
        (&[Alg::Rs256, Alg::Ps256], 2),
        (&[Alg::Hs256], 0),
    ] {
        let keys = Keys::from_jwks(set.as_bytes(), wanted);
        assert_eq!(keys.map_or(0, |keys| keys.len()), size, "{wanted:?}");
    }
    let keys = Keys::from_jwks(set.as_bytes(), &[Alg::Rs256, Alg::Es256]).unwrap();
    for (token, found) in [(rs256(), true), (es256(), true), (ED25519_TOKEN.to_owned(), false)] {
        let jws = Jws::parse(token.as_bytes()).unwrap();
        match keys.find(&jws.header) {
            Found::Key(key) => assert_eq!((key.verify(&jws), found), (Ok(()), true)),
            other => assert!(!found, "{other:?}"),
        }
    }
}

/// The request to Envoy: hash, key, signature in ASN.1, text.
#[test]
fn encodes_the_request_to_the_gateway() {
    for (token, jwk, alg, hash, parts) in [
        (rs256(), RS256_KEY, Alg::Rs256, "sha256", Some((294, 256))),
        (es256(), ES256_KEY, Alg::Es256, "sha256", Some((91, 71))),
        (ED25519_TOKEN.to_owned(), ED25519_KEY, Alg::EdDsa, "", None),
    ] {
        let key = Key::from_jwk(&serde_json::from_str(jwk).unwrap(), alg, None).unwrap();
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let Some((spki, signature)) = parts else {
            assert_eq!(key.host_request(jws.signing_input(), &jws.signature), None);
            continue;
        };
        let request = key.host_request(jws.signing_input(), &jws.signature).unwrap();
        let mut rest = request.as_slice();
        let mut lengths = Vec::new();
        for field in 1..=4u8 {
            assert_eq!(rest[0], field << 3 | 2);
            let (length, used) = if rest[1] < 0x80 {
                (usize::from(rest[1]), 2)
            } else {
                (usize::from(rest[1] & 0x7f) | usize::from(rest[2]) << 7, 3)
            };
            lengths.push(length);
            if field == 1 {
                assert_eq!(&rest[used..used + length], hash.as_bytes());
            }
            if field == 4 {
                assert_eq!(&rest[used..], jws.signing_input());
            }
            rest = &rest[used + length..];
        }
        assert_eq!((lengths[1], lengths[2], rest.len()), (spki, signature, 0), "{alg:?}");
    }
}
