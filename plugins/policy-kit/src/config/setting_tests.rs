//! Each type as a document has it, and the errors of structures.

use super::*;

crate::settings! {
    #[derive(Debug)]
    struct Outer {
        list: Vec<Inner>,
        share: u32 = 7,
        names: SortedMap<String, u64> = SortedMap::default(),
        kind: Option<Kind> = Some(Kind::Small),
        ratio: f64 = 0.5,
        any: Value = Value::Null,
    }

    #[derive(Debug)]
    struct Inner {
        key: String,
        given: bool as "match" = true,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Kind {
    #[default]
    Small,
    Large,
}

crate::words! { Kind: "small" => Small, "large" => Large }

fn read(document: &str) -> Result<Outer, ConfigError> {
    read_settings(document.as_bytes())
}

#[test]
fn members_have_what_is_written_or_their_defaults() {
    let outer = read(r#"{"list": []}"#).unwrap();
    assert_eq!((outer.share, outer.kind, outer.ratio), (7, Some(Kind::Small), 0.5));
    let outer = read(
        r#"{"share": 9, "kind": "large", "ratio": 2, "names": {"b": 2, "a": 1}, "any": {"a": [1, -1, 1.5, null, "t"]},
            "list": [{"key": "k", "match": false}, {"key": "l"}]}"#,
    );
    let outer = outer.unwrap();
    assert_eq!((outer.share, outer.kind, outer.ratio), (9, Some(Kind::Large), 2.0));
    assert!(outer.names.iter().eq([(&"a".to_owned(), &1), (&"b".to_owned(), &2)]));
    assert_eq!(outer.any, serde_json::json!({"a": [1, -1, 1.5, null, "t"]}));
    let list: Vec<_> = outer.list.iter().map(|it| (it.key.as_str(), it.given)).collect();
    assert_eq!(list, [("k", false), ("l", true)]);
    assert_eq!(read(r#"{"list": [], "kind": null}"#).unwrap().kind, None);
}

/// Documents, the field that is at fault, and the problem.
#[test]
fn errors_name_the_field_and_never_the_value() {
    for (document, field, problem) in [
        ("{", "$", "the document ends too early, at line 1 column 1"),
        ("[]", "$", "wrong type or value, expected an object"),
        ("{}", "list", "required, but missing"),
        (r#"{"list": "S3CRET"}"#, "list", "wrong type or value, expected a sequence"),
        (r#"{"list": [{"key": "k", "S3CRE": 1}]}"#, "list[0].S3CRE", "unknown field"),
        (r#"{"list": [{"key": "k", "given": true}]}"#, "list[0].given", "unknown field"),
        (r#"{"list": [{"match": true}]}"#, "list[0].key", "required, but missing"),
        (r#"{"list": [{"key": 7}]}"#, "list[0].key", "wrong type or value, expected a string"),
        (r#"{"list": [7]}"#, "list[0]", "wrong type or value, expected an object"),
        (r#"{"share": 4294967296}"#, "share", "wrong type or value, expected u32"),
        (r#"{"share": -1}"#, "share", "wrong type or value, expected u32"),
        (r#"{"share": null}"#, "share", "wrong type or value, expected u32"),
        (r#"{"ratio": "1"}"#, "ratio", "wrong type or value, expected a number"),
        (r#"{"names": {"a": "S3CRET"}}"#, "names.a", "wrong type or value, expected u64"),
        (r#"{"names": []}"#, "names", "wrong type or value, expected an object"),
        (r#"{"kind": "S3CRET"}"#, "kind", "not one of the known names, expected `small`, `large`"),
        (
            r#"{"kind": {"large": 1}}"#,
            "kind",
            "not one of the known names, expected `small`, `large`",
        ),
    ] {
        let error = read(document).unwrap_err();
        assert_eq!((&*error.field, &*error.problem), (field, problem), "{document}");
    }
}

/// What serde reads, this reads as well.
#[test]
fn endpoints_are_read_as_serde_reads_them() {
    for document in [
        r#"[{"path": "/a", "class": "wager", "methods": ["GET"], "caller": "partner"}]"#,
        r#"[{"prefix": "/a", "select": {"query": "q", "classes": {"x": "odds"}}, "partners": []}]"#,
        r#"[{"path": "/a", "class": "unclassified"}]"#,
        r#"[{"path": "/a", "class": 7}]"#,
        r#"[{"path": "/a", "select": {"query": "q", "classes": {"x": "wages"}}}]"#,
        r#"[{"path": "/a", "select": {"query": "q"}}]"#,
    ] {
        type All = Vec<crate::Endpoint>;
        let ours = read_settings::<All>(document.as_bytes()).map(|all| format!("{all:?}"));
        let serde = crate::parse::<All>(document.as_bytes()).map(|all| format!("{all:?}"));
        assert_eq!(ours, serde, "{document}");
    }
}
