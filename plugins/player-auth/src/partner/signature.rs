//! Signatures of partners over the raw body.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use hmac_sha256::HMAC;
use policy_kit::{Denial, Headers, Host, One};
use policy_token::{Key, Verifier};

use super::config::Encoding;
use super::parse::hex;
use super::presented::{same, Presence};
use crate::denials::{PARTNER_SIGNATURE, PARTNER_TIMESTAMP};

/// From here on, a timestamp is in milliseconds: in seconds it would be in the year 5138.
const MILLISECONDS: u64 = 100_000_000_000;
/// Most signatures in one header: each of them is compared.
const MAX_SIGNATURES: usize = 16;

/// A kind of signature: where it is, how it is written, and the keys that verify it.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) header: String,
    pub(super) form: SignatureForm,
    pub(super) keys: Keys,
}

/// How headers carry signatures and their time.
#[derive(Debug)]
pub(super) enum SignatureForm {
    /// One signature, with its time in a header of its own.
    Plain {
        encoding: Encoding,
        prefix: String,
        /// The header with the time, and the tolerance in seconds.
        timestamp: Option<(String, u64)>,
    },
    /// Stripe's: `t=1492774577,v1=5257a8...`, over the time, a dot and the body
    /// (docs.stripe.com/webhooks, "Verify manually").
    Stripe { tolerance: u64 },
    /// Standard Webhooks': `v1,K5oZfz...`, over an id, a dot, the time, a dot and the body
    /// (github.com/standard-webhooks/standard-webhooks, "Signature scheme").
    StandardWebhooks { id: String, timestamp: String, tolerance: u64 },
}

/// The keys that verify a signature; one of them must.
pub(super) enum Keys {
    /// HMAC-SHA256 secrets.
    Hmac(Vec<Vec<u8>>),
    /// RSA public keys (RS256).
    Rsa(Vec<Key>),
}

/// Shows their number, never the keys.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hmac(secrets) => write!(f, "{} secrets", secrets.len()),
            Self::Rsa(keys) => write!(f, "{} keys", keys.len()),
        }
    }
}

/// The signatures of a request, kept until the body was read.
#[derive(Clone, Debug)]
pub(super) struct PresentedSignatures {
    /// One of them has to be valid: while a sender rotates its key, it signs with both.
    signatures: Vec<Vec<u8>>,
    /// The signed bytes before the body.
    prefix: Vec<u8>,
}

impl Signature {
    /// Whether another signature is in the same header.
    pub(super) fn shares_header(&self, other: &Self) -> bool {
        self.header == other.header
    }

    /// The headers that carry nothing else.
    pub(super) fn own_headers(&self) -> impl Iterator<Item = &str> {
        let id = match &self.form {
            SignatureForm::StandardWebhooks { id, .. } => Some(id.as_str()),
            SignatureForm::Plain { .. } | SignatureForm::Stripe { .. } => None,
        };
        std::iter::once(self.header.as_str()).chain(id)
    }

    /// The header with the time, which signatures may share.
    pub(super) fn time_header(&self) -> Option<&str> {
        match &self.form {
            SignatureForm::Plain { timestamp, .. } => {
                timestamp.as_ref().map(|(name, _)| name.as_str())
            }
            SignatureForm::StandardWebhooks { timestamp, .. } => Some(timestamp),
            SignatureForm::Stripe { .. } => None,
        }
    }

    /// Whether a request has such a signature; its value is not looked at.
    pub(super) fn presence(&self, headers: &Headers) -> Presence {
        match headers.one(&self.header) {
            One::Absent => Presence::NoMatch,
            One::Value(_) => Presence::Match,
            One::Many => Presence::Repeated,
        }
    }

