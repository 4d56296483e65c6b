//! What a request shows of its caller: a key or an id in a header or the query.

use hmac_sha256::Hash;
use policy_kit::{invalid, ConfigError, Headers};

use super::config::{KeyConfig, ShownConfig};
use super::{digest, moment};
use crate::config::PlaceConfig;
use crate::credential::{self, Place};
use crate::denials::CONFLICT;

/// Something that is shown. Ids are kept as digests, too, so that they are looked for as keys are.
#[derive(Debug)]
pub(super) struct Shown {
    place: Place,
    /// Digests, and until when each counts, in seconds since the epoch.
    digests: Vec<([u8; 32], u64)>,
}

/// What was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// One of ours.
    Good,
    /// Nothing, or something else: no difference is made.
    Bad,
    /// More than one.
    Twice,
}

impl Shown {
    /// Compiles the `api_key` at path `at`.
    pub(super) fn key(raw: ShownConfig, at: &str) -> Result<Self, ConfigError> {
        let keys = raw.keys.unwrap_or_default();
        if raw.value.is_some() || !(1..=2).contains(&keys.len()) {
            return Err(invalid(format!("{at}.keys"), "expected one or two keys, and no `value`"));
        }
        let one = |(i, key): (usize, KeyConfig)| {
            let at = format!("{at}.keys[{i}]");
            let digest = digest(&key.sha256, &format!("{at}.sha256"))?;
            if digest == Hash::hash(b"") {
                return Err(invalid(format!("{at}.sha256"), "is the digest of nothing"));
            }
            let until = match key.expires {
                None => u64::MAX,
                Some(text) => moment::read(&text, &format!("{at}.expires"))?,
            };
            Ok((digest, until))
        };
        let digests = keys.into_iter().enumerate().map(one).collect::<Result<_, _>>()?;
        Ok(Self { place: place(raw.header, raw.query, at)?, digests })
    }

    /// Compiles the `key_id` at path `at`.
    pub(super) fn id(raw: ShownConfig, at: &str) -> Result<Self, ConfigError> {
        let id = raw.value.filter(|value| raw.keys.is_none() && !value.is_empty());
        let problem = "expected the partner's id, and no `keys`";
        let id = id.ok_or_else(|| invalid(format!("{at}.value"), problem))?;
        // Gateways take blanks off the ends of values, and refuse what is not visible.
        let plain = id.trim() == id && id.bytes().all(|b| (b' '..=b'~').contains(&b));
        if raw.header.is_some() && !plain {
            let problem = "expected visible ASCII without blanks at its ends, as headers have it";
            return Err(invalid(format!("{at}.value"), problem));
        }
        let digests = vec![(Hash::hash(id.as_bytes()), u64::MAX)];
        Ok(Self { place: place(raw.header, raw.query, at)?, digests })
    }

    /// Looks for it. An unknown value, a wrong one and one that has ended take the same time: all
    /// digests are compared, whole, whatever was found.
    pub(super) fn see(&self, headers: &Headers, now: u64) -> Sight {
        let values = self.place.tokens(headers);
        let value = match values.as_slice() {
            [Ok(value)] => value,
            [Ok(_), ..] | [Err(CONFLICT)] => return Sight::Twice,
            [] | [Err(_), ..] => return Sight::Bad,
        };
        let shown = Hash::hash(value);
        let good = |(digest, until): &([u8; 32], u64)| same(&shown, digest) & (now < *until);
        match self.digests.iter().fold(false, |found, digest| found | good(digest)) {
            true => Sight::Good,
            false => Sight::Bad,
        }
    }

    /// Whether anything is there, whatever it is.
    pub(super) fn is_there(&self, headers: &Headers) -> bool {
        !self.place.tokens(headers).is_empty()
    }

    /// Where it is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

/// Compares in a time that does not depend on what is compared.
pub(super) fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

fn place(header: Option<String>, query: Option<String>, at: &str) -> Result<Place, ConfigError> {
    if header.is_some() == query.is_some() {
        return Err(invalid(at, "give exactly one of `header` and `query`"));
    }
    credential::compile(PlaceConfig { bearer: None, cookie: None, header, query }, at)
}
