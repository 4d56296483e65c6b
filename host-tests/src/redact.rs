//! Replaces credentials and personal data in a recording. Equal values stay equal.
//!
//! 1. A value is replaced by a pseudonym, an HMAC-SHA-256 under a key: the same value has the same
//!    pseudonym wherever it stands, and another one under another key.
//! 2. Values are found by name (headers, cookies, query, forms, JSON members, XML, certificates), by location
//!    (ids in paths) or by shape (JWTs, cards, IBANs, email addresses, IP addresses). A value found by name is
//!    replaced everywhere else too, also as a name, if it has at least five characters.
//! 3. A JWT keeps its header and impersonal claims; its signature is replaced and does not verify. Partner
//!    signatures over bodies do not verify either.
//! 4. Public addresses move to 198.18.0.0/15 and 2001:db8::/32, and neighbours stay neighbours. Private
//!    addresses stay: they are not personal, and policies depend on them.
//! 5. Bodies are replaced in place, by their content and not by their content type: truncated documents,
//!    duplicate members and documents within texts are handled too.
//! 6. Values without such a name, location or shape stay: review free text before publication. The [`Summary`]
//!    counts replacements and lists remaining values that look like a person or a secret.
mod address;
mod body;
mod body_kind;
mod encoded;
mod entities;
mod har;
mod json;
mod jwt;
mod known;
mod labels;
mod markup;
mod names;
mod parts;
mod plain;
mod pseudonym;
mod redactor;
mod shapes;
mod summary;
mod tag;
mod tap;
mod text;

pub use pseudonym::{Key, WeakKey};
pub use summary::Summary;

use crate::har::HarError;
use address::Addresses;
use known::Known;
use redactor::Redactor;
use serde_json::Value;
use std::collections::HashMap;

/// Redacted recordings. Review them before publication.
#[derive(Debug, Clone)]
pub struct Redacted {
    /// The documents, one after the other.
    pub text: String,
    /// Counts of the replacements.
    pub summary: Summary,
}

/// Redacts a HAR document, or traces of Envoy's HTTP tap.
pub fn redact(document: &str, key: &Key) -> Result<String, HarError> {
    Ok(redact_all(crate::intake::parse(document)?, key)?.text)
}

/// Redacts parsed documents: one HAR, or one or more traces.
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
    // The first pass learns the secrets, the second replaces them everywhere.
    documents.clone().iter_mut().for_each(|it| redactor.document(it));
    redactor.known.seek(&plain::hosts(&documents));
    redactor.read.clear();
    redactor.summary.restart();
    redactor.summary.named = redactor.known.count();
    let mut text = String::new();
    for mut document in documents {
        redactor.document(&mut document);
        // Serialising a JSON value does not fail.
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
}

#[cfg(test)]
mod leaks;
#[cfg(test)]
mod leaks_elsewhere;
#[cfg(test)]
mod leaks_in_logins;
#[cfg(test)]
mod leaks_in_markup;
#[cfg(test)]
mod leaks_within;
#[cfg(test)]
mod tests;
