//! Where tokens are found, which conflict, and what remains after their removal.

use super::*;
use crate::token::removal::{removal, Edit};

fn sources(json: &str) -> Result<CredentialSources, ConfigError> {
    policy_kit::parse(json.as_bytes()).and_then(|raw| CredentialSources::compile(Some(raw)))
}

fn all() -> CredentialSources {
    sources(r#"[{"bearer": true}, {"cookie": "sid"}, {"header": "x-token"}, {"query": "token"}]"#)
        .unwrap()
}

fn edits(sources: &CredentialSources, headers: &Headers) -> Vec<Edit> {
    removal(sources.all(), None, headers)
}

fn map(pairs: &[(&str, &str)]) -> Headers {
    let has_path = pairs.iter().any(|(n, _)| *n == ":path");
    let path = (!has_path).then_some((&b":path"[..], &b"/x"[..]));
    let pairs = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
    Headers::from_pairs(path.into_iter().chain(pairs))
}

#[test]
fn finds_one_token() {
    // Headers; the token, `None`, or the denial.
    type Case = (&'static [(&'static str, &'static str)], Result<Option<&'static str>, Denial>);
    let cases: &[Case] = &[
        (&[], Ok(None)),
        (&[("authorization", "Bearer t")], Ok(Some("t"))),
        (&[("Authorization", "bEARER   t ")], Ok(Some("t"))),
        (&[("authorization", "Bearer")], Err(MALFORMED)),
        (&[("authorization", "Bearert")], Err(MALFORMED)),
        (&[("authorization", "t")], Err(MALFORMED)),
        (&[("authorization", "Basic YTpi")], Err(MALFORMED)),
        (&[("authorization", "")], Err(MALFORMED)),
        (&[("authorization", "Bearer t"), ("authorization", "Bearer t")], Err(CONFLICT)),
        (&[("authorization", "Bearer t"), ("Authorization", "Basic x")], Err(MALFORMED)),
        (&[("cookie", "a=1; sid=t; b=2")], Ok(Some("t"))),
        (&[("cookie", "a=1"), ("cookie", "sid=t")], Ok(Some("t"))),
        (&[("cookie", "SID=t; xsid=u; sid2=v; sid")], Ok(None)),
        (&[("cookie", "sid=")], Ok(None)),
        (&[("cookie", "sid=t; sid=u")], Err(CONFLICT)),
        (&[("cookie", "sid=t"), ("cookie", "sid=t")], Err(CONFLICT)),
        (&[("x-token", "t")], Ok(Some("t"))),
        (&[("x-token", "t"), ("x-token", "u")], Err(CONFLICT)),
        (&[(":path", "/x?a=1&token=t")], Ok(Some("t"))),
        (&[(":path", "/x?%74oken=t")], Ok(Some("t"))),
        (&[(":path", "/x?token=t&token=u")], Err(CONFLICT)),
        (&[(":path", "/x?tokens=t")], Ok(None)),
        (&[(":path", "/x?a=50%&token=t")], Ok(Some("t"))),
        // Some upstreams find a token here, others do not: neither valid nor anonymous.
        (&[(":path", "/x?a=1;token=t")], Err(MALFORMED)),
        (&[(":path", "/x?TOKEN=t")], Err(MALFORMED)),
        (&[(":path", "/x?token[]=t")], Err(MALFORMED)),
        (&[(":path", "/x?+token=t")], Err(MALFORMED)),
        (&[(":path", "/x?token=t&Token=u")], Err(CONFLICT)),
        (&[(":path", "/x?TOKEN=t"), ("cookie", "sid=t")], Err(MALFORMED)),
        (&[("authorization", "Bearer t"), ("cookie", "sid=t")], Err(CONFLICT)),
        (&[("cookie", "sid=t"), (":path", "/x?token=t")], Err(CONFLICT)),
    ];
    for (headers, want) in cases {
        let (sources, headers) = (all(), map(headers));
        let got = sources.find(&headers);
        let want = want.map(|token| token.map(|t| t.as_bytes().into()));
        assert_eq!(got, want, "{headers:?}");
    }
}

#[test]
fn ignores_what_is_no_source() {
    let bearer = CredentialSources::compile(None).unwrap();
    let elsewhere = [("cookie", "sid=t"), ("x-token", "t"), (":path", "/x?token=t")];
    assert_eq!(bearer.find(&map(&elsewhere)), Ok(None));
    assert_eq!(edits(&bearer, &map(&elsewhere)), []);
    let cookie = sources(r#"[{"cookie": "sid"}]"#).unwrap();
    assert_eq!(cookie.find(&map(&[("authorization", "Basic YTpi")])), Ok(None));
}

#[test]
fn removes_tokens_and_nothing_else() {
    let remove = |name: &str| Edit::Remove(name.to_owned().into());
    let set = |name, value: &str| Edit::Set(name, value.as_bytes().to_vec());
    for (header, want) in [
        (("authorization", "Bearer t"), Some(remove("authorization"))),
        (("x-token", "t"), Some(remove("x-token"))),
        (("cookie", "sid=t"), Some(remove("cookie"))),
        (("cookie", "a=1; sid=t;b=x=y"), Some(set("cookie", "a=1; b=x=y"))),
        (("cookie", "a=1"), None),
        ((":path", "/x?token=t"), Some(set(":path", "/x"))),
        ((":path", "/x?a=%20&token=t&b"), Some(set(":path", "/x?a=%20&b"))),
        ((":path", "/x?%74oken=t&token=u"), Some(set(":path", "/x"))),
        ((":path", "/x?a=1"), None),
        // A cookie without `=` stays.
        (("cookie", "sid=t; theme; sid; =v;;b=2"), Some(set("cookie", "theme; sid; =v; b=2"))),
        ((":path", "/x?a=1;token=t&TOKEN=u&b"), Some(set(":path", "/x?b"))),
    ] {
        assert_eq!(edits(&all(), &map(&[header])), Vec::from_iter(want), "{header:?}");
    }
    let two = map(&[("cookie", "a=1"), ("cookie", "sid=t; b=2")]);
    assert_eq!(edits(&all(), &two), [set("cookie", "a=1; b=2")]);
}

#[test]
fn sources_that_share_a_header_are_all_removed() {
    let set = |name, value: &str| Edit::Set(name, value.as_bytes().to_vec());
    let all = sources(
        r#"[{"cookie": "session"}, {"cookie": "session_v2"}, {"query": "sid"}, {"query": "token"}]"#,
    )
    .unwrap();
    for (header, want) in [
        (("cookie", "session_v2=SECRET; session=; theme=dark"), set("cookie", "theme=dark")),
        (("cookie", "session=SECRET; session_v2=; theme"), set("cookie", "theme")),
        ((":path", "/x?token=t&a=1&sid=u"), set(":path", "/x?a=1")),
    ] {
        assert_eq!(edits(&all, &map(&[header])), [want], "{header:?}");
    }
}

#[test]
fn rejects_invalid_sources() {
    for (json, field) in [
        ("[]", "credentials"),
        ("[{}]", "credentials[0]"),
        (r#"[{"bearer": false}]"#, "credentials[0]"),
        (r#"[{"bearer": true, "cookie": "a"}]"#, "credentials[0]"),
        (r#"[{"bearer": true}, {"bearer": true}]"#, "credentials[1]"),
        (r#"[{"cookie": "a b"}]"#, "credentials[0].cookie"),
        (r#"[{"header": "X-A"}]"#, "credentials[0].header"),
        (r#"[{"header": "authorization"}]"#, "credentials[0].header"),
        (r#"[{"query": ""}]"#, "credentials[0].query"),
        // Some readers take one for another spelling of the other.
        (r#"[{"query": "token"}, {"query": "Token"}]"#, "credentials[1]"),
        (r#"[{"header": "x-token"}, {"header": "x_token"}]"#, "credentials[1]"),
    ] {
        assert_eq!(sources(json).map_err(|e| e.field).unwrap_err(), field, "{json}");
    }
}
