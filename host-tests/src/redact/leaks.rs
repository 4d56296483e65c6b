//! Locations of secrets, each alone in its recording, so that the redactor cannot learn the value elsewhere.
use super::{redact, Key};
use serde_json::{json, Value};

const SECRET: &str = "Sesame7042q";

/// An entry, as a recorder of browsers would write it, with these members of the request replaced.
fn entry(changes: &Value) -> Value {
    let mut request = json!({"method": "GET", "url": "https://a.example/x", "headers": []});
    for (name, value) in changes.as_object().unwrap() {
        request[name] = value.clone();
    }
    json!({"startedDateTime": "2026-01-01T00:00:00Z", "request": request, "response": {}})
}

fn post(kind: &str, text: impl Into<String>) -> Value {
    entry(&json!({"method": "POST", "postData": {"mimeType": kind, "text": text.into()}}))
}

fn redacted(entry: &Value) -> Value {
    let document = json!({"log": {"version": "1.2", "entries": [entry]}}).to_string();
    let out = redact(&document, &Key::new(b"a key of the test").unwrap()).unwrap();
    serde_json::from_str::<Value>(&out).unwrap()["log"]["entries"][0].clone()
}

fn text_of(entry: &Value) -> &str {
    entry["request"]["postData"]["text"].as_str().unwrap()
}

#[test]
fn secrets_in_urls() {
    for (url, want) in [
        ("https://bob:@S@localhost/", "https://"),
        ("https://@S@localhost:8443/a?b=1", "https://"),
        ("https://a.example/?key=@S&a=b", "https://a.example/?key="),
        ("https://a.example/?callerPassword=@S", "https://a.example/?callerPassword="),
        ("https://a.example/?session=@S", "https://a.example/?session="),
        ("https://a.example/?dob=@S", "https://a.example/?dob="),
        ("https://a.example/?back=https%3A%2F%2Fb.example%2F%3Ftoken%3D@S", "https://a.example/?"),
        ("https://a.example/x;jsessionid=@S?a=b", "https://a.example/x;jsessionid="),
        ("https://a.example/x;v=1;sid=@S/y", "https://a.example/x;v=1;sid="),
        ("https://a.example/player/@S/bets", "https://a.example/player/"),
        ("https://a.example/api/v1/wallets/@S", "https://a.example/api/v1/wallets/"),
        ("https://a.example/account/@S", "https://a.example/account/"),
        ("https://a.example/#access_token=@S", "https://a.example/#access_token="),
    ] {
        let url = url.replace("@S", SECRET);
        let out = redacted(&entry(&json!({"url": url})));
        assert!(!out.to_string().contains(SECRET), "{url} became {out}");
        assert!(out["request"]["url"].as_str().unwrap().starts_with(want), "{url} became {out}");
    }
}

#[test]
fn private_addresses_stay() {
    for url in [
        "https://a.example/api/session/refresh",
        "https://a.example/player/v2/me",
        "https://a.example/players/me/limits",
        "https://a.example/wallet/one",
        "https://a.example/account/self-exclusion;a=b?c=d",
        "/api/bets?limit=10",
    ] {
        let out = redacted(&entry(&json!({"url": url})));
        assert_eq!(out["request"]["url"], url);
    }
}

