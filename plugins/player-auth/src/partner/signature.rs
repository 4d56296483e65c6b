//! Signatures of partners over the raw body.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use hmac_sha256::HMAC;
use policy_kit::{header_name, invalid, ConfigError, Denial, Headers, Host, One};
use policy_token::{Alg, Key, Verifier};
use serde_json::Value;

use super::config::{Encoding, SignatureConfig};
use super::shown::{same, Sight};
use super::{hex, SECRET};
use crate::denials::{PARTNER_SIGNATURE, PARTNER_TIMESTAMP};

/// From here on a timestamp is in milliseconds: as seconds it would be the year 5138.
const MILLISECONDS: u64 = 100_000_000_000;

/// Where a signature is, how it is written, and with what it is checked.
#[derive(Debug)]
pub(super) struct Signature {
    header: String,
    encoding: Encoding,
    prefix: String,
    keys: Keys,
    /// The header with its time, and the tolerance in seconds.
    timestamp: Option<(String, u64)>,
}

enum Keys {
    Hmac(Vec<String>),
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

/// A signature as a request carries it, kept until the body is there.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    signature: Vec<u8>,
    timestamp: Option<Vec<u8>>,
}

impl Signature {
    /// Compiles the `hmac` at path `at`.
    pub(super) fn hmac(
        mut raw: SignatureConfig,
        at: &str,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let secrets = raw.secrets.take().unwrap_or_default();
        if raw.keys.is_some() || !(1..=2).contains(&secrets.len()) {
            let problem = "expected one or two secrets, and no `keys`";
            return Err(invalid(format!("{at}.secrets"), problem));
        }
        let mut read = Vec::with_capacity(secrets.len());
        for (i, secret) in secrets.iter().enumerate() {
            let at = format!("{at}.secrets[{i}]");
            let secret = secret.read(host, &at)?;
            if secret.len() < SECRET {
                return Err(invalid(at, "expected 8 bytes or more"));
            }
            read.push(secret);
        }
        Self::compile(raw, Keys::Hmac(read), Encoding::Hex, at)
    }

    /// Compiles the `rsa` at path `at`.
    pub(super) fn rsa(mut raw: SignatureConfig, at: &str) -> Result<Self, ConfigError> {
        let keys = raw.keys.take().unwrap_or_default();
        if raw.secrets.is_some() || !(1..=2).contains(&keys.len()) {
            let problem = "expected one or two public keys, and no `secrets`";
            return Err(invalid(format!("{at}.keys"), problem));
        }
        let one = |(i, key): (usize, &Value)| {
            let key = match key {
                Value::String(pem) => Key::from_pem(pem),
                jwk => Key::from_jwk(jwk, Alg::Rs256, None),
            };
            let problem = "expected a public RSA key of 2048 bits or more, a JWK or PEM";
            key.ok_or_else(|| invalid(format!("{at}.keys[{i}]"), problem))
        };
        let keys = keys.iter().enumerate().map(one).collect::<Result<_, _>>()?;
        Self::compile(raw, Keys::Rsa(keys), Encoding::Base64, at)
    }

    fn compile(
        raw: SignatureConfig,
        keys: Keys,
        encoding: Encoding,
        at: &str,
    ) -> Result<Self, ConfigError> {
        let timestamp = match raw.timestamp {
            None => None,
            Some(raw) => {
                let at = format!("{at}.timestamp");
                if !(1..=3600).contains(&raw.tolerance_s) {
                    return Err(invalid(format!("{at}.tolerance_s"), "expected 1 to 3600"));
                }
                Some((header_name(&format!("{at}.header"), &raw.header)?, raw.tolerance_s))
            }
        };
        let header = header_name(&format!("{at}.header"), &raw.header)?;
        let encoding = raw.encoding.unwrap_or(encoding);
        Ok(Self { header, encoding, prefix: raw.prefix, keys, timestamp })
    }

    /// Whether another one is in the same header.
    pub(super) fn is_where(&self, other: &Self) -> bool {
        self.header == other.header
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
        let timestamp = match &self.timestamp {
            None => None,
            Some((header, tolerance)) => {
                let text = headers.single(header).ok_or(PARTNER_TIMESTAMP)?;
                let then = seconds(text).filter(|then| then.abs_diff(now) <= *tolerance);
                then.ok_or(PARTNER_TIMESTAMP)?;
                Some(text.to_vec())
            }
        };
        let text = headers.single(&self.header).unwrap_or_default();
        let text = text.strip_prefix(self.prefix.as_bytes()).ok_or(PARTNER_SIGNATURE)?;
        let signature = match self.encoding {
            Encoding::Hex => hex(text),
            Encoding::Base64 => STANDARD.decode(text).ok(),
        };
        let signature = signature.filter(|signature| !signature.is_empty());
        Ok(Carried { signature: signature.ok_or(PARTNER_SIGNATURE)?, timestamp })
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
            Keys::Hmac(secrets) => {
                let Ok(given) = <[u8; 32]>::try_from(carried.signature.as_slice()) else {
                    return false;
                };
                // Both are tried, whichever it is.
                secrets.iter().fold(false, |good, secret| {
                    let mut mac = HMAC::new(secret);
                    if let Some(time) = &carried.timestamp {
                        mac.update(time);
                        mac.update(b".");
                    }
                    mac.update(body);
                    good | same(&mac.finalize(), &given)
                })
            }
            Keys::Rsa(keys) => {
                let timed = carried.timestamp.as_ref().map(|time| [time, &b"."[..], body].concat());
                let text = timed.as_deref().unwrap_or(body);
                let signature = &carried.signature;
                keys.iter().any(|key| verifier.check_bytes(host, key, text, signature).is_ok())
            }
        }
    }
}

/// Digits alone: a reader that takes more would let two texts be one time.
fn seconds(text: &[u8]) -> Option<u64> {
    let digits = (1..=15).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()?;
    Some(if number >= MILLISECONDS { number / 1000 } else { number })
}

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
            assert_eq!(super::seconds(text.as_bytes()), want, "{text}");
        }
    }
}
