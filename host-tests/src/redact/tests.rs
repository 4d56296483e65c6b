use super::*;
use crate::har::{read_all, HarError};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine as _;
use proptest::prelude::*;
use serde_json::{json, Value};

fn key(text: &str) -> Key {
    Key::new(format!("{text:-<16}").as_bytes()).unwrap()
}

fn token(claims: &Value) -> String {
    let encode = |it: &str| URL_SAFE_NO_PAD.encode(it);
    let header = encode(r#"{"alg":"ES256","kid":"k1"}"#);
    format!("{header}.{}.{}", encode(&claims.to_string()), encode("a signature of it"))
}

/// An entry with one secret in every place that has one.
fn entry(player: &str, password: &str, email: &str) -> Value {
    let token = token(&json!({"sub": player, "exp": 7, "email": email, "sid": password}));
    let body = json!({"player": player, "password": password, "to": [email], "stake": 500});
    let field = |name: &str, value: String| json!({"name": name, "value": value});
    json!({
        "startedDateTime": "2026-03-01T12:00:00Z",
        "_clientAddress": "203.0.113.77:9",
        "request": {
            "method": "POST", "httpVersion": "HTTP/1.1", "bodySize": 7,
            "url": format!("http://h.example/players/{player}/limits?token={password}&a=b"),
            "headers": [
                field("authorization", format!("Bearer {token}")),
                field("cookie", format!("sid={password}; theme=dark")),
                field("x-hub-signature", password.to_owned()),
                field("x-forwarded-for", "203.0.113.10, 203.0.113.77".to_owned()),
                field("x-note", format!("for {player}, card 4111 1111 1111 1111")),
                field("content-length", body.to_string().len().to_string()),
            ],
            "postData": {"mimeType": "application/json", "text": body.to_string()},
        },
        "response": {
            "headers": [field("set-cookie", format!("sid={password}; Path=/; Secure"))],
            "content": {"size": 1, "mimeType": "text/plain", "text": format!("hello {player} <{email}>")},
        },
    })
}

fn document(entries: &[Value]) -> String {
    json!({"log": {"version": "1.2", "entries": entries}}).to_string()
}

fn pointer(document: &str, pointer: &str) -> String {
    let parsed: Value = serde_json::from_str(document).unwrap();
    parsed.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")).as_str().unwrap().to_owned()
}

#[test]
fn every_location_is_redacted_and_the_recording_stays_readable() {
    let secret = "correct-horse-battery";
    let text = document(&[entry("p-alice", secret, "alice@mail.example")]);
    let out = redact(&text, &key("k")).unwrap();
    let alice = key("k").pseudonym("p-alice");
    assert!(alice.starts_with("p-") && alice.len() == 14, "{alice}");
    for lost in ["p-alice", secret, "alice@mail", "4111", "203.0.113"] {
        assert!(!out.contains(lost), "{lost} in {out}");
    }
    let at = |it: &str| pointer(&out, &format!("/log/entries/0/{it}"));
    assert!(
        at("request/url").starts_with(&format!("http://h.example/players/{alice}/limits?token="))
    );
    assert!(at("request/url").ends_with("&a=b"));
    assert!(at("request/headers/4/value").starts_with(&format!("for {alice}, card ")));
    assert!(at("response/content/text").starts_with(&format!("hello {alice} <")));
    assert!(at("response/headers/0/value").ends_with("; Path=/; Secure"));
    let bearer = at("request/headers/0/value");
    let parts: Vec<&str> = bearer.trim_start_matches("Bearer ").split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!((&claims["sub"], &claims["exp"]), (&json!(alice), &json!(7)));
    assert_eq!(URL_SAFE_NO_PAD.decode(parts[0]).unwrap(), br#"{"alg":"ES256","kid":"k1"}"#);
    let addresses = at("request/headers/3/value");
    let client = at("_clientAddress");
    let (first, second) = addresses.split_once(", ").unwrap();
    assert_eq!(client, format!("{second}:9"), "equal addresses stay equal");
    let network = |it: &str| it.rsplit_once('.').unwrap().0.to_owned();
    assert_eq!(network(first), network(second), "neighbours stay neighbours");
    let read = read_all(&out, &crate::intake::Defaults::default()).unwrap();
    assert_eq!(read.requests.len(), 1, "its length was put right: {:?}", read.skipped);
}

/// A value, and whether it stays.
#[test]
fn shapes_are_found_without_a_name() {
    let key = key("k");
    let text = |it: &str| {
        let entry = json!({"request": {"headers": [{"name": "x-free", "value": it}]}});
        pointer(
            &redact(&document(&[entry]), &key).unwrap(),
            "/log/entries/0/request/headers/0/value",
        )
    };
    for (value, stays) in [
        ("10.20.0.1", true),
        ("[fd00::1]:80", true),
        ("ev-1; stake=2500", true),
        ("4111 1111 1111 1112", true),
        ("id 20260302180000123", true),
        ("1.36.1", true),
        ("paid with 4111-1111-1111-1111.", false),
        ("203.0.113.9:443", false),
        ("2001:db8::9", false),
        ("write to a.b@mail.example now", false),
    ] {
        assert_eq!(text(value) == value, stays, "{value} became {}", text(value));
    }
    assert!(text("2001:db8::9").parse::<std::net::Ipv6Addr>().is_ok());
}

#[test]
fn rejects_invalid_recordings() {
    assert_eq!(redact("{", &key("k")).unwrap_err(), HarError::Json { line: 1, column: 1 });
    assert_eq!(redact("{\"log\": {}}", &key("k")).unwrap_err(), HarError::Log("has no entries"));
    assert!(Key::new(b"too short").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Two entries: nothing of either is left, equal values stay equal, others stay apart, and another
    /// key gives other pseudonyms.
    #[test]
    fn equal_values_stay_equal_and_no_secret_remains(
        names in proptest::collection::vec("p-[a-z]{5,9}[0-9]{1,4}", 2),
        passwords in proptest::collection::vec("[A-Z][a-z0-9!_-]{8,14}[A-Z]", 2),
        users in proptest::collection::vec("[a-z]{6,9}[0-9]{3}", 2),
        same in any::<bool>(),
    ) {
        let second = usize::from(!same);
        let email = |at: usize| format!("{}@mail.example", users[at]);
        let one = |at: usize| entry(&names[at], &passwords[at], &email(at));
        let text = document(&[one(0), one(second)]);
        let out = redact(&text, &key("one")).unwrap();
        for at in 0..2 {
            let escaped = passwords[at].replace('!', "%21");
            for secret in [&names[at], &passwords[at], &email(at), &escaped] {
                prop_assert!(!out.contains(secret.as_str()), "{secret} is left in {out}");
            }
        }
        let other = redact(&text, &key("two")).unwrap();
        for place in ["url", "headers/0/value", "headers/1/value", "headers/2/value", "postData/text"] {
            let at = |document: &str, entry: usize| pointer(document, &format!("/log/entries/{entry}/request/{place}"));
            let equal_before = at(&text, 0) == at(&text, 1);
            prop_assert_eq!(at(&out, 0) == at(&out, 1), equal_before, "{}", place);
            prop_assert_ne!(at(&out, 0), at(&other, 0), "{}", place);
        }
        prop_assert_eq!(redact(&text, &key("one")).unwrap(), out, "the same key, the same pseudonyms");
    }
}

/// A form whose fields alone were recorded, with the length of the body that they were.
#[test]
fn forms_without_a_text_keep_a_matching_length() {
    for (value, length) in [("Sesame 7042q/", 24), ("Sesame+7042q%2F", 24)] {
        let kind = "application/x-www-form-urlencoded";
        let entry = json!({"startedDateTime": "2026-01-01T00:00:00Z", "request": {
            "method": "POST", "url": "https://a.example/x", "bodySize": length,
            "headers": [{"name": "Content-Length", "value": length.to_string()}],
            "postData": {"mimeType": kind, "params": [{"name": "password", "value": value}]},
        }, "response": {"status": 200}});
        let document = json!({"log": {"version": "1.2", "entries": [entry]}}).to_string();
        let body = |document: &str| {
            let read = crate::har::read_all(document, &crate::intake::Defaults::default()).unwrap();
            assert_eq!(read.skipped, [], "{document}");
            read.requests[0].body.clone()
        };
        assert_eq!(body(&document).len(), length);
        let key = Key::new(b"a key of the test").unwrap();
        assert_ne!(body(&redact(&document, &key).unwrap()).len(), length);
    }
}
