//! A set of keys (RFC 7517 section 5), and which one a token asks for.

use std::sync::Arc;

use policy_kit::strict_json;
use serde_json::Value;

use crate::passed_over::{NoKeys, Why};
use crate::{Alg, Header, Key, PassedOver, Refusal};

/// Most keys of one set that are kept, the first ones.
const MAX_KEYS: usize = 256;

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    keys: Vec<Arc<Key>>,
}

/// Which key a token asks for.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// This one.
    Key(&'a Arc<Key>),
    /// A key id that the set does not have: the issuer may have rotated.
    UnknownKid,
    /// No key that fits, and fetching the set again would not help.
    Refused(Refusal),
}

impl Keys {
    /// Reads a key set. Keys for `algorithms` are taken, others passed over, as RFC 7517 section 5
    /// asks. A key without `alg` is one for each of `algorithms` that its type is for: the operator has
    /// chosen them, and a token chooses among those alone. More than 256 keys are not kept.
    ///
    /// # Errors
    /// A document that is no key set, or that holds no usable key: better the keys one has than a broken
    /// answer.
    pub fn read(document: &[u8], algorithms: &[Alg]) -> Result<(Self, PassedOver), NoKeys> {
        let document = strict_json(document).ok_or(NoKeys::Document("no JSON"))?;
        let entries = document.get("keys").and_then(Value::as_array);
        let entries = entries.ok_or(NoKeys::Document("no key set"))?;
        let (mut keys, mut passed) = (Vec::with_capacity(entries.len()), PassedOver::default());
        for (position, jwk) in entries.iter().enumerate() {
            let before = keys.len();
            if let Err(why) = add(jwk, algorithms, &mut keys) {
                passed.note(position, jwk, why);
            }
            if keys.len() > MAX_KEYS {
                keys.truncate(before);
                passed.note(position, jwk, Why::Many);
            }
        }
        match (keys.is_empty(), passed.is_empty()) {
            (false, _) => Ok((Self { keys }, passed)),
            (true, true) => Err(NoKeys::Document("a key set without keys")),
            (true, false) => Err(NoKeys::Keys(passed)),
        }
    }

    /// The same without words.
    pub fn from_jwks(document: &[u8], algorithms: &[Alg]) -> Option<Self> {
        Some(Self::read(document, algorithms).ok()?.0)
    }

    /// A set of keys given one by one.
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys: keys.into_iter().map(Arc::new).collect() }
    }

    /// Finds the key. A token without a key id is only answered where one key alone fits.
    pub fn find(&self, header: &Header) -> Found<'_> {
        // Where keys have no ids, a token's tells nothing.
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

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Adds the keys that one entry of a set stands for: one for each algorithm that it fits.
fn add(jwk: &Value, algorithms: &[Alg], keys: &mut Vec<Arc<Key>>) -> Result<(), Why> {
    let (before, mut why) = (keys.len(), Why::Type);
    for alg in algorithms {
        let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        match Key::read(jwk, *alg, kid) {
            Ok(key) => keys.push(Arc::new(key)),
            // What is wrong with it under the algorithm that it is for tells more.
            Err(Why::Type | Why::Algorithm) if why != Why::Type => {}
            Err(wrong) => why = wrong,
        }
    }
    match keys.len() > before {
        true => Ok(()),
        false => Err(why),
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
