//! One page of the feed.

use std::fmt;

use policy_kit::{parse, CallReply};
use serde::de::{Deserializer, Error, Visitor};
use serde::Deserialize;
use serde_json::Value;

use super::owners::Owners;
use super::table::Revocation;

/// Longest cursor, in bytes.
const MAX_CURSOR: usize = 512;

/// A page as the feed writes it. Unknown members are ignored; one of another type makes the page invalid.
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
    /// The owner of the id, if the feed names one; a value of another type names none.
    #[serde(default)]
    brand: Value,
    #[serde(default)]
    issuer: Value,
    revoked_at: Seconds,
}

/// A time in seconds, rounded up: a token's `iat` is rounded down, so that a token of the same second may
/// be older.
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
            // In range as checked above.
            true => self.visit_u64(whole as u64),
            false => Err(E::custom("out of range")),
        }
    }
}

/// The result of a poll.
#[derive(Debug, PartialEq, Eq)]
pub enum Page {
    /// Revocations, and the cursor after them.
    Read {
        /// In the order of the feed.
        revocations: Vec<Revocation>,
        /// The cursor of the next poll.
        cursor: String,
        /// Whether there are more pages already.
        more: bool,
    },
    /// The feed no longer knows the cursor (410): it has to be read from its beginning.
    Gone,
    /// No usable page; why, in a few words.
    Failed(String),
}

/// Reads a response of the feed. A page with one invalid revocation is invalid as a whole.
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
    match revocations.iter().map(|item| revocation(item, owners)).collect() {
        Some(revocations) => Page::Read { revocations, cursor, more: more.unwrap_or(false) },
        None => Page::Failed("an entry about neither or both of player and session".to_owned()),
    }
}

fn revocation(item: &Item, owners: &Owners) -> Option<Revocation> {
    let scope = owners.scope(item.brand.as_str(), item.issuer.as_str());
    let mark = match (&item.player, &item.session) {
        (Some(player), None) => scope.player(player),
        (None, Some(session)) => scope.session(session),
        _ => return None,
    };
    Some(Revocation { mark, at: item.revoked_at.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::mark::Scope;
    use policy_kit::Headers;

    fn owners() -> Owners {
        Owners::new(["otter", "kings"].into_iter(), ["https://id.example"].into_iter())
    }

    fn reply(status: u16, body: &str) -> CallReply {
        let headers = Headers::default();
        CallReply::Response { status, headers, body: body.as_bytes().to_vec(), cut: false }
    }

    #[test]
    fn reads_pages() {
        let page = |json: &str| read(&reply(200, json), &owners());
        let read_page = |revocations, cursor: &str, more| {
            let cursor = cursor.to_owned();
            Page::Read { revocations, cursor, more }
        };
        let all = Scope::default();
        let (p, s) = (all.player("p-1"), all.session("s-1"));
        assert_ne!(all.player("1"), all.session("1"));
        let json = r#"{"revocations": [
            {"player": "p-1", "revoked_at": 1700000000, "reason": {"why": ["x"]}},
            {"session": "s-1", "revoked_at": 1700000000.25, "player": null},
            {"player": "p-1", "revoked_at": 17e8}], "cursor": "a b", "more": true, "next": [1]}"#;
        let at = [1_700_000_000, 1_700_000_001, 1_700_000_000];
        let revocations = [p, s, p].into_iter().zip(at).map(|(mark, at)| Revocation { mark, at });
        assert_eq!(page(json), read_page(revocations.collect(), "a b", true));
        assert_eq!(
            page(r#"{"revocations": [], "cursor": "0"}"#),
            read_page(Vec::new(), "0", false)
        );
        let nulls = r#"{"revocations": [], "cursor": "0", "more": null}"#;
        assert_eq!(page(nulls), read_page(Vec::new(), "0", false));
        let iso = r#"{"revocations": [{"player": "p", "revoked_at": "2026-09-21T12:01:01Z"}],
            "cursor": "0"}"#;
        let Page::Failed(reason) = page(iso) else { panic!("{iso}") };
        assert!(reason.contains("revoked_at") && !reason.contains("2026"), "{reason}");
        assert_eq!(read(&reply(410, ""), &owners()), Page::Gone);
    }

    #[test]
    fn reads_the_owner_of_an_id() {
        let (all, brand, issuer) = (Scope::default(), Some("otter"), Some("https://id.example"));
        for (more, scope) in [
            ("", all),
            (r#", "brand": "otter""#, Scope { brand, ..all }),
            (r#", "issuer": "https://id.example""#, Scope { issuer, ..all }),
            (r#", "brand": "otter", "issuer": "https://id.example""#, Scope { brand, issuer }),
            (r#", "brand": "otter", "issuer": "https://other.example""#, Scope { brand, ..all }),
            // An unknown owner: the revocation applies to all players of that id.
            (r#", "brand": "Otter""#, all),
            (r#", "brand": ["otter"]"#, all),
            (r#", "brand": {"id": "otter"}"#, all),
            (r#", "brand": null, "issuer": null"#, all),
        ] {
            for (what, mark) in [("player", scope.player("1")), ("session", scope.session("1"))] {
                let item = format!(r#"{{"{what}": "1", "revoked_at": 7{more}}}"#);
                let json = format!(r#"{{"revocations": [{item}], "cursor": "c"}}"#);
                let Page::Read { revocations, .. } = read(&reply(200, &json), &owners()) else {
                    panic!("{json}")
                };
                assert_eq!(revocations, [Revocation { mark, at: 7 }], "{json}");
            }
        }
    }

    #[test]
    fn rejects_invalid_pages() {
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
