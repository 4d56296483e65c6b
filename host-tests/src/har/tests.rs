use super::*;
use crate::traffic::{Answer, Request};
use serde_json::{json, Value};

fn entry() -> Value {
    json!({
        "startedDateTime": "2026-03-01T12:00:00.5Z", "time": 1.0, "cache": {},
        "timings": {"send": 0, "wait": 1, "receive": 0},
        "request": {"method": "GET", "url": "http://h.example/a?b=1#f", "httpVersion": "HTTP/1.1",
            "cookies": [], "headers": [{"name": "Host", "value": "h.example"}], "queryString": [],
            "headersSize": -1, "bodySize": 0},
        "response": {"status": 200, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": [],
            "headers": [], "content": {"size": 0}, "redirectURL": "", "headersSize": -1, "bodySize": 0},
    })
}

fn document(entries: Vec<Value>) -> String {
    json!({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": entries}})
        .to_string()
}

#[test]
fn a_malformed_entry_is_told_by_number_and_field_and_never_by_value() {
    for (pointer, value, wanted) in [
        ("/startedDateTime", json!("secret"), "startedDateTime: no time of RFC 3339 since 1970"),
        (
            "/request/headers/0/value",
            json!(["secret"]),
            "request.headers[0].value: not as HAR 1.2 has it",
        ),
        (
            "/request/headers/0/name",
            json!("\u{20ac}secret"),
            "request.headers[0].name: must hold one byte",
        ),
        ("/response", json!("secret"), "response: not as HAR 1.2 has it"),
        ("/_clientAddress", json!("secret"), "_clientAddress: must be an address, or address:port"),
        ("/_target", json!(7), "_target: must hold one byte per character"),
        (
            "/request/postData",
            json!({"mimeType": "", "text": "secret", "_encoding": "rot13"}),
            "request.postData._encoding: must be base64",
        ),
    ] {
        let mut broken = entry();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        broken.pointer_mut(parent).unwrap()[field] = value;
        let error = read(&document(vec![entry(), broken])).unwrap_err().to_string();
        assert!(error.starts_with("entry 2: ") && error.contains(wanted), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    assert_eq!(read("{\n x").unwrap_err().to_string(), "not JSON: line 2, column 2");
    assert_eq!(read("{}").unwrap_err().to_string(), "log: is missing");
}

#[test]
fn a_browsers_recording_becomes_http_1() {
    let mut later = entry();
    later["startedDateTime"] = json!("2026-03-01T13:00:02+01:00");
    later["request"]["httpVersion"] = json!("h2");
    later["request"]["headers"] = json!([{"name": ":authority", "value": "h.example"}]);
    later["request"]["postData"] = json!({"mimeType": "", "text": "\u{e9}"});
    later["_clientAddress"] = json!("2001:db8::7");
    let requests = read(&document(vec![later, entry()])).unwrap();
    assert_eq!((requests[0].number, requests[1].number), (2, 1), "in the order of time");
    assert_eq!(requests[1].offset.as_millis(), 1500);
    assert_eq!(requests[0].target, b"/a?b=1", "a fragment never leaves a browser");
    let headers = [("host", "h.example"), ("content-length", "2")];
    let headers = headers.map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()));
    assert_eq!(requests[1].headers, headers);
    assert_eq!(requests[1].client.to_string(), "[2001:db8::7]:20001");
}

#[test]
fn what_is_written_reads_back_byte_by_byte() {
    let at = 1_772_366_400_000_000_000;
    let requests = [
        Request::new("GET", "/api/odds/1?x=%2f"),
        Request::new("GET", b"/a\0\xff"),
        Request::new("GET", "http://other.example/x"),
        Request::new("GET", "/a#b").header("x", b"\xff\xfe").header("X", ""),
        Request::new("POST", "/api/bets").body(b"\xff\x00"),
        Request::new("POST", "/api/bets").body("{\"stake\": \"1\u{20ac}\"}"),
        Request::new("OPTIONS", "*").from("[2001:db8::1]:9".parse().unwrap()),
    ];
    let recorded: Vec<Recorded> = (1..)
        .zip(requests)
        .map(|(number, request)| Recorded {
            request: Request {
                number,
                at: at + number as u64,
                offset: std::time::Duration::from_nanos(number as u64 - 1),
                ..request
            },
            answer: Answer { status: 200, headers: Vec::new(), body: b"{}".to_vec() },
        })
        .collect();
    let read = read(&write(&recorded).unwrap()).unwrap();
    let written: Vec<Request> = recorded.into_iter().map(|it| it.request).collect();
    assert_eq!(read, written);
}
