//! Where keys are found, and why they are not.

use policy_kit::{BodyFormat, Unread};
use serde_json::{json, Value};

use super::*;
use crate::policy::compiled::tests::{assert_refused, compiled};

fn location(key: &Value) -> KeyLocation {
    let raw = policy_kit::parse(key.to_string().as_bytes()).unwrap();
    KeyLocation::compile(raw, "key").unwrap()
}

fn read(key: &Value, pairs: &[(&str, &str)], body: &str) -> Result<String, KeyFault> {
    let location = location(key);
    let headers = Headers::from_pairs(pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())));
    let content = Content::new(body.as_bytes(), BodyFormat::by(&headers), 1_000);
    let key = location.key(&headers, &content, KeyIssuer::Client);
    key.map(|key| key.as_str().to_owned())
}

use KeyFault::{Body, Characters, Kind, Malformed, Missing, Several, Short};

#[test]
fn reads_keys_from_a_header() {
    let key = json!({"header": "x-key"});
    for (values, want) in [
        (&["12345678"][..], Ok("12345678")),
        (&["\"12345678\""], Ok("12345678")),
        (&[], Err(Missing)),
        (&[""], Err(Missing)),
        (&["1234567"], Err(Short)),
        (&["12345678", "12345678"], Err(Several)),
    ] {
        let pairs: Vec<_> = values.iter().map(|value| ("X-Key", *value)).collect();
        assert_eq!(read(&key, &pairs, ""), want.map(str::to_owned), "{values:?}");
    }
}

#[test]
fn reads_keys_from_the_query() {
    let key = json!({"query": "tid"});
    for (target, want) in [
        ("/w?tid=12345678", Ok("12345678")),
        ("/w?a=1&tid=12345678&b=2", Ok("12345678")),
        ("/w?t%69d=%31%32345678", Ok("12345678")),
        ("/w?tid=1234%2F567", Ok("1234/567")),
        ("/w?tid=1234?5678", Ok("1234?5678")),
        ("/w", Err(Missing)),
        ("/w?", Err(Missing)),
        ("/w?tid", Err(Missing)),
        ("/w?tid=", Err(Missing)),
        ("/w?x=?tid=12345678", Err(Missing)),
        ("/w?tid=12345678&tid=12345678", Err(Several)),
        ("/w?tid=12345678&ti%64=87654321", Err(Several)),
        ("/w?tid&tid=12345678", Err(Several)),
        ("/w?tid=1234567", Err(Short)),
        ("/w?tid=1234+5678", Err(Characters)),
        ("/w?tid=1234%005678", Err(Characters)),
        // No text, which some readers mend.
        ("/w?tid=1234%ff5678", Err(Malformed)),
        // Whoever takes `;` for a separator sees another key, or two.
        ("/w?tid=12345678;x=1", Err(Malformed)),
        ("/w?tid=12345678;tid=87654321", Err(Several)),
        ("/w?x=1;tid=12345678", Err(Malformed)),
        // One upstream reads these as `tid`, another does not: none is left to either.
        ("/w?TID=12345678", Err(Malformed)),
        ("/w?tid[]=12345678", Err(Malformed)),
        ("/w?+tid=12345678", Err(Malformed)),
        ("/w?tid=12345678&TID=87654321", Err(Several)),
        ("/w?tid=12345678&tid%5B%5D=87654321", Err(Several)),
        ("/w?tid=12345678&x=1;tid=87654321", Err(Several)),
        // What others hold does not matter.
        ("/w?note=50%&tid=12345678", Ok("12345678")),
    ] {
        assert_eq!(read(&key, &[(":path", target)], ""), want.map(str::to_owned), "{target}");
    }
}

