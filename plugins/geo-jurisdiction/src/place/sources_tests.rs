//! Sources that agree, contradict each other, or report nothing: case tables, the outcome last.

use super::*;

fn sources(on_conflict: &str, order: (&str, &str)) -> Sources {
    let json = format!(
        r#"{{"first": "{}", "second": "{}", "on_conflict": "{on_conflict}",
            "header": {{"country": "c", "region": "r"}},
            "table": {{"MT": ["203.0.113.0/24"], "US-NJ": ["198.51.100.0/24"],
                       "US": ["198.51.0.0/16"], "US-PR": ["192.0.2.128/25"],
                       "UA-43": ["192.0.2.64/26"]}}}}"#,
        order.0, order.1
    );
    policy_kit::parse(json.as_bytes()).and_then(Sources::compile).unwrap()
}

#[test]
fn sources_and_conflicts() {
    const HEADER: (&str, &str) = ("header", "table");
    const TABLE: (&str, &str) = ("table", "header");
    // Country header, client, rule, order; place, source, conflict.
    for (country, client, rule, order, place, source, conflict) in [
        ("MT", "203.0.113.1", "deny", HEADER, "MT", "header", false),
        ("MT", "192.0.2.1", "deny", HEADER, "MT", "header", false),
        ("", "203.0.113.1", "deny", HEADER, "MT", "table", false),
        ("SE", "203.0.113.1", "deny", HEADER, "SE", "header", true),
        ("SE", "203.0.113.1", "first", HEADER, "SE", "header", false),
        ("SE", "203.0.113.1", "second", HEADER, "MT", "table", false),
        ("SE", "203.0.113.1", "first", TABLE, "MT", "table", false),
        ("SE", "192.0.2.1", "deny", TABLE, "SE", "header", false),
        // Country and its subdivision agree; the finer one counts.
        ("US", "198.51.100.1", "deny", HEADER, "US-NJ", "table", false),
        ("US-NJ", "198.51.0.1", "deny", HEADER, "US-NJ", "header", false),
        ("US-NY", "198.51.100.1", "deny", HEADER, "US-NY", "header", true),
        // Two codes of one place agree; a territory lies in its country.
        ("PR", "192.0.2.129", "deny", HEADER, "PR", "header", false),
        ("PR", "192.0.2.129", "deny", TABLE, "PR", "table", false),
        ("US", "192.0.2.129", "deny", HEADER, "PR", "table", false),
        ("US-NJ", "192.0.2.129", "deny", HEADER, "US-NJ", "header", true),
        // Two countries claim it: that they do is no agreement.
        ("RU", "192.0.2.65", "deny", HEADER, "RU", "header", true),
        // Tor, by its header, is not where its exit node stands.
        ("T1", "203.0.113.1", "deny", HEADER, "", "none", false),
        ("T1", "203.0.113.1", "second", HEADER, "", "none", false),
        ("T1", "203.0.113.1", "deny", TABLE, "MT", "table", false),
        ("", "192.0.2.1", "deny", HEADER, "", "none", false),
    ] {
        let pairs = (!country.is_empty()).then_some((&b"c"[..], country.as_bytes()));
        let origin = Origin { client: client.parse().ok(), trusted_peer: true };
        let got = sources(rule, order).locate(&origin, &Headers::from_pairs(pairs));
        let at = got.place.as_ref().map_or("", Place::as_str);
        let case = format!("{country} {client} {rule} {order:?}");
        assert_eq!((at, got.source, got.conflict), (place, source, conflict), "{case}");
        assert_eq!(got.hidden, country == "T1" && place.is_empty(), "{case}");
    }
}

/// The country headers, and whether they report Tor.
#[test]
fn tor_differs_from_an_unknown_place() {
    for (sent, hidden) in [
        (&["T1"][..], true),
        (&["MT", "T1"], true),
        (&["XX"], false),
        (&["t1"], false),
        (&["T1 "], false),
        (&["MT", "MT"], false),
        (&[""], false),
        (&[], false),
    ] {
        let pairs = sent.iter().map(|value| (&b"c"[..], value.as_bytes()));
        let headers = Headers::from_pairs(pairs);
        let sources = sources("deny", ("header", "table"));
        let client = "192.0.2.1".parse().ok();
        let got = sources.locate(&Origin { client, trusted_peer: true }, &headers);
        assert_eq!((got.place, got.hidden), (None, hidden), "{sent:?}");
        let got = sources.locate(&Origin { client, trusted_peer: false }, &headers);
        assert!(!got.hidden, "{sent:?}: only the edge reports it");
    }
}

