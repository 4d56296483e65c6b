//! Where the calls of one rule have their key.

use policy_kit::query::{self, QueryFault};
use policy_kit::{header_name, invalid, is_pointer, ConfigError, Content, Headers};
use serde_json::Value;

use crate::config::{KeyConfig, KeyPartConfig};
use crate::key::header_text;
use crate::{Key, KeyFault, Namer};

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In one place.
    One(KeyPart),
    /// In several, all of which it takes.
    All(Vec<KeyPart>),
}

/// One place of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// A header, its name in lower case.
    Header(String),
    /// A text or an integer of the body, by a JSON pointer.
    Body(String),
    /// A query parameter.
    Query(String),
}

impl KeySource {
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

    /// The catalogue's: the header `idempotency-key`.
    pub fn header() -> Self {
        Self::One(KeyPart::Header("idempotency-key".to_owned()))
    }

    /// Its places.
    pub fn parts(&self) -> &[KeyPart] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::All(parts) => parts,
        }
    }

    /// Whether the body is needed to tell it.
    pub fn needs_body(&self) -> bool {
        self.parts().iter().any(|part| matches!(part, KeyPart::Body(_)))
    }

    /// The key of a call by `namer`. What is one header alone is always a client's.
    ///
    /// # Errors
    /// Why there is none: of the body first, then of the first of several places that has none.
    pub fn key(
        &self,
        headers: &Headers,
        content: &Content<'_>,
        namer: Namer,
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
            Self::One(part) => Key::named(&text(part)?, namer),
            Self::All(parts) => {
                let texts = parts.iter().map(text).collect::<Result<Vec<_>, _>>()?;
                Key::composite(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), namer)
            }
        }
    }
}

/// A text or an integer of the body. Other numbers are printed in more than one way.
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
            (None, None, Some(name))
                if !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()) =>
            {
                Ok(Self::Query(name))
            }
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

/// The query parameter of this name, where every reader finds the same one.
fn parameter(headers: &Headers, name: &str) -> Result<Vec<u8>, KeyFault> {
    let target = headers.single(":path").unwrap_or_default();
    match query::parameter(target, name) {
        Ok(found) => found.map(String::into_bytes).ok_or(KeyFault::Missing),
        Err(QueryFault::Several) => Err(KeyFault::Several),
        Err(QueryFault::Unclear) => Err(KeyFault::Malformed),
    }
}

#[cfg(test)]
#[path = "key_source_tests.rs"]
mod tests;
