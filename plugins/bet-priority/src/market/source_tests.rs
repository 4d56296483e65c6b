//! Which market a request names.

use super::*;
use policy_kit::{BodyFormat, Endpoints, Headers};
use serde_json::json;

fn compile(raw: &str) -> Result<MarketSource, ConfigError> {
    MarketSource::compile(policy_kit::read_settings(raw.as_bytes())?, "market.id")
}

fn markets(names: &[&str]) -> Named {
    let mut markets: Vec<_> = names.iter().map(|name| MarketId::of(name)).collect();
    markets.sort_unstable();
    Named::Markets(markets)
}

fn read(source: &MarketSource, target: &str, body: Option<&str>) -> Named {
    let endpoints = json!([
        {"template": "/markets/{id}/bets/{bet}", "class": "wager"},
        {"prefix": "/", "class": "account"},
    ]);
    let endpoints = policy_kit::read_settings(endpoints.to_string().as_bytes()).unwrap();
    let endpoints = Endpoints::compile(endpoints).unwrap();
    let endpoint = endpoints.found(endpoints.classify(b"POST", target.as_bytes()));
    let pairs = [(&b"content-type"[..], &b"application/json"[..])];
    let format = BodyFormat::by(&Headers::from_pairs(pairs));
    let content = body.map(|body| Content::selecting(body.as_bytes(), format));
    source.read(&endpoint, target.as_bytes(), content.as_ref())
}

#[test]
fn markets_are_read_from_bodies() {
    let single = compile(r#"{"pointer": "/market"}"#).unwrap();
    let each = compile(r#"{"pointer": "/legs", "each": "/market"}"#).unwrap();
    let many = format!(r#"{{"market": [{}]}}"#, vec!["1"; 65].join(","));
    let long = format!(r#"{{"market": "{}"}}"#, "m".repeat(129));
    let longest = "m".repeat(128);
    for (source, body, want) in [
        (&single, r#"{"market": "m-1"}"#, markets(&["m-1"])),
        (&single, r#"{"market": 7}"#, markets(&["7"])),
        (&single, r#"{"market": ["m-1", 7, "m-1"]}"#, markets(&["m-1", "7"])),
        (&single, &format!(r#"{{"market": "{longest}"}}"#), markets(&[&longest])),
        (&single, r#"{"market": []}"#, markets(&[])),
        (&single, r#"{"market": null}"#, markets(&[])),
        (&single, r#"{"market": ""}"#, markets(&[])),
        (&single, r#"{"stake": 1}"#, markets(&[])),
        (&single, r#"{"market": {"id": 1}}"#, Named::Unclear("market_type")),
        (&single, r#"{"market": ["m-1", ["m-2"]]}"#, Named::Unclear("market_type")),
        (&single, r#"{"market": "m-1", "market": "m-2"}"#, Named::Unclear("body_twice")),
        (&single, r#"{"market": "m-1", "Market": "m-2"}"#, Named::Unclear("body_twice")),
        (&single, "", Named::Unclear("body_empty")),
        (&single, "{", Named::Unclear("body_syntax")),
        (&single, &many, Named::Unclear("market_many")),
        (&single, &long, Named::Unclear("market_name")),
        (&each, r#"{"legs": [{"market": "a"}, {"market": "b"}, {"x": 1}]}"#, markets(&["a", "b"])),
        (&each, r#"{"legs": [{"market": "a", "market": "b"}]}"#, Named::Unclear("body_twice")),
        (&each, r#"{"legs": [{"market": ["a"]}]}"#, Named::Unclear("market_type")),
        (&each, r#"{"legs": {"market": "a"}}"#, Named::Unclear("market_type")),
        (&each, r#"{"legs": "a"}"#, Named::Unclear("market_type")),
        (&each, r#"{"legs": []}"#, markets(&[])),
        (&each, r#"{}"#, markets(&[])),
    ] {
        assert_eq!(read(source, "/bets", Some(body)), want, "{body:.80}");
    }
    assert_eq!(read(&single, "/bets", None), Named::NeedsBody);
}

#[test]
fn markets_are_read_from_targets() {
    let variable = compile(r#"{"variable": "id"}"#).unwrap();
    let query = compile(r#"{"query": "market"}"#).unwrap();
    for (source, target, want) in [
        (&variable, "/markets/m-1/bets/7", markets(&["m-1"])),
        (&variable, "/markets/%6d-1/bets/7", markets(&["m-1"])),
        (&variable, "/markets/m-1;v=2/bets/7?id=m-2", markets(&["m-1"])),
        // The upstream may decode it.
        (&variable, "/markets/m%3A1/bets/7", markets(&["m:1"])),
        (&variable, "/markets/m:1/bets/7", markets(&["m:1"])),
        (&variable, "/bets", markets(&[])),
        (&query, "/bets?market=m-1", markets(&["m-1"])),
        (&query, "/bets?market=m%2d1&x=2", markets(&["m-1"])),
        (&query, "/bets?x=2", markets(&[])),
        (&query, "/bets?market=", markets(&[])),
        (&query, "/bets?market=m-1&market=m-2", Named::Unclear("query")),
        (&query, "/bets?market=m-1&MARKET=m-2", Named::Unclear("query")),
        (&query, "/bets?x=1;market=m-1", Named::Unclear("query")),
    ] {
        assert_eq!(read(source, target, None), want, "{target}");
    }
    for (template, want) in [
        ("/markets/{id}/bets", true),
        ("/markets/{ids}/bets", false),
        ("/markets/id", false),
        ("/markets", false),
    ] {
        assert_eq!(variable.fits(template), want, "{template}");
    }
}

#[test]
fn rejects_invalid_configurations() {
    for (raw, want) in [
        ("{}", "market.id"),
        (r#"{"pointer": "/a", "query": "b"}"#, "market.id"),
        (r#"{"variable": "a", "query": "b"}"#, "market.id"),
        (r#"{"variable": ""}"#, "market.id"),
        (r#"{"query": ""}"#, "market.id"),
        (r#"{"pointer": "a"}"#, "market.id.pointer"),
        (r#"{"pointer": "/a", "each": "b"}"#, "market.id.each"),
        (r#"{"query": "a", "each": "/b"}"#, "market.id.each"),
        (r#"{"header": "a"}"#, "header"),
    ] {
        let error = compile(raw).unwrap_err();
        assert_eq!(error.field, want, "{raw}: {error}");
    }
}
