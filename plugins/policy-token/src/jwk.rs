//! Public keys as JSON (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).

use serde_json::Value;

use crate::{base64url, Alg};

/// Members that hold key material, of any type of key.
const MATERIAL: [&str; 15] =
    ["crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "oth", "k", "pub", "priv"];

/// The parts of a public key, still without proof that they make one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    /// An uncompressed point: 4, x, y.
    Point(Vec<u8>),
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
    /// An Ed25519 key.
    Bytes(Vec<u8>),
}

/// Reads the parts of a key for `alg`. `None` for another type or curve, for private members, for a
/// key that says it is for something else, and for what is not in the one canonical form.
pub(crate) fn parts(jwk: &Value, alg: Alg) -> Option<Parts> {
    let text = |name: &str| jwk.get(name).map(Value::as_str);
    let says = |name: &str, want: &str| text(name).is_none_or(|said| said == Some(want));
    let (kty, crv, material): (_, _, &[&str]) = match alg {
        Alg::Es256 => ("EC", Some("P-256"), &["crv", "x", "y"]),
        Alg::Es384 => ("EC", Some("P-384"), &["crv", "x", "y"]),
        Alg::EdDsa => ("OKP", Some("Ed25519"), &["crv", "x"]),
        Alg::Rs256 | Alg::Rs384 | Alg::Rs512 | Alg::Ps256 => ("RSA", None, &["n", "e"]),
        // A shared secret in a key set is no secret.
        Alg::Hs256 => return None,
    };
    let foreign = MATERIAL.iter().any(|name| !material.contains(name) && jwk.get(name).is_some());
    let fits = text("kty") == Some(Some(kty)) && text("crv") == crv.map(Some);
    if foreign || !fits || !says("alg", alg.name()) || !says("use", "sig") {
        return None;
    }
    if let Some(operations) = jwk.get("key_ops") {
        let verifies = |operation: &Value| operation.as_str() == Some("verify");
        if !operations.as_array()?.iter().all(verifies) {
            return None;
        }
    }
    let bytes = |name: &str| base64url::decode(text(name)??.as_bytes());
    let sized = |name: &str, size: usize| bytes(name).filter(|bytes| bytes.len() == size);
    // RFC 7518 section 2: a number has no leading zeros.
    let number = |name: &str| bytes(name).filter(|bytes| bytes.first().is_some_and(|b| *b != 0));
    match (alg, alg.ecdsa_half()) {
        (_, Some(size)) => {
            Some(Parts::Point([vec![4], sized("x", size)?, sized("y", size)?].concat()))
        }
        (Alg::EdDsa, None) => Some(Parts::Bytes(sized("x", 32)?)),
        (_, None) => Some(Parts::Rsa(number("n")?, number("e")?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_that_are_none() {
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
        let good = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256",
            "use": "sig", "key_ops": ["verify"], "kid": "a", "x5t": "b"});
        assert!(matches!(parts(&good, Alg::Es256), Some(Parts::Point(point)) if point.len() == 65));
        for alg in Alg::ALL {
            assert_eq!(parts(&good, alg).is_some(), alg == Alg::Es256, "{}", alg.name());
        }
        for (name, value) in [
            ("kty", json!("RSA")),
            ("kty", json!(null)),
            ("crv", json!("P-384")),
            ("crv", json!(["P-256"])),
            ("x", json!(&x[1..])),
            ("x", json!(format!("{x}="))),
            ("y", json!(7)),
            ("d", json!(x)),
            ("k", json!("c2VjcmV0")),
            ("n", json!(x)),
            ("alg", json!("ES384")),
            ("alg", json!(null)),
            ("use", json!("enc")),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!("verify")),
        ] {
            let mut bad = good.clone();
            bad[name] = value.clone();
            assert_eq!(parts(&bad, Alg::Es256), None, "{name}: {value}");
        }
        let rsa = |n: &str| parts(&json!({"kty": "RSA", "n": n, "e": "AQAB"}), Alg::Rs256);
        assert_eq!(rsa("_w"), Some(Parts::Rsa(vec![255], vec![1, 0, 1])));
        assert_eq!(rsa("AP8"), None, "a leading zero");
        assert_eq!(rsa(""), None);
    }
}
