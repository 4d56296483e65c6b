//! Texts within texts, and values that are written in another way elsewhere.
use super::{redact, Key};
use percent_encoding::{utf8_percent_encode, NON_ALPHANUMERIC};
use serde_json::{json, Value};

const SECRET: &str = "Sesame7042q";

fn entry(url: &str, headers: &Value, data: &Value) -> Value {
    json!({"request": {"method": "POST", "url": url, "headers": headers, "postData": data}})
}

fn cookie(value: &str) -> Value {
    json!([{"name": "Cookie", "value": value}])
}

fn redacted(entries: &[Value]) -> Value {
    let document = json!({"log": {"version": "1.2", "entries": entries}}).to_string();
    let out = redact(&document, &Key::new(b"a key of the test").unwrap()).unwrap();
    serde_json::from_str::<Value>(&out).unwrap()["log"]["entries"].clone()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The text, decoded as often as it can be.
fn bare(text: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    if decoded == text {
        decoded
    } else {
        bare(&decoded)
    }
}

#[test]
fn encoded_texts_beside_replaced_values() {
    let inner = encoded(&format!("https://c.example/?u={SECRET}"));
    let named = encoded(&format!("https://c.example/?access_token={SECRET}9"));
    for text in [
        format!("[{SECRET}] {inner}"),
        format!("x's {SECRET} {inner}"),
        format!("a={SECRET}&b={inner}"),
        format!("ids:a=1&b={SECRET}&c={inner}"),
        format!("{SECRET}, {named}"),
        format!("{SECRET} {}", encoded(&format!("{SECRET} and {named}"))),
    ] {
        let (once, data) = (encoded(&text), json!({"text": json!({"u": text}).to_string()}));
        for url in [
            format!("https://a.example/r?to={once}"),
            format!("https://a.example/r/{once}"),
            "https://a.example/".to_owned(),
        ] {
            let out = redacted(&[entry(&url, &cookie(&format!("u={SECRET}")), &data)]);
            let out = bare(&out.to_string());
            assert!(!out.contains(SECRET), "{text} became {out}");
            assert!(out.contains("c.example/?") || out.contains("c.example%"), "{out}");
        }
    }
}

/// A value of an inner text is the same one as outside.
#[test]
fn equal_values_stay_equal_at_every_level() {
    let inner = encoded(&format!("https://c.example/?token={SECRET}"));
    let text = format!("[{SECRET}] {inner} {}", encoded(&inner));
    let pseudonym = Key::new(b"a key of the test").unwrap().pseudonym(SECRET);
    let data = json!({"text": text});
    let out = redacted(&[entry("https://a.example/", &cookie(&format!("u={SECRET}")), &data)]);
    let out = bare(out[0]["request"]["postData"]["text"].as_str().unwrap());
    assert_eq!(out, text.replace(&text, &bare(&text)).replace(SECRET, &pseudonym));
}

#[test]
fn authorities_end_where_they_ended() {
    for known in ["/Elm?ucode=", "/Elm/7?ucode=", "/Elm?v=7&ucode=", "https://a.example/Elm?v=7&"] {
        let url = match known.contains("://") {
            true => format!("{known}ucode={SECRET}"),
            false => format!("https://a.example{known}{SECRET}"),
        };
        let out = redacted(&[
            entry(&url, &cookie(&format!("p={known}; u={SECRET}")), &Value::Null),
            entry("https://b.example/", &json!([]), &json!({"text": format!("{url} x")})),
        ]);
        let (text, url) = (out.to_string(), out[0]["request"]["url"].as_str().unwrap());
        assert!(!text.contains(SECRET), "{known}: {text}");
        assert!(url.starts_with("https://a.example/"), "{known}: {url}");
    }
}

#[test]
fn hosts_paths_and_words_stay_elsewhere() {
    let plain = cookie(
        "account=gazette; site=www.gazette.example; _last=/dot.gif; r=http://www.gazette.example",
    );
    let url = "https://www.gazette.example/dot.gif?a=gazette&u=https://www.gazette.example";
    let out = redacted(&[entry(url, &plain, &json!({"text": "the gazette at /dot.gif"}))]);
    assert_eq!(out[0]["request"]["url"], url);
    assert_eq!(out[0]["request"]["postData"]["text"], "the gazette at /dot.gif");
    for path in ["/icon@2x.png", "/package@1.2.0-alpha.4/a.js"] {
        let url = format!("https://a.example{path}");
        let out = redacted(&[entry(&url, &json!([]), &Value::Null)]);
        assert_eq!(out[0]["request"]["url"], url);
    }
    let cookies = out[0]["request"]["headers"][0]["value"].as_str().unwrap();
    assert!(!cookies.contains("gazette") && !cookies.contains("dot"), "{cookies}");
}

#[test]
fn values_in_other_scripts() {
    let knows = cookie("operator=%E9%99%88%E6%99%93%E6%98%8E; o=%D0%9E%D0%BB%D1%8C%D0%B3%D0%B0");
    for text in ["{\"employee\":\"陈晓明\"}", "经理陈晓明批准", "to Ольга.", "<p>陈晓明</p>"]
    {
        let data = json!({"mimeType": "application/json", "text": text});
        let out = redacted(&[entry("https://a.example/", &knows, &data)]).to_string();
        assert!(!out.contains("陈晓明") && !out.contains("Ольга"), "{text} became {out}");
    }
}

#[test]
fn documents_that_start_within_a_string() {
    let text = format!("\",\"groups\":[{{\"term\":\"Boats\",\"token\":\"{SECRET}\"}}]");
    let params = json!({"params": [{"name": "gl", "value": text}]});
    let form = json!({"text": format!("q={{\"a\":\"x&gl={text}")});
    for data in [params, form] {
        let out = redacted(&[entry("https://a.example/", &json!([]), &data)]).to_string();
        assert!(!out.contains(SECRET) && out.contains("Boats"), "{text} became {out}");
    }
    // A number that stands for another one is not replaced twice.
    let guarded = |text: &str| {
        let data = json!({"text": format!("{text}{{\"phone\":\"35621234\",\"pin\":77712}}")});
        let out = redacted(&[entry("https://a.example/", &json!([]), &data)]);
        let out = out[0]["request"]["postData"]["text"].as_str().unwrap().to_owned();
        out.split_once('{').unwrap().1.to_owned()
    };
    assert_eq!(guarded(""), guarded("for(;;);"));
}

#[test]
fn client_ids_of_analytics() {
    let (client, session) = ("1203405607.1712340001", "908070605.1712349999");
    let cookies = format!("_ga=GA1.2.{client}; _gid=GA1.3.{session}");
    for knows in [
        entry("https://a.example/", &cookie(&cookies), &Value::Null),
        json!({"request": {"cookies": [
            {"name": "_ga", "value": format!("GA1.2.{client}")},
            {"name": "_gid", "value": format!("GA1.3.{session}")}]}}),
    ] {
        let url = format!("https://b.example/c?v=1&cid={client}&_gid={session}&ga_vid={client}");
        let out = redacted(&[knows, entry(&url, &json!([]), &Value::Null)]).to_string();
        assert!(!out.contains(client) && !out.contains(session), "{out}");
        assert!(out.contains("/c?v=1&cid="), "{out}");
    }
}
