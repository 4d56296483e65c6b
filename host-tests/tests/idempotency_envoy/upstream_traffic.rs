//! A duplicate causes no upstream traffic at all.

use serde_json::json;
use tokio::sync::oneshot;

use crate::fixture::{call, code_or_body, is_replay, Plan, Stage};
use crate::script::Act;

impl Stage {
    /// Connections to the upstream, requests, and bytes that were sent there.
    async fn upstream_traffic(&self) -> [u64; 3] {
        let stat = |name: &'static str| self.stat(name);
        [
            stat("cluster.casino.upstream_cx_total").await,
            stat("cluster.casino.upstream_rq_total").await,
            stat("cluster.casino.upstream_cx_tx_bytes_total").await,
        ]
    }
}

/// Every kind of duplicate, ten times each, so that both workers have some. Tells what the upstream
/// had of them.
async fn duplicates(stage: &Stage) -> [[u64; 3]; 2] {
    stage.upstream.will("/calls/cut", [Act::Cut]);
    stage.upstream.will("/calls/long", [Act::Answer(200, LONG)]);
    for (path, key) in
        [("/calls/done", "key-done"), ("/calls/cut", "key-cut-1"), ("/calls/long", "key-long")]
    {
        stage.ask(&call(path, key)).await.unwrap();
    }
    let (go, later) = oneshot::channel();
    stage.upstream.will("/calls/slow", [Act::Later(later)]);
    let slow = call("/calls/slow", "key-slow");
    let (_, before, after) = tokio::join!(
        async { assert_eq!(stage.ask(&slow).await.unwrap().status, 200) },
        async {
            stage.upstream.reads("/calls/slow").await;
            stage.upstream_traffic().await
        },
        async {
            stage.upstream.reads("/calls/slow").await;
            for _ in 0..10 {
                for (path, key, status, code) in [
                    ("/calls/done", "key-done", 200, ""),
                    ("/calls/slow", "key-slow", 503, "idempotency_in_progress"),
                    ("/calls/cut", "key-cut-1", 503, "outcome_unknown"),
                    ("/calls/long", "key-long", 409, "idempotency_answer_unavailable"),
                ] {
                    let answer = stage.ask(&call(path, key)).await.unwrap();
                    assert_eq!((answer.status, is_replay(&answer)), (status, code.is_empty()));
                    assert!(
                        code.is_empty() || code_or_body(&answer) == code,
                        "{path}: {}",
                        code_or_body(&answer)
                    );
                    // The same key, and another body.
                    let mut other = call(path, key);
                    other.body[9] = b'#';
                    let answer = stage.ask(&other).await.unwrap();
                    let told = (answer.status, code_or_body(&answer));
                    assert_eq!(told, (422, "idempotency_key_reused".to_owned()), "{path}");
                }
            }
            let after = stage.upstream_traffic().await;
            go.send(()).unwrap();
            after
        }
    );
    for path in ["/calls/done", "/calls/slow", "/calls/cut", "/calls/long"] {
        assert_eq!(stage.upstream.seen(path), 1, "{path}");
    }
    [before, after]
}

/// Longer than what is kept below.
const LONG: &str = "0123456789012345678901234567890123456789";

fn plan(hold: &str) -> Plan {
    let mut plan = Plan::new(&["calls"], &json!([]));
    plan.module["answers"] = json!({"max_bytes": 32});
    plan.module["requests"] = json!({ "hold": hold });
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn no_traffic_with_the_buffer_filter() {
    let Some(stage) = Stage::open(plan("body")).await else { return };
    let [before, after] = duplicates(&stage).await;
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_traffic_with_held_headers() {
    let plan = Plan { last: json!([]), ..plan("headers") };
    let Some(stage) = Stage::open(plan).await else { return };
    let [before, after] = duplicates(&stage).await;
    assert_eq!(before, after);
}

/// What the two above would see.
#[tokio::test(flavor = "multi_thread")]
async fn headers_reach_the_upstream_without_either() {
    let plan = Plan { last: json!([]), ..plan("body") };
    let Some(stage) = Stage::open(plan).await else { return };
    stage.ask(&call("/calls/done", "key-done")).await.unwrap();
    let before = stage.upstream_traffic().await;
    assert!(is_replay(&stage.ask(&call("/calls/done", "key-done")).await.unwrap()));
    assert_ne!(stage.upstream_traffic().await, before);
}
