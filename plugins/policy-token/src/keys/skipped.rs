//! Keys of a set that are not used, and why: logged for the operator, as their tokens look forged.

use std::fmt;

use serde_json::Value;

/// Most keys that are named in a line.
const MOST: usize = 8;
/// Longest key id that is shown, in bytes.
const LONGEST: usize = 60;

/// Why a key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SkipReason {
    /// `use` or `key_ops` says so.
    Purpose,
    /// `alg` is none of the configured algorithms.
    Algorithm,
    /// No configured algorithm is for its `kty` and `crv`.
    Type,
    /// It holds a private part, or parts of another type of key.
    Private,
    /// A part is missing, is no base64url, or does not have the curve's length.
    Parts,
    /// A point that is not on the curve, or of small order, for which anybody can sign.
    Point,
    /// RSA of fewer than 2048 or more than 4096 bits, or an even modulus.
    Modulus,
    /// RSA with another exponent than 65537.
    Exponent,
    /// It comes after the maximum number of keys.
    Many,
}

impl SkipReason {
    /// The reason, to follow a key's name.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Purpose => "is not for signatures",
            Self::Algorithm => "has an `alg` that is not configured",
            Self::Type => "is of a type that no configured algorithm is for",
            Self::Private => "holds more than a public key",
            Self::Parts => "lacks a part, or holds one that cannot be read",
            Self::Point => "is no point of its curve",
            Self::Modulus => "has a modulus that is even, or not of 2048 to 4096 bits",
            Self::Exponent => "has another exponent than 65537",
            Self::Many => "comes after as many as are kept",
        }
    }

    /// Whether sets have such keys by design: for other algorithms or purposes.
    const fn is_usual(self) -> bool {
        matches!(self, Self::Purpose | Self::Algorithm | Self::Type)
    }
}

/// The keys of a set that were skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkippedKeys {
    named: Vec<String>,
    more: usize,
    first: Option<SkipReason>,
    unusual: bool,
}

/// A document without a usable key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoKeys {
    /// It is no key set; what is wrong.
    Document(&'static str),
    /// All of its keys were skipped.
    Keys(SkippedKeys),
}

impl NoKeys {
    /// The reason, without any text of the document.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Document(what) => what,
            Self::Keys(skipped) => skipped.first.map_or("no keys", SkipReason::words),
        }
    }
}

/// The reason for the log, with the ids of keys.
impl fmt::Display for NoKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(what) => f.write_str(what),
            Self::Keys(skipped) => {
                f.write_str("no usable key: ")?;
                skipped.fmt(f)
            }
        }
    }
}

impl SkippedKeys {
    /// Adds the key at this position of its set.
    pub(crate) fn note(&mut self, position: usize, jwk: &Value, reason: SkipReason) {
        self.unusual |= !reason.is_usual();
        self.first = self.first.or(Some(reason));
        if self.named.len() >= MOST {
            self.more += 1;
            return;
        }
        let name = match jwk.get("kid").and_then(Value::as_str) {
            // The id may be any text.
            Some(kid) => {
                let mut shown = "\"".to_owned();
                for byte in kid.bytes().filter(|b| b.is_ascii_graphic() && *b != b'"').take(LONGEST)
                {
                    shown.push(char::from(byte));
                }
                shown + "\""
            }
            None => format!("keys[{position}]"),
        };
        self.named.push(format!("{name} {}", reason.words()));
    }

    /// Whether no key was skipped.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// The log level: a key for another purpose is no fault.
    pub fn level(&self) -> log::Level {
        match self.unusual {
            true => log::Level::Warn,
            false => log::Level::Info,
        }
    }
}

/// One line, with at most eight keys in it.
impl fmt::Display for SkippedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named.join(", "))?;
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_one_line_with_any_ids() {
        let mut skipped = SkippedKeys::default();
        assert!(skipped.is_empty());
        skipped.note(0, &json!({"kid": "a\n\"b\" \u{1b}[31mé/c="}), SkipReason::Purpose);
        skipped.note(1, &json!({"kid": 7}), SkipReason::Type);
        let text = r#""ab[31m/c=" is not for signatures, keys[1] is of a type that no configured algorithm is for"#;
        assert_eq!((skipped.to_string().as_str(), skipped.level()), (text, log::Level::Info));
        for position in 2..1_000 {
            skipped.note(position, &json!({"kid": "k".repeat(9_000)}), SkipReason::Parts);
        }
        let text = skipped.to_string();
        assert!(text.len() < 1_000 && text.ends_with(" and 992 more"), "{text}");
        assert_eq!(skipped.level(), log::Level::Warn);
    }
}
