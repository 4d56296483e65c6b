//! Key sets as issuers publish them.

use super::*;
use crate::testing::rfc::{ED25519_KEY, ES256_KEY, RS256_KEY};
use crate::testing::Forge;
use crate::Jws;
use serde_json::json;

const NOW: u64 = 1_800_000_000;

/// A JWK with some members replaced; `null` stays in it.
fn with(jwk: &str, changes: &Value) -> Value {
    let mut jwk: Value = serde_json::from_str(jwk).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

/// The keys of a set as id and algorithm, and the skipped keys.
fn read(entries: &[Value], algorithms: &[Alg]) -> Result<(Vec<String>, String), String> {
    let document = json!({ "keys": entries }).to_string();
    let read = Keys::read(document.as_bytes(), algorithms);
    let (keys, passed) = read.map_err(|none| none.to_string())?;
    let name = |key: &Arc<Key>| format!("{} {}", key.kid().unwrap_or("-"), key.alg().name());
    Ok((keys.keys.iter().map(name).collect(), passed.to_string()))
}

#[test]
fn uses_keys_of_the_configured_algorithms() {
    let rsa = |changes: Value| with(RS256_KEY, &changes);
    let small = with(r#"{"kty": "RSA", "n": "_w", "e": "AQAB"}"#, &json!({"kid": "small"}));
    let three = [Alg::Rs256, Alg::Ps256, Alg::Es256];
    let ok = |keys: &[&str], passed: &str| {
        Ok((keys.iter().map(|key| (*key).to_owned()).collect(), passed.to_owned()))
    };
    let [purpose, algorithm, of_type] =
        [SkipReason::Purpose, SkipReason::Algorithm, SkipReason::Type].map(SkipReason::words);
    for (entries, algorithms, want) in [
        // Without `alg`: one for each configured algorithm of its type.
        (vec![rsa(json!({"kid": "a"}))], &three[..], ok(&["a RS256", "a PS256"], "")),
        (vec![rsa(json!({"kid": "a", "alg": null}))], &three[..1], ok(&["a RS256"], "")),
        (vec![rsa(json!({"kid": "a", "alg": "PS256"}))], &three, ok(&["a PS256"], "")),
        (vec![rsa(json!({"kid": "a", "use": "sig", "x5c": ["MIIC"]}))], &three[1..2], ok(&["a PS256"], "")),
        // Together with keys for other purposes.
        (
            vec![
                rsa(json!({"kid": "enc", "use": "enc"})),
                rsa(json!({"kid": "oaep", "alg": "RSA-OAEP"})),
                json!({"kty": "XYZ", "kid": "new"}),
                json!({"kty": "oct", "kid": "oct", "k": "AAAA"}),
                with(ED25519_KEY, &json!({"kid": "ed"})),
                small,
                json!(7),
                rsa(json!({"kid": "a", "alg": "RS256"})),
                with(ES256_KEY, &json!({"kid": "e"})),
            ],
            &three,
            ok(
                &["a RS256", "e ES256"],
                &format!(
                    "\"enc\" {purpose}, \"oaep\" {algorithm}, \"new\" {of_type}, \"oct\" {of_type}, \
                     \"ed\" {of_type}, \"small\" {}, keys[6] {of_type}",
                    SkipReason::Modulus.words()
                ),
            ),
        ),
        (
            vec![rsa(json!({"kid": "bad", "n": "AP8="}))],
            &three,
            Err(format!("no usable key: \"bad\" {}", SkipReason::Modulus.words())),
        ),
        (vec![], &three, Err("a key set without keys".to_owned())),
    ] {
        assert_eq!(read(&entries, algorithms), want, "{entries:?}");
    }
    for (document, problem) in
        [("", "no JSON"), ("[]", "no key set"), (r#"{"keys": {}}"#, "no key set")]
    {
        let read = Keys::read(document.as_bytes(), &three);
        assert_eq!(read.map(|_| ()).map_err(|none| none.words()), Err(problem));
    }
}

#[test]
fn keys_beyond_the_maximum_are_named() {
    let entries: Vec<Value> =
        (0..260).map(|n| with(ES256_KEY, &json!({"kid": format!("k{n}")}))).collect();
    let (keys, passed) = read(&entries, &[Alg::Es256]).unwrap();
    assert_eq!((keys.len(), keys[255].as_str()), (256, "k255 ES256"));
    let named: Vec<String> =
        (256..260).map(|n| format!("\"k{n}\" {}", SkipReason::Many.words())).collect();
    assert_eq!(passed, named.join(", "));
    assert_eq!(read(&entries[..65], &[Alg::Es256]).unwrap().0.len(), 65, "a large issuer");
}

/// With a leading zero and padding in the modulus.
#[test]
fn a_key_does_not_depend_on_the_encoding_of_its_numbers() {
    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
    use base64::Engine;
    let forge = Forge::at(NOW);
    let plain: Value = serde_json::from_str(&forge.documents()[1]).unwrap();
    let n = URL_SAFE_NO_PAD.decode(plain["n"].as_str().unwrap()).unwrap();
    let token = forge.sign(Alg::Rs256, &forge.claims());
    let jws = Jws::parse(token.as_bytes()).unwrap();
    for (n, e) in [
        (URL_SAFE_NO_PAD.encode(&n), "AQAB"),
        (URL_SAFE_NO_PAD.encode([&[0][..], &n].concat()), "AAEAAQ"),
        (URL_SAFE.encode([&[0, 0][..], &n].concat()), "AAEAAQ=="),
        (URL_SAFE.encode(&n), "AQAB"),
    ] {
        let mut spelt = plain.clone();
        (spelt["n"], spelt["e"]) = (json!(n), json!(e));
        let set = json!({"keys": [spelt]}).to_string();
        let keys = Keys::from_jwks(set.as_bytes(), &[Alg::Rs256]).unwrap();
        let Found::Key(key) = keys.find(&jws.header) else { panic!("{n}") };
        assert_eq!(key.verify(&jws), Ok(()), "{n}");
        // In the request to the gateway, too.
        let question = |key: &Key| key.host_request(jws.signing_input(), &jws.signature);
        let first = Key::from_jwk(&plain, Alg::Rs256, None).unwrap();
        assert_eq!(question(key), question(&first), "{n}");
    }
}

/// A token is checked with the algorithm that it names, if that is configured.
#[test]
fn a_key_without_alg_is_used_for_two_algorithms() {
    let forge = Forge::at(NOW);
    let mut key: Value = serde_json::from_str(&forge.documents()[1]).unwrap();
    key["alg"] = json!(null);
    let set = json!({"keys": [key]}).to_string();
    let keys = Keys::from_jwks(set.as_bytes(), &[Alg::Rs256, Alg::Ps256]).unwrap();
    for (token, want) in [
        (forge.sign(Alg::Rs256, &forge.claims()), Some(Ok(()))),
        (forge.sign(Alg::Ps256, &forge.claims()), Some(Ok(()))),
        (
            forge.sign(Alg::Ps256, &forge.claims()).replace(".eyJ", ".eyK"),
            Some(Err(Refusal::Signature)),
        ),
        (forge.sign(Alg::Es256, &forge.claims()), None),
    ] {
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let got = match keys.find(&jws.header) {
            Found::Key(key) => Some(key.verify(&jws)),
            Found::UnknownKid | Found::Refused(_) => None,
        };
        assert_eq!(got, want, "{token}");
    }
}
