//! The values at some places of a JSON document. Only what a pointer touches has to read the same to
//! everybody: of the rest it is enough that it is JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::content::Unread;
use crate::json::{folded, given_twice, read, value_at, Strict, MAX_DEPTH, TWICE};

/// The values at these JSON pointers (RFC 6901), each of which names something below the root; `None`
/// where there is none.
///
/// # Errors
/// It is no JSON document, or a pointer leads through or to something that readers disagree about: a
/// member that is given twice, also where only the case differs, or a text that is no Unicode.
pub(crate) fn pick(document: &[u8], pointers: &[&str]) -> Result<Vec<Option<Value>>, Unread> {
    let mut found = vec![None; pointers.len()];
    let active = pointers.iter().enumerate().map(|(place, pointer)| (place, *pointer)).collect();
    read(Walk { active, found: &mut found }, document).map(|()| found).map_err(|error| {
        let text = error.to_string();
        if given_twice(&error).is_some() {
            Unread::Twice
        } else if text.contains("surrogate") || text.contains("hex escape") {
            Unread::Text
        } else {
            Unread::Syntax
        }
    })
}

/// Pointers that have led to a value, each with its place among all and what is left of it.
struct Walk<'a> {
    active: Vec<(usize, &'a str)>,
    found: &'a mut [Option<Value>],
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let Self { active, found } = self;
        if active.is_empty() {
            return json.deserialize_ignored_any(IgnoredAny).map(|_| ());
        }
        if active.iter().all(|(_, rest)| !rest.is_empty()) {
            return json.deserialize_any(Walk { active, found });
        }
        // All of it is wanted, and what the others want lies within.
        let value = Strict(MAX_DEPTH).deserialize(json)?;
        for (place, rest) in active {
            if let Some(found) = found.get_mut(place) {
                *found = value_at(&value, rest).cloned();
            }
        }
        Ok(())
    }
}

/// The first name of what is left of a pointer, and the rest.
fn split(rest: &str) -> (Cow<'_, str>, &str) {
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let (name, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match name.contains('~') {
        true => (Cow::Owned(name.replace("~1", "/").replace("~0", "~")), after),
        false => (Cow::Borrowed(name), after),
    }
}

/// Whether a careless reader takes one name for the other.
fn alike(one: &str, other: &str) -> bool {
    match one.is_ascii() && other.is_ascii() {
        true => one.eq_ignore_ascii_case(other),
        false => folded(one) == folded(other),
    }
}

/// An index into an array, as RFC 6901 writes it.
fn index(name: &str) -> Option<usize> {
    let plain = name == "0" || name.starts_with(|c: char| matches!(c, '1'..='9'));
    name.parse().ok().filter(|_| plain)
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let wanted: Vec<_> = self.active.iter().map(|(place, rest)| (*place, split(rest))).collect();
        for at in 0.. {
            let here = wanted.iter().filter(|(_, (name, _))| index(name) == Some(at));
            let active = here.map(|(place, (_, rest))| (*place, *rest)).collect();
            if items.next_element_seed(Walk { active, found: &mut *self.found })?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut wanted: Vec<_> =
            self.active.iter().map(|(place, rest)| (*place, split(rest), false)).collect();
        while let Some(Name(name)) = members.next_key_seed(Name(Cow::Borrowed(&[])))? {
            let mut active = Vec::new();
            // What is no Unicode is the name of nothing that a pointer can name.
            if let Ok(name) = std::str::from_utf8(&name) {
                for (place, (wanted, rest), met) in &mut wanted {
                    if !alike(name, wanted) {
                        continue;
                    }
                    if std::mem::replace(met, true) {
                        return Err(A::Error::custom(format_args!("{TWICE}{name}")));
                    }
                    if name == wanted {
                        active.push((*place, *rest));
                    }
                }
            }
            members.next_value_seed(Walk { active, found: &mut *self.found })?;
        }
        Ok(())
    }
}

/// A member's name as it stands: unlike a text it need not be Unicode.
struct Name<'de>(Cow<'de, [u8]>);

