//! What is sent to Redis, which of its answers are heard, and which configurations are refused.

use super::*;
use policy_kit::fake::FakeHost;
use policy_kit::{read_settings, Headers};

const USUAL: &str = r#""cluster": "redis", "gateways": 2"#;

fn compile(members: &str) -> Result<Fleet, ConfigError> {
    Fleet::compile(&read_settings(format!("{{{members}}}").as_bytes())?, &mut FakeHost::default())
}

#[test]
fn rejects_invalid_services() {
    for (members, field) in [
        ("", ""),
        (r#", "gateways": 0"#, "fleet.gateways"),
        (r#", "gateways": 1001"#, "fleet.gateways"),
        (r#", "timeout_ms": 0"#, "fleet.timeout_ms"),
        (r#", "timeout_ms": 1001"#, "fleet.timeout_ms"),
        (r#", "lease_ms": 99"#, "fleet.lease_ms"),
        (r#", "lease_ms": 5001"#, "fleet.lease_ms"),
        (r#", "retry_s": 0"#, "fleet.retry_s"),
        (r#", "retry_s": 61"#, "fleet.retry_s"),
        (r#", "prefix": "a:b""#, "fleet.prefix"),
        (r#", "path": "fcall""#, "fleet.path"),
    ] {
        let mut usual = USUAL.to_owned();
        if members.contains("gateways") {
            usual = r#""cluster": "redis""#.to_owned();
        }
        let found = compile(&(usual + members)).map(|_| ()).map_err(|error| error.field);
        let want = if field.is_empty() { Ok(()) } else { Err(field.to_owned()) };
        assert_eq!(found, want, "{members}");
    }
}

#[test]
fn asks_in_the_dialect_of_hosted_redis() {
    let fleet = compile(USUAL).unwrap();
    let key = fleet.key("bets", &[0xab; 32]);
    assert_eq!(key, "pitboss:bets:abababababababababababababababab");
    let limit = Gcra::new(333_333_334, 5);
    let call = fleet.ask(&Wish { key, limit, want: 4, least: 2 }, "n-1");
    assert_eq!(call.key, "lease pitboss:bets:abababababababababababababababab");
    assert_eq!(key_of_call(&call.key), Some("pitboss:bets:abababababababababababababababab"));
    assert_eq!(
        String::from_utf8(call.call.body).unwrap(),
        r#"["FCALL","pitboss_lease","1","pitboss:bets:abababababababababababababababab","333334","1666670","4","2","n-1"]"#
    );
    let content = ("content-type".to_owned(), "application/json".to_owned());
    assert!(call.call.headers.contains(&content));
    assert_eq!(call.call.headers[0], (":method".to_owned(), "POST".to_owned()));
}

#[test]
fn only_answers_with_the_nonce_are_heard() {
    let reply = |status, body: &str| CallReply::Response {
        status,
        headers: Headers::default(),
        body: body.as_bytes().to_vec(),
        cut: false,
    };
    let granted = |tokens, wait| Some(Grant { tokens, wait });
    for (reply, want) in [
        (reply(200, r#"{"result": ["n", 3, 0]}"#), granted(3, 0)),
        (reply(200, r#"{"result": ["n", "3", "0"]}"#), granted(3, 0)),
        (reply(200, r#"{"result": ["n", 0, 1500]}"#), granted(0, 1_500_000)),
        (reply(200, r#"{"result": ["m", 3, 0]}"#), None),
        (reply(200, r#"{"result": ["n", 5, 0]}"#), None),
        (reply(200, r#"{"result": ["n", -1, 0]}"#), None),
        (reply(200, r#"{"result": ["n", 3]}"#), None),
        (reply(200, r#"{"result": "n"}"#), None),
        (reply(200, r#"{"result": null}"#), None),
        (reply(200, r#"{"error": "ERR Function not found"}"#), None),
        (reply(200, "n 3 0"), None),
        (reply(200, ""), None),
        (reply(500, r#"{"result": ["n", 3, 0]}"#), None),
        (CallReply::NoResponse, None),
        (CallReply::TooManyWaiting, None),
    ] {
        assert_eq!(read(&reply, "n", 4), want, "{reply:?}");
    }
}
