//! `verify_signature`: RSA PKCS#1 v1.5, and ECDSA with DER signatures, as BoringSSL verifies them in Envoy.
//! For tests only.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1::RsaPublicKey as Pkcs1;
use rsa::pkcs8::der::{Decode, SliceReader};
use rsa::pkcs8::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use rsa::sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use sha1::Sha1;

use crate::foreign::arguments::Arguments;
use crate::status::Status;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.33");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// A feature of Envoy that this crate does not emulate, as text.
pub(crate) type NotEmulated = &'static str;

/// Largest RSA modulus that BoringSSL verifies with, in bits.
const MAX_RSA: usize = 16 * 1024;

/// The result of a verification.
enum Verification {
    Valid,
    /// The text that Envoy gives with "no".
    Invalid(String),
}

/// Verifies one signature; the result is serialised as Envoy does.
///
/// # Errors
/// Envoy verifies with keys on this curve, this crate does not.
pub(super) fn verify_signature(argument: &[u8]) -> Result<Result<Vec<u8>, Status>, NotEmulated> {
    // Envoy refuses arguments without a key.
    let Some(arguments) = Arguments::read(argument).filter(|it| !it.key.is_empty()) else {
        return Ok(Err(Status::BAD_ARGUMENT));
    };
    Ok(Ok(match verification(&arguments)? {
        Verification::Valid => vec![0x08, 0x01],
        // Field 1, false, is not written.
        Verification::Invalid(text) => {
            let mut answer = vec![0x12];
            push_varint(text.len(), &mut answer);
            answer.extend(text.into_bytes());
            answer
        }
    }))
}

fn verification(arguments: &Arguments<'_>) -> Result<Verification, NotEmulated> {
    let Some((hash, scheme)) = hash(arguments.hash, arguments.text) else {
        return Ok(Verification::Invalid(format!("{} is not supported.", arguments.hash)));
    };
    let Some(key) = Key::read(arguments.key)? else {
        return Ok(Verification::Invalid("Failed to initialize digest verify.".to_owned()));
    };
    Ok(match key.verifies(&hash, scheme, arguments.signature) {
        true => Verification::Valid,
        false => Verification::Invalid("Failed to verify digest. Error code: 0".to_owned()),
    })
}

/// The digest of a text, and how PKCS#1 names the function.
fn hash(name: &str, text: &[u8]) -> Option<(Vec<u8>, Pkcs1v15Sign)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "sha1" => (Sha1::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha1>()),
        "sha224" => (Sha224::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha224>()),
        "sha256" => (Sha256::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha256>()),
        "sha384" => (Sha384::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha384>()),
        "sha512" => (Sha512::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha512>()),
        _ => return None,
    })
}

enum Key {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
}

impl Key {
    /// `None` if it is not a key, or no key that can verify a digest.
    fn read(der: &[u8]) -> Result<Option<Self>, NotEmulated> {
        // Trailing bytes are ignored.
        let decoded =
            SliceReader::new(der).and_then(|mut der| SubjectPublicKeyInfoRef::decode(&mut der));
        let Ok(info) = decoded else { return Ok(None) };
        let Some(bits) = info.subject_public_key.as_bytes() else { return Ok(None) };
        let curve = info.algorithm.parameters_oid().ok();
        Ok(match (info.algorithm.oid, curve) {
            (RSA, _) if info.algorithm.parameters.is_some_and(|it| it.is_null()) => {
                rsa(bits).map(Self::Rsa)
            }
            (EC, Some(P256)) => point(bits)
                .and_then(|it| p256::ecdsa::VerifyingKey::from_sec1_bytes(it).ok())
                .map(Self::P256),
            (EC, Some(P384)) => point(bits)
                .and_then(|it| p384::ecdsa::VerifyingKey::from_sec1_bytes(it).ok())
                .map(Self::P384),
            (EC, Some(P224 | P521)) => {
                return Err("a signature by a key on P-224 or P-521");
            }
            _ => None,
        })
    }

    fn verifies(&self, hash: &[u8], scheme: Pkcs1v15Sign, signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => key.verify(scheme, hash, signature).is_ok(),
            Self::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|it| key.verify_prehash(&padded(hash, 32), &it).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .is_ok_and(|it| key.verify_prehash(&padded(hash, 48), &it).is_ok()),
        }
    }
}

fn rsa(bits: &[u8]) -> Option<RsaPublicKey> {
    let key = Pkcs1::from_der(bits).ok()?;
    let number = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
    let (modulus, exponent) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    RsaPublicKey::new_with_max_size(number(modulus), number(exponent), MAX_RSA).ok()
}

/// A point as X9.62 writes it; the crates read one form more.
fn point(bits: &[u8]) -> Option<&[u8]> {
    matches!(bits.first(), Some(2..=4)).then_some(bits)
}

/// Pads a digest to the size of the curve: the crates refuse a much shorter one.
fn padded(hash: &[u8], size: usize) -> Vec<u8> {
    let mut number = vec![0; size.saturating_sub(hash.len())];
    number.extend_from_slice(hash);
    number
}

fn push_varint(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        out.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}
