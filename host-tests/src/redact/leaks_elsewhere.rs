//! Locations of secrets in public recordings: joined, renamed, padded, labelled.
use super::{redact, redact_all, Key};
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use base64::Engine as _;
use serde_json::{json, Value};

const SECRET: &str = "Sesame7042q";

fn key() -> Key {
    Key::new(b"a key of the test").unwrap()
}

/// An entry with these headers, this URL and this post data.
fn entry(headers: &Value, url: &str, data: &Value) -> Value {
    json!({"startedDateTime": "2026-01-01T00:00:00Z", "response": {},
           "request": {"method": "POST", "url": url, "headers": headers, "postData": data}})
}

fn header(name: &str, value: &str) -> Value {
    entry(&json!([{"name": name, "value": value}]), "https://a.example/x", &Value::Null)
}

fn redacted(entries: &[Value]) -> String {
    let document = json!({"log": {"version": "1.2", "entries": entries}}).to_string();
    redact(&document, &key()).unwrap()
}

fn gone(entry: Value, what: &str) {
    let out = redacted(&[entry]);
    assert!(!out.contains(SECRET), "{what} became {out}");
}

#[test]
fn joined_cookies() {
    let other = "Other5531tokenvalue";
    for joined in [
        format!("a=1; Path=/\nb={SECRET}; HttpOnly\nc={other}"),
        format!("b={SECRET}; Path=/; Expires=Wed, 09 Jun 2027 10:18:14 GMT, c={other}; Secure"),
        format!("a=\"{other}\"; Path=/\r\n\r\nb=\"{SECRET}\""),
    ] {
        let out =
            redacted(&[header("Set-Cookie", &joined), header("x", &format!("{other} {SECRET}"))]);
        assert!(!out.contains(SECRET) && !out.contains(other), "{joined} became {out}");
        let kept = ["Path=/", "Expires=Wed, 09 Jun 2027 10:18:14 GMT", "HttpOnly", "Secure"];
        for kept in kept.iter().filter(|it| joined.contains(**it)) {
            assert!(out.contains(kept), "no {kept} in {out}");
        }
        gone(header("cookie", &joined), "the same from the client");
    }
}

#[test]
fn headers_with_an_array_of_values() {
    let list = json!([{"name": "Set-Cookie", "value": ["a=1", format!("sid={SECRET}; Path=/")]},
                      {"name": "Authorization", "value": [format!("Bearer {SECRET}")]},
                      {"name": "x", "value": [7, null, SECRET]}]);
    gone(entry(&list, "https://a.example/x", &Value::Null), "an array");
}

/// A value that is known by its name somewhere, in the place of a name elsewhere.
#[test]
fn known_values_as_names() {
    let knows = header("x-api-key", SECRET);
    let form = "application/x-www-form-urlencoded";
    let place = |url: &str, data: Value| entry(&json!([]), url, &data);
    for it in [
        place(&format!("https://a.example/x?{SECRET}"), Value::Null),
        place(&format!("https://a.example/x?a=1&{SECRET}=1"), Value::Null),
        place(&format!("https://a.example/x?a=1#{SECRET}"), Value::Null),
        place("https://a.example/x", json!({"mimeType": form, "text": format!("a=1&{SECRET}=")})),
        place("https://a.example/x", json!({"params": [{"name": SECRET, "value": ""}]})),
        place("https://a.example/x", json!({"text": json!({SECRET: 1}).to_string()})),
        header("cookie", &format!("a=1; {SECRET}=1; {SECRET}")),
        header("set-cookie", &format!("{SECRET}=1; Path=/{SECRET}")),
        json!({"request": {"cookies": [{"name": SECRET, "value": ""}],
                           "queryString": [{"name": SECRET, "value": ""}]}}),
    ] {
        let out = redacted(&[knows.clone(), it.clone()]);
        assert!(!out.contains(SECRET), "{it} became {out}");
    }
    // A common name stays, even if it is a password.
    let word = header("x-api-key", "theme");
    let out = redacted(&[word, header("cookie", "theme=dark")]);
    assert!(out.contains("\"theme="), "{out}");
}

