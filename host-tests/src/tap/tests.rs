use super::*;
use serde_json::json;

fn trace(change: impl Fn(&mut Value)) -> Value {
    let mut trace = json!({
        "request": {
            "headers": [
                {"key": ":authority", "value": "h.example", "raw_value": ""}, {"key": ":path", "value": "/a?b"},
                {"key": ":method", "value": "POST"}, {"key": ":scheme", "value": "http"},
                {"key": "x-forwarded-for", "value": "203.0.113.9,10.20.0.1"},
                {"key": "x-request-id", "value": "0"},
                {"key": "x-raw", "raw_value": "/w=="},
            ],
            "headers_received_time": "2026-03-01T12:00:00.25Z",
        },
        "response": {"headers": [{"key": "date", "value": "Sun, 01 Mar 2026 12:00:07 GMT"}]},
        "downstream_connection": {
            "remote_address": {"socket_address": {"address": "10.20.0.1", "port_value": 7}},
        },
    });
    change(&mut trace);
    json!({"http_buffered_trace": trace})
}

fn read(change: impl Fn(&mut Value)) -> Recording {
    read_all([Ok(&trace(change))], &Defaults::default())
}

#[test]
fn traces_become_the_original_request() {
    for (body, wanted) in [
        (json!({"as_bytes": "AP8="}), &b"\0\xff"[..]),
        (json!({"as_string": "{}", "truncated": false}), b"{}"),
        (json!({"truncated": false}), b""),
    ] {
        let recording = read(|it| it["request"]["body"] = body.clone());
        let request = &recording.requests[0];
        assert_eq!(request.body, wanted);
        let length = (!wanted.is_empty()).then_some(&b"2"[..]);
        assert_eq!(request.values("content-length").next(), length);
        assert_eq!(request.client.to_string(), "10.20.0.1:7");
        assert_eq!(
            (request.method.as_slice(), request.target.as_slice()),
            (&b"POST"[..], &b"/a?b"[..])
        );
        let fields: Vec<&[u8]> = request.headers.iter().map(|it| it.0.as_slice()).take(3).collect();
        assert_eq!(fields, [&b"host"[..], b"x-forwarded-for", b"x-raw"]);
        assert_eq!(request.values("x-forwarded-for").next(), Some(&b"203.0.113.9"[..]));
        assert_eq!(request.values("x-raw").next(), Some(&b"\xff"[..]));
    }
    let alone = read(|it| it["request"]["headers"][4]["value"] = json!("10.20.0.1"));
    assert_eq!(alone.requests[0].values("x-forwarded-for").count(), 0);
    let unknown = read(|it| it["downstream_connection"] = Value::Null);
    let forwarded = unknown.requests[0].values("x-forwarded-for").next();
    assert_eq!(forwarded, Some(&b"203.0.113.9,10.20.0.1"[..]), "nobody says who appended it");
    let dated = read(|it| it["request"]["headers_received_time"] = Value::Null);
    assert_eq!(dated.requests[0].at, 1_772_366_407_000_000_000);
}

