//! Clients that leave, and upstreams that do not wait for the body.

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::by_hand::rest;
use crate::fixture::{call, code_or_body, is_replay, rule, Plan, Stage};
use crate::script::Act;
use crate::until::until;

/// The beginning of a call on a connection of its own, and its body.
fn text(path: &str, key: &str) -> (String, String) {
    let body = json!({ "call": path }).to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: casino.example\r\nidempotency-key: {key}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

async fn say(stage: &Stage, text: &str) -> TcpStream {
    let mut client = TcpStream::connect(stage.envoy.address).await.unwrap();
    client.write_all(text.as_bytes()).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_makes_the_key_unknown() {
    let Some(stage) = Stage::open(Plan::new(&["calls"], &json!([]))).await else { return };
    // The upstream has the request, and its answer is lost.
    let path = "/calls/gone";
    stage.upstream.will(path, [Act::Hold]);
    let (head, body) = text(path, "key-gone");
    let client = say(&stage, &format!("{head}{body}")).await;
    stage.upstream.reads(path).await;
    let early = stage.ask(&call(path, "key-gone")).await.unwrap();
    assert_eq!((early.status, code_or_body(&early).as_str()), (503, "idempotency_in_progress"));
    drop(client);
    until("unknown", || async { stage.outcomes("unknown").await == 1 }).await;
    let retry = stage.ask(&call(path, "key-gone")).await.unwrap();
    assert_eq!((retry.status, code_or_body(&retry).as_str()), (503, "outcome_unknown"));
    assert_eq!(stage.upstream.seen(path), 1);
    // Half of a body is no call.
    let path = "/calls/half";
    let (head, body) = text(path, "key-half");
    let before = stage.stat("http.players.downstream_rq_rx_reset").await;
    let client = say(&stage, &format!("{head}{}", &body[..5])).await;
    drop(client);
    until("left", || async { stage.stat("http.players.downstream_rq_rx_reset").await > before })
        .await;
    assert_eq!(stage.upstream.seen(path), 0);
    for replayed in [false, true] {
        let answer = stage.ask(&call(path, "key-half")).await.unwrap();
        assert_eq!((answer.status, is_replay(&answer)), (200, replayed));
    }
    assert_eq!((stage.upstream.seen(path), stage.outcomes("unknown").await), (1, 1));
}

/// Without the buffer filter a call's headers leave before its key is claimed.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_makes_the_key_unknown() {
    let rules = json!([rule("by-body", &json!({"key": {"body": "/call"}}))]);
    let plan = Plan { last: json!([]), ..Plan::new(&["calls", "by-body"], &rules) };
    let Some(stage) = Stage::open(plan).await else { return };
    for (path, status) in [("/calls/200", 200), ("/calls/401", 401), ("/calls/500", 500)] {
        stage.upstream.will(path, [Act::Early(status, "{}")]);
        let key = format!("key-early-{status}");
        let (head, body) = text(path, &key);
        let client = say(&stage, &format!("{head}{}", &body[..5])).await;
        let answer = rest(client).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{path}: {answer}");
        assert!(answer.contains(r#""code":"outcome_unknown""#), "{path}: {answer}");
        // What the upstream did is not known, and so the whole call is not carried out.
        for _ in 0..2 {
            let retry = stage.ask(&call(path, &key)).await.unwrap();
            assert_eq!(
                (retry.status, code_or_body(&retry).as_str()),
                (503, "outcome_unknown"),
                "{path}"
            );
        }
    }
    // A key in the body is not known yet; the answer is replaced all the same.
    let path = "/by-body/200";
    stage.upstream.will(path, [Act::Early(200, "{}")]);
    let (head, body) = text(path, "key-unused");
    let answer = rest(say(&stage, &format!("{head}{}", &body[..5])).await).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains(r#""code":"outcome_unknown""#), "{answer}");
    let next = stage.ask(&call(path, "key-unused")).await.unwrap();
    assert_eq!((next.status, is_replay(&next)), (200, false), "a documented limit");
}
