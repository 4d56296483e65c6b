//! Signing keys, the JWS made with them and the key sets published for them.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use ed25519_dalek::Signer as _;
use rsa::pkcs8::DecodePrivateKey;
use rsa::signature::SignatureEncoding;
use rsa::traits::PublicKeyParts;
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use sha2::Sha256;

use crate::oracle::Oracle;

/// TEST ONLY, as everything in `testdata`.
const RSA_KEYS: [&str; 2] = [
    include_str!("../testdata/test-only-player-rsa-1.pem"),
    include_str!("../testdata/test-only-player-rsa-2.pem"),
];

/// A signature algorithm of RFC 7518 or RFC 8037.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Alg {
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// Whose keys: the casino's own, or those of the location service, which is another issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    Player,
    Location,
}

impl Issuer {
    fn prefix(self) -> &'static str {
        match self {
            Self::Player => "player",
            Self::Location => "location",
        }
    }
}

/// The three keys of one issuer and generation.
#[derive(Clone, Debug)]
struct KeySet {
    es256: p256::ecdsa::SigningKey,
    eddsa: ed25519_dalek::SigningKey,
    rs256: rsa::pkcs1v15::SigningKey<Sha256>,
}

impl KeySet {
    fn new(oracle: &Oracle, issuer: Issuer, generation: u64) -> Result<Self, KeyError> {
        let topic = |alg: &str| format!("key {} {alg}", issuer.prefix());
        let es256 = oracle.bytes(&topic("ES256"), generation);
        let eddsa = oracle.bytes(&topic("EdDSA"), generation);
        let [first, second] = RSA_KEYS;
        let pem = if generation % 2 == 1 { first } else { second };
        let rsa = rsa::RsaPrivateKey::from_pkcs8_pem(pem).map_err(|_| KeyError::Rsa)?;
        Ok(Self {
            es256: p256::ecdsa::SigningKey::from_slice(&es256).map_err(|_| KeyError::Es256)?,
            eddsa: ed25519_dalek::SigningKey::from_bytes(&eddsa),
            rs256: rsa::pkcs1v15::SigningKey::new(rsa),
        })
    }

    fn sign(&self, alg: Alg, input: &[u8]) -> Vec<u8> {
        match alg {
            Alg::Es256 => {
                // RFC 6979: the nonce follows from key and message, so the answer repeats.
                let signature: p256::ecdsa::Signature = self.es256.sign(input);
                signature.to_vec()
            }
            Alg::EdDsa => self.eddsa.sign(input).to_vec(),
            Alg::Rs256 => self.rs256.sign(input).to_vec(),
        }
    }

    fn public(&self, alg: Alg) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match alg {
            Alg::Es256 => {
                let point = self.es256.verifying_key().to_encoded_point(false);
                let part = |bytes: Option<&p256::FieldBytes>| bytes.map(|b| b64(b));
                json!({ "kty": "EC", "crv": "P-256", "x": part(point.x()), "y": part(point.y()) })
            }
            Alg::EdDsa => {
                let key = self.eddsa.verifying_key();
                json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(key.as_bytes()) })
            }
            Alg::Rs256 => {
                let key: &rsa::RsaPrivateKey = self.rs256.as_ref();
                let (n, e) = (key.n().to_bytes_be(), key.e().to_bytes_be());
                json!({ "kty": "RSA", "n": b64(&n), "e": b64(&e) })
            }
        }
    }
}

/// A key could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The RSA key in the repository cannot be read.
    #[error("the test RSA key cannot be read")]
    Rsa,
    /// The seed gives a number that is no P-256 key (about one in 2^32); take another seed.
    #[error("the seed gives no P-256 key; take another")]
    Es256,
}

#[derive(Clone, Debug)]
struct Generation {
    number: u64,
    player: KeySet,
    location: KeySet,
}

impl Generation {
    fn new(oracle: &Oracle, number: u64) -> Result<Self, KeyError> {
        let player = KeySet::new(oracle, Issuer::Player, number)?;
        let location = KeySet::new(oracle, Issuer::Location, number)?;
        Ok(Self { number, player, location })
    }

    fn of(&self, issuer: Issuer) -> &KeySet {
        match issuer {
            Issuer::Player => &self.player,
            Issuer::Location => &self.location,
        }
    }

    fn kid(&self, issuer: Issuer, alg: Alg) -> String {
        let alg = match alg {
            Alg::Es256 => "es256",
            Alg::Rs256 => "rs256",
            Alg::EdDsa => "eddsa",
        };
        format!("{}-{alg}-{}", issuer.prefix(), self.number)
    }
}

/// The keys in use, and the ones before them while they are still published.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    current: Generation,
    previous: Option<Generation>,
}

impl Keys {
    pub(crate) fn new(oracle: &Oracle) -> Result<Self, KeyError> {
        Ok(Self { current: Generation::new(oracle, 1)?, previous: None })
    }

    /// Signs with the next generation from now on. The old keys stay published if asked, so that
    /// tokens already out there can still be verified.
    pub(crate) fn rotate(&mut self, oracle: &Oracle, keep_previous: bool) -> Result<u64, KeyError> {
        let next = Generation::new(oracle, self.current.number + 1)?;
        let old = std::mem::replace(&mut self.current, next);
        self.previous = keep_previous.then_some(old);
        Ok(self.current.number)
    }

    /// A compact JWS (RFC 7515) over the claims.
    pub(crate) fn sign(&self, issuer: Issuer, alg: Alg, typ: &str, claims: &Value) -> String {
        let header = json!({ "alg": alg, "kid": self.current.kid(issuer, alg), "typ": typ });
        let b64 = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", b64(&header), b64(claims));
        let signature = self.current.of(issuer).sign(alg, input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The key set of an issuer (RFC 7517), newest keys first.
    pub(crate) fn jwks(&self, issuer: Issuer) -> Value {
        let mut keys = Vec::new();
        for generation in [Some(&self.current), self.previous.as_ref()].into_iter().flatten() {
            for alg in [Alg::Es256, Alg::Rs256, Alg::EdDsa] {
                let mut key = generation.of(issuer).public(alg);
                if let Some(fields) = key.as_object_mut() {
                    fields.insert("kid".to_owned(), generation.kid(issuer, alg).into());
                    fields.insert("alg".to_owned(), json!(alg));
                    fields.insert("use".to_owned(), "sig".into());
                }
                keys.push(key);
            }
        }
        json!({ "keys": keys })
    }
}

/// The claims of a compact JWS, not verified: the gateway has verified the token.
pub(crate) fn unverified_claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
