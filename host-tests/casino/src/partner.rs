//! Keys and signatures of partners. Demo values: the casino verifies with them if configured, the recorder
//! signs with them, and the gateway is configured with the same.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use hmac::{Hmac, Mac};
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey, LineEnding};
use rsa::signature::{Keypair, SignatureEncoding, Signer, Verifier};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::keys::KeyError;

/// The header of a hub partner's signature: base64 of RSA-SHA256 (PKCS #1 v1.5) over the body.
pub const HUB_HEADER: &str = "x-hub88-signature";
/// The header of a bee partner's signature: lower-case hex of HMAC-SHA256 over the body.
pub const BEE_HEADER: &str = "x-request-sign";
/// The header of the payment provider's signature: made like the bee partner's.
pub const PSP_HEADER: &str = "x-psp-signature";
/// TEST ONLY: the bee partner's secret.
pub const BEE_SECRET: &str = "demo-bee-secret";
/// TEST ONLY: the single-URL partner's secret.
pub const ONE_SECRET: &str = "demo-one-secret";
/// TEST ONLY: the payment provider's secret.
pub const PSP_SECRET: &str = "demo-psp-secret";

const HUB_KEY: &str = include_str!("../testdata/test-only-partner-hub.pem");

/// The hub partner: signs and verifies.
#[derive(Clone, Debug)]
pub struct HubPartner {
    signing: SigningKey<Sha256>,
    verifying: VerifyingKey<Sha256>,
}

impl HubPartner {
    /// The demo's hub partner with its test key.
    ///
    /// # Errors
    /// [`KeyError::Rsa`] if the key in the repository cannot be read.
    pub fn demo() -> Result<Self, KeyError> {
        let key = rsa::RsaPrivateKey::from_pkcs8_pem(HUB_KEY).map_err(|_| KeyError::Rsa)?;
        let signing = SigningKey::<Sha256>::new(key);
        let verifying = signing.verifying_key();
        Ok(Self { signing, verifying })
    }

    /// The value of [`HUB_HEADER`] for a body.
    pub fn sign(&self, body: &[u8]) -> String {
        STANDARD.encode(self.signing.sign(body).to_bytes())
    }

    /// Whether a header value signs a body.
    pub fn verify(&self, body: &[u8], header: &str) -> bool {
        let signature = STANDARD.decode(header).ok();
        let signature = signature.and_then(|bytes| Signature::try_from(bytes.as_slice()).ok());
        signature.is_some_and(|signature| self.verifying.verify(body, &signature).is_ok())
    }

    /// The public key in PEM, for a gateway's configuration.
    ///
    /// # Errors
    /// [`KeyError::Rsa`] if the key has no PEM form.
    pub fn public_pem(&self) -> Result<String, KeyError> {
        self.verifying.as_ref().to_public_key_pem(LineEnding::LF).map_err(|_| KeyError::Rsa)
    }
}

/// The value of [`BEE_HEADER`] for a body.
pub fn sign_bee(body: &[u8]) -> String {
    hmac_hex(BEE_SECRET.as_bytes(), body)
}

/// The value of [`PSP_HEADER`] for a body.
pub fn sign_psp(body: &[u8]) -> String {
    hmac_hex(PSP_SECRET.as_bytes(), body)
}

/// The `hmac` field of a single-URL message: HMAC-SHA256 over the values of all other fields,
/// sorted by name and joined, under the SHA-256 of the secret. `None` when a value is no scalar.
pub fn sign_one(fields: &Map<String, Value>) -> Option<String> {
    // The map may keep the order of insertion, so it is not relied upon.
    let mut names: Vec<_> = fields.keys().filter(|name| *name != "hmac").collect();
    names.sort();
    let mut joined = String::new();
    for name in names {
        match fields.get(name)? {
            Value::String(text) => joined.push_str(text),
            Value::Number(number) => joined.push_str(&number.to_string()),
            Value::Bool(yes) => joined.push_str(if *yes { "1" } else { "" }),
            Value::Null => {}
            Value::Array(_) | Value::Object(_) => return None,
        }
    }
    Some(hmac_hex(&Sha256::digest(ONE_SECRET), joined.as_bytes()))
}

/// Compares in a time that depends on the lengths only.
pub(crate) fn same(given: &str, wanted: &str) -> bool {
    let differences = given.bytes().zip(wanted.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == wanted.len() && differences == 0
}

fn hmac_hex(key: &[u8], message: &[u8]) -> String {
    // HMAC takes keys of any length, so this arm is never taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_every_byte() {
        let hub = HubPartner::demo().unwrap();
        let body = br#"{"a":1}"#;
        let signature = hub.sign(body);
        for (body, header, want) in [
            (&body[..], signature.as_str(), true),
            (br#"{"a": 1}"#, signature.as_str(), false),
            (body, "", false),
            (body, "!!", false),
            (body, "AAAA", false),
        ] {
            assert_eq!(hub.verify(body, header), want, "{header}");
        }
        assert!(same(&sign_bee(body), &sign_bee(body)));
        assert!(!same(&sign_bee(body), &sign_bee(br#"{"a": 1}"#)));
        assert!(!same("", &sign_bee(body)));
        assert!(hub.public_pem().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    }

    #[test]
    fn the_single_url_signature_ignores_order_and_its_own_field() {
        let fields = |text| serde_json::from_str::<Map<_, _>>(text).unwrap();
        let one = sign_one(&fields(r#"{"b":"2","a":1,"hmac":"x"}"#));
        assert_eq!(one, sign_one(&fields(r#"{"a":"1","b":2}"#)));
        assert_ne!(one, sign_one(&fields(r#"{"a":"1","b":"3"}"#)));
        assert_eq!(sign_one(&fields(r#"{"a":[]}"#)), None);
    }
}
