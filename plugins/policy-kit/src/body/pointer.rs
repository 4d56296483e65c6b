//! JSON pointers (RFC 6901).

use std::borrow::Cow;

use serde_json::Value;

/// The value at a JSON pointer.
pub fn value_at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    let (mut value, mut rest) = (value, pointer);
    while !rest.is_empty() {
        if !rest.starts_with('/') {
            return None;
        }
        let (name, after) = split(rest);
        value = match value {
            Value::Object(members) => members.get(name.as_ref())?,
            Value::Array(items) => items.get(index(&name)?)?,
            _ => return None,
        };
        rest = after;
    }
    Some(value)
}

/// The text at a JSON pointer. Numbers and booleans are given as they print; objects, arrays and null are no
/// text.
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

/// A position in a list: digits, without zeros in front.
fn index(name: &str) -> Option<usize> {
    let written = name == "0" || name.starts_with(|c| ('1'..='9').contains(&c));
    name.parse().ok().filter(|_| written)
}

/// The first name of a pointer without its escapes, and the rest of the pointer.
pub(crate) fn split(rest: &str) -> (Cow<'_, str>, &str) {
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let end = rest.bytes().position(|b| b == b'/').unwrap_or(rest.len());
    let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if !name.bytes().any(|b| b == b'~') {
        return (Cow::Borrowed(name), after);
    }
    let (mut out, mut letters) = (String::with_capacity(name.len()), name.chars());
    while let Some(letter) = letters.next() {
        out.push(match letter {
            '~' if letters.as_str().starts_with(['0', '1']) => match letters.next() {
                Some('1') => '/',
                _ => '~',
            },
            other => other,
        });
    }
    (Cow::Owned(out), after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pointers_below_the_root_are_valid() {
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
        fn pointers_lead_where_serde_leads(pointer in "(/[a-b0-2~]{0,2}){0,3}|[a-b/]{0,2}") {
            let document = serde_json::json!({
                "a": {"a": 1, "b": [2, {"a": 3}, 4], "": 5}, "": {"": 6}, "b": [[7], 8], "~": 9,
            });
            prop_assert_eq!(value_at(&document, &pointer), document.pointer(&pointer));
        }
    }
}
