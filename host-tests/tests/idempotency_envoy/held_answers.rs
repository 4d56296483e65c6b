//! No byte of an answer's body reaches the client before the store has it all.

use std::time::Duration;

use host_tests::envoy::EnvoyProcess;
use serde_json::{json, Value};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::by_hand::{by_hand, dechunked, head, nothing_more, rest};
use crate::fixture::{options, rule, Plan, HTTP_FILTERS};
use crate::until::until;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
const COUNTED: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\n";

/// A call on a connection of its own.
fn text(path: &str, key: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: casino.example\r\nidempotency-key: {key}\r\n\
         connection: close\r\ncontent-length: 2\r\n\r\n{{}}"
    )
}

async fn say(envoy: &EnvoyProcess, text: &str) -> TcpStream {
    let mut client = TcpStream::connect(envoy.address).await.unwrap();
    client.write_all(text.as_bytes()).await.unwrap();
    client
}

/// Whatever has reached the one worker before this, it has dealt with after it.
async fn settle(envoy: &EnvoyProcess) {
    let mut client = say(envoy, &text("/nowhere/at/all", "key-none")).await;
    assert!(head(&mut client).await.starts_with("HTTP/1.1 403 "));
}

/// The next connection to the upstream.
async fn next(upstream: &mut UnboundedReceiver<TcpStream>) -> TcpStream {
    let next = tokio::time::timeout(Duration::from_secs(20), upstream.recv()).await;
    next.expect("nothing came").unwrap()
}

/// The upstream's body comes in pieces.
#[tokio::test(flavor = "multi_thread")]
async fn holds_a_body_in_pieces() {
    let rules = json!([rule("after", &json!({"commit": "after_reply"}))]);
    let (address, mut upstream) = by_hand().await;
    let Some(mut options) = options(address) else { return };
    (options.concurrency, options.recorded) = (1, false);
    let document = Plan::new(&["calls", "after"], &rules).document();
    let envoy = EnvoyProcess::start(&document, options).await.unwrap();
    let outcomes = |outcome: &'static str| {
        let name = "wasmcustom.pitboss.idempotency.outcomes.class=settlement.outcome=";
        let (name, admin) = (format!("{name}{outcome}"), envoy.admin);
        async move { admin.stat(&name).await.unwrap() }
    };
    let mut completed = 0;
    for (n, headers, first, last) in [
        (0, COUNTED, "ab", "c"),
        (1, CHUNKED, "2\r\nab\r\n", "1\r\nc\r\n0\r\n\r\n"),
        (2, CHUNKED, "3\r\nabc\r\n", "0\r\n\r\n"),
    ] {
        for (kind, held) in [("calls", true), ("after", false)] {
            let call = text(&format!("/{kind}/{n}"), &format!("key-{kind}-{n}"));
            let mut client = say(&envoy, &call).await;
            let mut connection = next(&mut upstream).await;
            head(&mut connection).await;
            connection.write_all(format!("{headers}{first}").as_bytes()).await.unwrap();
            let told = head(&mut client).await;
            assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
            settle(&envoy).await;
            if held {
                client = nothing_more(client);
            } else {
                // What the check above would see.
                assert_ne!(client.peek(&mut [0; 8]).await.unwrap(), 0);
            }
            assert_eq!(outcomes("completed").await, completed);
            connection.write_all(last.as_bytes()).await.unwrap();
            let got = rest(client).await;
            let got = if told.contains("content-length") { got } else { dechunked(&got).0 };
            assert_eq!(got, "abc", "{kind}/{n}");
            completed += 1;
            until("completed", || async { outcomes("completed").await == completed }).await;
            let again = rest(say(&envoy, &call).await).await;
            assert!(again.contains("idempotent-replayed: true\r\n"), "{again}");
            assert!(again.ends_with("\r\n\r\nabc"), "{again}");
        }
    }
    // A client that leaves while the body is held may not know what was done, and the outcome is unknown.
    let call = text("/calls/gone", "key-gone");
    let mut client = say(&envoy, &call).await;
    let mut connection = next(&mut upstream).await;
    head(&mut connection).await;
    connection.write_all(format!("{COUNTED}ab").as_bytes()).await.unwrap();
    head(&mut client).await;
    drop(client);
    until("unknown", || async { outcomes("unknown").await == 1 }).await;
    assert!(rest(say(&envoy, &call).await).await.contains("outcome_unknown"));
}

