//! A locked login beside a wrong password: what a client sees of either is the same.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::fixture::{answer, document, Stage};

const BODY: &str = r#"{"error":"wrong credentials"}"#;

/// How the casino refuses a wrong password.
fn wrong() -> String {
    let length = BODY.len();
    format!(
        "HTTP/1.1 401 Unauthorized\r\nserver: casino\r\ndate: Fri, 15 Jan 2027 08:00:00 GMT\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\ncache-control: no-store\r\n\
         x-casino: otter\r\n\r\n{BODY}"
    )
}

/// Names of headers in order, and the values of those that do not tell the time.
fn seen(head: &str) -> (String, Vec<String>) {
    let mut lines = head.lines();
    let status = lines.next().unwrap().to_owned();
    let telling = ["date", "x-envoy-upstream-service-time"];
    let header = |line: &str| match line.split_once(": ") {
        Some((name, _)) if telling.contains(&name) => name.to_owned(),
        _ => line.to_owned(),
    };
    (status, lines.map(header).filter(|line| !line.is_empty()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_login_cannot_be_told_from_a_wrong_password() {
    let header = |name: &str, value: &str| json!({"name": name, "value": value});
    let reply = json!({"body": BODY, "headers": [
        header("server", "casino"), header("date", "{date}"), header("content-type", "application/json"),
        header("content-length", "{length}"), header("cache-control", "no-store"), header("x-casino", "otter"),
        header("x-envoy-upstream-service-time", "{delay_ms}")]});
    let login = json!({"endpoints": [{"endpoint": "/login", "account": "/user"}], "reply": reply, "delay_ms": 120});
    let document = document(&json!({"abuse": {"login": login}}));
    let Some(mut stage) = Stage::open(&document).await else { return };
    let body = r#"{"user":"anna","password":"x"}"#;
    let text = format!(
        "POST /login HTTP/1.1\r\nhost: casino.example\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut upstreams = Vec::new();
    for _ in 0..3 {
        let mut client = stage.send(&text).await;
        stage.arrives().await.answer(&wrong());
        upstreams.push(answer(&mut client).await);
    }
    let before = Instant::now();
    let mut client = stage.send(&text).await;
    let (head, body) = answer(&mut client).await;
    let waited = before.elapsed();
    assert!(stage.is_quiet(), "a locked login does not reach the casino");
    let (upstream_head, upstream_body) = &upstreams[2];
    assert_eq!(seen(&head).0, seen(upstream_head).0);
    let sorted = |head: &str| {
        let mut lines = seen(head).1;
        lines.sort();
        lines
    };
    assert_eq!(sorted(&head), sorted(upstream_head));
    assert_eq!(seen(&head).1, seen(upstream_head).1, "in this order");
    assert_eq!(&body, upstream_body);
    assert!(
        (Duration::from_millis(90)..Duration::from_millis(1_000)).contains(&waited),
        "{waited:?}"
    );
}