#[test]
fn secrets_in_headers() {
    for name in [
        "Authorization",
        "X-Authentication",
        "X-Application",
        "X-REQUEST-SIGN",
        "X-Payload-Digest",
        "X-Auth-Signature",
        "x-api-hmac",
        "x-api-key",
        "X-Player",
        "X-Session",
        "X-Geolocation",
        "Proxy-Authorization",
    ] {
        let out = redacted(&entry(&json!({"headers": [{"name": name, "value": SECRET}]})));
        assert!(!out.to_string().contains(SECRET), "{name}: {out}");
    }
    let headers = json!([{"name": "x-context", "value": format!(r#"{{"token":"{SECRET}"}}"#)},
                         {"name": "Origin", "value": format!("https://u:{SECRET}@a.example")},
                         {"name": "X-Payload-Digest-Alg", "value": "HMAC_SHA256_HEX"}]);
    let out = redacted(&entry(&json!({"headers": headers}))).to_string();
    assert!(!out.contains(SECRET) && out.contains("HMAC_SHA256_HEX"), "{out}");
}

#[test]
fn secrets_by_member_name() {
    for name in [
        "session",
        "accountNumber",
        "addressLine1",
        "cardHolder",
        "playerName",
        "application_key",
        "encryptedString",
        "iban",
        "sort_code",
        "dob",
        "key",
        "callerPassword",
        "hmac",
        "sign",
    ] {
        let out = redacted(&post("application/json", json!({"a": 1, name: SECRET}).to_string()));
        assert!(!out.to_string().contains(SECRET), "{name}: {out}");
    }
}

/// A body with the secret as `@S`, its type, and what must be left of it.
#[test]
fn secrets_in_bodies() {
    for (kind, body, stays) in [
        // Cut, prefixed, one after the other, under a wrong type, at the top.
        ("application/json", r#"{"stake":1.50,"password":"@S""#, r#"{"stake":1.50,"password":""#),
        ("application/json", r#"{"stake":5,"password":"@S"#, r#"{"stake":5,"password":""#),
        ("application/json", ")]}'\n{\"password\":\"@S\"}", ")]}'\n{\"password\":\""),
        ("application/json", "{\"a\":1}\n{\"password\":\"@S\"}\n", "{\"a\":1}\n{\"password\":\""),
        ("text/plain", r#"say {"password": "@S"} to it"#, r#"say {"password": ""#),
        ("", r#"[{"password" : ["x", {"a": "@S"}]}]"#, r#"[{"password" : [""#),
        // Texts within texts.
        (
            "application/json",
            r#"{"payload":"{\"password\":\"@S\"}"}"#,
            r#"{"payload":"{\"password\":\""#,
        ),
        (
            "application/json",
            r#"{"next":"https://a.example/?token=@S"}"#,
            r#"{"next":"https://a.ex"#,
        ),
        ("application/json", r#"{"form":"a=b&password=@S"}"#, r#"{"form":"a=b&password="#),
        ("application/x-www-form-urlencoded", "p=%7B%22token%22%3A%22@S%22%7D&a=b", "p="),
        ("text/plain", "password=@S&a=b", "password="),
        // Ids as names.
        ("application/json", r#"{"players":{"@S":1}}"#, r#"{"players":{""#),
        // Parts and markup.
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\n\
             Content-Disposition: form-data; name=\"password\"\r\n\r\n@S\r\n--b--\r\n",
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\n\
             Content-Disposition: form-data; name=\"password\"\r\n\r\n",
        ),
        (
            "multipart/mixed; boundary=b",
            "--b\nContent-Disposition: form-data; name=\"a\"\nContent-Type: application/json\n\n\
             {\"token\":\"@S\"}\n--b--",
            "--b\nContent-Disposition: form-data; name=\"a\"\nContent-Type: application/json\n\n\
             {\"token\":\"",
        ),
        ("text/xml", "<login><password>@S</password><a>1</a></login>", "<login><password>"),
        (
            "text/xml",
            "<?xml version=\"1.0\"?><s:player><id>@S</id></s:player>",
            "<?xml version=\"1.0",
        ),
        ("text/xml", "<a><w:token><![CDATA[@S]]></w:token></a>", "<a><w:token><![CDATA["),
        ("text/xml", "<bet player='@S' stake='5'/>", "<bet player='"),
        ("text/html", r#"<input name="password" value="@S"><p>text"#, r#"<input name="password" "#),
        ("text/xml", r#"<field name="password">@S</field>"#, r#"<field name="password">"#),
        ("text/xml", "<login><password>@S", "<login><password>"),
    ] {
        let body = body.replace("@S", SECRET);
        let out = redacted(&post(kind, body.clone()));
        assert!(!out.to_string().contains(SECRET), "{body} became {out}");
        assert!(text_of(&out).starts_with(stays), "{body} became {}", text_of(&out));
    }
}

#[test]
fn secrets_in_websocket_messages() {
    let mut entry = entry(&json!({}));
    let data = format!(r#"{{"password":"{SECRET}"}}"#);
    entry["_webSocketMessages"] = json!([{"type": "send", "opcode": 1, "data": data}]);
    entry["_apiKey"] = SECRET.into();
    let out = redacted(&entry);
    assert!(!out.to_string().contains(SECRET), "{out}");
    assert_eq!(out["_webSocketMessages"][0]["type"], "send");
}

#[test]
fn secrets_in_tap_traces() {
    let body = format!(r#"{{"a":1.10,"password":"{SECRET}"}}"#);
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &body);
    let header = |key: &str, value: &str| json!({"key": key, "value": value, "raw_value": ""});
    let trace = json!({"http_buffered_trace": {
        "request": {
            "headers": [
                header(":method", "POST"),
                header(":path", &format!("/api/bets?token={SECRET}")),
                header(":authority", "a.example"),
                header("x-api-key", SECRET),
                header("content-length", &body.len().to_string()),
                {"key": "x-player", "raw_value": "U2VzYW1lNzA0MnH/"},
            ],
            "body": {"as_bytes": encoded, "truncated": false},
            "headers_received_time": "2026-01-01T00:00:00Z",
        },
        "response": {"headers": [header("set-cookie", &format!("sid={SECRET}; Secure"))],
                     "body": {"as_string": body}},
        "downstream_connection": {"remote_address": {"socket_address":
            {"address": "203.0.113.9", "port_value": 9}}},
    }});
    let document = format!("{trace}\n{trace}");
    let key = Key::new(b"a key of the test").unwrap();
    let out = redact(&document, &key).unwrap();
    for lost in [SECRET, &encoded, "U2VzYW1lNzA0MnH", "203.0.113.9"] {
        assert!(!out.contains(lost), "{lost} in {out}");
    }
    let traces = crate::intake::parse(&out).unwrap();
    let read = crate::tap::read_all(traces.iter().map(Ok), &crate::intake::Defaults::default());
    let [one, two] = read.requests.as_slice() else { panic!("{:?}", read.skipped) };
    assert_eq!((&one.body, &one.target, &one.method), (&two.body, &two.target, &b"POST".to_vec()));
    assert!(one.target.starts_with(b"/api/bets?token=x"), "{one:?}");
    let length = one.values("content-length").next().unwrap();
    assert_eq!(length, one.body.len().to_string().as_bytes());
    assert!(one.body.starts_with(br#"{"a":1.10,"password":"x"#), "{one:?}");
    assert!(redact(&format!("{trace}{{}}"), &key).is_err(), "a trace and something else");
}

/// Ambiguous documents must stay ambiguous.
#[test]
fn malformed_bodies_keep_their_form() {
    for (body, want) in [
        (
            r#"{"a":1.10,"type":"debit","type":"ping","player":"@S"}"#,
            r#"{"a":1.10,"type":"debit","type":"ping","player":"@P"}"#,
        ),
        (r#"{"player":"@S","n":1e2, "m" : -0 }"#, r#"{"player":"@P","n":1e2, "m" : -0 }"#),
        (r#"{"player":"@S","player":"@S"}"#, r#"{"player":"@P","player":"@P"}"#),
        (r#"{"\u0074ype":"\u00e9","player":"@S"}"#, r#"{"\u0074ype":"\u00e9","player":"@P"}"#),
        (r#"{"player":"a \"quote\""}"#, r#"{"player":"x"#),
        (
            r#"{"stake":500,"bonus":12345678901234567890123}"#,
            r#"{"stake":500,"bonus":12345678901234567890123}"#,
        ),
    ] {
        let key = Key::new(b"a key of the test").unwrap();
        let want = want.replace("@P", &key.pseudonym(SECRET));
        let out = redacted(&post("application/json", body.replace("@S", SECRET)));
        assert!(text_of(&out).starts_with(&want), "{body} became {}", text_of(&out));
    }
    let out = redacted(&post("application/json", r#"{"pin":1234,"card":4111111111111111}"#));
    let read: Value = serde_json::from_str(text_of(&out)).unwrap();
    assert!(read["pin"].is_u64() && read["card"].is_u64(), "{read}");
    assert!(!text_of(&out).contains("1234") && !text_of(&out).contains("41111"), "{read}");
}

#[test]
fn depth_of_texts_is_bounded() {
    let form = "a=".repeat(100_000);
    let nested = (0..12).fold(SECRET.to_owned(), |text, _| json!({"a": text}).to_string());
    for body in [form, nested, "[".repeat(100_000), "<a>".repeat(50_000), "\"".repeat(9_999)] {
        redacted(&post("", body));
    }
}
