//! Names and forms of secrets in logins.
use super::{redact, Key};
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use serde_json::{json, Value};

const SECRET: &str = "Sesame7042qRx81kQp0aWm3Lr5tYb7n";

fn entry(url: &str, headers: &Value, data: &Value) -> Value {
    json!({"request": {"method": "POST", "url": url, "headers": headers, "postData": data}})
}

fn redacted(entry: &Value) -> String {
    let document = json!({"log": {"version": "1.2", "entries": [entry]}}).to_string();
    redact(&document, &Key::new(b"a key of the test").unwrap()).unwrap()
}

const FIELDS: &[&str] = &[
    "session_state",
    "ssid",
    "lt",
    "execution",
    "canary",
    "ctx",
    "azt",
    "sidt",
    "ntok",
    "at",
    "__VIEWSTATE",
    "__EVENTVALIDATION",
];

#[test]
fn fields_of_logins() {
    for name in FIELDS {
        let none = Value::Null;
        for it in [
            entry(&format!("https://a.example/x?{name}={SECRET}"), &none, &none),
            entry("https://a.example/", &none, &json!({"text": format!("a=1&{name}={SECRET}")})),
            entry(
                "https://a.example/",
                &none,
                &json!({"text": json!({*name: SECRET}).to_string()}),
            ),
            entry(
                "https://a.example/",
                &none,
                &json!({"text": format!("<input name={name} value={SECRET}>")}),
            ),
        ] {
            let out = redacted(&it);
            assert!(!out.contains(SECRET), "{it} became {out}");
        }
    }
    let header =
        json!([{"name": "x-akamai-ssl-client-sid", "value": format!("{SECRET}==, {SECRET}2==")}]);
    let out = redacted(&entry("https://a.example/", &header, &Value::Null));
    assert!(!out.contains(SECRET), "{out}");
}

#[test]
fn short_values_and_times_under_these_names_stay() {
    for query in [
        "lt=1200&execution=e1s1",
        "at=2026-01-01T00:00:00.000Z",
        "at=1767225600000",
        "ctx=production-environment",
        "__VIEWSTATEGENERATOR=CA0B0334",
    ] {
        let url = format!("https://a.example/x?{query}");
        let out = redacted(&entry(&url, &json!([]), &Value::Null));
        assert!(out.contains(query), "{query} became {out}");
    }
}

#[test]
fn codes_of_logins_in_json() {
    let code = |document: Value| {
        let data = json!({"text": document.to_string()});
        redacted(&entry("https://a.example/", &json!([]), &data)).contains(SECRET)
    };
    assert!(!code(json!({"code": SECRET})));
    assert!(!code(json!({"redirect_uri": "https://a.example/cb", "code": SECRET})));
    assert!(!code(json!({"code": SECRET, "grant_type": "authorization_code"})));
    assert!(code(json!({"items": [{"code": SECRET, "title": "a document"}]})));
}

#[test]
fn cookies_of_encoded_json() {
    let value = STANDARD.encode(json!({"a": SECRET}).to_string());
    let cookie = json!([{"name": "Cookie", "value": format!("sess={value}")}]);
    for it in [
        entry("https://a.example/", &cookie, &Value::Null),
        json!({"request": {"cookies": [{"name": "sess", "value": value}]}}),
        json!({"response": {"headers": [{"name": "Set-Cookie", "value": format!("s={value}; Path=/")}]}}),
        entry("https://a.example/", &cookie, &json!({"text": json!({"cp.s": value}).to_string()})),
    ] {
        let out = redacted(&it);
        assert!(!out.contains(value.trim_end_matches('=')), "{it} became {out}");
    }
}

#[test]
fn the_head_of_a_token_alone() {
    let head = STANDARD.encode(r#"{"alg":"HS256","typ":"JWT","kid":"k1"}"#);
    let header = json!([{"name": "Authorization", "value": format!("Bearer {head}")}]);
    let text = json!({"text": format!("sent Bearer {head} to it")});
    for it in [
        entry("https://a.example/", &header, &Value::Null),
        entry("https://a.example/", &Value::Null, &text),
    ] {
        let out = redacted(&it);
        assert!(!out.contains(&head) && out.contains("Bearer x"), "{it} became {out}");
    }
}
