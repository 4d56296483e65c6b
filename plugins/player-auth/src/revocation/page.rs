//! One page of the feed.

use std::fmt;

use policy_kit::{parse, CallReply};
use serde::de::{Deserializer, Error, Visitor};
use serde::Deserialize;
use serde_json::Value;

use super::table::Entry;
use super::Owners;

/// Longest cursor, in bytes.
const MAX_CURSOR: usize = 512;

/// Members that are not known are left out; one of another type makes the page none at all.
#[derive(Deserialize)]
struct Document {
    revocations: Vec<Item>,
    cursor: String,
    more: Option<bool>,
}

#[derive(Deserialize)]
struct Item {
    player: Option<String>,
    session: Option<String>,
    /// Whose player or session it is, where the feed says so; of another type it says nothing.
    #[serde(default)]
    brand: Value,
    #[serde(default)]
    issuer: Value,
    revoked_at: Seconds,
}

/// A time in seconds. One within a second counts as the next: a token of that second, whose own time
/// is rounded down, may be older.
struct Seconds(u32);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(Number)
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since the epoch")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Seconds, E> {
        // Milliseconds do not fit.
        u32::try_from(number).map(Seconds).map_err(|_| E::custom("too large"))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Seconds, E> {
        let whole = number.ceil();
        match (0.0..=f64::from(u32::MAX)).contains(&whole) {
            // Checked above: nothing is cut off.
            true => self.visit_u64(whole as u64),
            false => Err(E::custom("out of range")),
        }
    }
}

/// What a question about news brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Page {
    /// Revocations, and where to go on.
    News {
        /// In the order of the feed.
        entries: Vec<Entry>,
        /// What to ask for next.
        cursor: String,
        /// Whether there is more already.
        more: bool,
    },
    /// The feed does not know the cursor any more (410): it has to be read from its beginning.
    Gone,
    /// Nothing that can be read; why, in a few words.
    Failed(String),
}

/// Reads an answer of a feed about players and sessions of these owners. A page that cannot be read as a
/// whole is not read at all.
pub fn read(reply: &CallReply, owners: &Owners) -> Page {
    if let CallReply::Response { status: 410, .. } = reply {
        return Page::Gone;
    }
    let body = match reply.document() {
        Ok(body) => body,
        Err(problem) => return Page::Failed(problem),
    };
    let Document { revocations, cursor, more } = match parse(body) {
        Ok(document) => document,
        Err(error) => return Page::Failed(format!("no page of revocations: {error}")),
    };
    if cursor.is_empty() || cursor.len() > MAX_CURSOR {
        return Page::Failed("a cursor that is empty or too long".to_owned());
    }
    match revocations.iter().map(|item| entry(item, owners)).collect() {
        Some(entries) => Page::News { entries, cursor, more: more.unwrap_or(false) },
        None => Page::Failed("an entry about neither or both of player and session".to_owned()),
    }
}

