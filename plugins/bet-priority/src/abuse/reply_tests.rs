//! The reply to a locked login.

use super::*;
use serde_json::{json, Value};

fn compile(raw: Value) -> Result<LockedReply, ConfigError> {
    LockedReply::compile(
        policy_kit::read_settings(raw.to_string().as_bytes())?,
        &[401, 422],
        "reply",
    )
}

#[test]
fn replies_are_the_configured_ones() {
    let raw = json!({
        "status": 422,
        "headers": [
            {"name": "date", "value": "{date}"},
            {"name": "content-type", "value": "application/json"},
            {"name": "content-length", "value": "{length}"},
            {"name": "x-envoy-upstream-service-time", "value": "{delay_ms}"},
            {"name": "set-cookie", "value": "a=1"},
            {"name": "x-request-id", "value": "{uuid}"},
            {"name": "set-cookie", "value": "b={delay_ms}"},
        ],
        "body": r#"{"error": "wrong", "trace": "{uuid}", "took": {delay_ms}}"#,
    });
    let reply =
        compile(raw).unwrap().reply((143, 1_800_000_000_000_000_000), [0xab; 16], Profile::Envoy);
    let uuid = "abababab-abab-4bab-abab-abababababab";
    let headers: Vec<(String, String)> = reply
        .headers
        .iter()
        .map(|(n, v)| (n.to_string(), String::from_utf8(v.to_vec()).unwrap()))
        .collect();
    let want = [
        ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ("content-type", "application/json"),
        ("content-length", "80"),
        ("x-envoy-upstream-service-time", "143"),
        ("set-cookie", "a=1"),
        ("x-request-id", uuid),
        ("set-cookie", "b=143"),
    ];
    assert_eq!(headers, want.map(|(n, v)| (n.to_owned(), v.to_owned())));
    assert_eq!(reply.status, 422);
    let body = format!(r#"{{"error": "wrong", "trace": "{uuid}", "took": 143}}"#);
    assert_eq!(String::from_utf8(reply.body).unwrap(), body);
}

/// The code is for the access log; WasmX would show it in the reason phrase.
#[test]
fn clients_never_see_the_code() {
    let reply = compile(json!({})).unwrap();
    let (envoy, wasmx) = (
        reply.reply((0, 0), [0; 16], Profile::Envoy),
        reply.reply((0, 0), [0; 16], Profile::Wasmx),
    );
    assert_eq!((envoy.status, envoy.code, wasmx.code), (401, "login_locked", ""));
    for reply in [envoy, wasmx] {
        assert!(reply.headers.is_empty() && reply.body.is_empty());
    }
}

/// nginx writes them.
#[test]
fn length_and_date_are_not_written_on_wasmx() {
    let raw = json!({"headers": [{"name": "date", "value": "{date}"}, {"name": "a", "value": "b"},
        {"name": "content-length", "value": "{length}"}]});
    let reply = compile(raw).unwrap().reply((0, 0), [0; 16], Profile::Wasmx);
    assert_eq!(reply.headers.len(), 1);
}

#[test]
fn rejects_invalid_configurations() {
    let header = |name: &str, value: &str| json!({"headers": [{"name": name, "value": value}]});
    for (raw, want) in [
        (json!({"status": 200}), "reply.status"),
        (json!({"status": 403}), "reply.status"),
        (header("Content-Type", "a"), "reply.headers[0].name"),
        (header("", "a"), "reply.headers[0].name"),
        (header(":status", "401"), "reply.headers[0].name"),
        (header("connection", "close"), "reply.headers[0].name"),
        (header("transfer-encoding", "chunked"), "reply.headers[0].name"),
        (header("keep-alive", "a"), "reply.headers[0].name"),
        (header("upgrade", "a"), "reply.headers[0].name"),
        (header("content-length", "1"), "reply.headers[0].value"),
        (header("date", "now"), "reply.headers[0].value"),
        (header("x-pitboss-code", "a"), "reply.headers[0].name"),
        (header("x-a", "b\r\nset-cookie: c"), "reply.headers[0].value"),
        (header("x-a", "caf\u{e9}"), "reply.headers[0].value"),
        (header("x-a", &"a".repeat(1_025)), "reply.headers[0].value"),
        (
            json!({"headers": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}),
            "reply.headers[1].name",
        ),
        (json!({"headers": vec![json!({"name": "set-cookie", "value": ""}); 33]}), "reply.headers"),
        (json!({"body": "a".repeat(16_385)}), "reply.body"),
    ] {
        let error = compile(raw.clone()).unwrap_err();
        assert_eq!(error.field, want, "{raw}: {error}");
    }
}
