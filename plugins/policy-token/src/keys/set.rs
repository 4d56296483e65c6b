//! A set of keys (RFC 7517 section 5), and which of them a token needs.

use std::sync::Arc;

use policy_kit::strict_json;
use serde_json::Value;

use super::key::Key;
use super::skipped::{NoKeys, SkipReason, SkippedKeys};
use crate::alg::Alg;
use crate::refusal::Refusal;
use crate::token::jws::Header;

/// Most keys of one set; only the first ones are kept.
const MAX_KEYS: usize = 256;

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    keys: Vec<Arc<Key>>,
}

/// The key that a token needs.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// The key.
    Key(&'a Arc<Key>),
    /// A key id that the set does not have: the issuer may have rotated its keys.
    UnknownKid,
    /// No matching key, and fetching the set again would not help.
    Refused(Refusal),
}

impl Keys {
    /// Parses a key set. Keys for other than `algorithms` are skipped, as RFC 7517 section 5 requires. A key
    /// without `alg` is used for each of `algorithms` that fits its type: the operator has chosen those. Keys
    /// beyond 256 are skipped.
    ///
    /// # Errors
    /// A document that is no key set, or has no usable key.
    pub fn read(document: &[u8], algorithms: &[Alg]) -> Result<(Self, SkippedKeys), NoKeys> {
        let document = strict_json(document).ok_or(NoKeys::Document("no JSON"))?;
        let entries = document.get("keys").and_then(Value::as_array);
        let entries = entries.ok_or(NoKeys::Document("no key set"))?;
        let (mut keys, mut skipped) = (Vec::with_capacity(entries.len()), SkippedKeys::default());
        for (position, jwk) in entries.iter().enumerate() {
            let before = keys.len();
            if let Err(reason) = add(jwk, algorithms, &mut keys) {
                skipped.note(position, jwk, reason);
            }
            if keys.len() > MAX_KEYS {
                keys.truncate(before);
                skipped.note(position, jwk, SkipReason::Many);
            }
        }
        match (keys.is_empty(), skipped.is_empty()) {
            (false, _) => Ok((Self { keys }, skipped)),
            (true, true) => Err(NoKeys::Document("a key set without keys")),
            (true, false) => Err(NoKeys::Keys(skipped)),
        }
    }

    /// Parses a key set, without the reasons of skipped keys.
    pub fn from_jwks(document: &[u8], algorithms: &[Alg]) -> Option<Self> {
        Some(Self::read(document, algorithms).ok()?.0)
    }

    /// A set of these keys.
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys: keys.into_iter().map(Arc::new).collect() }
    }

    /// Finds the key of a token. A token without a key id is accepted only if exactly one key fits.
    pub fn find(&self, header: &Header) -> Found<'_> {
        // If the keys have no ids, the token's id is ignored.
        let named = self.keys.iter().any(|key| key.kid().is_some());
        let Some(kid) = header.kid.as_deref().filter(|_| named) else {
            let mut fitting = self.keys.iter().filter(|key| key.alg() == header.alg);
            return match (fitting.next(), fitting.next()) {
                (Some(key), None) => Found::Key(key),
                (None, _) => Found::Refused(Refusal::Algorithm),
                (Some(_), Some(_)) => Found::Refused(Refusal::KeyUnknown),
            };
        };
        let mut named = self.keys.iter().filter(|key| key.kid() == Some(kid)).peekable();
        if named.peek().is_none() {
            return Found::UnknownKid;
        }
        match named.find(|key| key.alg() == header.alg) {
            Some(key) => Found::Key(key),
            None => Found::Refused(Refusal::Algorithm),
        }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Adds the keys of one entry of a set: one for each algorithm that it fits.
fn add(jwk: &Value, algorithms: &[Alg], keys: &mut Vec<Arc<Key>>) -> Result<(), SkipReason> {
    let (before, mut reason) = (keys.len(), SkipReason::Type);
    for alg in algorithms {
        let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        match Key::read(jwk, *alg, kid) {
            Ok(key) => keys.push(Arc::new(key)),
            // A fault under the algorithm that fits its type is more specific.
            Err(SkipReason::Type | SkipReason::Algorithm) if reason != SkipReason::Type => {}
            Err(other) => reason = other,
        }
    }
    match keys.len() > before {
        true => Ok(()),
        false => Err(reason),
    }
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
