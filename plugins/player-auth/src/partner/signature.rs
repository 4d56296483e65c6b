//! Signatures of partners over the raw body.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use hmac_sha256::HMAC;
use policy_kit::{Denial, Headers, Host, One};
use policy_token::{Key, Verifier};

use super::config::Encoding;
use super::hex;
use super::shown::{same, Sight};
use crate::denials::{PARTNER_SIGNATURE, PARTNER_TIMESTAMP};

/// From here on a timestamp is in milliseconds: as seconds it would be the year 5138.
const MILLISECONDS: u64 = 100_000_000_000;
/// Most signatures that one header may carry: each of them is compared.
const MOST: usize = 16;

/// Where a signature is, how it is written, and with what it is checked.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) header: String,
    pub(super) form: Form,
    pub(super) keys: Keys,
}

/// How a header carries signatures and their time.
#[derive(Debug)]
pub(super) enum Form {
    /// One signature, and its time in a header of its own.
    Plain {
        encoding: Encoding,
        prefix: String,
        /// The header with its time, and the tolerance in seconds.
        timestamp: Option<(String, u64)>,
    },
    /// Stripe's: `t=1492774577,v1=5257a8...`, over the time, a dot and the body
    /// (docs.stripe.com/webhooks, "Verify manually").
    Stripe { tolerance: u64 },
    /// Standard Webhooks': `v1,K5oZfz...`, over an id, a dot, the time, a dot and the body
    /// (github.com/standard-webhooks/standard-webhooks, "Signature scheme").
    StandardWebhooks { id: String, timestamp: String, tolerance: u64 },
}

pub(super) enum Keys {
    Hmac(Vec<Vec<u8>>),
    Rsa(Vec<Key>),
}

/// Says how many, never which.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hmac(secrets) => write!(f, "{} secrets", secrets.len()),
            Self::Rsa(keys) => write!(f, "{} keys", keys.len()),
        }
    }
}

/// Signatures as a request carries them, kept until the body is there.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    /// One of them has to be good: while a sender changes its key, it signs with both.
    signatures: Vec<Vec<u8>>,
    /// What is signed before the body.
    before: Vec<u8>,
}

impl Signature {
    /// Whether another one is in the same header.
    pub(super) fn is_where(&self, other: &Self) -> bool {
        self.header == other.header
    }

    /// The headers that are its alone.
    pub(super) fn own_headers(&self) -> impl Iterator<Item = &str> {
        let id = match &self.form {
            Form::StandardWebhooks { id, .. } => Some(id.as_str()),
            Form::Plain { .. } | Form::Stripe { .. } => None,
        };
        std::iter::once(self.header.as_str()).chain(id)
    }

    /// The header with its time, which others may share.
    pub(super) fn time_header(&self) -> Option<&str> {
        match &self.form {
            Form::Plain { timestamp, .. } => timestamp.as_ref().map(|(name, _)| name.as_str()),
            Form::StandardWebhooks { timestamp, .. } => Some(timestamp),
            Form::Stripe { .. } => None,
        }
    }

    /// Whether a request carries one at all.
    pub(super) fn see(&self, headers: &Headers) -> Sight {
        match headers.one(&self.header) {
            One::Absent => Sight::Bad,
            One::Value(_) => Sight::Good,
            One::Many => Sight::Twice,
        }
    }

