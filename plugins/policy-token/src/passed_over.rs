//! Keys of a set that are not used, and why: said to the operator, since their tokens look forged.

use std::fmt;

use serde_json::Value;

/// Most keys that are named.
const MOST: usize = 8;
/// Longest name of a key that is shown, in bytes.
const LONGEST: usize = 60;

/// Why a key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// `use` or `key_ops` says so.
    Purpose,
    /// `alg` is none of the configured algorithms.
    Algorithm,
    /// No configured algorithm is for its `kty` and `crv`.
    Type,
    /// It holds a private part, or parts of another type of key.
    Private,
    /// A part that is missing, or no base64url, or of another length than the curve's.
    Parts,
    /// A point that is not on the curve, or for which anybody can sign.
    Point,
    /// RSA of fewer than 2048 or more than 4096 bits, or an even modulus.
    Modulus,
    /// RSA with another exponent than 65537.
    Exponent,
    /// It comes after as many as are kept.
    Many,
}

impl Why {
    /// In words that follow a key's name.
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

    /// Whether sets have such keys by design: for other algorithms, other purposes.
    const fn is_usual(self) -> bool {
        matches!(self, Self::Purpose | Self::Algorithm | Self::Type)
    }
}

/// The keys that were passed over when a set was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    named: Vec<String>,
    more: usize,
    first: Option<Why>,
    unusual: bool,
}

/// A document without a usable key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoKeys {
    /// It is no key set; what it is instead.
    Document(&'static str),
    /// All of its keys were passed over.
    Keys(PassedOver),
}

impl NoKeys {
    /// In words that show nothing of the document.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Document(what) => what,
            Self::Keys(passed) => passed.first.map_or("no keys", Why::words),
        }
    }
}

/// In words for the log, with the ids of keys.
impl fmt::Display for NoKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(what) => f.write_str(what),
            Self::Keys(passed) => {
                f.write_str("no usable key: ")?;
                passed.fmt(f)
            }
        }
    }
}

impl PassedOver {
    /// Notes a key, the one at this position of its set.
    pub(crate) fn note(&mut self, position: usize, jwk: &Value, why: Why) {
        self.unusual |= !why.is_usual();
        self.first = self.first.or(Some(why));
        if self.named.len() >= MOST {
            self.more += 1;
            return;
        }
        let name = match jwk.get("kid").and_then(Value::as_str) {
            // It may be anything.
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
        self.named.push(format!("{name} {}", why.words()));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// How loudly to say so: a key for another purpose is no fault.
    pub fn level(&self) -> log::Level {
        match self.unusual {
            true => log::Level::Warn,
            false => log::Level::Info,
        }
    }
}

/// One line, with at most eight keys in it.
impl fmt::Display for PassedOver {
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
    fn one_line_whatever_ids_say() {
        let mut passed = PassedOver::default();
        assert!(passed.is_empty());
        passed.note(0, &json!({"kid": "a\n\"b\" \u{1b}[31mé/c="}), Why::Purpose);
        passed.note(1, &json!({"kid": 7}), Why::Type);
        let text = r#""ab[31m/c=" is not for signatures, keys[1] is of a type that no configured algorithm is for"#;
        assert_eq!((passed.to_string().as_str(), passed.level()), (text, log::Level::Info));
        for position in 2..1_000 {
            passed.note(position, &json!({"kid": "k".repeat(9_000)}), Why::Parts);
        }
        let text = passed.to_string();
        assert!(text.len() < 1_000 && text.ends_with(" and 992 more"), "{text}");
        assert_eq!(passed.level(), log::Level::Warn);
    }
}
