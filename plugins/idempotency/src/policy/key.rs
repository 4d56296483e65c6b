//! The idempotency key of a request, and where requests have it.

use policy_kit::query::{self, QueryFault};
use policy_kit::{header_name, invalid, is_pointer, ConfigError, Content, Denial, Headers, Unread};
use serde_json::Value;

use crate::config::checks::is_visible;
use crate::config::rule::{KeyConfig, KeyPartConfig};
use crate::denials::{of_body, KEY_MALFORMED, KEY_MISSING};

/// Shortest key of a client, in bytes: shorter ones collide by chance.
const SHORTEST: usize = 8;
/// Longest key in bytes.
const LONGEST: usize = 255;

/// An idempotency key: up to 255 bytes of visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

/// Who issued a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyIssuer {
    /// A client, at random: a key of fewer than 8 bytes would collide by chance.
    Client,
    /// A proven partner, whose own transaction numbers are keys: `t-1`.
    Partner,
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// None was sent.
    Missing,
    /// More than one was sent: two readers may take different ones.
    Several,
    /// Readers may disagree about it.
    Malformed,
    /// Shorter than a key of this issuer may be.
    Short,
    /// Longer than 255 bytes.
    Long,
    /// It has bytes that are not visible ASCII.
    Characters,
    /// Not a valid string in quotes (RFC 9651 section 3.3.3).
    Quotes,
    /// A value of the body that is neither a text nor an integer of 64 bits.
    Kind,
    /// The body that should have it cannot be read.
    Body(Unread),
}

impl KeyFault {
    /// One word, for evidence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "key_missing",
            Self::Several => "key_several",
            Self::Malformed => "key_ambiguous",
            Self::Short => "key_short",
            Self::Long => "key_long",
            Self::Characters => "key_characters",
            Self::Quotes => "key_quotes",
            Self::Kind => "key_kind",
            Self::Body(unread) => unread.as_str(),
        }
    }

    /// Whether the request appears to have no key.
    pub const fn is_missing(self) -> bool {
        matches!(self, Self::Missing | Self::Body(Unread::Empty))
    }

    /// The refusal for this fault.
    pub const fn denial(self) -> Denial {
        match self {
            _ if self.is_missing() => KEY_MISSING,
            Self::Body(unread) => of_body(unread),
            _ => KEY_MALFORMED,
        }
    }
}

impl Key {
    /// Reads the values of an `Idempotency-Key` header: a string in quotes (RFC 9651 section 3.3.3,
    /// draft-ietf-httpapi-idempotency-key-header-07) or the bare text that most clients send. Both are
    /// the same key.
    ///
    /// # Errors
    /// Why there is no key.
    pub fn of_header<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Self, KeyFault> {
        Self::of_text(&header_text(values)?)
    }

    /// Reads a client's key without quotes: a member of the body, a query parameter.
    ///
    /// # Errors
    /// Why there is no key; [`KeyFault::Missing`] if it is empty.
    pub fn of_text(text: &[u8]) -> Result<Self, KeyFault> {
        Self::issued_by(KeyIssuer::Client, text)
    }

    /// The same for a key of this issuer.
    ///
    /// # Errors
    /// As [`Key::of_text`].
    pub fn issued_by(issuer: KeyIssuer, text: &[u8]) -> Result<Self, KeyFault> {
        let shortest = if issuer == KeyIssuer::Client { SHORTEST } else { 1 };
        match std::str::from_utf8(text) {
            _ if text.is_empty() => Err(KeyFault::Missing),
            Ok(text) if text.bytes().all(|b| b.is_ascii_graphic()) => match text.len() {
                length if length < shortest => Err(KeyFault::Short),
                length if length > LONGEST => Err(KeyFault::Long),
                _ => Ok(Self(text.to_owned())),
            },
            _ => Err(KeyFault::Characters),
        }
    }

    /// A key of several parts: `["round-7", "bet-1"]` is `7:round-75:bet-1`.
    ///
    /// # Errors
    /// [`KeyFault::Missing`] if a part is empty, otherwise why one cannot be part of a key.
    pub fn composite(parts: &[&[u8]], issuer: KeyIssuer) -> Result<Self, KeyFault> {
        let mut key = String::new();
        for part in parts {
            if part.is_empty() {
                return Err(KeyFault::Missing);
            }
            let text = std::str::from_utf8(part).map_err(|_| KeyFault::Characters)?;
            key.push_str(&format!("{}:{text}", text.len()));
        }
        Self::issued_by(issuer, key.as_bytes())
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text of a header that is sent once, in quotes or bare; it may be a part of a key.
fn header_text<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, KeyFault> {
    let value = values.next().ok_or(KeyFault::Missing)?;
    if values.next().is_some() {
        return Err(KeyFault::Several);
    }
    let value = value.trim_ascii();
    match value.strip_prefix(b"\"") {
        None => Ok(value.to_vec()),
        Some(rest) => unquoted(rest).ok_or(KeyFault::Quotes),
    }
}

/// The text of a structured-field string after its first quote. Nothing may follow the last quote: the
/// header has no parameters.
fn unquoted(rest: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter();
    loop {
        match bytes.next()? {
            b'"' => return bytes.as_slice().is_empty().then_some(text),
            b'\\' => match bytes.next()? {
                escaped @ (b'"' | b'\\') => text.push(*escaped),
                _ => return None,
            },
            other => text.push(*other),
        }
    }
}

/// Where a request has its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    /// In one part.
    One(KeyPart),
    /// In several parts, all of which are required.
    All(Vec<KeyPart>),
}

/// Where a part of a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// A header, its name in lower case.
    Header(String),
    /// JSON pointer to a text or an integer of the body.
    Body(String),
    /// A query parameter.
    Query(String),
}