fn entry(item: &Item, owners: &Owners) -> Option<Entry> {
    let scope = owners.scope(item.brand.as_str(), item.issuer.as_str());
    let mark = match (&item.player, &item.session) {
        (Some(player), None) => scope.player(player),
        (None, Some(session)) => scope.session(session),
        _ => return None,
    };
    Some(Entry { mark, at: item.revoked_at.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::Scope;
    use policy_kit::Headers;

    fn owners() -> Owners {
        Owners::new(["otter", "kings"].into_iter(), ["https://id.example"].into_iter())
    }

    fn reply(status: u16, body: &str) -> CallReply {
        let headers = Headers::default();
        CallReply::Response { status, headers, body: body.as_bytes().to_vec(), cut: false }
    }

    #[test]
    fn pages() {
        let page = |json: &str| read(&reply(200, json), &owners());
        let news = |entries, cursor: &str, more| {
            let cursor = cursor.to_owned();
            Page::News { entries, cursor, more }
        };
        let all = Scope::default();
        let (p, s) = (all.player("p-1"), all.session("s-1"));
        assert_ne!(all.player("1"), all.session("1"));
        let json = r#"{"revocations": [
            {"player": "p-1", "revoked_at": 1700000000, "reason": {"why": ["x"]}},
            {"session": "s-1", "revoked_at": 1700000000.25, "player": null},
            {"player": "p-1", "revoked_at": 17e8}], "cursor": "a b", "more": true, "next": [1]}"#;
        let at = [1_700_000_000, 1_700_000_001, 1_700_000_000];
        let entries = [p, s, p].into_iter().zip(at).map(|(mark, at)| Entry { mark, at }).collect();
        assert_eq!(page(json), news(entries, "a b", true));
        assert_eq!(page(r#"{"revocations": [], "cursor": "0"}"#), news(Vec::new(), "0", false));
        let nulls = r#"{"revocations": [], "cursor": "0", "more": null}"#;
        assert_eq!(page(nulls), news(Vec::new(), "0", false));
        let iso = r#"{"revocations": [{"player": "p", "revoked_at": "2026-09-21T12:01:01Z"}],
            "cursor": "0"}"#;
        let Page::Failed(why) = page(iso) else { panic!("{iso}") };
        assert!(why.contains("revoked_at") && !why.contains("2026"), "{why}");
        assert_eq!(read(&reply(410, ""), &owners()), Page::Gone);
    }

    #[test]
    fn whose_players_a_page_means() {
        let (all, brand, issuer) = (Scope::default(), Some("otter"), Some("https://id.example"));
        for (more, scope) in [
            ("", all),
            (r#", "brand": "otter""#, Scope { brand, ..all }),
            (r#", "issuer": "https://id.example""#, Scope { issuer, ..all }),
            (r#", "brand": "otter", "issuer": "https://id.example""#, Scope { brand, issuer }),
            (r#", "brand": "otter", "issuer": "https://other.example""#, Scope { brand, ..all }),
            // Whom these mean is not known: then everybody of that name.
            (r#", "brand": "Otter""#, all),
            (r#", "brand": ["otter"]"#, all),
            (r#", "brand": {"id": "otter"}"#, all),
            (r#", "brand": null, "issuer": null"#, all),
        ] {
            for (what, mark) in [("player", scope.player("1")), ("session", scope.session("1"))] {
                let item = format!(r#"{{"{what}": "1", "revoked_at": 7{more}}}"#);
                let json = format!(r#"{{"revocations": [{item}], "cursor": "c"}}"#);
                let Page::News { entries, .. } = read(&reply(200, &json), &owners()) else {
                    panic!("{json}")
                };
                assert_eq!(entries, [Entry { mark, at: 7 }], "{json}");
            }
        }
    }

    #[test]
    fn what_is_no_page() {
        let long = "c".repeat(513);
        for json in [
            "",
            "{}",
            "[]",
            r#"{"revocations": [], "cursor": ""}"#,
            &format!(r#"{{"revocations": [], "cursor": "{long}"}}"#),
            r#"{"revocations": [], "cursor": 7}"#,
            r#"{"revocations": [], "cursor": "c", "more": 1}"#,
            r#"{"revocations": [], "cursor": "c", "cursor": "d"}"#,
            r#"{"revocations": {}, "cursor": "c"}"#,
            r#"{"cursor": "c"}"#,
            r#"{"revocations": [{"player": "p"}], "cursor": "c"}"#,
            r#"{"revocations": [{"player": 1, "revoked_at": 1}], "cursor": "c"}"#,
            r#"{"revocations": [{"player": "p", "revoked_at": "1"}], "cursor": "c"}"#,
            r#"{"revocations": [{"player": "p", "revoked_at": -1}], "cursor": "c"}"#,
            r#"{"revocations": [{"player": "p", "revoked_at": -0.5e3}], "cursor": "c"}"#,
            r#"{"revocations": [{"player": "p", "revoked_at": 1700000000000}], "cursor": "c"}"#,
            r#"{"revocations": [{"player": "p", "revoked_at": 1.7e12}], "cursor": "c"}"#,
            r#"{"revocations": [{"player": "p", "session": "s", "revoked_at": 1}], "cursor": "c"}"#,
            r#"{"revocations": [{"revoked_at": 1}], "cursor": "c"}"#,
            r#"{"revocations": ["p"], "cursor": "c"}"#,
            r#"{"revocations": [], "cursor": "c"} x"#,
        ] {
            assert!(matches!(read(&reply(200, json), &owners()), Page::Failed(_)), "{json}");
        }
        let good = r#"{"revocations": [], "cursor": "c"}"#;
        for status in [201, 204, 301, 404, 500] {
            let page = read(&reply(status, good), &owners());
            assert!(matches!(page, Page::Failed(_)), "{status}");
        }
        let body = good.as_bytes().to_vec();
        let cut = CallReply::Response { status: 200, headers: Headers::default(), body, cut: true };
        assert!(matches!(read(&cut, &owners()), Page::Failed(_)));
        assert!(matches!(read(&CallReply::NoResponse, &owners()), Page::Failed(_)));
    }
}
