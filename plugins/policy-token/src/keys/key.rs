//! One key and the one algorithm it is for.

use hmac_sha256::{Hash as Sha256, HMAC};
use hmac_sha512::sha384::Hash as Sha384;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::elliptic_curve::point::AffineCoordinates;
use serde_json::Value;
use superboring::bn::BigNum;
use superboring::hash::MessageDigest;
use superboring::pkey::{PKey, Public};
use superboring::rsa::{Padding, Rsa};
use superboring::sign::Verifier;

use super::jwk::{self, Parts};
use super::skipped::SkipReason;
use crate::alg::Alg;
use crate::refusal::Refusal;
use crate::token::jws::Jws;
use crate::{base64url, spki, verify_signature};

/// Accepted sizes of RSA keys, in bits (RFC 7518 section 3.3; larger keys only cost time).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// The only accepted public exponent, 65537: smaller ones have a history of attacks.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

/// A key that checks signatures.
#[derive(Clone)]
pub struct Key {
    kid: Option<String>,
    alg: Alg,
    material: Material,
    /// SubjectPublicKeyInfo in DER, for the gateway's `verify_signature`.
    spki: Option<Vec<u8>>,
}

/// Keys in the types of the crates that `jwt-simple` uses, validated as it validates them. Its own parsers are
/// not used: its token parser parses header and claims again, with separate code for each algorithm, and its
/// key parsers add code for all key formats and errors to each module.
#[derive(Clone)]
enum Material {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Rsa(Box<Rsa<Public>>),
    Ed25519(ed25519_compact::PublicKey),
    Secret(Vec<u8>),
}

/// Shows the id, never the key.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:?}, {})", self.kid, self.alg.name())
    }
}

impl Key {
    /// Reads a public JWK (RFC 7517, RFC 7518 section 6) as a key for `alg`. `None` for another type or
    /// curve, a point that is not on the curve, RSA under 2048 bits, private members, another `use`.
    pub fn from_jwk(jwk: &Value, alg: Alg, kid: Option<String>) -> Option<Self> {
        Self::read(jwk, alg, kid).ok()
    }

    /// Reads a public JWK, or returns why it is not used.
    pub(crate) fn read(jwk: &Value, alg: Alg, kid: Option<String>) -> Result<Self, SkipReason> {
        let (material, spki) = match (jwk::parts(jwk, alg)?, alg) {
            (Parts::Point(point), Alg::Es256) => {
                let key = p256(&point).ok_or(SkipReason::Point)?;
                (Material::P256(key), spki::p256(&point))
            }
            (Parts::Point(point), _) => {
                let key = p384(&point).ok_or(SkipReason::Point)?;
                (Material::P384(key), spki::p384(&point))
            }
            (Parts::Bytes(bytes), _) => {
                let key = ed25519_compact::PublicKey::from_slice(&bytes)
                    .map_err(|_| SkipReason::Point)?;
                // Not a point of small order, for which anybody can sign.
                key.validate().map_err(|_| SkipReason::Point)?;
                (Material::Ed25519(key), None)
            }
            (Parts::Rsa(n, e), _) => return Self::rsa(&n, &e, alg, kid),
        };
        Ok(Self { kid, alg, material, spki })
    }

    /// Reads an RSA key from PEM (RFC 7468 section 13, `PUBLIC KEY`) for RS256; `None` for anything else.
    pub fn from_pem(pem: &str) -> Option<Self> {
        let (n, e) = spki::read_rsa(&base64url::from_pem(pem)?)?;
        Self::rsa(&n, &e, Alg::Rs256, None).ok()
    }

    #[inline(never)]
    fn rsa(n: &[u8], e: &[u8], alg: Alg, kid: Option<String>) -> Result<Self, SkipReason> {
        let odd = n.last().is_some_and(|byte| byte & 1 == 1);
        if !RSA_BITS.contains(&bits(n)) || !odd {
            return Err(SkipReason::Modulus);
        }
        if *e != RSA_EXPONENT {
            return Err(SkipReason::Exponent);
        }
        let number = |bytes| BigNum::from_slice(bytes).map_err(|_| SkipReason::Modulus);
        let (modulus, exponent) = (number(n)?, number(e)?);
        let key =
            Rsa::from_public_components(modulus, exponent).map_err(|_| SkipReason::Modulus)?;
        let material = Material::Rsa(Box::new(key));
        Ok(Self { kid, alg, material, spki: spki::rsa(n, e) })
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

    /// The only algorithm that it is used for.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// Checks a token's signature in this module.
    ///
    /// # Errors
    /// [`Refusal::Algorithm`] or [`Refusal::Signature`].
    pub fn verify(&self, jws: &Jws<'_>) -> Result<(), Refusal> {
        if jws.header.alg != self.alg() {
            return Err(Refusal::Algorithm);
        }
        self.verify_bytes(jws.signing_input(), &jws.signature)
    }

    /// Checks a signature over any bytes in this module.
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

    /// The request to the gateway's `verify_signature`; `None` if it does not support the algorithm or the
    /// signature is malformed.
    pub fn host_request(&self, input: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
        let spki = self.spki.as_deref()?;
        verify_signature::request(self.alg, spki, input, signature)
    }
}

/// Bits of a big-endian number.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let top = number.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() - zeros) * 8 - top
}

/// An uncompressed point of P-256 as a key; `None` if it is not on the curve.
fn p256(point: &[u8]) -> Option<p256::ecdsa::VerifyingKey> {
    let (x, y) = point.get(1..)?.split_at_checked(32)?;
    let (x, y) = (p256::FieldBytes::try_from(x).ok()?, p256::FieldBytes::try_from(y).ok()?);
    let point: Option<_> = p256::AffinePoint::from_coordinates(&x, &y).into();
    p256::ecdsa::VerifyingKey::from_affine(point?).ok()
}

/// An uncompressed point of P-384 as a key; `None` if it is not on the curve.
fn p384(point: &[u8]) -> Option<p384::ecdsa::VerifyingKey> {
    let (x, y) = point.get(1..)?.split_at_checked(48)?;
    let (x, y) = (p384::FieldBytes::try_from(x).ok()?, p384::FieldBytes::try_from(y).ok()?);
    let point: Option<_> = p384::AffinePoint::from_coordinates(&x, &y).into();
    p384::ecdsa::VerifyingKey::from_affine(point?).ok()
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
