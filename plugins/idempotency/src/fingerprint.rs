//! What was asked under a key.

use policy_kit::{Content, Unread};
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
    /// The fingerprint of a call: of its body's bytes as they were sent, or of members of it, whatever way
    /// they were sent.
    ///
    /// # Errors
    /// Members are to be compared, and the body does not tell them the same to everybody: what cannot be
    /// compared must not pass for the same.
    pub fn new(
        method: &[u8],
        path: &[u8],
        content: &Content<'_>,
        selection: &Selection,
    ) -> Result<Self, Unread> {
        let text = match selection {
            Selection::Raw => return Ok(Self::of(method, path, content.as_sent())),
            Selection::Pointers(pointers) => selected(content, pointers)?,
        };
        let lines = text.iter().map(|line| line.as_deref().unwrap_or("-"));
        Ok(Self::of(method, path, lines.fold(String::new(), line).as_bytes()))
    }

    /// The fingerprint of a bet: as [`Fingerprint::new`], but two calls that both lack a member are not
    /// the same bet. `None` for what lacks one.
    pub fn of_bet(
        method: &[u8],
        path: &[u8],
        content: &Content<'_>,
        same: &Selection,
    ) -> Option<Self> {
        let Selection::Pointers(pointers) = same else { return None };
        let text: Option<Vec<_>> = selected(content, pointers).ok()?.into_iter().collect();
        let text = text?.iter().map(String::as_str).fold(String::new(), line);
        Some(Self::of(method, path, text.as_bytes()))
    }

    fn of(method: &[u8], path: &[u8], body: &[u8]) -> Self {
        Self(digest(b"print", &[method, path, body]))
    }
}

/// The members at `pointers` in canonical form.
fn selected(content: &Content<'_>, pointers: &[String]) -> Result<Vec<Option<String>>, Unread> {
    let pointers: Vec<_> = pointers.iter().map(String::as_str).collect();
    let members = content.pick_of_any_type(&pointers)?;
    let written = |value: &Value| {
        let mut text = String::new();
        canonical(value, &mut text);
        text
    };
    Ok(members.iter().map(|value| value.as_ref().map(written)).collect())
}

fn line(text: String, line: &str) -> String {
    text + line + "\n"
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
    use policy_kit::BodyFormat;

    fn json(body: &str) -> Content<'_> {
        Content::new(body.as_bytes(), BodyFormat::JSON, 1_000)
    }

    #[test]
    fn what_lacks_a_member_is_no_bet_like_another() {
        let same = Selection::Pointers(vec!["/event".to_owned(), "/stake".to_owned()]);
        let bet = |body: &str| Fingerprint::of_bet(b"POST", b"/bets", &json(body), &same);
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
            Fingerprint::new(b"POST", b"/bets", &json(body), selection).ok()
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
        let twins = r#"{"a":1,"m":{"x":1,"X":2}}"#;
        assert_eq!(print(twins, &pointers), print(r#"{"a":1}"#, &pointers), "nobody reads these");
        let path = |path: &[u8]| Fingerprint::new(b"POST", path, &json(""), &Selection::Raw);
        assert_ne!(path(b"/bets"), path(b"/bets?x=1"));
    }
}
