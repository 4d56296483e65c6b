//! What the switch may say.

use super::*;
use policy_kit::SECOND;
use proptest::prelude::*;

fn document(surge: bool, until: Option<&str>, markets: &[&str]) -> SwitchDocument {
    let until = until.map(|until| utc(until).unwrap());
    let markets = markets.iter().map(|name| MarketId::of(name)).collect();
    SwitchDocument { surge, until, suspended: Suspended::new(markets) }
}

#[test]
fn documents_are_read() {
    let noon = "2026-06-11T12:00:00Z";
    for (body, want) in [
        (r#"{"surge": true}"#, document(true, None, &[])),
        (r#"{"surge": false, "until": null}"#, document(false, None, &[])),
        (r#"{"surge": true, "until": "2026-06-11T12:00:00Z"}"#, document(true, Some(noon), &[])),
        (
            r#"{"surge": true, "until": "2026-06-11T12:00:00.000+00:00"}"#,
            document(true, Some(noon), &[]),
        ),
        (
            r#"{"surge": false, "suspended_markets": ["m-2", "m-1", "m-2", 7]}"#,
            document(false, None, &["m-1", "m-2", "7"]),
        ),
        (r#"{"surge": true, "by": {"name": "ops"}}"#, document(true, None, &[])),
    ] {
        assert_eq!(SwitchDocument::read(body.as_bytes()), Ok(want), "{body}");
    }
}

#[test]
fn malformed_documents_are_refused_as_a_whole() {
    let long = format!(r#"{{"surge": true, "suspended_markets": ["{}"]}}"#, "m".repeat(129));
    let names: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
    let many = format!(r#"{{"surge": true, "suspended_markets": {names:?}}}"#);
    for body in [
        "",
        "{",
        "true",
        "[]",
        "{}",
        r#"{"surge": 1}"#,
        r#"{"surge": "true"}"#,
        r#"{"surge": null}"#,
        r#"{"surge": true, "surge": false}"#,
        r#"{"surge": true, "Surge": false}"#,
        r#"{"surge": true} {}"#,
        r#"{"surge": true, "until": "soon"}"#,
        r#"{"surge": true, "until": 1790000000}"#,
        r#"{"surge": true, "until": "2026-06-11T12:00:00+02:00"}"#,
        r#"{"surge": true, "suspended_markets": "m-1"}"#,
        r#"{"surge": true, "suspended_markets": null}"#,
        r#"{"surge": true, "suspended_markets": ["m-1", ""]}"#,
        r#"{"surge": true, "suspended_markets": ["m-1", null]}"#,
        r#"{"surge": true, "suspended_markets": ["m-1", true]}"#,
        r#"{"surge": true, "suspended_markets": [{"id": "m-1"}]}"#,
        &long,
        &many,
    ] {
        assert!(SwitchDocument::read(body.as_bytes()).is_err(), "{body:.60}");
    }
    let names: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    let most = format!(r#"{{"surge": true, "suspended_markets": {names:?}}}"#);
    let read = SwitchDocument::read(most.as_bytes()).unwrap();
    assert_eq!(read.suspended.len(), 10_000);
    assert!(read.suspended.has(MarketId::of("9999")) && !read.suspended.has(MarketId::of("10000")));
}

#[test]
fn it_is_on_until_its_end() {
    let noon = "2026-06-11T12:00:00Z";
    let at = utc(noon).unwrap();
    for (document, now, want) in [
        (document(true, None, &[]), 0, true),
        (document(true, None, &[]), u64::MAX, true),
        (document(false, None, &[]), 0, false),
        (document(true, Some(noon), &[]), at - 1, true),
        (document(true, Some(noon), &[]), at, false),
        (document(false, Some(noon), &[]), at - SECOND, false),
    ] {
        assert_eq!(document.is_on(now), want, "{document:?} {now}");
    }
}

proptest! {
    #[test]
    fn shared_values_are_read_as_they_were_written(
        surge: bool, until in prop::option::of(0u64..u64::MAX), names in prop::collection::vec(any::<u64>(), 0..50),
    ) {
        let suspended = Suspended::new(names.into_iter().map(MarketId).collect());
        let document = SwitchDocument { surge, until, suspended };
        prop_assert_eq!(SwitchDocument::of(&document.value()), Some(document));
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        _ = SwitchDocument::of(&bytes);
        _ = SwitchDocument::read(&bytes);
    }
}

#[test]
fn other_formats_are_no_document() {
    let value = document(true, None, &["m-1"]).value();
    for value in [&[][..], &value[..9], &value[..17], &[&[2][..], &value[1..]].concat()] {
        assert_eq!(SwitchDocument::of(value), None);
    }
}
