//! What was asked under a key.

use policy_kit::{strict_json, value_at};
use serde_json::Value;

use crate::scope::digest;

/// A digest of what a call asks for. Another question under the same key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a call that was answered before its body was known: every question under its key is as good
    /// as the same.
    pub const ANY: Fingerprint = Fingerprint([0; 32]);

    /// Whether a question of this fingerprint is the one that has the key already.
    pub fn is_same_as(&self, holder: &Fingerprint) -> bool {
        self == holder || *holder == Self::ANY || *self == Self::ANY
    }
}

/// Which part of the body counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Every byte of it.
    #[default]
    Raw,
    /// The members at these JSON pointers, in canonical form: white space and the order of members do
    /// not matter, and what is not named (a time stamp, a balance) may change.
    Pointers(Vec<String>),
}

impl Fingerprint {
    /// The fingerprint of a call.
    ///
    /// `None` where members are to be compared and the body is no JSON that everybody reads the same (a
    /// member is given twice): what cannot be compared must not pass for the same.
    pub fn new(method: &[u8], path: &[u8], body: &[u8], selection: &Selection) -> Option<Self> {
        let text = match selection {
            Selection::Raw => return Some(Self::of(method, path, body)),
            Selection::Pointers(pointers) => selected(body, pointers, |text| {
                text.push('-');
                Some(())
            })?,
        };
        Some(Self::of(method, path, text.as_bytes()))
    }

    /// The fingerprint of a bet: as [`Fingerprint::new`], but two calls that both lack a member are not
    /// the same bet. `None` for what lacks one.
    pub fn of_bet(method: &[u8], path: &[u8], body: &[u8], same: &Selection) -> Option<Self> {
        let Selection::Pointers(pointers) = same else { return None };
        let text = selected(body, pointers, |_| None)?;
        Some(Self::of(method, path, text.as_bytes()))
    }

    fn of(method: &[u8], path: &[u8], body: &[u8]) -> Self {
        Self(digest(b"print", &[method, path, body]))
    }
}

/// The members at `pointers`, one a line; `missing` writes one that is not there.
fn selected(
    body: &[u8],
    pointers: &[String],
    missing: impl Fn(&mut String) -> Option<()>,
) -> Option<String> {
    let document = strict_json(body)?;
    let mut text = String::new();
    for pointer in pointers {
        match value_at(&document, pointer) {
            None => missing(&mut text)?,
            Some(value) => canonical(value, &mut text),
        }
        text.push('\n');
    }
    Some(text)
}

/// Writes a value with its members in the order of their names. Line feeds within texts are escaped by
/// JSON itself, so that values cannot run into each other.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (name, member) in names {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(member, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_a_member_is_no_bet_like_another() {
        let same = Selection::Pointers(vec!["/event".to_owned(), "/stake".to_owned()]);
        let bet = |body: &str| Fingerprint::of_bet(b"POST", b"/bets", body.as_bytes(), &same);
        assert!(bet(r#"{"event":"e","stake":1}"#).is_some());
        assert_eq!(bet(r#"{"event":"e","stake":1}"#), bet(r#"{"stake":1, "event":"e", "odds":2}"#));
        assert_ne!(bet(r#"{"event":"e","stake":1}"#), bet(r#"{"event":"e","stake":2}"#));
        assert_eq!(bet(r#"{"stake":1}"#), None, "a spin");
        assert_eq!(bet("x"), None);
    }

    #[test]
    fn what_makes_two_calls_the_same() {
        let pointers = Selection::Pointers(vec!["/a".to_owned(), "/b/c".to_owned()]);
        let print = |body: &str, selection: &Selection| {
            Fingerprint::new(b"POST", b"/bets", body.as_bytes(), selection)
        };
        // Two bodies, whether they are the same raw, and whether by pointers.
        for (one, other, raw, chosen) in [
            (r#"{"a":1,"b":{"c":"x"}}"#, r#"{"a":1,"b":{"c":"x"}}"#, true, true),
            (r#"{"a":1,"b":{"c":"x"}}"#, r#"{ "b": {"c": "x"}, "a": 1 }"#, false, true),
            (r#"{"a":1,"b":{"c":"x"}}"#, r#"{"a":1,"b":{"c":"x"},"at":5}"#, false, true),
            (r#"{"a":1,"b":{"c":"x"}}"#, r#"{"a":2,"b":{"c":"x"}}"#, false, false),
            (r#"{"a":1,"b":{"c":"1"}}"#, r#"{"a":1,"b":{"c":1}}"#, false, false),
            (r#"{"a":{"x":1,"y":2}}"#, r#"{"a":{"y":2,"x":1}}"#, false, true),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, false, false),
            (r#"{"a":[[1],2]}"#, r#"{"a":[[1,2]]}"#, false, false),
            (r#"{"a":null}"#, r#"{}"#, false, false),
            ("{\"a\":\"-\\n1\"}", r#"{"b":{"c":1}}"#, false, false),
        ] {
            assert_eq!(
                print(one, &Selection::Raw) == print(other, &Selection::Raw),
                raw,
                "{other}"
            );
            assert_eq!(print(one, &pointers) == print(other, &pointers), chosen, "{other}");
        }
        for unreadable in ["x", "", r#"{"a":1,"a":2}"#, r#"{"a":1,"A":2}"#, r#"{"a":1} {"a":2}"#] {
            assert_eq!(print(unreadable, &pointers), None, "{unreadable}: not the same as itself");
        }
        let path = |path: &[u8]| Fingerprint::new(b"POST", path, b"", &Selection::Raw);
        assert_ne!(path(b"/bets"), path(b"/bets?x=1"));
    }
}
