//! Which request is which call; whose it is; which maps are refused.

use super::*;
use crate::{BodyFormat, Content};
use proptest::prelude::*;

fn compile(json: &str) -> Result<Endpoints, ConfigError> {
    crate::parse::<Vec<Endpoint>>(json.as_bytes()).and_then(Endpoints::compile)
}

#[test]
fn the_most_specific_wins() {
    let map = compile(
        r#"[
        {"prefix": "/", "class": "content"},
        {"prefix": "/api/", "class": "account"},
        {"path": "/api/bets", "class": "history"},
        {"path": "/api/bets", "methods": ["POST"], "class": "wager", "product": "sportsbook"},
        {"template": "/api/bets/{id}", "class": "history"},
        {"path": "/api/bets/open", "methods": ["GET"], "class": "odds"},
        {"template": "/api/bets/{id}/cashout", "class": "cashout"},
        {"template": "/api/{any}/x/cashout", "class": "launch"}
    ]"#,
    )
    .unwrap();
    for (method, target, class, endpoint) in [
        ("POST", "/api/bets", "wager", "/api/bets"),
        ("GET", "/api/bets", "history", "/api/bets"),
        ("post", "/api/bets", "unclassified", ""),
        ("POST", "/api/bets?a=b", "wager", "/api/bets"),
        ("POST", "/api/bets;v=1", "wager", "/api/bets"),
        ("POST", "/api/%62ets", "wager", "/api/bets"),
        ("GET", "/api/bets/7", "history", "/api/bets/{id}"),
        ("GET", "/api/bets/open", "odds", "/api/bets/open"),
        ("POST", "/api/bets/open", "history", "/api/bets/{id}"),
        ("POST", "/api/bets/x/cashout", "cashout", "/api/bets/{id}/cashout"),
        ("POST", "/api/y/x/cashout", "launch", "/api/{any}/x/cashout"),
        ("POST", "/api/bets/", "unclassified", ""),
        ("DELETE", "/api/", "account", "/api/"),
        ("POST", "/api/ACCOUNT/X", "account", "/api/"),
        ("POST", "/api/bets/1/2", "account", "/api/"),
        ("GET", "/api", "account", "/api/"),
        ("GET", "/apis", "content", "/"),
        ("GET", "/", "content", "/"),
        ("GET", "/API/bets", "unclassified", ""),
        ("GET", "/Images/Otter.PNG", "content", "/"),
        ("POST", "/api//bets", "unclassified", ""),
        ("POST", "/lobby/..;/api/bets", "unclassified", ""),
    ] {
        let m = map.found(map.classify(method.as_bytes(), target.as_bytes()));
        assert_eq!((m.class.as_str(), m.endpoint), (class, endpoint), "{method} {target}");
    }
}