    /// Reads the signatures at `now`, in seconds since the epoch.
    ///
    /// # Errors
    /// [`PARTNER_TIMESTAMP`], or [`PARTNER_SIGNATURE`] for a value that signs no body.
    pub(super) fn read(&self, headers: &Headers, now: u64) -> Result<PresentedSignatures, Denial> {
        let text = headers.single(&self.header).unwrap_or_default();
        let (signatures, prefix) = match &self.form {
            SignatureForm::Plain { encoding, prefix, timestamp } => {
                let signed = match timestamp {
                    None => Vec::new(),
                    Some((header, tolerance)) => {
                        let time = headers.single(header).unwrap_or_default();
                        check_time(time, true, *tolerance, now)?;
                        [time, b"."].concat()
                    }
                };
                let text = text.strip_prefix(prefix.as_bytes());
                let signature = text.and_then(|text| match encoding {
                    Encoding::Hex => hex(text),
                    Encoding::Base64 => base64(text),
                });
                let signature = signature.filter(|signature| !signature.is_empty());
                (vec![signature.ok_or(PARTNER_SIGNATURE)?], signed)
            }
            SignatureForm::Stripe { tolerance } => {
                let parts = || text.split(|b| *b == b',');
                let mut times = parts().filter_map(|part| part.strip_prefix(b"t="));
                // Of two times, another reader may use the other one.
                let time = times.next().filter(|_| times.next().is_none()).unwrap_or_default();
                check_time(time, false, *tolerance, now)?;
                let signatures = parts().filter_map(|part| hex(part.strip_prefix(b"v1=")?));
                (limited(signatures)?, [time, b"."].concat())
            }
            SignatureForm::StandardWebhooks { id, timestamp, tolerance } => {
                let time = headers.single(timestamp).unwrap_or_default();
                check_time(time, false, *tolerance, now)?;
                // With a dot in the id, one signed text would be valid for two ids.
                let id = headers.single(id).filter(|id| !id.is_empty() && !id.contains(&b'.'));
                let id = id.ok_or(PARTNER_SIGNATURE)?;
                let parts = text.split(|b| *b == b' ');
                let signatures = parts.filter_map(|part| base64(part.strip_prefix(b"v1,")?));
                (limited(signatures)?, [id, b".", time, b"."].concat())
            }
        };
        Ok(PresentedSignatures { signatures, prefix })
    }

    /// Whether one of the signatures is valid for this body. An empty body is never valid: the content would
    /// be in the query, which no signature covers.
    pub(super) fn verify(
        &self,
        presented: &PresentedSignatures,
        body: &[u8],
        verifier: Verifier,
        host: &mut dyn Host,
    ) -> bool {
        if body.is_empty() {
            return false;
        }
        match &self.keys {
            // All secrets are compared, even after a match.
            Keys::Hmac(secrets) => secrets.iter().fold(false, |valid, secret| {
                let mut mac = HMAC::new(secret);
                mac.update(&presented.prefix);
                mac.update(body);
                let mac = mac.finalize();
                presented.signatures.iter().fold(valid, |valid, signature| {
                    let signature = <[u8; 32]>::try_from(signature.as_slice());
                    valid | signature.is_ok_and(|signature| same(&mac, &signature))
                })
            }),
            Keys::Rsa(keys) => {
                let prefix = &presented.prefix;
                let prefixed = (!prefix.is_empty()).then(|| [prefix, body].concat());
                let text = prefixed.as_deref().unwrap_or(body);
                let signatures = presented.signatures.iter();
                let mut pairs = signatures.flat_map(|s| keys.iter().map(move |k| (s, k)));
                pairs.any(|(s, key)| verifier.check_bytes(host, key, text, s).is_ok())
            }
        }
    }
}

/// Collects 1 to 16 signatures.
fn limited(signatures: impl Iterator<Item = Vec<u8>>) -> Result<Vec<Vec<u8>>, Denial> {
    let limited: Vec<_> = signatures.take(MAX_SIGNATURES + 1).collect();
    match (1..=MAX_SIGNATURES).contains(&limited.len()) {
        true => Ok(limited),
        false => Err(PARTNER_SIGNATURE),
    }
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Checks that the time of a signature is within the tolerance. Some senders use `millis`.
fn check_time(text: &[u8], millis: bool, tolerance: u64, now: u64) -> Result<(), Denial> {
    let then = seconds(text, millis).filter(|then| then.abs_diff(now) <= tolerance);
    then.map(drop).ok_or(PARTNER_TIMESTAMP)
}

/// Parses digits only: two texts must not be the same time.
fn seconds(text: &[u8], millis: bool) -> Option<u64> {
    let digits = (1..=15).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()?;
    Some(if millis && number >= MILLISECONDS { number / 1000 } else { number })
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod webhook_tests;

#[cfg(test)]
mod tests {
    #[test]
    fn parses_digits_only() {
        for (text, want) in [
            ("1800000000", Some(1_800_000_000)),
            ("1800000000999", Some(1_800_000_000)),
            ("0", Some(0)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            (" 1", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(super::seconds(text.as_bytes(), true), want, "{text}");
        }
    }
}
