//! Hostile bytes: recorded traffic as recorders, editors and attackers leave it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of a test
use host_tests::har;
use host_tests::redact::{redact, Key};
use serde_json::json;

/// A recording of two requests, one with a body and cookies.
fn recording() -> String {
    let header = |name: &str, value: &str| json!({"name": name, "value": value});
    let entry = |method: &str, url: &str, body: Option<&str>| {
        let mut request = json!({
            "method": method, "url": url, "httpVersion": "HTTP/1.1", "cookies": [], "queryString": [],
            "headers": [header("host", "play.lucky-otter.example"), header("cookie", "sid=abc; theme=dark")],
            "headersSize": -1, "bodySize": body.map_or(0, str::len),
        });
        if let Some(text) = body {
            request["postData"] = json!({"mimeType": "application/json", "text": text});
        }
        json!({
            "startedDateTime": "2026-03-02T18:00:00.000Z", "time": 3, "request": request,
            "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "cookies": [],
                "headers": [header("set-cookie", "sid=abc; Path=/")], "redirectURL": "", "headersSize": -1,
                "bodySize": 2, "content": {"size": 2, "mimeType": "application/json", "text": "{}"}},
            "cache": {}, "timings": {"send": 1, "wait": 1, "receive": 1},
        })
    };
    let entries = [
        entry("GET", "https://play.lucky-otter.example/api/lobby?x=1", None),
        entry("POST", "https://play.lucky-otter.example/api/bets", Some(r#"{"stake":500}"#)),
    ];
    json!({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": entries}})
        .to_string()
}

#[test]
fn what_is_read_of_a_har_is_still_there_once_it_is_redacted() {
    let har = recording();
    let words = [
        "null",
        "\"\"",
        "[]",
        "{}",
        "-1",
        "1e9",
        "\\ud800",
        "\"text\":",
        "\"encoding\":\"base64\",",
        "\u{feff}",
    ];
    fuzz::run("har", &[har.as_bytes()], &words, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let Ok(requests) = har::read(text) else { return };
        let Ok(redacted) = redact(text, &Key::new(&[7; 32]).unwrap()) else {
            // Numbers beyond any float: an entry that has one is skipped where it is replayed.
            return assert!(serde_json::from_str::<serde_json::Value>(text).is_err());
        };
        // A member that is there twice makes an entry unreadable; redaction keeps one of the two.
        assert!(har::read(&redacted).unwrap().len() >= requests.len());
    });
}
