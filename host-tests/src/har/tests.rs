use super::*;
use crate::intake::Defaults;
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
fn malformed_entries_are_skipped_with_their_field() {
    for (pointer, value, wanted) in [
        ("/startedDateTime", json!("secret"), "startedDateTime: no time of RFC 3339 since 1970"),
        (
            "/request/headers/0/value",
            json!({"secret": 1}),
            "request.headers[0].value: not as HAR has it",
        ),
        (
            "/request/headers/0/name",
            json!("\u{20ac}secret"),
            "request.headers[0].name: must hold one byte",
        ),
        ("/response", json!("secret"), "response: not as HAR has it"),
        ("/_clientAddress", json!("secret"), "_clientAddress: must be an address, or address:port"),
        ("/_target", json!([7]), "_target: must hold one byte per character"),
        ("/_target", json!("/a\nsecret"), "_target: must not hold a line break"),
        (
            "/request/url",
            json!("http://h.example/a HTTP/1.1\r\nx: secret"),
            "request.url: must not hold a line break",
        ),
        (
            "/request/headers/0/value",
            json!("a\r\nx-evil: secret"),
            "request.headers[0].value: must not hold a line break",
        ),
        ("/request/method", json!("GET\nsecret"), "request.method: must not hold a line break"),
        ("/request", json!({"method": "GET"}), "request.url: is missing"),
        ("/request/headers", json!([{"value": "secret"}]), "request.headers[0].name: is missing"),
        ("/request", json!({"method": "GET", "url": "http://"}), "request.url: has no host"),
        ("/request", json!({"method": "GET", "url": "https:///a"}), "request.url: has no host"),
        (
            "/request/postData",
            json!({"mimeType": "", "text": "secret", "_encoding": "rot13"}),
            "request.postData._encoding: must be base64",
        ),
        ("/request/postData", json!("secret"), "request.postData: not as HAR has it"),
        (
            "/request/postData",
            json!({"text": ["secret"]}),
            "request.postData.text: not as HAR has it",
        ),
        (
            "/request/headers/0/value",
            json!("\u{20ac}secret"),
            "request.headers[0].value: must hold one",
        ),
    ] {
        let mut broken = entry();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        broken.pointer_mut(parent).unwrap()[field] = value;
        let recording = read_all(&document(vec![broken, entry()]), &Defaults::default()).unwrap();
        assert_eq!(recording.requests.len(), 1, "the other one is read");
        let said = recording.skipped[0].to_string();
        assert!(said.starts_with("skipped entry 1: ") && said.contains(wanted), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    assert_eq!(read("{\n x").unwrap_err().to_string(), "not JSON: line 2, column 2");
    assert_eq!(read("{}").unwrap_err().to_string(), "log: is missing");
    assert_eq!(read("{\"log\": {}}").unwrap_err().to_string(), "log: has no entries");
    let empty = read_all(&document(vec![json!({}), json!(7)]), &Defaults::default()).unwrap();
    let said: Vec<&str> = empty.skipped.iter().map(|it| &*it.reason).collect();
    assert_eq!(said, ["request: is missing", "entry: not as HAR has it"]);
}

/// What later and earlier recorders write around the entries.
#[test]
fn other_versions_and_a_script_call_are_read() {
    let whole = document(vec![entry()]);
    let versions = ["\"1.1\"", "\"1.3\"", "1.2", "null", "{\"a\": 1}"];
    let mut texts: Vec<String> = versions.iter().map(|it| whole.replace("\"1.2\"", it)).collect();
    texts.push(whole.replace("\"version\":\"1.2\"", "\"other\":1"));
    texts.push(format!("onInputData({whole});\n"));
    for text in texts {
        assert_eq!(read(&text).unwrap().len(), 1, "{text}");
    }
}

#[test]
fn a_byte_order_mark_is_ignored() {
    let text = format!("\u{feff}{}", document(vec![entry()]));
    assert_eq!(read(&text).unwrap().len(), 1);
}

#[test]
fn address_zones_are_ignored() {
    for (said, wanted) in [
        ("fe80::1%eth0", "[fe80::1]:20001"),
        ("[fe80::1%eth0]:9", "[fe80::1]:9"),
        ("[fe80::1]:9", "[fe80::1]:9"),
        ("203.0.113.9:9", "203.0.113.9:9"),
    ] {
        let recording = one(|it| it["_clientAddress"] = json!(said)).unwrap();
        assert_eq!(recording.requests[0].client.to_string(), wanted);
    }
}

#[test]
fn pseudo_headers_become_http_1() {
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
fn recordings_round_trip() {
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

fn one(change: impl Fn(&mut Value)) -> Result<crate::intake::Recording, HarError> {
    let mut entry = entry();
    change(&mut entry);
    read_all(&document(vec![entry]), &Defaults::default())
}

/// Entries that are not requests to a gateway, and the reason.
#[test]
fn unsendable_entries_are_skipped_with_a_reason() {
    for (pointer, value, reason) in [
        ("/request/url", json!("wss://h.example/live"), "a WebSocket"),
        ("/request/url", json!("data:image/gif;base64,R0lG"), "a data: URL, which"),
        ("/request/url", json!("chrome-extension://abc/x.js"), "not http or https"),
        ("/request/method", json!("CONNECT"), "a tunnel through a proxy"),
        ("/_fromCache", json!("disk"), "answered from the browser's cache"),
        (
            "/request/headers",
            json!([{"name": "content-length", "value": "6"}]),
            "its body was not recorded",
        ),
        (
            "/request/postData",
            json!({"mimeType": "multipart/form-data; boundary=x",
                   "params": [{"name": "a", "value": "b"}]}),
            "its body was not recorded",
        ),
        // As of a DELETE over HTTP/2, and of a stream: browsers tell a size at best.
        ("/request/bodySize", json!(50), "its body was not recorded"),
        (
            "/request/headers",
            json!([{"name": "Transfer-Encoding", "value": "chunked"}]),
            "its body was not recorded",
        ),
        ("/request/postData", json!({"text": "", "_file": "x.dat"}), "its body is in another file"),
        (
            "/request/postData",
            json!({"params": [], "_sha1": "x.dat"}),
            "its body is in another file",
        ),
        ("/response/status", json!(0), "has no answer: never sent"),
        ("/response/status", json!("-1"), "has no answer: never sent"),
        (
            "/response",
            json!({"status": 0, "_error": "net::ERR_BLOCKED_BY_CLIENT"}),
            "never sent: blocked in the browser",
        ),
        ("/response", json!({"status": 0, "_error": "net::ERR_ABORTED"}), "given up by the client"),
        ("/_fetchedViaServiceWorker", json!(true), "answered by a service worker"),
        (
            "/response",
            json!({"status": 200, "_fetchedViaServiceWorker": true}),
            "answered by a service worker",
        ),
        (
            "/response",
            json!({"status": 307, "headers": [{"name": "Non-Authoritative-Reason", "value": "HSTS"}]}),
            "redirected by the browser itself",
        ),
        (
            "/response",
            json!({"status": 307, "statusText": "Internal Redirect"}),
            "redirected by the browser itself",
        ),
    ] {
        let recording = one(|it| {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            it.pointer_mut(parent).unwrap()[field] = value.clone();
        });
        let recording = recording.unwrap();
        assert!(recording.requests.is_empty());
        let said = recording.skipped[0].to_string();
        assert!(said.starts_with(&format!("skipped entry 1: {reason}")), "{said}");
    }
}

/// Post data, its headers, and the body and headers that follow.
#[test]
fn bodies_of_other_recorders_are_corrected() {
    let length = |it: &str| json!([{"name": "Content-Length", "value": it}]);
    let form = "application/x-www-form-urlencoded";
    let params = json!([{"name": "a b", "value": "1&\u{e9}"}, {"name": "c", "value": ""}]);
    let packed = json!([{"name": "content-encoding", "value": "gzip"}, {"name": "content-length", "value": "9"}]);
    for (data, headers, wanted, length) in [
        (json!({"mimeType": "", "text": "\u{e9}"}), length("2"), &b"\xc3\xa9"[..], "2"),
        (json!({"mimeType": "", "text": "\u{0}\u{ff}\u{fe}"}), length("3"), b"\0\xff\xfe", "3"),
        (
            json!({"mimeType": "", "text": "AP8=", "encoding": "base64"}),
            length("2"),
            b"\0\xff",
            "2",
        ),
        (json!({"mimeType": form, "params": params}), json!([]), b"a+b=1%26%C3%A9&c=", "17"),
        (json!({"mimeType": "", "text": "unpacked"}), packed, b"unpacked", "8"),
        // Without a type, and a field whose number was left unquoted.
        (json!({"mimeType": null, "text": "{}", "params": null}), json!([]), b"{}", "2"),
        (
            json!({"mimeType": form, "params": [{"name": "n", "value": 15}]}),
            json!([]),
            b"n=15",
            "4",
        ),
        // Fields as they were sent: the length says so.
        (
            json!({"mimeType": form, "params": [{"name": "n", "value": "a+b%20c"}]}),
            length("9"),
            b"n=a+b%20c",
            "9",
        ),
    ] {
        let recording = one(|it| {
            it["request"]["headers"] = headers.clone();
            it["request"]["postData"] = data.clone();
        });
        let request = recording.unwrap().requests.remove(0);
        assert_eq!(request.body, wanted);
        let lengths: Vec<&[u8]> = request.values("content-length").collect();
        assert_eq!(lengths, [length.as_bytes()]);
        assert_eq!(request.values("content-encoding").count(), 0);
    }
    for (data, reason) in [
        (json!({"text": "secret"}), "request.postData.text: is not as long as content-length"),
        (
            json!({"mimeType": form, "params": params}),
            "request.postData.params: do not tell the bytes that were sent",
        ),
    ] {
        let recording = one(|it| {
            it["request"]["headers"] = length("99");
            it["request"]["postData"] = data.clone();
        });
        assert_eq!(recording.unwrap().skipped[0].reason, reason);
    }
}

/// mitmproxy writes a byte that is not UTF-8 as half a surrogate pair, other tools write it as it is.
#[test]
fn non_utf_8_bytes_survive() {
    let mut odd = entry();
    odd["request"]["headers"] =
        json!([{"name": "x", "value": "a@B"}, {"name": "content-length", "value": "6"}]);
    odd["request"]["postData"] = json!({"text": "\u{e9}c@B\u{e9}"});
    let text = document(vec![odd, entry()]);
    let written = text.replace("@B", "\\udce9");
    let raw: Vec<u8> = text.split("@B").map(str::as_bytes).collect::<Vec<_>>().join(&b"\xe9"[..]);
    for text in [written, decode(raw)] {
        let requests = read(&text).unwrap();
        assert_eq!(requests[0].values("x").next(), Some(&b"a\xe9"[..]));
        assert_eq!(requests[0].body, b"\xc3\xa9c\xe9\xc3\xa9", "{requests:?}");
        assert_eq!(requests.len(), 2);
    }
    // The other half stands for no byte.
    let recording = read_all(&text.replace("@B", "\\ud83d"), &Defaults::default()).unwrap();
    assert_eq!(
        recording.skipped[0].reason,
        "request.headers[0].value: must hold one byte per character"
    );
}

#[test]
fn an_array_of_values_becomes_several_headers() {
    let recording = one(|it| {
        it["request"]["headers"] =
            json!([{"name": "x", "value": ["1", 2]}, {"name": "y", "value": null}]);
    });
    let request = recording.unwrap().requests.remove(0);
    assert_eq!(request.values("x").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(request.values("y").collect::<Vec<_>>(), [b""]);
}

#[test]
fn time_offsets_need_no_colon() {
    let recording = one(|it| it["startedDateTime"] = json!("2026-03-01T13:00:00.5+0100"));
    assert_eq!(recording.unwrap().requests[0].at, 1_772_366_400_500_000_000);
}

#[test]
fn missing_values_are_completed() {
    let defaults = Defaults {
        client: "10.20.0.1".parse().unwrap(),
        headers: vec![
            (b"X-Geo-Country".to_vec(), b"MT".to_vec()),
            (b"x-y".to_vec(), b"1".to_vec()),
        ],
        ..Defaults::default()
    };
    let bare = |url: &str| json!({"request": {"method": "GET", "url": url}});
    let mut second = bare("http://user:secret@h.example?x");
    second["request"]["cookies"] =
        json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]);
    second["request"]["headers"] = json!([{"name": "x-geo-country", "value": "GB"}]);
    let third = bare("http://h.example/${id}");
    let text = document(vec![bare("http://h.example/a"), second, third]);
    let recording = read_all(&text, &defaults).unwrap();
    let shown: Vec<String> = recording
        .requests
        .iter()
        .map(|it| {
            let fields = it.headers.iter().map(|(n, v)| {
                format!("{}: {}", String::from_utf8_lossy(n), String::from_utf8_lossy(v))
            });
            let fields: Vec<String> = fields.collect();
            format!(
                "{:?} {} {} {}",
                it.offset,
                it.client,
                String::from_utf8_lossy(&it.target),
                fields.join(", ")
            )
        })
        .collect();
    assert_eq!(shown, [
        "0ns 10.20.0.1:20001 /a host: h.example, X-Geo-Country: MT, x-y: 1",
        "100ms 10.20.0.1:20002 /?x host: h.example, x-geo-country: GB, cookie: a=1; b=2, x-y: 1",
    ]);
    assert_eq!(recording.skipped[0].entry, 3);
}
