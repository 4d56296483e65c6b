//! A set of keys (RFC 7517 section 5), and which one a token asks for.

use std::sync::Arc;

use policy_kit::strict_json;
use serde_json::Value;

use crate::{Alg, Header, Key, Refusal};

/// Most keys of one set; more is no key set but a load.
const MAX_KEYS: usize = 64;

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
    /// asks; a key without `alg` is pinned to the one algorithm of its type in `algorithms`.
    ///
    /// `None` for a document that is no key set, or that holds no usable key: better the keys one has
    /// than a broken answer.
    pub fn from_jwks(document: &[u8], algorithms: &[Alg]) -> Option<Self> {
        let document = strict_json(document)?;
        let entries = document.get("keys")?.as_array()?;
        if entries.len() > MAX_KEYS {
            return None;
        }
        let keys: Vec<_> =
            entries.iter().filter_map(|jwk| key(jwk, algorithms)).map(Arc::new).collect();
        (!keys.is_empty()).then_some(Self { keys })
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

fn key(jwk: &Value, algorithms: &[Alg]) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let alg = match jwk.get("alg") {
        Some(name) => Alg::of(name.as_str()?)?,
        None => {
            let of_type = |alg: &&Alg| match (text("kty"), text("crv")) {
                (Some("EC"), Some("P-256")) => **alg == Alg::Es256,
                (Some("EC"), Some("P-384")) => **alg == Alg::Es384,
                (Some("OKP"), Some("Ed25519")) => **alg == Alg::EdDsa,
                (Some("RSA"), None) => {
                    matches!(alg, Alg::Rs256 | Alg::Rs384 | Alg::Rs512 | Alg::Ps256)
                }
                _ => false,
            };
            let mut fitting = algorithms.iter().filter(of_type);
            let alg = *fitting.next()?;
            if fitting.next().is_some() {
                return None;
            }
            alg
        }
    };
    if !algorithms.contains(&alg) {
        return None;
    }
    Key::from_jwk(jwk, alg, text("kid").map(str::to_owned))
}