/// A value that falls apart where a text is split, or that is spelled otherwise elsewhere.
#[test]
fn compound_and_encoded_known_values() {
    for value in
        [format!("/a/{SECRET}?b=c"), format!("t={SECRET}&E=9"), format!("a%3D{SECRET}%3D%3D")]
    {
        let knows = header("cookie", &format!("sid={value}"));
        let encoded =
            percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
        for it in [
            header("referer", &format!("https://a.example/{value}")),
            entry(&json!([]), &format!("https://a.example/?x={value}&y={encoded}"), &Value::Null),
            json!({"request": {"queryString": [{"name": "x", "value": format!("u%3D{encoded}%3B")}]}}),
            entry(
                &json!([]),
                "https://a.example",
                &json!({"text": format!("x={value}&y={encoded}")}),
            ),
        ] {
            let out = redacted(&[knows.clone(), it.clone()]);
            assert!(!out.contains(SECRET), "{value}: {it} became {out}");
        }
    }
    let members = json!({"request": {"cookies": {"name": "a", "value": SECRET}}});
    gone(members, "a cookie that is an object");
    gone(json!({"request": {"cookies": {"sid": SECRET}}}), "cookies that are members");
    gone(
        entry(&json!([]), &format!("https://a.example/?mboxSession={SECRET}"), &Value::Null),
        "a session",
    );
}

