//! A recording without credentials and personal data, in which equal things stay equal.
//!
//! 1. A value is replaced by a pseudonym, an HMAC-SHA-256 under a key: the same value has the same
//!    pseudonym wherever it stands, and another one under another key.
//! 2. What is replaced is known by name (headers, cookies, query, forms, JSON members, XML, certificates),
//!    by place (ids in paths) or by shape (JWTs, cards, IBANs, email addresses, IP addresses). Whatever was
//!    replaced by name once is replaced wherever else it is written, as a name too, from five characters on.
//! 3. A JWT keeps its header and the claims that name nobody; its signature is replaced and verifies no
//!    more. Partner signatures over bodies do not verify either.
//! 4. Public addresses move to 198.18.0.0/15 and 2001:db8::/32, neighbours staying neighbours; private
//!    ones stay, for they tell nothing and the policy asks for them.
//! 5. Bodies are replaced in place, by what they look like and not by their content type: a document
//!    that is cut, that has a member twice or that stands within a text of another is read all the same.
//! 6. What has no name, no place and no shape stays: free text wants a look before it leaves the house.
//!    The [`Summary`] says how much was replaced, and where what is left looks like a person or a secret.
mod address;
mod body;
mod json;
mod jwt;
mod known;
mod labels;
mod markup;
mod names;
mod pseudonym;
mod shapes;
mod summary;
mod tap;
mod text;
mod walk;

pub use pseudonym::{Key, WeakKey};
pub use summary::Summary;

use crate::har::HarError;
use address::Addresses;
use known::Known;
use serde_json::Value;
use std::collections::HashMap;

/// Replaces values, and remembers which.
struct Redactor<'a> {
    key: &'a Key,
    addresses: Addresses,
    /// Values that were replaced by name.
    known: Known,
    /// How many texts the one at hand stands within.
    depth: usize,
    /// Whether values of a name are replaced, for the names so far.
    personal: HashMap<String, bool>,
    /// Short texts that were read already: a recording repeats itself.
    read: HashMap<String, String>,
    summary: Summary,
}

/// Recordings that may leave the house, once somebody has looked at them.
#[derive(Debug, Clone)]
pub struct Redacted {
    /// The documents, one after the other.
    pub text: String,
    /// What was done.
    pub summary: Summary,
}

/// Redacts a HAR document, or traces of Envoy's HTTP tap.
pub fn redact(document: &str, key: &Key) -> Result<String, HarError> {
    Ok(redact_all(crate::intake::parse(document)?, key)?.text)
}

/// The same from documents that are parsed already: one HAR, or one trace or more.
pub fn redact_all(documents: Vec<Value>, key: &Key) -> Result<Redacted, HarError> {
    let traces = documents.iter().all(crate::tap::is_trace);
    match documents.as_slice() {
        _ if traces => {}
        [one] => {
            let log = one.get("log").ok_or(HarError::Log("is missing"))?;
            if !log.get("entries").is_some_and(Value::is_array) {
                return Err(HarError::Log("has no entries"));
            }
        }
        _ => return Err(HarError::Log("must be the only document of its file")),
    }
    let mut redactor = Redactor {
        key,
        addresses: Addresses::default(),
        known: Known::default(),
        depth: 0,
        personal: HashMap::new(),
        read: HashMap::new(),
        summary: Summary::default(),
    };
    // Once to learn what is secret, once to replace it wherever it stands.
    documents.clone().iter_mut().for_each(|it| redactor.document(it));
    redactor.known.seek();
    redactor.read.clear();
    redactor.summary.restart();
    redactor.summary.named = redactor.known.count();
    let mut text = String::new();
    for mut document in documents {
        redactor.document(&mut document);
        // Text and numbers only: there is nothing in a document that JSON cannot write.
        text.push_str(&serde_json::to_string_pretty(&document).unwrap_or_default());
        text.push('\n');
    }
    Ok(Redacted { text: crate::har::restore(text), summary: redactor.summary })
}

impl Redactor<'_> {
    fn document(&mut self, document: &mut Value) {
        if crate::tap::is_trace(document) {
            self.trace(document);
        } else {
            self.har(document);
        }
    }

    /// True when a value of this name is replaced.
    fn is_personal(&mut self, name: &str) -> bool {
        if let Some(known) = self.personal.get(name) {
            return *known;
        }
        let personal = names::is_personal(name);
        self.personal.insert(name.to_owned(), personal);
        personal
    }
}

#[cfg(test)]
mod leaks;
#[cfg(test)]
mod leaks_elsewhere;
#[cfg(test)]
mod tests;
