//! Reading JSON that somebody else will read again, so that both read the same.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::{Entry, Map};
use serde_json::Value;

/// Deepest nesting that is read. Serde's own limit is the same; this one is ours to rely on.
pub(crate) const MAX_DEPTH: u8 = 100;

/// Parses one JSON document, refusing what readers disagree about: a member given twice in one
/// object, also where only the case differs (some readers match names without case), and anything
/// after the document. `None` for all that and for what is no JSON.
pub fn strict_json(body: &[u8]) -> Option<Value> {
    read(Strict(MAX_DEPTH), body).ok()
}

/// The name of a member that is given twice, if that is what is wrong.
pub(crate) fn given_twice(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    Some(text.strip_prefix(TWICE)?.rsplit_once(" at line ")?.0.to_owned())
}

/// How an error says that a member is given twice; its name follows.
pub(crate) const TWICE: &str = "given twice: ";

/// One document and nothing after it.
pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
    seed: S,
    body: &'de [u8],
) -> Result<S::Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = seed.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
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

/// What a JSON pointer (RFC 6901) leads to.
pub fn value_at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    // Most pointers are one name without escapes, which need not be taken apart.
    let plain = |name: &str| !name.bytes().any(|b| matches!(b, b'/' | b'~'));
    match (value, pointer.strip_prefix('/')) {
        (Value::Object(members), Some(name)) if plain(name) => members.get(name),
        _ => value.pointer(pointer),
    }
}

/// The text at a JSON pointer (RFC 6901). Numbers and booleans are given as they print; objects,
/// arrays and null are no text.
pub fn text_at(value: &Value, pointer: &str) -> Option<String> {
    text_of(value_at(value, pointer)?)
}

/// A value as [`text_at`] gives it.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a text is a JSON pointer that names something below the root.
pub fn is_pointer(text: &str) -> bool {
    let escapes = |s: &str| s.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    text.starts_with('/') && escapes(text)
}

/// The names of one object that a careless reader would read as another: those with a capital or a
/// letter outside ASCII. Hardly any document has one, and the rest needs no second set of its names.
#[derive(Default)]
struct Others(Map<String, Value>);

impl Others {
    /// Whether a careless reader would take `name` for another that is there already; `is_there` tells
    /// which were given exactly so.
    fn have(&mut self, name: &str, is_there: impl Fn(&str) -> bool) -> bool {
        let plain = name.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
        if plain {
            return !self.0.is_empty() && self.0.contains_key(name);
        }
        let folded = folded(name);
        is_there(&folded) || self.0.insert(folded, Value::Null).is_some()
    }
}

/// Reads a value that everybody reads the same, with so many levels within it.
#[derive(Clone, Copy)]
pub(crate) struct Strict(pub(crate) u8);

/// One level less.
pub(crate) fn deeper<E: Error>(depth: u8) -> Result<u8, E> {
    depth.checked_sub(1).ok_or_else(|| E::custom("too deep"))
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
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
        let seed = Self(deeper(self.0)?);
        while let Some(item) = items.next_element_seed(seed)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        let mut others = Others::default();
        let seed = Self(deeper(self.0)?);
        while let Some(name) = members.next_key::<String>()? {
            let alike = others.have(&name, |name| out.contains_key(name));
            match out.entry(name) {
                Entry::Vacant(place) if !alike => {
                    let value = members.next_value_seed(seed)?;
                    place.insert(value);
                }
                taken => {
                    return Err(A::Error::custom(format_args!("{TWICE}{}", taken.key())));
                }
            }
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_at_pointers() {
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

    #[test]
    fn pointers() {
        for (text, want) in [
            ("/a", true),
            ("/a/0", true),
            ("/a~0b~1", true),
            ("", false),
            ("a", false),
            ("/~2", false),
        ] {
            assert_eq!(is_pointer(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn pointers_lead_where_serde_says(pointer in "(/[a-b0-2~]{0,2}){0,3}|[a-b/]{0,2}") {
            let document = serde_json::json!({
                "a": {"a": 1, "b": [2, {"a": 3}, 4], "": 5}, "": {"": 6}, "b": [[7], 8], "~": 9,
            });
            prop_assert_eq!(value_at(&document, &pointer), document.pointer(&pointer));
        }

        #[test]
        fn what_is_accepted_is_what_serde_reads(text in r#"[\[\]{}",:a-c0-9 .eE+-]{0,40}"#) {
            if let Some(value) = strict_json(text.as_bytes()) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
            }
        }
    }
}
