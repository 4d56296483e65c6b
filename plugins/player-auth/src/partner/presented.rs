//! Credentials that a request presents: an API key or a key id in a header or the query.

use hmac_sha256::Hash;
use policy_kit::{invalid, ConfigError, Headers};

use super::config::{KeyConfig, PresentedConfig};
use super::parse::{digest, moment};
use crate::denials::CONFLICT;
use crate::token::config::CredentialConfig;
use crate::token::credential::CredentialSource;

/// A credential that a partner presents. Ids are kept as digests, too, so that they are compared like keys.
#[derive(Debug)]
pub(super) struct PresentedCredential {
    source: CredentialSource,
    /// Digests, and when each expires, in seconds since the epoch.
    digests: Vec<([u8; 32], u64)>,
}

/// Whether a request has a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// The partner's credential; for a signature, one value that is still to be verified.
    Match,
    /// No value, or another one: they are not distinguished.
    NoMatch,
    /// More than one value.
    Repeated,
}

impl PresentedCredential {
    /// Compiles the `api_key` at path `at`.
    pub(super) fn key(raw: PresentedConfig, at: &str) -> Result<Self, ConfigError> {
        let keys = raw.keys.unwrap_or_default();
        if raw.value.is_some() || !(1..=2).contains(&keys.len()) {
            return Err(invalid(format!("{at}.keys"), "expected one or two keys, and no `value`"));
        }
        let one = |(i, key): (usize, KeyConfig)| {
            let at = format!("{at}.keys[{i}]");
            let digest = digest(&key.sha256, &format!("{at}.sha256"))?;
            if digest == Hash::hash(b"") {
                return Err(invalid(format!("{at}.sha256"), "is the digest of an empty key"));
            }
            let until = match key.expires {
                None => u64::MAX,
                Some(text) => moment(&text, &format!("{at}.expires"))?,
            };
            Ok((digest, until))
        };
        let digests = keys.into_iter().enumerate().map(one).collect::<Result<_, _>>()?;
        Ok(Self { source: source(raw.header, raw.query, at)?, digests })
    }

    /// Compiles the `key_id` at path `at`.
    pub(super) fn id(raw: PresentedConfig, at: &str) -> Result<Self, ConfigError> {
        let id = raw.value.filter(|value| raw.keys.is_none() && !value.is_empty());
        let problem = "expected the partner's id, and no `keys`";
        let id = id.ok_or_else(|| invalid(format!("{at}.value"), problem))?;
        // Gateways trim values and refuse characters that are not visible.
        let plain = id.trim() == id && id.bytes().all(|b| (b' '..=b'~').contains(&b));
        if raw.header.is_some() && !plain {
            let problem = "expected visible ASCII without blanks at its ends, as headers have it";
            return Err(invalid(format!("{at}.value"), problem));
        }
        let digests = vec![(Hash::hash(id.as_bytes()), u64::MAX)];
        Ok(Self { source: source(raw.header, raw.query, at)?, digests })
    }

    /// Whether a request has the credential at `now`, in seconds since the epoch. Unknown, wrong and expired
    /// values take the same time: all digests are compared as a whole, even after a match.
    pub(super) fn presence(&self, headers: &Headers, now: u64) -> Presence {
        let values = self.source.tokens(headers);
        let value = match values.as_slice() {
            [Ok(value)] => value,
            [Ok(_), ..] | [Err(CONFLICT)] => return Presence::Repeated,
            [] | [Err(_), ..] => return Presence::NoMatch,
        };
        let presented = Hash::hash(value);
        let matches = |(digest, until): &([u8; 32], u64)| same(&presented, digest) & (now < *until);
        match self.digests.iter().fold(false, |found, digest| found | matches(digest)) {
            true => Presence::Match,
            false => Presence::NoMatch,
        }
    }

    /// Whether a request has any value in the credential's source.
    pub(super) fn is_present(&self, headers: &Headers) -> bool {
        !self.source.tokens(headers).is_empty()
    }

    /// Where requests carry it.
    pub(super) fn source(&self) -> &CredentialSource {
        &self.source
    }
}

/// Compares in constant time.
pub(super) fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

fn source(
    header: Option<String>,
    query: Option<String>,
    at: &str,
) -> Result<CredentialSource, ConfigError> {
    if header.is_some() == query.is_some() {
        return Err(invalid(at, "give exactly one of `header` and `query`"));
    }
    CredentialSource::compile(CredentialConfig { bearer: None, cookie: None, header, query }, at)
}
