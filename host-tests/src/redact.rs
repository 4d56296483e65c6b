//! A recording without credentials and personal data, in which equal things stay equal.
//!
//! 1. A value is replaced by a pseudonym, an HMAC-SHA-256 under a key: the same value has the same
//!    pseudonym wherever it stands, and another one under another key.
//! 2. What is replaced is known by name (headers, cookies, query, forms, JSON members, XML), by place (ids
//!    in paths) or by shape (JWTs, cards, email addresses, IP addresses). Whatever was replaced by name once
//!    is replaced wherever else it is written, from five characters on.
//! 3. A JWT keeps its header and the claims that name nobody; its signature is replaced and verifies no
//!    more. Partner signatures over bodies do not verify either.
//! 4. Public addresses move to 198.18.0.0/15 and 2001:db8::/32, neighbours staying neighbours; private
//!    ones stay, for they tell nothing and the policy asks for them.
//! 5. Bodies are replaced in place, by what they look like and not by their content type: a document
//!    that is cut, that has a member twice or that stands within a text of another is read all the same.
//! 6. What has no name, no place and no shape stays: free text wants a look before it leaves the house.
mod address;
mod body;
mod json;
mod jwt;
mod markup;
mod names;
mod pseudonym;
mod tap;
mod text;
mod walk;

pub use pseudonym::{Key, WeakKey};

use crate::har::HarError;
use address::Addresses;
use serde_json::Value;
use std::collections::BTreeSet;

/// Replaces values, and remembers which.
struct Redactor<'a> {
    key: &'a Key,
    addresses: Addresses,
    /// Values that were replaced by name, longest first where they are looked for.
    known: BTreeSet<String>,
    /// The known values in the order they are looked for; empty while they are being learnt.
    sought: Vec<String>,
    /// How many texts the one at hand stands within.
    depth: usize,
}

/// Redacts a HAR document, or traces of Envoy's HTTP tap.
pub fn redact(document: &str, key: &Key) -> Result<String, HarError> {
    redact_all(crate::intake::parse(document)?, key)
}

/// The same from documents that are parsed already: one HAR, or one trace or more.
pub fn redact_all(documents: Vec<Value>, key: &Key) -> Result<String, HarError> {
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
        known: BTreeSet::new(),
        sought: Vec::new(),
        depth: 0,
    };
    // Once to learn what is secret, once to replace it wherever it stands.
    documents.clone().iter_mut().for_each(|it| redactor.document(it));
    redactor.sought = redactor.known.iter().cloned().collect();
    redactor.sought.sort_by_key(|it| std::cmp::Reverse(it.len()));
    let mut redacted = documents;
    redacted.iter_mut().for_each(|it| redactor.document(it));
    Ok(redacted.iter().map(|it| format!("{it:#}\n")).collect())
}

impl Redactor<'_> {
    fn document(&mut self, document: &mut Value) {
        if crate::tap::is_trace(document) {
            self.trace(document);
        } else {
            self.har(document);
        }
    }
}

#[cfg(test)]
mod leaks;
#[cfg(test)]
mod tests;
