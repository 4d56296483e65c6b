//! Who checks signatures: the gateway where it can and is right, else this module.

use policy_kit::Host;

use crate::{host_says_valid, Alg, Jws, Key, Keys, Refusal};

/// Envoy's foreign function.
const FUNCTION: &str = "verify_signature";
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

/// What the gateway's own `verify_signature` was seen to do right: ten to forty times as fast as
/// the same in wasm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verifier {
    rsa: bool,
    ecdsa: bool,
}

impl Verifier {
    /// Asks the gateway about signatures that are known: it is believed only where it takes the good
    /// one and refuses the same one with a bit changed.
    pub fn probe(host: &mut dyn Host) -> Self {
        Self { rsa: is_right(host, RSA, Alg::Rs256), ecdsa: is_right(host, ECDSA, Alg::Es256) }
    }

    /// Checks a signature. A gateway that fails to answer is no reason to refuse, and none to
    /// believe: then it is checked here.
    ///
    /// # Errors
    /// [`Refusal::Algorithm`] or [`Refusal::Signature`].
    pub fn check(self, host: &mut dyn Host, key: &Key, jws: &Jws<'_>) -> Result<(), Refusal> {
        if jws.header.alg != key.alg() {
            return Err(Refusal::Algorithm);
        }
        self.check_bytes(host, key, jws.signing_input(), &jws.signature)
    }

    /// The same for a signature over any bytes.
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
        let asks = match key.alg() {
            Alg::Rs256 | Alg::Rs384 | Alg::Rs512 => self.rsa,
            Alg::Es256 | Alg::Es384 => self.ecdsa,
            Alg::Ps256 | Alg::EdDsa | Alg::Hs256 => false,
        };
        let question = if asks { key.host_request(input, signature) } else { None };
        match question.map(|question| host.foreign(FUNCTION, &question)) {
            Some(Ok(answer)) if host_says_valid(&answer) => Ok(()),
            Some(Ok(_)) => Err(Refusal::Signature),
            Some(Err(_)) | None => key.verify_bytes(input, signature),
        }
    }
}

/// Whether the gateway is asked about RSA (PKCS#1 v1.5), and about ECDSA.
impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the gateway checks signatures: RSA {}, ECDSA {}", self.rsa, self.ecdsa)
    }
}

fn is_right(host: &mut dyn Host, (token, jwks): (&str, &str), alg: Alg) -> bool {
    let Some(keys) = Keys::from_jwks(jwks.as_bytes(), &[alg]) else { return false };
    let Ok(jws) = Jws::parse(token.as_bytes()) else { return false };
    let crate::Found::Key(key) = keys.find(&jws.header) else { return false };
    let mut forged = jws.clone();
    if let Some(byte) = forged.signature.last_mut() {
        *byte ^= 1;
    }
    let mut says = |jws: &Jws<'_>| {
        let question = key.host_request(jws.signing_input(), &jws.signature)?;
        Some(host_says_valid(&host.foreign(FUNCTION, &question).ok()?))
    };
    says(&jws) == Some(true) && says(&forged) == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::fake::FakeHost;

    /// What a gateway answers; whether it is asked again.
    #[test]
    fn a_gateway_that_says_yes_or_no_to_everything_is_not_asked() {
        for answer in [None, Some(vec![8, 1]), Some(vec![]), Some(vec![8, 0])] {
            let mut host = FakeHost::default();
            host.foreign.extend(answer.map(|bytes| (FUNCTION.to_owned(), bytes)));
            assert_eq!(Verifier::probe(&mut host), Verifier::default());
        }
    }

    #[test]
    fn the_known_signatures_are_good() {
        for ((token, jwks), alg) in [(RSA, Alg::Rs256), (ECDSA, Alg::Es256)] {
            let keys = Keys::from_jwks(jwks.as_bytes(), &[alg]).unwrap();
            let jws = Jws::parse(token.as_bytes()).unwrap();
            let crate::Found::Key(key) = keys.find(&jws.header) else { panic!() };
            assert_eq!(key.verify(&jws), Ok(()));
            assert!(key.host_request(jws.signing_input(), &jws.signature).is_some());
        }
    }

    #[test]
    fn who_is_believed() {
        let (token, jwks) = ECDSA;
        let keys = Keys::from_jwks(jwks.as_bytes(), &[Alg::Es256]).unwrap();
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let mut forged = jws.clone();
        forged.signature[0] ^= 1;
        let crate::Found::Key(key) = keys.find(&jws.header) else { panic!() };
        let asking = Verifier { rsa: true, ecdsa: true };
        let bad = Err(Refusal::Signature);
        // Verifier, the gateway's answer, and what becomes of the good token.
        for (verifier, answer, want) in [
            (asking, Some(vec![8, 1]), Ok(())),
            (asking, Some(vec![8, 0]), bad),
            (asking, Some(vec![]), bad),
            (asking, Some(vec![8, 1, 18, 0]), bad),
            (asking, None, Ok(())),
            (Verifier::default(), Some(vec![]), Ok(())),
        ] {
            let mut host = FakeHost::default();
            host.foreign.extend(answer.clone().map(|bytes| (FUNCTION.to_owned(), bytes)));
            assert_eq!(verifier.check(&mut host, key, &jws), want, "{answer:?}");
        }
    }
}