/// What the edge sends, the client, whether the edge sends it; why no place is known, or only its
/// country.
#[test]
fn evidence_says_why_no_place_is_known() {
    let (edge, stranger) = (true, false);
    for (country, region, client, peer, want) in [
        (&["MT"][..], &[][..], "192.0.2.1", edge, ""),
        (&["US"], &["NJ"], "192.0.2.1", edge, ""),
        (&[], &[], "192.0.2.1", edge, " why=absent,not_in_table"),
        (&[], &[], "nowhere", edge, " why=absent,address_unreadable"),
        (&["MT"], &[], "192.0.2.1", stranger, " why=peer_untrusted,not_in_table"),
        (&[""], &[], "192.0.2.1", edge, " why=empty,not_in_table"),
        (&["XX"], &[], "192.0.2.1", edge, " why=unsaid,not_in_table"),
        (&["UK"], &[], "192.0.2.1", edge, " why=not_a_place,not_in_table"),
        (&["T1"], &[], "192.0.2.1", edge, " why=anonymous,not_in_table"),
        (&["T1"], &[], "203.0.113.1", edge, " why=anonymous"),
        (&["MT", "MT"], &[], "192.0.2.1", edge, " why=twice,not_in_table"),
        (&["US"], &["GB-ENG"], "192.0.2.1", edge, " why=contradiction,not_in_table"),
        (&["GB"], &["England"], "192.0.2.1", edge, " why=region_not_a_place"),
        (&["US"], &["NJ", "NY"], "192.0.2.1", edge, " why=region_twice"),
        // The table has a finer place, or the header is not read.
        (&["US"], &["Jersey"], "198.51.100.1", edge, ""),
        (&[], &[], "203.0.113.1", edge, ""),
    ] {
        let country = country.iter().map(|value| (&b"c"[..], value.as_bytes()));
        let region = region.iter().map(|value| (&b"r"[..], value.as_bytes()));
        let headers = Headers::from_pairs(country.chain(region));
        let origin = Origin { client: client.parse().ok(), trusted_peer: peer };
        let got = sources("deny", ("header", "table")).locate(&origin, &headers);
        assert_eq!(got.evidence(), want, "{headers:?} {client} {peer}");
    }
}

#[test]
fn headers_of_an_untrusted_peer_are_ignored() {
    let headers = Headers::from_pairs([(&b"c"[..], &b"SE"[..])]);
    let origin = |client: &str| Origin { client: client.parse().ok(), trusted_peer: false };
    let sources = sources("deny", ("header", "table"));
    let at = |client| sources.locate(&origin(client), &headers).place;
    assert_eq!(at("203.0.113.1"), Place::parse(b"MT"));
    assert_eq!(at("192.0.2.1"), None);
}

#[test]
fn rejects_invalid_documents() {
    let header = r#""header": {"country": "c"}"#;
    let table = r#""table": {"MT": ["203.0.113.0/24"]}"#;
    for (json, field) in [
        (r#""first": "header""#.to_owned(), "place.header"),
        (r#""first": "table""#.to_owned(), "place.table"),
        (format!(r#""first": "table", {header}, {table}"#), "place.header"),
        (format!(r#""first": "header", {header}, {table}"#), "place.table"),
        (format!(r#""first": "header", "second": "header", {header}"#), "place.second"),
        (r#""first": "header", "header": {"country": ""}"#.to_owned(), "place.header.country"),
        (
            r#""first": "header", "header": {"country": "c", "region": "R"}"#.to_owned(),
            "place.header.region",
        ),
    ] {
        let raw = policy_kit::parse(format!("{{{json}}}").as_bytes());
        assert_eq!(raw.and_then(Sources::compile).map(|_| ()).unwrap_err().field, field, "{json}");
    }
}
