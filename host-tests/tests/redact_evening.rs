//! The redacted evening: no personal data remains, and equal values stay equal.
//!
//! Secrets are collected here by the casino's semantics, not by the redactor's rules, so that a missing rule
//! is found.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of a test

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::Engine as _;
use host_tests::envoy::workspace_root;
use host_tests::redact::{redact, Key};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Player,
    Token,
    Address,
}

/// Members of bodies that name a player, in the API and in the partners' wallets.
const PLAYERS: &[&str] = &["account_id", "player", "sub", "user", "userid"];

/// Members of bodies with credentials, and headers with partners' signatures.
const TOKENS: &[&str] = &["access_token", "game_session", "hmac", "refresh_token", "token"];
const PROOFS: &[&str] = &["x-hub88-signature", "x-psp-signature", "x-request-sign"];

/// Headers that carry addresses.
const ADDRESSES: &[&str] =
    &["forwarded", "x-envoy-external-address", "x-forwarded-for", "x-real-ip"];

/// The personal data of a recording, in order.
#[derive(Default)]
struct Seen {
    /// For each entry.
    said: Vec<Vec<(Kind, String)>>,
    /// Texts within texts, which a search of the document does not reach.
    inner: String,
}

impl Seen {
    fn of(document: &str) -> Self {
        let parsed: Value = serde_json::from_str(document).unwrap();
        let mut seen = Self::default();
        for entry in parsed.pointer("/log/entries").unwrap().as_array().unwrap() {
            seen.said.push(Vec::new());
            seen.entry(entry);
        }
        seen
    }

    fn entry(&mut self, entry: &Value) {
        self.addresses(text(entry, "/_clientAddress"));
        for target in [text(entry, "/request/url"), text(entry, "/_target")] {
            let player = target.split_once("/players/").map(|(_, rest)| rest);
            if let Some(player) = player.and_then(|it| it.split(['/', '?']).next()) {
                self.say(Kind::Player, player);
            }
        }
        for header in entry.pointer("/request/headers").unwrap().as_array().unwrap() {
            let (name, value) = (text(header, "/name"), text(header, "/value"));
            match name.to_ascii_lowercase().as_str() {
                "authorization" => self.token(value.trim_start_matches("Bearer ")),
                name if PROOFS.contains(&name) => self.say(Kind::Token, value),
                name if ADDRESSES.contains(&name) => self.addresses(value),
                _ => {}
            }
        }
        for part in ["/request/postData", "/response/content"] {
            let Some(part) = entry.pointer(part) else { continue };
            let encoding = [text(part, "/encoding"), text(part, "/_encoding")].concat();
            let mut body = text(part, "/text").to_owned();
            if encoding == "base64" {
                body = String::from_utf8_lossy(&STANDARD.decode(&body).unwrap()).into_owned();
                self.inner += &body;
            }
            if let Ok(body) = serde_json::from_str(&body) {
                self.body(&body);
            }
        }
    }

