//! Which requests and bets have the same fingerprint.

use super::*;
use policy_kit::BodyFormat;

fn json(body: &str) -> Content<'_> {
    Content::new(body.as_bytes(), BodyFormat::JSON, 1_000)
}

#[test]
fn a_bet_needs_all_members() {
    let same = ["/event", "/stake"].map(str::to_owned);
    let bet = |body: &str| Fingerprint::of_bet(b"POST", b"/bets", &json(body), &same);
    assert!(bet(r#"{"event":"e","stake":1}"#).is_some());
    assert_eq!(bet(r#"{"event":"e","stake":1}"#), bet(r#"{"stake":1, "event":"e", "odds":2}"#));
    assert_ne!(bet(r#"{"event":"e","stake":1}"#), bet(r#"{"event":"e","stake":2}"#));
    assert_eq!(bet(r#"{"stake":1}"#), None, "a spin");
    assert_eq!(bet("x"), None);
}

#[test]
fn requests_that_are_the_same() {
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
        assert_eq!(print(one, &Selection::Raw) == print(other, &Selection::Raw), raw, "{other}");
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
