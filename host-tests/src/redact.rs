//! A recording without credentials and personal data, in which equal things stay equal.
//!
//! 1. A value is replaced by a pseudonym, an HMAC-SHA-256 under a key: the same value has the same
//!    pseudonym wherever it stands, and another one under another key.
//! 2. What is replaced is known by name (headers, cookies, query, forms, JSON members), by place (ids in
//!    paths) or by shape (JWTs, cards, email addresses, IP addresses). Whatever was replaced by name once
//!    is replaced wherever else it is written, from five characters on.
//! 3. A JWT keeps its header and the claims that name nobody; its signature is replaced and verifies no
//!    more. Partner signatures over bodies do not verify either.
//! 4. Public addresses move to 198.18.0.0/15 and 2001:db8::/32, neighbours staying neighbours; private
//!    ones stay, for they tell nothing and the policy asks for them.
//! 5. What has no name, no place and no shape stays: free text wants a look before it leaves the house.
mod address;
mod body;
mod jwt;
mod names;
mod pseudonym;
mod text;
mod walk;

pub use pseudonym::{Key, WeakKey};

use crate::har::HarError;
use address::Addresses;
use std::collections::BTreeSet;

/// Replaces values, and remembers which.
struct Redactor<'a> {
    key: &'a Key,
    addresses: Addresses,
    /// Values that were replaced by name, longest first where they are looked for.
    known: BTreeSet<String>,
    /// The known values in the order they are looked for; empty while they are being learnt.
    sought: Vec<String>,
}

/// Redacts a HAR document.
pub fn redact(document: &str, key: &Key) -> Result<String, HarError> {
    let parsed = match crate::intake::parse(document)?.as_slice() {
        [one] => one.clone(),
        _ => return Err(HarError::Log("must be the only document of its file")),
    };
    let log = parsed.get("log").ok_or(HarError::Log("is missing"))?;
    if !log.get("entries").is_some_and(serde_json::Value::is_array) {
        return Err(HarError::Log("has no entries"));
    }
    let mut redactor = Redactor {
        key,
        addresses: Addresses::default(),
        known: BTreeSet::new(),
        sought: Vec::new(),
    };
    // Once to learn what is secret, once to replace it wherever it stands.
    let mut learnt = parsed.clone();
    redactor.har(&mut learnt);
    redactor.sought = redactor.known.iter().cloned().collect();
    redactor.sought.sort_by_key(|it| std::cmp::Reverse(it.len()));
    let mut redacted = parsed;
    redactor.har(&mut redacted);
    Ok(format!("{redacted:#}\n"))
}

#[cfg(test)]
mod tests;