/// What is changed, and the error or the skip it gives.
#[test]
fn malformed_traces_are_skipped_with_their_field() {
    for (pointer, value, wanted) in [
        ("/request/headers", json!("secret"), "request.headers: not as the tap writes it"),
        ("/request/headers/0/value", json!(7), "request.headers[0].value: not as the tap"),
        (
            "/request/headers/6/raw_value",
            json!("secret!"),
            "request.headers[6].raw_value: must be base64",
        ),
        ("/request/headers/1/value", json!(""), "request.headers[:path]: is missing"),
        ("/request/body", json!({"as_bytes": "secret!"}), "request.body.as_bytes: must be base64"),
        (
            "/request/headers_received_time",
            json!("secret"),
            "request.headers_received_time: no time",
        ),
        (
            "/downstream_connection/remote_address/socket_address/address",
            json!("secret"),
            "downstream_connection.remote_address.socket_address.address: must be an address",
        ),
    ] {
        let broken = trace(|it| {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            it.pointer_mut(parent).unwrap()[field] = value.clone();
        });
        let recording = read_all([Ok(&broken), Ok(&trace(|_| ()))], &Defaults::default());
        assert_eq!(recording.requests.len(), 1, "the other one is read");
        let said = recording.skipped[0].to_string();
        assert!(said.starts_with(&format!("skipped entry 1: {wanted}")), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    let missing = read(|it| {
        it["request"]["headers_received_time"] = Value::Null;
        it["response"] = json!({});
    });
    assert!(missing.skipped[0].reason.ends_with("`record_headers_received_time: true`"));
}

#[test]
fn incomplete_traces_are_skipped_with_a_reason() {
    let cut = trace(|it| it["request"]["body"] = json!({"as_bytes": "", "truncated": true}));
    let refused = trace(|it| {
        it["request"]["headers"][5] = json!({"key": "content-length", "value": "7"});
    });
    let lost = trace(|it| {
        it["request"]["headers"][5] = json!({"key": "content-length", "value": "9"});
        it["request"]["body"] = json!({"as_string": "{\"a\":\" }"});
    });
    let traces = [
        cut,
        refused,
        lost,
        json!({"http_streamed_trace_segment": {"trace_id": "1"}}),
        json!({"socket_buffered_trace": {}}),
    ];
    assert!(traces.iter().all(is_trace) && !is_trace(&json!({"log": {}})));
    let recording = read_all(traces.iter().map(Ok), &Defaults::default());
    let said: Vec<String> = recording.skipped.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "skipped entry 1: its body was cut; raise the tap's max_buffered_rx_bytes",
            "skipped entry 2: its body never reached the tap: refused from its headers",
            "skipped entry 3: its body lost bytes that are not UTF-8; tap with JSON_BODY_AS_BYTES",
            "skipped entry 4: a part of a streamed trace; tap with `streaming: false`",
            "skipped entry 5: no HTTP trace",
        ]
    );
}

/// Bodies, and how many of them are text.
#[test]
fn text_bodies_are_counted_in_a_note() {
    let text = || json!({"as_string": "{}"});
    for (bodies, wanted) in [
        (vec![json!({"as_bytes": "e30="}), json!({"truncated": false}), Value::Null], None),
        (vec![text()], Some("1 bodies were recorded as text (JSON_BODY_AS_STRING)")),
        (vec![text(), json!({"as_bytes": "e30="}), text()], Some("2 bodies were recorded as text")),
    ] {
        let traces: Vec<Value> =
            bodies.iter().map(|body| trace(|it| it["request"]["body"] = body.clone())).collect();
        let recording = read_all(traces.iter().map(Ok), &Defaults::default());
        assert_eq!(recording.requests.len(), bodies.len());
        let note = recording.notes.first().map(String::as_str);
        assert!(note.unwrap_or_default().starts_with(wanted.unwrap_or_default()), "{note:?}");
        assert!(note.is_some() == wanted.is_some() && recording.notes.len() < 2, "{note:?}");
    }
}

#[test]
fn files_without_a_trace_are_skipped_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("t_1.json", &trace(|_| {}).to_string());
    write("t_10.json", "{\"http_buffered_trace\": {\"req");
    write("t_11.json", &trace(|_| {}).to_string());
    let recording = crate::intake::read(folder.path(), &Defaults::default()).unwrap();
    let numbers: Vec<usize> = recording.requests.iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 3]);
    let said = recording.skipped[0].to_string();
    assert!(said.starts_with("skipped entry 2: t_10.json: not JSON: line 1, column "), "{said}");
}

#[test]
fn truncated_streams_keep_complete_traces() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let whole = trace(|_| ()).to_string();
    std::fs::write(file.path(), format!("{whole}\n{whole}\n{{\"http_buf")).unwrap();
    let recording = crate::intake::read(file.path(), &Defaults::default()).unwrap();
    assert_eq!((recording.requests.len(), recording.skipped.len()), (2, 1));
    assert!(recording.skipped[0].reason.starts_with("not JSON: line 3"), "{recording:?}");
}
