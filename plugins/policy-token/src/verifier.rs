//! Checks signatures: in the gateway if it does so correctly, otherwise in this module.

use policy_kit::Host;

use crate::alg::Alg;
use crate::keys::key::Key;
use crate::keys::set::{Found, Keys};
use crate::refusal::Refusal;
use crate::token::jws::Jws;
use crate::verify_signature::{is_valid, FUNCTION};

/// RFC 7515 appendix A.2.
const RSA: (&str, &str) = (
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv\
     bS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4B\
     h-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBAr\
     LIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1ph\
     CnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    r#"{"keys": [{"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}"#,
);
/// RFC 7515 appendix A.3.
const ECDSA: (&str, &str) = (
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv\
     bS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKT\
     UJqPP3-Kg6NU1Q",
    r#"{"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
);

/// The kinds of signatures that the gateway's `verify_signature` checks correctly: it is ten to forty times
/// as fast as wasm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verifier {
    rsa: bool,
    ecdsa: bool,
}

impl Verifier {
    /// Tests the gateway with known signatures: it has to accept the valid one, and to refuse the same one
    /// with a bit changed.
    pub fn probe(host: &mut dyn Host) -> Self {
        Self { rsa: is_right(host, RSA, Alg::Rs256), ecdsa: is_right(host, ECDSA, Alg::Es256) }
    }

    /// Checks a signature. If the gateway's function fails, the signature is checked here.
    ///
    /// # Errors
    /// [`Refusal::Algorithm`] or [`Refusal::Signature`].
    pub fn check(self, host: &mut dyn Host, key: &Key, jws: &Jws<'_>) -> Result<(), Refusal> {
        if jws.header.alg != key.alg() {
            return Err(Refusal::Algorithm);
        }
        self.check_bytes(host, key, jws.signing_input(), &jws.signature)
    }

    /// Checks a signature over any bytes.
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub fn check_bytes(
        self,
        host: &mut dyn Host,
        key: &Key,
        input: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal> {
        let in_gateway = match key.alg() {
            Alg::Rs256 | Alg::Rs384 | Alg::Rs512 => self.rsa,
            Alg::Es256 | Alg::Es384 => self.ecdsa,
            Alg::Ps256 | Alg::EdDsa | Alg::Hs256 => false,
        };
        let request = if in_gateway { key.host_request(input, signature) } else { None };
        match request.map(|request| host.foreign(FUNCTION, &request)) {
            Some(Ok(response)) if is_valid(&response) => Ok(()),
            Some(Ok(_)) => Err(Refusal::Signature),
            Some(Err(_)) | None => key.verify_bytes(input, signature),
        }
    }
}

/// Whether the gateway checks RSA (PKCS#1 v1.5) and ECDSA.
impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the gateway checks signatures: RSA {}, ECDSA {}", self.rsa, self.ecdsa)
    }
}

fn is_right(host: &mut dyn Host, (token, jwks): (&str, &str), alg: Alg) -> bool {
    let Some(keys) = Keys::from_jwks(jwks.as_bytes(), &[alg]) else { return false };
    let Ok(jws) = Jws::parse(token.as_bytes()) else { return false };
    let Found::Key(key) = keys.find(&jws.header) else { return false };
    let mut forged = jws.clone();
    if let Some(byte) = forged.signature.last_mut() {
        *byte ^= 1;
    }
    let mut accepts = |jws: &Jws<'_>| {
        let request = key.host_request(jws.signing_input(), &jws.signature)?;
        Some(is_valid(&host.foreign(FUNCTION, &request).ok()?))
    };
    accepts(&jws) == Some(true) && accepts(&forged) == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::fake::FakeHost;

    #[test]
    fn a_gateway_with_the_same_response_to_everything_is_not_used() {
        for answer in [None, Some(vec![8, 1]), Some(vec![]), Some(vec![8, 0])] {
            let mut host = FakeHost::default();
            host.foreign.extend(answer.map(|bytes| (FUNCTION.to_owned(), bytes)));
            assert_eq!(Verifier::probe(&mut host), Verifier::default());
        }
    }

    #[test]
    fn the_known_signatures_are_valid() {
        for ((token, jwks), alg) in [(RSA, Alg::Rs256), (ECDSA, Alg::Es256)] {
            let keys = Keys::from_jwks(jwks.as_bytes(), &[alg]).unwrap();
            let jws = Jws::parse(token.as_bytes()).unwrap();
            let Found::Key(key) = keys.find(&jws.header) else { panic!() };
            assert_eq!(key.verify(&jws), Ok(()));
            assert!(key.host_request(jws.signing_input(), &jws.signature).is_some());
        }
    }

    #[test]
    fn uses_the_gateways_response_unless_it_fails() {
        let (token, jwks) = ECDSA;
        let keys = Keys::from_jwks(jwks.as_bytes(), &[Alg::Es256]).unwrap();
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let mut forged = jws.clone();
        forged.signature[0] ^= 1;
        let Found::Key(key) = keys.find(&jws.header) else { panic!() };
        let in_gateway = Verifier { rsa: true, ecdsa: true };
        let bad = Err(Refusal::Signature);
        // The verifier, the gateway's response, and the result for the valid token.
        for (verifier, answer, want) in [
            (in_gateway, Some(vec![8, 1]), Ok(())),
            (in_gateway, Some(vec![8, 0]), bad),
            (in_gateway, Some(vec![]), bad),
            (in_gateway, Some(vec![8, 1, 18, 0]), bad),
            (in_gateway, None, Ok(())),
            (Verifier::default(), Some(vec![]), Ok(())),
        ] {
            let mut host = FakeHost::default();
            host.foreign.extend(answer.clone().map(|bytes| (FUNCTION.to_owned(), bytes)));
            assert_eq!(verifier.check(&mut host, key, &jws), want, "{answer:?}");
        }
    }
}
