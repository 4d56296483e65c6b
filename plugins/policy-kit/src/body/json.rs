//! Reading JSON that another reader reads again, so that both read the same.

use std::cell::Cell;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::{Entry, Map};
use serde_json::Value;

/// Deepest nesting that is read. Serde's own limit is the same today; this one does not depend on it.
pub(crate) const MAX_DEPTH: u8 = 100;

/// Parses one JSON document. `None` for what is not JSON, and for what readers disagree about: a member given
/// twice in one object, also where only the case differs (some readers match names without case), and anything
/// after the document.
///
/// ```
/// use policy_kit::{strict_json, text_at};
///
/// let document = strict_json(br#"{"player": {"id": 7}}"#).unwrap();
/// assert_eq!(text_at(&document, "/player/id").as_deref(), Some("7"));
/// assert_eq!(strict_json(br#"{"id": 7, "ID": 8}"#), None);
/// ```
pub fn strict_json(body: &[u8]) -> Option<Value> {
    let found = Found::default();
    read(StrictJson { depth: MAX_DEPTH, found: &found }, &found, body).ok()
}

/// What is wrong with a document that a seed read, besides what its reader finds. The seed keeps it here and returns
/// any value: an error of its own the reader would put in words, and take those apart again, in 9 KB of code.
pub(crate) type Found = Cell<Option<Flaw>>;

/// What a seed finds.
pub(crate) enum Flaw {
    /// A member is given twice.
    Twice(String),
    /// Too many levels.
    Deep,
}

/// Why a document is not read.
pub(crate) enum Unreadable {
    /// A member is given twice, before this line and column.
    Twice(String, usize, usize),
    /// Too many levels.
    Deep,
    /// Not JSON.
    Syntax(serde_json::Error),
}

/// One document and nothing after it; `found` is the seed's.
pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
    seed: S,
    found: &Found,
    body: &'de [u8],
) -> Result<S::Value, Unreadable> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    match (read, found.take()) {
        (Ok(value), None) => Ok(value),
        (_, Some(Flaw::Deep)) => Err(Unreadable::Deep),
        (Ok(_), Some(Flaw::Twice(name))) => Err(Unreadable::Twice(name, 1, 0)),
        (Err(error), Some(Flaw::Twice(name))) => {
            Err(Unreadable::Twice(name, error.line(), error.column()))
        }
        (Err(error), None) => Err(Unreadable::Syntax(error)),
    }
}

/// A member's name as the most careless reader compares it: without case, and with the two letters
/// outside ASCII that fold into it (Unicode CaseFolding: long s and the Kelvin sign).
pub(crate) fn folded(name: &str) -> String {
    let letter = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(letter).collect()
}

/// Folded forms of an object's names that a careless reader takes for others: those with a capital or a
/// letter outside ASCII. Hardly any document has one, so the other names need no second set.
#[derive(Default)]
struct FoldedNames(Map<String, Value>);

impl FoldedNames {
    /// Whether a careless reader takes `name` for one that was given before; `is_there` tells which names were
    /// given exactly so.
    fn clash(&mut self, name: &str, is_there: impl Fn(&str) -> bool) -> bool {
        let plain = name.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
        if plain {
            return !self.0.is_empty() && self.0.contains_key(name);
        }
        let folded = folded(name);
        is_there(&folded) || self.0.insert(folded, Value::Null).is_some()
    }
}

/// Reads a value that all readers read the same, with at most so many levels.
#[derive(Clone, Copy)]
pub(crate) struct StrictJson<'f> {
    pub(crate) depth: u8,
    pub(crate) found: &'f Found,
}

/// One level less.
pub(crate) fn deeper(depth: u8, found: &Found) -> Option<u8> {
    let left = depth.checked_sub(1);
    if left.is_none() {
        found.set(Some(Flaw::Deep));
    }
    left
}

impl<'de> DeserializeSeed<'de> for StrictJson<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictJson<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        let Some(depth) = deeper(self.depth, self.found) else { return Ok(Value::Null) };
        let seed = Self { depth, ..self };
        while let Some(item) = items.next_element_seed(seed)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        let mut folded_names = FoldedNames::default();
        let Some(depth) = deeper(self.depth, self.found) else { return Ok(Value::Null) };
        let seed = Self { depth, ..self };
        while let Some(name) = members.next_key::<String>()? {
            let alike = folded_names.clash(&name, |name| out.contains_key(name));
            match out.entry(name) {
                Entry::Vacant(place) if !alike => {
                    let value = members.next_value_seed(seed)?;
                    place.insert(value);
                }
                taken => {
                    self.found.set(Some(Flaw::Twice(taken.key().clone())));
                    return Ok(Value::Null);
                }
            }
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::pointer::text_at;
    use proptest::prelude::*;

    #[test]
    fn ambiguous_documents_are_refused() {
        for (body, pointer, want) in [
            (r#"{"type": "debit"}"#, "/type", Some("debit")),
            (r#"{"a": {"b": [1, {"c": true}]}}"#, "/a/b/1/c", Some("true")),
            (r#"{"n": 12}"#, "/n", Some("12")),
            (r#"{"a/b": "x"}"#, "/a~1b", Some("x")),
            (r#"{"type": null}"#, "/type", None),
            (r#"{"type": {"x": 1}}"#, "/type", None),
            (r#"{"Type": "debit"}"#, "/type", None),
            (r#"{"type": "a", "type": "b"}"#, "/type", None),
            (r#"{"type": "a", "Type": "b"}"#, "/type", None),
            (r#"{"Type": "a", "type": "b"}"#, "/type", None),
            (r#"{"Type": "a", "x": 1, "tYPE": "b"}"#, "/Type", None),
            (r#"{"Type": "a", "kind": "b"}"#, "/Type", Some("a")),
            ("{\"kind\": \"a\", \"\u{212a}ind\": \"b\"}", "/kind", None),
            ("{\"class\": \"a\", \"cla\u{17f}s\": \"b\"}", "/class", None),
            (r#"{"x": {"k": 1, "k": 2}, "type": "a"}"#, "/type", None),
            (r#"{"type": "a"} x"#, "/type", None),
            (r#"{"type": "a""#, "/type", None),
            ("", "/type", None),
            ("\u{feff}{\"type\": \"a\"}", "/type", None),
        ] {
            let got = strict_json(body.as_bytes()).and_then(|v| text_at(&v, pointer));
            assert_eq!(got.as_deref(), want, "{body} {pointer}");
        }
        for deep in ["[", "{\"a\":"] {
            let deep = deep.repeat(100_000);
            assert_eq!(strict_json(deep.as_bytes()), None, "nesting must not exhaust the stack");
        }
    }

    proptest! {
        #[test]
        fn accepted_documents_read_as_serde_reads_them(text in r#"[\[\]{}",:a-c0-9 .eE+-]{0,40}"#) {
            if let Some(value) = strict_json(text.as_bytes()) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
            }
        }
    }
}