    /// Reads it, at `now` in seconds since the epoch.
    ///
    /// # Errors
    /// [`PARTNER_TIMESTAMP`], or [`PARTNER_SIGNATURE`] for one that is none in any body.
    pub(super) fn read(&self, headers: &Headers, now: u64) -> Result<Carried, Denial> {
        let text = headers.single(&self.header).unwrap_or_default();
        let (signatures, before) = match &self.form {
            Form::Plain { encoding, prefix, timestamp } => {
                let before = match timestamp {
                    None => Vec::new(),
                    Some((header, tolerance)) => {
                        let time = headers.single(header).unwrap_or_default();
                        in_time(time, true, *tolerance, now)?;
                        [time, b"."].concat()
                    }
                };
                let text = text.strip_prefix(prefix.as_bytes());
                let signature = text.and_then(|text| match encoding {
                    Encoding::Hex => hex(text),
                    Encoding::Base64 => base64(text),
                });
                let signature = signature.filter(|signature| !signature.is_empty());
                (vec![signature.ok_or(PARTNER_SIGNATURE)?], before)
            }
            Form::Stripe { tolerance } => {
                let parts = || text.split(|b| *b == b',');
                let mut times = parts().filter_map(|part| part.strip_prefix(b"t="));
                // Two times: another reader may take the other one.
                let time = times.next().filter(|_| times.next().is_none()).unwrap_or_default();
                in_time(time, false, *tolerance, now)?;
                let signatures = parts().filter_map(|part| hex(part.strip_prefix(b"v1=")?));
                (few(signatures)?, [time, b"."].concat())
            }
            Form::StandardWebhooks { id, timestamp, tolerance } => {
                let time = headers.single(timestamp).unwrap_or_default();
                in_time(time, false, *tolerance, now)?;
                // With a dot in it, one text could be signed for two ids.
                let id = headers.single(id).filter(|id| !id.is_empty() && !id.contains(&b'.'));
                let id = id.ok_or(PARTNER_SIGNATURE)?;
                let parts = text.split(|b| *b == b' ');
                let signatures = parts.filter_map(|part| base64(part.strip_prefix(b"v1,")?));
                (few(signatures)?, [id, b".", time, b"."].concat())
            }
        };
        Ok(Carried { signatures, before })
    }

    /// Whether what was carried signs this body. An empty body is signed by nobody: what it says would
    /// stand in the query, which no signature covers.
    pub(super) fn signs(
        &self,
        carried: &Carried,
        body: &[u8],
        verifier: Verifier,
        host: &mut dyn Host,
    ) -> bool {
        if body.is_empty() {
            return false;
        }
        match &self.keys {
            // All are tried, whichever it is.
            Keys::Hmac(secrets) => secrets.iter().fold(false, |good, secret| {
                let mut mac = HMAC::new(secret);
                mac.update(&carried.before);
                mac.update(body);
                let mac = mac.finalize();
                carried.signatures.iter().fold(good, |good, given| {
                    let given = <[u8; 32]>::try_from(given.as_slice());
                    good | given.is_ok_and(|given| same(&mac, &given))
                })
            }),
            Keys::Rsa(keys) => {
                let timed = (!carried.before.is_empty()).then(|| [&carried.before, body].concat());
                let text = timed.as_deref().unwrap_or(body);
                let mut pairs =
                    carried.signatures.iter().flat_map(|s| keys.iter().map(move |k| (s, k)));
                pairs.any(|(given, key)| verifier.check_bytes(host, key, text, given).is_ok())
            }
        }
    }
}

/// At least one signature, and not so many that comparing them is work.
fn few(signatures: impl Iterator<Item = Vec<u8>>) -> Result<Vec<Vec<u8>>, Denial> {
    let few: Vec<_> = signatures.take(MOST + 1).collect();
    match (1..=MOST).contains(&few.len()) {
        true => Ok(few),
        false => Err(PARTNER_SIGNATURE),
    }
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether a signature is of about `now`. Some senders count `millis`.
fn in_time(text: &[u8], millis: bool, tolerance: u64, now: u64) -> Result<(), Denial> {
    let then = seconds(text, millis).filter(|then| then.abs_diff(now) <= tolerance);
    then.map(drop).ok_or(PARTNER_TIMESTAMP)
}

/// Digits alone: a reader that takes more would let two texts be one time.
fn seconds(text: &[u8], millis: bool) -> Option<u64> {
    let digits = (1..=15).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()?;
    Some(if millis && number >= MILLISECONDS { number / 1000 } else { number })
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod webhooks;

#[cfg(test)]
mod tests {
    #[test]
    fn times() {
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
