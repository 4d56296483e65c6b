//! One key and the one algorithm it is for.

use hmac_sha256::{Hash as Sha256, HMAC};
use hmac_sha512::sha384::Hash as Sha384;
use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey,
    Ed25519PublicKey, EdDSAPublicKeyLike, RS256PublicKey, RSAPublicKeyLike,
};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use serde_json::Value;
use superboring::hash::MessageDigest;
use superboring::pkey::{PKey, Public};
use superboring::rsa::{Padding, Rsa};
use superboring::sign::Verifier;

use crate::jwk::{self, Parts};
use crate::{base64url, host, spki, Alg, Jws, Refusal};

/// A key that signatures are checked with.
#[derive(Clone)]
pub struct Key {
    kid: Option<String>,
    alg: Alg,
    material: Material,
    /// SubjectPublicKeyInfo in DER, for gateways that check signatures.
    spki: Option<Vec<u8>>,
}

/// Keys as `jwt-simple` proves them, in the types of the crates that it checks signatures with. Its own
/// readers are not used: that of tokens reads header and claims once more, for each algorithm in code of
/// its own, and that of keys ends the VM where a gateway has no random numbers to give.
#[derive(Clone)]
enum Material {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Rsa(Box<Rsa<Public>>),
    Ed25519(ed25519_compact::PublicKey),
    Secret(Vec<u8>),
}

/// Says which key, never what it is.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:?}, {})", self.kid, self.alg.name())
    }
}

impl Key {
    /// Reads a public JWK (RFC 7517, RFC 7518 section 6) as a key for `alg`. `None` for one that is
    /// not: another type or curve, a point that is not on the curve, RSA under 2048 bits, private
    /// members, another `use`.
    pub fn from_jwk(jwk: &Value, alg: Alg, kid: Option<String>) -> Option<Self> {
        let (material, spki) = match (jwk::parts(jwk, alg)?, alg) {
            (Parts::Point(point), Alg::Es256) => {
                let key = *ES256PublicKey::from_bytes(&point).ok()?.public_key().as_ref();
                (Material::P256(key), spki::p256(&point))
            }
            (Parts::Point(point), _) => {
                let key = *ES384PublicKey::from_bytes(&point).ok()?.public_key().as_ref();
                (Material::P384(key), spki::p384(&point))
            }
            (Parts::Bytes(bytes), _) => {
                let key = *Ed25519PublicKey::from_bytes(&bytes).ok()?.public_key().as_ref();
                (Material::Ed25519(key), None)
            }
            (Parts::Rsa(n, e), _) => return Self::rsa(&n, &e, alg, kid),
        };
        Some(Self { kid, alg, material, spki })
    }

    /// Reads an RSA key from PEM (RFC 7468 section 13, `PUBLIC KEY`) as one for RS256. `None` for
    /// anything else.
    pub fn from_pem(pem: &str) -> Option<Self> {
        let (n, e) = spki::read_rsa(&base64url::from_pem(pem)?)?;
        Self::rsa(&n, &e, Alg::Rs256, None)
    }

    fn rsa(n: &[u8], e: &[u8], alg: Alg, kid: Option<String>) -> Option<Self> {
        // The key is the same whatever the hash.
        let key = RS256PublicKey::from_components(n, e).ok()?;
        let key = Box::new(key.public_key().as_ref().clone());
        Some(Self { kid, alg, material: Material::Rsa(key), spki: spki::rsa(n, e) })
    }

    /// A shared secret for HS256, at least as long as the hash (RFC 7518 section 3.2).
    pub fn from_secret(secret: &[u8], kid: Option<String>) -> Option<Self> {
        let material = Material::Secret(secret.to_vec());
        (secret.len() >= 32).then_some(Self { kid, alg: Alg::Hs256, material, spki: None })
    }

    /// The key's id.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The one algorithm it is for.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// Checks the signature here.
    ///
    /// # Errors
    /// [`Refusal::Algorithm`] or [`Refusal::Signature`].
    pub fn verify(&self, jws: &Jws<'_>) -> Result<(), Refusal> {
        if jws.header.alg != self.alg() {
            return Err(Refusal::Algorithm);
        }
        self.verify_bytes(jws.signing_input(), &jws.signature)
    }

    /// Checks a signature over any bytes here.
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub fn verify_bytes(&self, input: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let valid = match &self.material {
            Material::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|s| key.verify_prehash(&Sha256::hash(input), &s).is_ok()),
            Material::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|s| key.verify_prehash(&Sha384::hash(input), &s).is_ok()),
            Material::Rsa(key) => rsa(key, self.alg, input, signature).unwrap_or(false),
            Material::Ed25519(key) => ed25519_compact::Signature::from_slice(signature)
                .is_ok_and(|s| key.verify(input, &s).is_ok()),
            // Compares in constant time.
            Material::Secret(secret) => {
                signature.try_into().is_ok_and(|mac| HMAC::verify(input, secret, mac))
            }
        };
        valid.then_some(()).ok_or(Refusal::Signature)
    }

    /// The message for the gateway's `verify_signature`, where it knows the algorithm and the
    /// signature has the form it needs.
    pub fn host_request(&self, input: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
        let spki = self.spki.as_deref()?;
        host::request(self.alg, spki, input, signature)
    }
}

fn rsa(key: &Rsa<Public>, alg: Alg, input: &[u8], signature: &[u8]) -> Option<bool> {
    let (digest, padding) = match alg {
        Alg::Rs256 => (MessageDigest::sha256(), Padding::PKCS1),
        Alg::Rs384 => (MessageDigest::sha384(), Padding::PKCS1),
        Alg::Rs512 => (MessageDigest::sha512(), Padding::PKCS1),
        Alg::Ps256 => (MessageDigest::sha256(), Padding::PKCS1_PSS),
        _ => return None,
    };
    let key = PKey::from_rsa(key.clone()).ok()?;
    let mut verifier = Verifier::new(digest, &key).ok()?;
    verifier.set_rsa_padding(padding).ok()?;
    verifier.update(input).ok()?;
    verifier.verify(signature).ok()
}