/// Ids in a cookie of several fields, each alone in a query under another name.
#[test]
fn ids_in_cookies() {
    let id = format!("{SECRET}-4b15-9e25");
    for value in
        [format!("v=1&id={id}&t=7"), format!("GA1.2.{id}"), format!("%7B%22a%22%3A%22{id}%22%7D")]
    {
        let knows = header("cookie", &format!("tracker={value}"));
        let url = format!("https://a.example/?c34={id}");
        let out = redacted(&[knows, entry(&json!([]), &url, &Value::Null)]);
        assert!(!out.contains(&id), "{value}: {out}");
    }
    let claims = json!({"type": "cookie", "uuid": SECRET}).to_string();
    let token =
        format!("{}.{}.c2ln", URL_SAFE.encode(r#"{"alg":"HS256"}"#), URL_SAFE.encode(&claims));
    let out = redacted(&[header("cookie", &format!("sid={token}"))]);
    assert!(!out.contains(&URL_SAFE.encode(&claims)), "{out}");
}

#[test]
fn json_as_a_field_name() {
    let json = json!({"password": SECRET}).to_string();
    let encoded = percent_encoding::utf8_percent_encode(&json, percent_encoding::NON_ALPHANUMERIC);
    let form = "application/x-www-form-urlencoded";
    for data in [
        json!({"mimeType": form, "params": [{"name": json, "value": ""}]}),
        json!({"mimeType": form, "text": format!("{encoded}=")}),
        json!({"mimeType": form, "text": format!("{json}=")}),
    ] {
        gone(entry(&json!([]), "https://a.example/x", &data), &data.to_string());
    }
}

#[test]
fn labelled_secrets_in_text() {
    for text in [
        "curl -H 'Authorization: Bearer @S' https://a.example",
        "sent bearer @S to it",
        "Authorization: Basic @S",
        "failed with password=@S, again",
        "Cookie: theme=dark; sid=@S",
        "x-api-key: @S\nhost: a",
        "session_token: \"@S\"",
        "subject C=MT, CN=@S, O=x",
    ] {
        let text = text.replace("@S", SECRET);
        gone(entry(&json!([]), "https://a.example/x", &json!({"text": text})), &text);
        gone(header("x-note", &text), &text);
    }
    for text in
        ["the key: value of it", "a bearer of news", "token:function(e){return e}", "CN of it"]
    {
        let out = redacted(&[header("x-note", text)]);
        assert!(out.contains(text), "{text} became {out}");
    }
}

#[test]
fn padded_and_plain_base64_tokens() {
    let claims = json!({"sub": SECRET, "n": "??>>~~", "exp": 7}).to_string();
    for engine in [&URL_SAFE, &STANDARD] {
        let part = |it: &str| engine.encode(it);
        let parts =
            [part(r#"{"alg":"ES256","kid":"k"}"#), part(&claims), part("a signature of it!")];
        let token = parts.join(".");
        assert!(token.contains('='), "{token}");
        for it in [
            header("x-amzn-oidc-data", &token),
            header("authorization", &format!("Bearer {token}")),
            header("x-note", &format!("(token={token})")),
            entry(&json!([]), &format!("https://a.example/?x={token}"), &Value::Null),
        ] {
            let out = redacted(&[it]);
            for part in &parts[1..] {
                assert!(!out.contains(part.as_str()), "{part} in {out}");
            }
        }
        let alone = redacted(&[header("x-state", &part(&claims))]);
        assert!(!alone.contains(&part(&claims)), "{alone}");
    }
    let sealed = format!("{}.a2V5.aXY.dGV4dA.dGFn", URL_SAFE.encode(r#"{"enc":"A256GCM"}"#));
    assert!(!redacted(&[header("x-note", &sealed)]).contains(&sealed));
}

#[test]
fn names_of_secrets() {
    for name in [
        "code",
        "state",
        "code_verifier",
        "SAMLResponse",
        "RelayState",
        "ticket",
        "client_assertion",
        "nonce",
        "id_token_hint",
        "PHPSESSID",
        "subscription-key",
    ] {
        let url = format!("https://b.example/cb?a=1&{name}={SECRET}");
        gone(header("Referer", &url), name);
        gone(entry(&json!([]), &url, &Value::Null), name);
        gone(
            entry(
                &json!([]),
                "https://b.example",
                &json!({"params": [{"name": name, "value": SECRET}]}),
            ),
            name,
        );
    }
    for name in ["cvv2", "cardCvc", "ticket", "taxId", "maidenName", "passcode", "iban", "deviceId"]
    {
        let text = json!({name: SECRET}).to_string();
        gone(entry(&json!([]), "https://b.example", &json!({"text": text})), name);
    }
    let out =
        redacted(&[entry(&json!([]), "https://b.example/?code=EUR&state=open", &Value::Null)]);
    assert!(out.contains("?code=EUR&state=open"), "{out}");
}

#[test]
fn client_certificates() {
    let full = format!(
        "By=spiffe://a.example/edge;Hash={SECRET};Subject=\"CN={SECRET},OU={SECRET},C=MT\";URI=;DNS=a.example"
    );
    for (name, value) in [
        ("x-forwarded-client-cert", full.as_str()),
        ("x-ssl-client-s-dn", &format!("/C=MT/O=x/CN={SECRET}/emailAddress={SECRET}@b.example")),
        ("x-amzn-mtls-clientcert-subject", &format!("CN={SECRET},OU=a;C=MT")),
        ("x-client-cert", SECRET),
    ] {
        gone(header(name, value), name);
    }
    let out = redacted(&[header("x-forwarded-client-cert", &full)]);
    for kept in ["By=spiffe://a.example/edge;Hash=", ",C=MT", ";DNS=a.example"] {
        assert!(out.contains(kept), "no {kept} in {out}");
    }
}

#[test]
fn bank_accounts_need_valid_check_digits() {
    let out = redacted(&[
        header("x-a", "to DE89370400440532013000"),
        header("x-b", "DE88370400440532013000"),
    ]);
    assert!(
        !out.contains("DE89370400440532013000") && out.contains("DE88370400440532013000"),
        "{out}"
    );
}

#[test]
fn the_summary_counts_replaced_and_remaining_values() {
    let text = json!({"text": json!({"who": "Alice Vella", "at": "203.0.113.9", "key": SECRET}).to_string()});
    let document = json!({"log": {"entries": [{}, entry(&json!([]), "https://b.example", &text)]}});
    let summary = redact_all(vec![document], &key()).unwrap().summary;
    assert_eq!(
        summary.to_string(),
        "replaced: 1 values by name, 1 addresses\nto review:\n  1 like a name (entries 2)"
    );
    assert_eq!(summary.left("a name"), 1);
}

/// A byte that is not UTF-8 is written as the recorder wrote it.
#[test]
fn lone_surrogates_stay() {
    let document = r#"{"log":{"entries":[{"request":{"headers":[{"name":"x","value":"a\udce9"},{"name":"key","value":"b\udce9cdef"}]}}]}}"#;
    let out = redact(document, &key()).unwrap();
    assert!(out.contains(r#""a\udce9""#) && !out.contains("cdef"), "{out}");
}