impl KeyLocation {
    /// Compiles a rule's `key`; `at` is where that is.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: KeyConfig, at: &str) -> Result<Self, ConfigError> {
        let KeyConfig { header, body, query, all } = raw;
        let one = KeyPartConfig { header, body, query };
        match all {
            None => KeyPart::compile(one, at, "`header`, `body`, `query` and `all`").map(Self::One),
            Some(_) if one.header.is_some() || one.body.is_some() || one.query.is_some() => {
                Err(invalid(at, "give exactly one of `header`, `body`, `query` and `all`"))
            }
            Some(parts) if !(2..=4).contains(&parts.len()) => {
                Err(invalid(format!("{at}.all"), "expected 2 to 4 parts"))
            }
            Some(parts) => {
                let parts = parts.into_iter().enumerate().map(|(i, part)| {
                    KeyPart::compile(
                        part,
                        &format!("{at}.all[{i}]"),
                        "`header`, `body` and `query`",
                    )
                });
                parts.collect::<Result<_, _>>().map(Self::All)
            }
        }
    }

    /// The default: the header `idempotency-key`.
    pub fn header() -> Self {
        Self::One(KeyPart::Header("idempotency-key".to_owned()))
    }

    /// Its parts.
    pub fn parts(&self) -> &[KeyPart] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::All(parts) => parts,
        }
    }

    /// Whether a part is in the body.
    pub fn needs_body(&self) -> bool {
        self.parts().iter().any(|part| matches!(part, KeyPart::Body(_)))
    }

    /// Reads the key of a request. A key in a single header always counts as a client's.
    ///
    /// # Errors
    /// Why there is no key: faults of the body first, then that of the first faulty part.
    pub fn key(
        &self,
        headers: &Headers,
        content: &Content<'_>,
        issuer: KeyIssuer,
    ) -> Result<Key, KeyFault> {
        let pointers: Vec<_> = self.parts().iter().filter_map(KeyPart::pointer).collect();
        let mut members = match pointers.as_slice() {
            [] => Vec::new(),
            pointers => content.pick(pointers).map_err(KeyFault::Body)?,
        }
        .into_iter();
        let mut text = |part: &KeyPart| match part {
            KeyPart::Header(name) => header_text(headers.all(name)),
            KeyPart::Query(name) => parameter(headers, name),
            KeyPart::Body(_) => member(members.next().flatten()),
        };
        match self {
            Self::One(part @ KeyPart::Header(_)) => Key::of_text(&text(part)?),
            Self::One(part) => Key::issued_by(issuer, &text(part)?),
            Self::All(parts) => {
                let texts = parts.iter().map(text).collect::<Result<Vec<_>, _>>()?;
                Key::composite(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), issuer)
            }
        }
    }
}

/// A text or an integer of the body. Other numbers have more than one notation.
fn member(value: Option<Value>) -> Result<Vec<u8>, KeyFault> {
    match value {
        None | Some(Value::Null) => Err(KeyFault::Missing),
        Some(Value::String(text)) => Ok(text.into_bytes()),
        Some(Value::Number(number)) if !number.is_f64() => Ok(number.to_string().into_bytes()),
        Some(_) => Err(KeyFault::Kind),
    }
}

impl KeyPart {
    fn compile(raw: KeyPartConfig, at: &str, choices: &str) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{at}.{name}");
        match (raw.header, raw.body, raw.query) {
            (Some(name), None, None) => header_name(&field("header"), &name).map(Self::Header),
            (None, Some(pointer), None) if is_pointer(&pointer) => Ok(Self::Body(pointer)),
            (None, Some(_), None) => {
                Err(invalid(field("body"), "expected a JSON pointer: `/transaction`"))
            }
            (None, None, Some(name)) if is_visible(&name) => Ok(Self::Query(name)),
            (None, None, Some(_)) => {
                Err(invalid(field("query"), "expected a parameter's name in visible ASCII"))
            }
            _ => Err(invalid(at, format!("give exactly one of {choices}"))),
        }
    }

    fn pointer(&self) -> Option<&str> {
        match self {
            Self::Body(pointer) => Some(pointer),
            Self::Header(_) | Self::Query(_) => None,
        }
    }
}

/// The query parameter of this name, if all readers find the same one.
fn parameter(headers: &Headers, name: &str) -> Result<Vec<u8>, KeyFault> {
    let target = headers.single(":path").unwrap_or_default();
    match query::parameter(target, name) {
        Ok(found) => found.map(String::into_bytes).ok_or(KeyFault::Missing),
        Err(QueryFault::Several) => Err(KeyFault::Several),
        Err(QueryFault::Unclear) => Err(KeyFault::Malformed),
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "key_location_tests.rs"]
mod key_location_tests;