    fn body(&mut self, body: &Value) {
        match body {
            Value::Array(items) => items.iter().for_each(|it| self.body(it)),
            Value::Object(members) => {
                for (name, value) in members {
                    match (name.as_str(), value) {
                        (name, Value::String(it)) if PLAYERS.contains(&name) => {
                            self.say(Kind::Player, it);
                        }
                        (name, Value::String(it)) if TOKENS.contains(&name) => self.token(it),
                        ("ip", Value::String(it)) => self.addresses(it),
                        // A launch tells the session in the address of the game, too.
                        ("url", Value::String(it)) => {
                            if let Some((_, session)) = it.split_once("session=") {
                                self.say(Kind::Token, session);
                            }
                        }
                        (_, value) => self.body(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn token(&mut self, token: &str) {
        self.say(Kind::Token, token);
        // What has no third part is no token, and is replaced as a whole.
        let parts: Vec<&str> = token.split('.').collect();
        let [_, claims, _] = parts.as_slice() else { return };
        let Ok(claims) = URL_SAFE_NO_PAD.decode(claims) else { return };
        let Ok(claims) = serde_json::from_slice::<Value>(&claims) else { return };
        self.inner += &claims.to_string();
        self.body(&claims);
    }

    fn addresses(&mut self, value: &str) {
        for part in value.split([',', ';', '=', '"', ' ']) {
            let host = part.rsplit_once(':').filter(|(host, _)| !host.contains(':'));
            if let Ok(address) = host.map_or(part, |(host, _)| host).parse::<IpAddr>() {
                let private =
                    matches!(address, IpAddr::V4(it) if it.is_private() || it.is_loopback());
                if !private {
                    self.say(Kind::Address, &address.to_string());
                }
            }
        }
    }

    fn say(&mut self, kind: Kind, value: &str) {
        self.said.last_mut().unwrap().push((kind, value.to_owned()));
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// True when `value` stands in `text` and is no part of a longer word.
fn stands_in(text: &str, value: &str) -> bool {
    let word = |it: char| it.is_ascii_alphanumeric();
    text.match_indices(value).any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        !before.ends_with(word) && !rest.strip_prefix(value).is_some_and(|it| it.starts_with(word))
    })
}

/// The key of the README's example.
const README_KEY: &str = "0123456789abcdef";

#[test]
fn the_readme_shows_two_redacted_bodies() {
    let root = workspace_root().join("host-tests");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains(&format!("PITBOSS_REDACT_KEY={README_KEY}\n")));
    let original = std::fs::read_to_string(root.join("recordings/evening.har")).unwrap();
    let redacted = redact(&original, &Key::new(README_KEY.as_bytes()).unwrap()).unwrap();
    let body = |document: &str, index: usize| {
        let document: Value = serde_json::from_str(document).unwrap();
        text(&document, &format!("/log/entries/{index}/request/postData/text")).to_owned()
    };
    // The login, and the location check after it.
    for index in [8, 9] {
        for document in [&original, &redacted] {
            let shown = body(document, index);
            assert!(!shown.is_empty() && readme.contains(&format!("\n{shown}\n")), "{shown}");
        }
    }
}

#[test]
fn no_personal_data_remains_and_decisions_stay() {
    let recording = workspace_root().join("host-tests/recordings/evening.har");
    let original = std::fs::read_to_string(recording).unwrap();
    let redacted = redact(&original, &Key::new(README_KEY.as_bytes()).unwrap()).unwrap();
    let (before, after) = (Seen::of(&original), Seen::of(&redacted));
    assert_eq!(before.said.len(), after.said.len());
    for (was, is) in before.said.iter().zip(&after.said) {
        assert_eq!(was.len(), is.len(), "a place is gone: {was:?} became {is:?}");
    }
    let (before_all, after_all) = (before.said.concat(), after.said.concat());

    let mut stands_for: BTreeMap<(Kind, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut stood_for: BTreeMap<(Kind, &str), BTreeSet<&str>> = BTreeMap::new();
    for ((kind, was), (same, is)) in before_all.iter().zip(&after_all) {
        assert_eq!(kind, same);
        stands_for.entry((*kind, was)).or_default().insert(is);
        stood_for.entry((*kind, is)).or_default().insert(was);
    }
    let count = |kind: Kind| stands_for.keys().filter(|(it, _)| *it == kind).count();
    for (kind, least) in [(Kind::Player, 60), (Kind::Token, 400), (Kind::Address, 60)] {
        assert!(count(kind) >= least, "only {} of {kind:?} in the evening", count(kind));
    }
    let several: Vec<_> = stands_for.iter().filter(|(_, all)| all.len() > 1).collect();
    assert!(several.is_empty(), "one has two pseudonyms: {several:?}");
    let shared: Vec<_> = stood_for.iter().filter(|(_, all)| all.len() > 1).collect();
    assert!(shared.is_empty(), "two share a pseudonym: {shared:?}");

    // A demo token holds the player's id in plain sight.
    let ids = before_all.iter().filter_map(|(_, it)| it.strip_prefix("demo."));
    let ids = ids.map(|it| (Kind::Player, it));
    let secrets: BTreeSet<(Kind, &str)> = stands_for.keys().copied().chain(ids).collect();
    let whole = redacted + &after.inner;
    // Nothing can be known by an empty value, and of what is shorter than five bytes the README says
    // that it is replaced only under its name.
    let left: Vec<_> = secrets
        .into_iter()
        .filter(|(kind, it)| *kind == Kind::Player || it.len() >= 5)
        // What stood in the network of the pseudonyms may be another one's pseudonym now.
        .filter(|(kind, it)| *kind != Kind::Address || !stood_for.contains_key(&(*kind, *it)))
        .filter(|(_, it)| stands_in(&whole, it))
        .collect();
    assert!(left.is_empty(), "{} are left: {left:?}", left.len());
}
