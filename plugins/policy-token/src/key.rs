//! One key and the one algorithm it is for.

use jwt_simple::prelude::{
    Duration, ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey,
    Ed25519PublicKey, EdDSAPublicKeyLike, HS256Key, MACLike, NoCustomClaims, PS256PublicKey,
    RS256PublicKey, RS384PublicKey, RS512PublicKey, RSAPublicKeyLike, VerificationOptions,
};

use crate::{host, Alg, Jws, Refusal};

/// A key that signatures are checked with.
#[derive(Clone, Debug)]
pub struct Key {
    kid: Option<String>,
    material: Material,
    /// SubjectPublicKeyInfo in DER, for gateways that check signatures.
    spki: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Material {
    Es256(ES256PublicKey),
    Es384(ES384PublicKey),
    Rs256(RS256PublicKey),
    Rs384(RS384PublicKey),
    Rs512(RS512PublicKey),
    Ps256(PS256PublicKey),
    EdDsa(Ed25519PublicKey),
    Hs256(HS256Key),
}

impl Key {
    /// Reads a public JWK (RFC 7517, RFC 7518 section 6) as a key for `alg`. `None` for one that is
    /// not: another type or curve, a point that is not on the curve, RSA under 2048 bits, private
    /// members, another `use`.
    pub fn from_jwk(jwk: &str, alg: Alg, kid: Option<String>) -> Option<Self> {
        let (material, spki) = match alg {
            Alg::Es256 => {
                let key = ES256PublicKey::from_jwk(jwk).ok()?;
                let spki = key.to_der().ok();
                (Material::Es256(key), spki)
            }
            Alg::Es384 => {
                let key = ES384PublicKey::from_jwk(jwk).ok()?;
                let spki = key.to_der().ok();
                (Material::Es384(key), spki)
            }
            Alg::Rs256 => {
                let key = RS256PublicKey::from_jwk(jwk).ok()?;
                let spki = key.to_der().ok();
                (Material::Rs256(key), spki)
            }
            Alg::Rs384 => {
                let key = RS384PublicKey::from_jwk(jwk).ok()?;
                let spki = key.to_der().ok();
                (Material::Rs384(key), spki)
            }
            Alg::Rs512 => {
                let key = RS512PublicKey::from_jwk(jwk).ok()?;
                let spki = key.to_der().ok();
                (Material::Rs512(key), spki)
            }
            Alg::Ps256 => (Material::Ps256(PS256PublicKey::from_jwk(jwk).ok()?), None),
            Alg::EdDsa => (Material::EdDsa(Ed25519PublicKey::from_jwk(jwk).ok()?), None),
            // A shared secret in a key set is no secret.
            Alg::Hs256 => return None,
        };
        Some(Self { kid, material, spki })
    }

    /// A shared secret for HS256, at least as long as the hash (RFC 7518 section 3.2).
    pub fn from_secret(secret: &[u8], kid: Option<String>) -> Option<Self> {
        let material = Material::Hs256(HS256Key::from_bytes(secret));
        (secret.len() >= 32).then_some(Self { kid, material, spki: None })
    }

    /// The key's id.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The one algorithm it is for.
    pub fn alg(&self) -> Alg {
        match self.material {
            Material::Es256(_) => Alg::Es256,
            Material::Es384(_) => Alg::Es384,
            Material::Rs256(_) => Alg::Rs256,
            Material::Rs384(_) => Alg::Rs384,
            Material::Rs512(_) => Alg::Rs512,
            Material::Ps256(_) => Alg::Ps256,
            Material::EdDsa(_) => Alg::EdDsa,
            Material::Hs256(_) => Alg::Hs256,
        }
    }

    /// Checks the signature here.
    ///
    /// # Errors
    /// [`Refusal::Algorithm`] or [`Refusal::Signature`].
    pub fn verify(&self, jws: &Jws<'_>) -> Result<(), Refusal> {
        if jws.header.alg != self.alg() {
            return Err(Refusal::Algorithm);
        }
        // Time is not asked here: it is a fact, and checked with the claims.
        let options = VerificationOptions {
            accept_future: true,
            artificial_time: Some(Duration::from_secs(0)),
            time_tolerance: None,
            max_token_length: None,
            max_header_length: Some(crate::MAX_TOKEN),
            ..VerificationOptions::default()
        };
        let (token, options) = (jws.token(), Some(options));
        let valid = match &self.material {
            Material::Es256(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            Material::Es384(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            Material::Rs256(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            Material::Rs384(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            Material::Rs512(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            Material::Ps256(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            Material::Hs256(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            Material::EdDsa(key) => ed25519(key, jws),
        };
        valid.then_some(()).ok_or(Refusal::Signature)
    }

    /// The message for the gateway's `verify_signature`, where it knows the algorithm and the
    /// signature has the form it needs.
    pub fn host_request(&self, jws: &Jws<'_>) -> Option<Vec<u8>> {
        let spki = self.spki.as_deref()?;
        host::request(self.alg(), spki, jws)
    }
}

/// The bare signature: RFC 8037's example signs no JSON, and a payload's form is checked elsewhere.
fn ed25519(key: &Ed25519PublicKey, jws: &Jws<'_>) -> bool {
    let signature = ed25519_compact::Signature::from_slice(&jws.signature);
    signature.is_ok_and(|s| key.public_key().as_ref().verify(jws.signing_input(), &s).is_ok())
}