/// The upstream has answered, the store has not: the client has not a byte of the body.
#[tokio::test(flavor = "multi_thread")]
async fn holds_the_answer_until_a_slow_commit() {
    let mut plan = Plan::new(&["calls"], &json!([]));
    plan.module["answers"] = json!({"max_bytes": 8});
    plan.clusters = json!([{"name": "ledger-delay"}]);
    let (address, mut upstream) = by_hand().await;
    let (ledger, mut commits) = by_hand().await;
    let Some(mut options) = options(address) else { return };
    (options.concurrency, options.recorded) = (1, false);
    options.clusters.insert("ledger-delay".to_owned(), ledger);
    let envoy = EnvoyProcess::start(&over_slow_store(plan.document()), options).await.unwrap();
    let (done, failed) = ("HTTP/1.1 204 X\r\nconnection: close\r\n\r\n", "HTTP/1.1 500 X\r\n\r\n");
    let long = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\n";
    let whole = "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    let too_much = "9\r\n012345678\r\n0\r\n\r\n";
    // The answer, its body, whether its headers go before the commit, what the store says, and a retry.
    for (n, headers, text_of_body, body, head_goes, commit, retry) in [
        (0, COUNTED, "abc", "abc", true, done, "replayed: true"),
        (1, CHUNKED, whole, "abc", true, done, "replayed: true"),
        (2, COUNTED, "abc", "abc", true, failed, "outcome_unknown"),
        (3, COUNTED, "abc", "abc", true, "", "outcome_unknown"),
        (4, long, "012345678", "012345678", false, done, "idempotency_answer_unavailable"),
        (5, CHUNKED, too_much, "012345678", true, done, "idempotency_answer_unavailable"),
        (6, long, "012345678", "012345678", false, failed, "outcome_unknown"),
    ] {
        let call = text("/calls/one", &format!("key-commit-{n}"));
        let mut client = say(&envoy, &call).await;
        let mut connection = next(&mut upstream).await;
        head(&mut connection).await;
        connection.write_all(format!("{headers}{text_of_body}").as_bytes()).await.unwrap();
        let mut store = next(&mut commits).await;
        assert!(head(&mut store).await.starts_with("POST /commit "));
        let mut told = String::new();
        if head_goes {
            told = head(&mut client).await;
        }
        settle(&envoy).await;
        client = nothing_more(client);
        // It is not over before the store says so.
        let early = rest(say(&envoy, &call).await).await;
        assert!(early.contains("idempotency_in_progress"), "{n}: {early}");
        client = nothing_more(client);
        store.write_all(commit.as_bytes()).await.unwrap();
        drop(store);
        if !head_goes {
            told = head(&mut client).await;
        }
        assert!(told.starts_with("HTTP/1.1 200 "), "{n}: {told}");
        let got = rest(client).await;
        let got = if told.contains("content-length") { got } else { dechunked(&got).0 };
        assert_eq!(got, body, "{n}: the real answer, whatever the store says");
        let again = rest(say(&envoy, &call).await).await;
        assert!(again.contains(retry), "{n}: {again}");
    }
}

/// The same chain with the module over a store whose commits wait for the cluster `ledger-delay`.
fn over_slow_store(mut document: Value) -> Value {
    host_tests::artifact::build("broken-store").unwrap();
    let filters = document.pointer_mut(HTTP_FILTERS).unwrap().as_array_mut().unwrap();
    let plugin = filters.iter_mut().find(|filter| filter["name"] == "idempotency").unwrap();
    let machine = plugin.pointer_mut("/typed_config/config/vm_config").unwrap();
    machine["code"]["local"]["filename"] = json!("/etc/pitboss/broken_store.wasm");
    machine["environment_variables"] = json!({"key_values": {"BROKEN_STORE": "slow"}});
    document
}