#[test]
fn reads_keys_from_the_body() {
    let key = json!({"body": "/tx/id"});
    let json = &[("content-type", "application/json; charset=utf-8")][..];
    for (pairs, body, want) in [
        (json, r#"{"tx": {"id": "12345678"}}"#, Ok("12345678")),
        (json, r#"{"tx": {"id": 12345678}}"#, Ok("12345678")),
        (json, r#"{"tx": {"id": -1234567}}"#, Ok("-1234567")),
        (json, r#"{"tx": {"id": 18446744073709551615}}"#, Ok("18446744073709551615")),
        // Readers print such numbers differently.
        (json, r#"{"tx": {"id": 18446744073709551616}}"#, Err(Kind)),
        (json, r#"{"tx": {"id": 12345678.0}}"#, Err(Kind)),
        (json, r#"{"tx": {"id": 1e9}}"#, Err(Kind)),
        (json, r#"{"tx": {"id": true}}"#, Err(Kind)),
        (json, r#"{"tx": {"id": ["12345678"]}}"#, Err(Kind)),
        (json, r#"{"tx": {"id": 1234}}"#, Err(Short)),
        (json, r#"{"tx": {"id": "1234 5678"}}"#, Err(Characters)),
        (json, r#"{"tx": {"id": "\"12345678\""}}"#, Ok("\"12345678\"")),
        (json, r#"{"tx": {"id": ""}}"#, Err(Missing)),
        (json, r#"{"tx": {"id": null}}"#, Err(Missing)),
        (json, r#"{"tx": {}}"#, Err(Missing)),
        (json, r#"{}"#, Err(Missing)),
        (json, "", Err(Body(Unread::Empty))),
        (json, "tx=12345678", Err(Body(Unread::Syntax))),
        (json, r#"{"tx": {"id": "12345678", "id": "87654321"}}"#, Err(Body(Unread::Twice))),
        (json, r#"{"tx": {"id": "12345678"}, "TX": {"id": "8765432"}}"#, Err(Body(Unread::Twice))),
        (json, r#"{"tx": {"id": "12345678"}} {"tx": 1}"#, Err(Body(Unread::Syntax))),
        (json, r#"{"tx": {"id": "1234567\ud800"}}"#, Err(Body(Unread::Text))),
        // What no pointer reads may be given twice, or be no text.
        (json, r#"{"tx": {"id": "12345678"}, "m": {"userId": 1, "UserID": 1}}"#, Ok("12345678")),
        (json, r#"{"tx": {"id": "12345678"}, "m": "\ud800"}"#, Ok("12345678")),
        (json, "\u{feff}{\"tx\": {\"id\": \"12345678\"}}", Ok("12345678")),
        (&[("content-type", "text/plain")], r#"{"tx": {"id": "12345678"}}"#, Ok("12345678")),
        (&[], r#"{"tx": {"id": "12345678"}}"#, Err(Body(Unread::Type))),
        (&[("content-type", "text/html")], r#"{"tx": {}}"#, Err(Body(Unread::Type))),
        (&[("content-type", "text/plain")], "", Err(Body(Unread::Empty))),
    ] {
        assert_eq!(read(&key, pairs, body), want.map(str::to_owned), "{pairs:?} {body}");
    }
    let form = &[("content-type", "application/x-www-form-urlencoded")];
    let field = json!({"body": "/transaction_id"});
    for (body, want) in [
        ("transaction_id=12345678&status=ok", Ok("12345678")),
        ("status=ok", Err(Missing)),
        ("transaction_id=12345678&Transaction_ID=87654321", Err(Body(Unread::Twice))),
    ] {
        assert_eq!(read(&field, form, body), want.map(str::to_owned), "{body}");
    }
}

#[test]
fn reads_keys_of_several_parts() {
    let key = json!({"all": [{"header": "x-round"}, {"body": "/bet"}, {"query": "n"}]});
    for (round, body, query, want) in [
        ("r-1", r#"{"bet": 7}"#, "n=2", Ok("3:r-11:71:2")),
        ("\"r-1\"", r#"{"bet": "7"}"#, "n=2", Ok("3:r-11:71:2")),
        ("r-1", r#"{"bet": 72}"#, "n=", Err(Missing)),
        ("r-1", r#"{}"#, "n=2", Err(Missing)),
        ("", r#"{"bet": 7}"#, "n=2", Err(Missing)),
        ("r 1", r#"{"bet": 7}"#, "n=2", Err(Characters)),
        ("r-1", r#"{"bet": 7}"#, "n=2&n=3", Err(Several)),
        ("r-1", r#"{"bet": 7.5}"#, "n=2", Err(Kind)),
    ] {
        let path = format!("/bets?{query}");
        let pairs = [("x-round", round), (":path", &path), ("content-type", "application/json")];
        assert_eq!(read(&key, &pairs, body), want.map(str::to_owned), "{round} {body} {query}");
    }
    // Neither may look like the other.
    let pair = json!({"all": [{"header": "a"}, {"header": "b"}]});
    let of = |a, b| read(&pair, &[("a", a), ("b", b)], "").unwrap();
    assert_ne!(of("1234", "5678"), of("12345", "678"));
    assert_ne!(of("1", "2:345678"), of("1:12", "345678"));
}

#[test]
fn needs_the_body_for_parts_in_it() {
    for (key, want) in [
        (json!({"header": "x-key"}), false),
        (json!({"query": "n"}), false),
        (json!({"body": "/n"}), true),
        (json!({"all": [{"header": "a"}, {"query": "n"}]}), false),
        (json!({"all": [{"header": "a"}, {"body": "/n"}]}), true),
    ] {
        assert_eq!(location(&key).needs_body(), want, "{key}");
    }
}

#[test]
fn rejects_invalid_locations() {
    let rule = |key: Value| json!({"rules": [{"classes": ["wager"], "key": key}]});
    let part = json!({"header": "x-key"});
    assert_refused([
        (rule(json!({})), "rules[0].key"),
        (rule(json!({"header": "a", "query": "S3CRET"})), "rules[0].key"),
        (rule(json!({"header": "a", "all": [part, part]})), "rules[0].key"),
        (rule(json!({"cookie": "S3CRET"})), "rules[0].key.cookie"),
        (rule(json!({"header": "S3CRET"})), "rules[0].key.header"),
        (rule(json!({"header": ""})), "rules[0].key.header"),
        (rule(json!({"body": "S3CRET"})), "rules[0].key.body"),
        (rule(json!({"body": ""})), "rules[0].key.body"),
        (rule(json!({"query": ""})), "rules[0].key.query"),
        (rule(json!({"query": "S3CRET S3CRET"})), "rules[0].key.query"),
        (rule(json!({"all": []})), "rules[0].key.all"),
        (rule(json!({"all": [part]})), "rules[0].key.all"),
        (rule(json!({"all": [part, part, part, part, part]})), "rules[0].key.all"),
        (rule(json!({"all": [part, {}]})), "rules[0].key.all[1]"),
        (rule(json!({"all": [part, {"header": "a", "body": "/S3CRET"}]})), "rules[0].key.all[1]"),
        (rule(json!({"all": [part, {"body": "S3CRET"}]})), "rules[0].key.all[1].body"),
        (rule(json!({"all": [part, {"all": [part, part]}]})), "rules[0].key.all[1].all"),
        (rule(json!("S3CRET")), "rules[0].key"),
    ]);
    let four = json!({"all": [part, {"body": "/a"}, {"query": "b"}, {"query": "c"}]});
    assert!(compiled(rule(four)).is_ok());
}
