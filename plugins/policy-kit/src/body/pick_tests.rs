//! What is found in documents, and what keeps it from being found.

use super::*;
use crate::body::json::strict_json;
use proptest::prelude::*;

fn one(document: &str, pointer: &str) -> Result<Option<Value>, Unread> {
    pick(document.as_bytes(), &[pointer]).map(|mut found| found.remove(0))
}

#[test]
fn only_values_on_a_pointer_must_be_unambiguous() {
    use Unread::{Syntax, Text, Twice};
    for (document, pointer, want) in [
        (r#"{"id":"a"}"#, "/id", Ok(Some("a"))),
        (r#"{"x":[{"id":"a"}]}"#, "/x/0/id", Ok(Some("a"))),
        (r#"{"x":["b","a"]}"#, "/x/1", Ok(Some("a"))),
        (r#"{"x":["b","a"]}"#, "/x/01", Ok(None)),
        (r#"{"a/b":{"~":"a"}}"#, "/a~1b/~0", Ok(Some("a"))),
        (r#"{"a~1b":"a"}"#, "/a~01b", Ok(Some("a"))),
        (r#"{"i\u0064":"a"}"#, "/id", Ok(Some("a"))),
        (r#"{"id":"a"}"#, "/id/x", Ok(None)),
        (r#"{"x":1}"#, "/id", Ok(None)),
        ("[]", "/id", Ok(None)),
        // Values that no pointer names.
        (r#"{"m":{"userId":1,"UserID":1,"userId":2},"id":"a"}"#, "/id", Ok(Some("a"))),
        (r#"{"m":1,"m":2,"id":"a"}"#, "/id", Ok(Some("a"))),
        (r#"{"m":"\ud800","id":"a"}"#, "/id", Ok(Some("a"))),
        (r#"{"\ud800":1,"id":"a"}"#, "/id", Ok(Some("a"))),
        (r#"{"m":1e999,"id":"a"}"#, "/id", Ok(Some("a"))),
        (r#"{"x":{"id":"b","id":"c"},"id":"a"}"#, "/id", Ok(Some("a"))),
        // Values that a pointer names.
        (r#"{"id":"a","id":"b"}"#, "/id", Err(Twice)),
        (r#"{"id":"a","ID":"b"}"#, "/id", Err(Twice)),
        (r#"{"Id":"a","ID":"b"}"#, "/id", Err(Twice)),
        (r#"{"id":"a","i\u0064":"b"}"#, "/id", Err(Twice)),
        (r#"{"x":{"id":"a"},"X":{}}"#, "/x/id", Err(Twice)),
        (r#"{"id":{"m":1,"M":2}}"#, "/id", Err(Twice)),
        ("{\"kind\":\"a\",\"\u{212a}ind\":\"b\"}", "/kind", Err(Twice)),
        (r#"{"id":"\ud800"}"#, "/id", Err(Text)),
        (r#"{"id":"\ud800x"}"#, "/id", Err(Text)),
        (r#"{"id":"a"} x"#, "/id", Err(Syntax)),
        (r#"{"id":"a""#, "/id", Err(Syntax)),
        (r#"{"id":"a",}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":NaN}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":"\x"}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":"\u12"}"#, "/id", Err(Syntax)),
        ("{\"id\":\"a\",\"m\":\"\n\"}", "/id", Err(Syntax)),
        (r#"{"id":"a","m":[1,]}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":[1 2]}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":{1:2}}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":[}]}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":[01]}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":-}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":1.}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":1e}"#, "/id", Err(Syntax)),
        (r#"{"id":"a","m":tru}"#, "/id", Err(Syntax)),
        (r#" { "m" : [ -0.5e+7 , { } , [ ] , null ] , "id" : "a" } "#, "/id", Ok(Some("a"))),
        ("id=a", "/id", Err(Syntax)),
        ("", "/id", Err(Syntax)),
    ] {
        assert_eq!(
            one(document, pointer),
            want.map(|v| v.map(Value::from)),
            "{document} {pointer}"
        );
    }
    let broken = b"{\"m\":\"\xff\",\"id\":\"a\"}";
    assert_eq!(pick(broken, &["/id"]), Ok(vec![Some("a".into())]));
    assert_eq!(pick(broken, &["/m"]), Err(Text));
    let several = pick(br#"{"a":{"b":1,"c":2},"d":[3]}"#, &["/a", "/a/c", "/d/0", "/e", "/a"]);
    let a = serde_json::json!({"b": 1, "c": 2});
    let want = vec![Some(a.clone()), Some(2.into()), Some(3.into()), None, Some(a)];
    assert_eq!(several, Ok(want));
    for deep in ["[", "{\"a\":"] {
        let deep = deep.repeat(100_000);
        assert_eq!(one(&deep, "/b"), Err(Syntax), "nesting must not exhaust the stack");
    }
}

proptest! {
    #[test]
    fn unambiguous_values_are_found(
        document in r#"[\[\]{}",:a-c0-2 ]{0,40}"#, pointer in "(/[a-c0-2]{0,2}){1,3}",
    ) {
        if let Some(value) = strict_json(document.as_bytes()) {
            prop_assert_eq!(one(&document, &pointer), Ok(value.pointer(&pointer).cloned()));
        }
    }

    #[test]
    fn agrees_with_serde_on_what_is_json(
        document in r#"([\[\]{}",:a-c0-2 .eE+\\-]|null|true|"a"|\\u00e9|\\ud800){0,12}"#,
    ) {
        let others = serde_json::from_str::<serde::de::IgnoredAny>(&document).is_ok();
        let here = one(&document, "/nothing/of/the/kind");
        prop_assert_eq!(here, if others { Ok(None) } else { Err(Unread::Syntax) }, "{}", document);
    }
}
