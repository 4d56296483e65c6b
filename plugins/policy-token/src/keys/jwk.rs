//! Public keys as JSON (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).

use serde_json::Value;

use super::skipped::SkipReason;
use crate::alg::Alg;
use crate::base64url;

/// Members that hold key material, of any type of key.
const MATERIAL: [&str; 15] =
    ["crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "oth", "k", "pub", "priv"];

/// The parts of a public key, not validated yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    /// An uncompressed point: 4, x, y.
    Point(Vec<u8>),
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
    /// An Ed25519 key.
    Bytes(Vec<u8>),
}

/// A member; `null` counts as absent.
fn member<'a>(jwk: &'a Value, name: &str) -> Option<&'a Value> {
    jwk.get(name).filter(|value| !value.is_null())
}

/// Whether `use` and `key_ops` allow a key to check signatures (RFC 7517 sections 4.2, 4.3).
fn is_for_signatures(jwk: &Value) -> bool {
    let verifies = |operations: &Value| {
        let Some(all) = operations.as_array() else { return false };
        all.is_empty() || all.iter().any(|operation| operation == "verify")
    };
    member(jwk, "use").is_none_or(|purpose| purpose == "sig")
        && member(jwk, "key_ops").is_none_or(verifies)
}

/// Reads the parts of a key for `alg`.
///
/// # Errors
/// Another type or curve, private members, another purpose, invalid parts.
pub(crate) fn parts(jwk: &Value, alg: Alg) -> Result<Parts, SkipReason> {
    let is = |name: &str, want: &str| member(jwk, name).is_some_and(|value| value == want);
    let (kty, crv, material): (_, _, &[&str]) = match alg {
        Alg::Es256 => ("EC", Some("P-256"), &["crv", "x", "y"]),
        Alg::Es384 => ("EC", Some("P-384"), &["crv", "x", "y"]),
        Alg::EdDsa => ("OKP", Some("Ed25519"), &["crv", "x"]),
        Alg::Rs256 | Alg::Rs384 | Alg::Rs512 | Alg::Ps256 => ("RSA", None, &["n", "e"]),
        // A secret in a key set is not secret.
        Alg::Hs256 => return Err(SkipReason::Type),
    };
    if !is_for_signatures(jwk) {
        return Err(SkipReason::Purpose);
    }
    if !is("kty", kty) || !crv.is_none_or(|crv| is("crv", crv)) {
        return Err(SkipReason::Type);
    }
    if member(jwk, "alg").is_some_and(|name| name != alg.name()) {
        return Err(SkipReason::Algorithm);
    }
    if MATERIAL.iter().any(|name| !material.contains(name) && member(jwk, name).is_some()) {
        return Err(SkipReason::Private);
    }
    match (alg, alg.ecdsa_half()) {
        (_, Some(size)) => {
            let coordinate = |name| number(jwk, name, size);
            Ok(Parts::Point([vec![4], coordinate("x")?, coordinate("y")?].concat()))
        }
        (Alg::EdDsa, None) => {
            let bytes = bytes(jwk, "x")?;
            (bytes.len() == 32).then_some(Parts::Bytes(bytes)).ok_or(SkipReason::Parts)
        }
        (_, None) => Ok(Parts::Rsa(number(jwk, "n", 0)?, number(jwk, "e", 0)?)),
    }
}

#[inline(never)]
fn bytes(jwk: &Value, name: &str) -> Result<Vec<u8>, SkipReason> {
    let text = member(jwk, name).and_then(Value::as_str).ok_or(SkipReason::Parts)?;
    base64url::decode_padded(text.as_bytes()).ok_or(SkipReason::Parts)
}

/// A number of `size` bytes, a coordinate (RFC 7518 section 6.2.1.2), or of any length if `size` is 0. Padding
/// and leading zeros are accepted: RFC 7518 section 2 allows neither, but some issuers write both.
#[inline(never)]
fn number(jwk: &Value, name: &str, size: usize) -> Result<Vec<u8>, SkipReason> {
    let digits = bytes(jwk, name)?;
    let zeros = digits.iter().take_while(|byte| **byte == 0).count();
    let more =
        if size == 0 { zeros } else { digits.len().checked_sub(size).ok_or(SkipReason::Parts)? };
    if zeros < more || digits.len() == more {
        return Err(SkipReason::Parts);
    }
    Ok(digits.get(more..).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use base64::Engine;
    use serde_json::json;

    #[test]
    fn reads_public_keys_for_one_algorithm() {
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
        let good = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256",
            "use": "sig", "key_ops": ["verify"], "kid": "a", "x5t": "b"});
        let point = parts(&good, Alg::Es256).unwrap();
        assert!(matches!(&point, Parts::Point(point) if point.len() == 65));
        for alg in Alg::ALL {
            assert_eq!(parts(&good, alg).is_ok(), alg == Alg::Es256, "{}", alg.name());
        }
        let long =
            URL_SAFE_NO_PAD.encode([&[0, 0][..], &URL_SAFE_NO_PAD.decode(x).unwrap()].concat());
        for (name, value, want) in [
            ("kty", json!("RSA"), Err(SkipReason::Type)),
            ("kty", json!(null), Err(SkipReason::Type)),
            ("crv", json!("P-384"), Err(SkipReason::Type)),
            ("crv", json!(["P-256"]), Err(SkipReason::Type)),
            ("x", json!(&x[1..]), Err(SkipReason::Parts)),
            ("x", json!(format!("{x}=")), Ok(())),
            ("x", json!(format!("{x}===")), Err(SkipReason::Parts)),
            ("x", json!(long), Ok(())),
            ("x", json!(URL_SAFE_NO_PAD.encode([1; 33])), Err(SkipReason::Parts)),
            ("y", json!(7), Err(SkipReason::Parts)),
            ("d", json!(x), Err(SkipReason::Private)),
            ("d", json!(null), Ok(())),
            ("k", json!("c2VjcmV0"), Err(SkipReason::Private)),
            ("n", json!(x), Err(SkipReason::Private)),
            ("alg", json!("ES384"), Err(SkipReason::Algorithm)),
            ("alg", json!(7), Err(SkipReason::Algorithm)),
            ("alg", json!(null), Ok(())),
            ("use", json!("enc"), Err(SkipReason::Purpose)),
            ("use", json!(["sig"]), Err(SkipReason::Purpose)),
            ("use", json!(null), Ok(())),
            ("key_ops", json!(["sign"]), Err(SkipReason::Purpose)),
            ("key_ops", json!(["sign", "verify"]), Ok(())),
            ("key_ops", json!([]), Ok(())),
            ("key_ops", json!("verify"), Err(SkipReason::Purpose)),
        ] {
            let mut other = good.clone();
            other[name] = value.clone();
            let want = want.map(|()| &point);
            assert_eq!(
                parts(&other, Alg::Es256).as_ref(),
                want.as_ref().map(|p| *p),
                "{name}: {value}"
            );
        }
        let rsa = |n: &str| parts(&json!({"kty": "RSA", "n": n, "e": "AQAB"}), Alg::Rs256);
        let plain = Ok(Parts::Rsa(vec![255], vec![1, 0, 1]));
        for (n, want) in [
            ("_w", plain.clone()),
            ("AP8", plain.clone()),
            ("_w==", plain.clone()),
            ("AAD_", plain.clone()),
            ("AP8=", plain),
            ("", Err(SkipReason::Parts)),
            ("AAA", Err(SkipReason::Parts)),
        ] {
            assert_eq!(rsa(n), want, "{n}");
        }
    }
}