#[test]
fn a_prefix_is_whole_segments() {
    let map = compile(r#"[{"prefix": "/bet", "class": "wager"}]"#).unwrap();
    for (target, class) in [
        ("/bet", "wager"),
        ("/bet/", "wager"),
        ("/bet/1", "wager"),
        ("/betting", "unclassified"),
        ("/", "unclassified"),
    ] {
        assert_eq!(
            map.found(map.classify(b"GET", target.as_bytes())).class.as_str(),
            class,
            "{target}"
        );
    }
}

#[test]
fn rejects_invalid_endpoints() {
    for (json, field) in [
        ("[]", "endpoints"),
        (r#"[{"class": "wager"}]"#, "endpoints[0]"),
        (r#"[{"path": "/a"}]"#, "endpoints[0]"),
        (
            r#"[{"path": "/a", "select": {"pointer": "type", "classes": {"a": "odds"}}}]"#,
            "endpoints[0].select.pointer",
        ),
        (r#"[{"path": "/a", "select": {"classes": {"a": "odds"}}}]"#, "endpoints[0].select"),
        (
            r#"[{"path": "/a", "select": {"query": "t", "classes": {}}}]"#,
            "endpoints[0].select.classes",
        ),
        (r#"[{"path": "/a", "prefix": "/a", "class": "wager"}]"#, "endpoints[0]"),
        (r#"[{"path": "a", "class": "wager"}]"#, "endpoints[0].path"),
        (r#"[{"path": "/a//b", "class": "wager"}]"#, "endpoints[0].path"),
        (r#"[{"path": "/a/{id}", "class": "wager"}]"#, "endpoints[0].path"),
        (r#"[{"path": "/a?b", "class": "wager"}]"#, "endpoints[0].path"),
        (r#"[{"path": "/%61", "class": "wager"}]"#, "endpoints[0].path"),
        (r#"[{"template": "/a", "class": "wager"}]"#, "endpoints[0].template"),
        (r#"[{"template": "/a/x{id}", "class": "wager"}]"#, "endpoints[0].template"),
        (r#"[{"path": "/a", "methods": [], "class": "wager"}]"#, "endpoints[0].methods"),
        (r#"[{"path": "/a", "methods": ["get"], "class": "wager"}]"#, "endpoints[0].methods"),
        (r#"[{"path": "/a", "class": "wager", "product": "A B"}]"#, "endpoints[0].product"),
        (
            r#"[{"path": "/a", "class": "wager"}, {"path": "/b", "class": "odds"},
                {"path": "/a", "class": "odds"}]"#,
            "endpoints[2]",
        ),
        (
            r#"[{"template": "/a/{x}", "class": "wager"},
                {"template": "/a/{y}", "class": "odds"}]"#,
            "endpoints[1]",
        ),
        (
            r#"[{"path": "/a", "methods": ["GET", "POST"], "class": "wager"},
                {"path": "/a", "methods": ["GET"], "class": "odds"}]"#,
            "endpoints[1]",
        ),
        (
            r#"[{"prefix": "/a", "class": "wager"}, {"prefix": "/a/", "class": "odds"}]"#,
            "endpoints[1]",
        ),
        (r#"[{"path": "/a", "class": "unclassified"}]"#, "[0].class"),
        (r#"[{"path": "/a", "class": "wager", "partners": ["hub"]}]"#, "endpoints[0].partners"),
    ] {
        let error = compile(json).map(|_| ()).unwrap_err();
        assert_eq!(error.field, field, "{json}: {error}");
    }
}

#[test]
fn selectors_tell_the_class() {
    let map = compile(
        r#"[
        {"path": "/one", "envelope": "one", "select": {"pointer": "/type", "classes":
            {"debit": "wager", "credit": "settlement", "balance": "account"}}},
        {"path": "/get", "select": {"query": "action", "classes":
            {"bet": "wager", "win": "settlement"}}}
    ]"#,
    )
    .unwrap();
    let pending = map.found(map.classify(b"POST", b"/one"));
    assert!(pending.needs_body());
    assert_eq!((pending.class.as_str(), pending.envelope), ("wager", Some("one")));
    for (body, want) in [
        (r#"{"type": "debit"}"#, "wager"),
        (r#"{"type": "credit"}"#, "settlement"),
        (r#"{"type": "credit", "type": "debit"}"#, "unclassified"),
        (r#"{"type": "debit", "Type": "credit"}"#, "unclassified"),
        (r#"{"type": "debit", "meta": {"id": 1, "ID": 1}}"#, "wager"),
        ("\u{feff}{\"type\": \"debit\"}", "wager"),
        (r#"{"type": "transfer"}"#, "unclassified"),
        ("", "unclassified"),
    ] {
        let of = |sent| {
            let content = Content::selecting(body.as_bytes(), sent);
            map.found(map.classify(b"POST", b"/one")).with_body(&content)
        };
        let known = of(BodyFormat::JSON);
        assert_eq!((known.class.as_str(), known.needs_body()), (want, false), "{body}");
        // Its money may be owed as long as its class is unknown.
        assert_eq!(known.may_settle(), ["settlement", "unclassified"].contains(&want), "{body}");
        let form = of(BodyFormat::default());
        assert_eq!(form.class.as_str(), "unclassified", "{body} as something else");
    }
    for (target, want) in [
        ("/get?action=bet", "wager"),
        ("/get?action=win", "settlement"),
        ("/get?action=win&action=bet", "unclassified"),
        ("/get", "unclassified"),
    ] {
        let known = map.found(map.classify(b"GET", target.as_bytes()));
        assert_eq!((known.class.as_str(), known.needs_body()), (want, false), "{target}");
        assert_eq!(known.may_settle(), ["settlement", "unclassified"].contains(&want), "{target}");
    }
    let odds = r#"[{"path": "/a", "select": {"pointer": "/t", "classes": {"a": "odds"}}}]"#;
    let odds = compile(odds).unwrap();
    let content = Content::selecting(b"{}", BodyFormat::JSON);
    assert!(!odds.found(odds.classify(b"POST", b"/a")).with_body(&content).may_settle());
    assert!(!Match::UNCLASSIFIED.may_settle());
}

#[test]
fn callers_are_players_or_partners() {
    let by_body = r#""select": {"pointer": "/t", "classes": {"a": "settlement", "b": "odds"}}"#;
    let by_query = by_body.replace(r#""pointer": "/t""#, r#""query": "t""#);
    for (endpoint, either, partners) in [
        (by_body, Some(0), false),
        (&by_query, None, false),
        (&format!(r#"{by_body}, "caller": "partner""#), None, true),
        (&by_body.replace("odds", "settlement"), None, true),
        (r#""class": "settlement", "partners": ["hub"]"#, None, true),
        (r#""class": "wager", "caller": "partner""#, None, true),
        (r#""class": "wager""#, None, false),
    ] {
        let map = compile(&format!(r#"[{{"path": "/a", {endpoint}}}]"#)).unwrap();
        assert_eq!(map.for_either(), either, "{endpoint}");
        if either.is_none() {
            assert_eq!(
                map.found(map.classify(b"GET", b"/a")).is_partners(),
                partners,
                "{endpoint}"
            );
        }
    }
}

#[test]
fn the_digest_tells_catalogues_apart() {
    let of = |json: &str| compile(json).unwrap().digest().to_owned();
    let base = of(r#"[{"path": "/a", "class": "wager"}, {"path": "/b", "class": "odds"}]"#);
    assert_eq!(base.len(), 12);
    let reordered = r#"[{"path": "/b", "class": "odds"}, {"path": "/a", "class": "wager"}]"#;
    assert_eq!(of(reordered), base);
    for other in [
        r#"[{"path": "/a", "class": "wager"}, {"path": "/b", "class": "content"}]"#,
        r#"[{"path": "/a", "class": "wager"}, {"prefix": "/b", "class": "odds"}]"#,
        r#"[{"path": "/a", "class": "wager"},
            {"path": "/b", "class": "odds", "methods": ["GET"]}]"#,
        r#"[{"path": "/a", "class": "wager"},
            {"path": "/b", "class": "odds", "product": "casino"}]"#,
    ] {
        assert_ne!(of(other), base, "{other}");
    }
}

proptest! {
    /// The order of the file does not matter: the first of all matching patterns by a naive
    /// search over every specificity is the one found.
    #[test]
    fn order_does_not_matter(seed in any::<u64>(), target in "(/(a|b|c|%61|;x)?){1,4}") {
        let json = [
            r#"{"prefix": "/", "class": "content"}"#,
            r#"{"prefix": "/a", "class": "odds"}"#,
            r#"{"path": "/a/b", "class": "wager"}"#,
            r#"{"template": "/a/{x}", "class": "history"}"#,
            r#"{"template": "/{x}/b", "class": "account"}"#,
            r#"{"path": "/a/b", "methods": ["GET"], "class": "launch"}"#,
        ];
        let mut shuffled = json.to_vec();
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, (seed.rotate_left(i as u32 * 7) % (i as u64 + 1)) as usize);
        }
        let one = compile(&format!("[{}]", json.join(","))).unwrap();
        let two = compile(&format!("[{}]", shuffled.join(","))).unwrap();
        for method in [&b"GET"[..], b"POST"] {
            let [one, two] = [&one, &two].map(|map| map.found(map.classify(method, target.as_bytes())));
            prop_assert_eq!((one.class, one.endpoint), (two.class, two.endpoint));
        }
        prop_assert_eq!(one.digest(), two.digest());
    }
}

#[test]
fn head_matches_get_where_configured() {
    let json = r#"[
        {"prefix": "/", "class": "content"},
        {"path": "/balance", "methods": ["GET"], "class": "account"},
        {"path": "/bets", "methods": ["GET", "POST"], "class": "history"},
        {"path": "/odds", "methods": ["GET"], "class": "odds"},
        {"path": "/odds", "methods": ["HEAD"], "class": "content", "product": "probe"},
        {"path": "/spin", "methods": ["POST"], "class": "wager"}
    ]"#;
    let raw: Vec<Endpoint> = crate::parse(json.as_bytes()).unwrap();
    let (own, as_get) =
        (Endpoints::compile(raw.clone()).unwrap(), { Endpoints::compile_with(raw, true).unwrap() });
    assert_ne!(own.digest(), as_get.digest());
    for (method, target, class, with_heads) in [
        ("HEAD", "/balance", "content", "account"),
        ("HEAD", "/bets?a=b", "content", "history"),
        ("HEAD", "/odds", "content", "content"),
        ("HEAD", "/spin", "content", "content"),
        ("GET", "/balance", "account", "account"),
        ("POST", "/balance", "content", "content"),
    ] {
        let class_of = |map: &Endpoints| {
            map.found(map.classify(method.as_bytes(), target.as_bytes())).class.as_str()
        };
        assert_eq!((class_of(&own), class_of(&as_get)), (class, with_heads), "{method} {target}");
    }
    let alone = r#"[{"path": "/balance", "methods": ["GET"], "class": "account"}]"#;
    let raw: Vec<Endpoint> = crate::parse(alone.as_bytes()).unwrap();
    let (own, as_get) = (Endpoints::compile(raw.clone()), Endpoints::compile_with(raw, true));
    assert_eq!(own.unwrap().classify(b"HEAD", b"/balance"), Classified::default());
    assert_ne!(as_get.unwrap().classify(b"HEAD", b"/balance"), Classified::default());
}

#[test]
fn endpoints_tell_which_classes_and_products_they_may_have() {
    let map = compile(
        r#"[{"path": "/login", "class": "session", "product": "poker"}, {"path": "/lobby", "class": "content"},
            {"path": "/rpc", "select": {"query": "do", "classes": {"in": "session", "bet": "wager"}}}]"#,
    )
    .unwrap();
    let mut written: Vec<_> = map.written(EndpointClass::Session).collect();
    written.sort_unstable();
    assert_eq!(written, [("/lobby", false), ("/login", true), ("/rpc", true)]);
    assert_eq!([map.has_product("poker"), map.has_product("casino")], [true, false]);
}