impl<'de> DeserializeSeed<'de> for Name<'de> {
    type Value = Self;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self, D::Error> {
        json.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Name<'de> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_bytes<E>(self, name: &'de [u8]) -> Result<Self, E> {
        Ok(Self(Cow::Borrowed(name)))
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Self, E> {
        Ok(Self(Cow::Owned(name.to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::strict_json;
    use proptest::prelude::*;

    fn one(document: &str, pointer: &str) -> Result<Option<Value>, Unread> {
        pick(document.as_bytes(), &[pointer]).map(|mut found| found.remove(0))
    }

    #[test]
    fn only_what_a_pointer_touches_has_to_be_clear() {
        use Unread::{Syntax, Text, Twice};
        for (document, pointer, want) in [
            (r#"{"id":"a"}"#, "/id", Ok(Some("a"))),
            (r#"{"x":[{"id":"a"}]}"#, "/x/0/id", Ok(Some("a"))),
            (r#"{"x":["b","a"]}"#, "/x/1", Ok(Some("a"))),
            (r#"{"x":["b","a"]}"#, "/x/01", Ok(None)),
            (r#"{"a/b":{"~":"a"}}"#, "/a~1b/~0", Ok(Some("a"))),
            (r#"{"a~1b":"a"}"#, "/a~01b", Ok(Some("a"))),
            (r#"{"i\u0064":"a"}"#, "/id", Ok(Some("a"))),
            (r#"{"id":"a"}"#, "/id/x", Ok(None)),
            (r#"{"x":1}"#, "/id", Ok(None)),
            ("[]", "/id", Ok(None)),
            // What nobody asked for.
            (r#"{"m":{"userId":1,"UserID":1,"userId":2},"id":"a"}"#, "/id", Ok(Some("a"))),
            (r#"{"m":1,"m":2,"id":"a"}"#, "/id", Ok(Some("a"))),
            (r#"{"m":"\ud800","id":"a"}"#, "/id", Ok(Some("a"))),
            (r#"{"\ud800":1,"id":"a"}"#, "/id", Ok(Some("a"))),
            (r#"{"m":1e999,"id":"a"}"#, "/id", Ok(Some("a"))),
            (r#"{"x":{"id":"b","id":"c"},"id":"a"}"#, "/id", Ok(Some("a"))),
            // What somebody did.
            (r#"{"id":"a","id":"b"}"#, "/id", Err(Twice)),
            (r#"{"id":"a","ID":"b"}"#, "/id", Err(Twice)),
            (r#"{"Id":"a","ID":"b"}"#, "/id", Err(Twice)),
            (r#"{"id":"a","i\u0064":"b"}"#, "/id", Err(Twice)),
            (r#"{"x":{"id":"a"},"X":{}}"#, "/x/id", Err(Twice)),
            (r#"{"id":{"m":1,"M":2}}"#, "/id", Err(Twice)),
            ("{\"kind\":\"a\",\"\u{212a}ind\":\"b\"}", "/kind", Err(Twice)),
            (r#"{"id":"\ud800"}"#, "/id", Err(Text)),
            (r#"{"id":"\ud800x"}"#, "/id", Err(Text)),
            (r#"{"id":"a"} x"#, "/id", Err(Syntax)),
            (r#"{"id":"a""#, "/id", Err(Syntax)),
            (r#"{"id":"a",}"#, "/id", Err(Syntax)),
            (r#"{"id":"a","m":NaN}"#, "/id", Err(Syntax)),
            ("id=a", "/id", Err(Syntax)),
            ("", "/id", Err(Syntax)),
        ] {
            assert_eq!(one(document, pointer), want.map(|v| v.map(Value::from)), "{document} {pointer}");
        }
        let broken = b"{\"m\":\"\xff\",\"id\":\"a\"}";
        assert_eq!(pick(broken, &["/id"]), Ok(vec![Some("a".into())]));
        assert_eq!(pick(broken, &["/m"]), Err(Syntax));
        let several = pick(br#"{"a":{"b":1,"c":2},"d":[3]}"#, &["/a", "/a/c", "/d/0", "/e", "/a"]);
        let a = serde_json::json!({"b": 1, "c": 2});
        let want = vec![Some(a.clone()), Some(2.into()), Some(3.into()), None, Some(a)];
        assert_eq!(several, Ok(want));
        for deep in ["[", "{\"a\":"] {
            let deep = deep.repeat(100_000);
            assert_eq!(one(&deep, "/b"), Err(Syntax), "nesting must not exhaust the stack");
        }
    }

    proptest! {
        #[test]
        fn what_is_clear_to_everybody_is_found_where_it_is(
            document in r#"[\[\]{}",:a-c0-2 ]{0,40}"#, pointer in "(/[a-c0-2]{0,2}){1,3}",
        ) {
            if let Some(value) = strict_json(document.as_bytes()) {
                prop_assert_eq!(one(&document, &pointer), Ok(value.pointer(&pointer).cloned()));
            }
        }
    }
}
