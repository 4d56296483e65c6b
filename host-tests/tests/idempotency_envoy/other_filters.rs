//! Filters around the module: those before it treat what it writes over an answer as they treat any
//! answer, and one behind it may end bodies in its own way.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::by_hand::{by_hand, dechunked, head, rest};
use crate::fixture::{buffer, call, code_or_body, is_replay, options, Plan, Stage};
use crate::script::Act;
use host_tests::envoy::EnvoyProcess;

const ORIGIN: &str = "https://play.lucky-otter.example";

/// A browser is shown an early refusal only if the cors filter, which stands first, has seen it.
#[tokio::test(flavor = "multi_thread")]
async fn early_refusals_have_cors_headers() {
    let plan = Plan { last: json!([]), ..Plan::new(&["calls"], &json!([])) };
    let Some(stage) = Stage::open(plan).await else { return };
    for (path, status, body) in [
        ("/calls/201", 201, r#"{"bet":1}"#),
        ("/calls/500", 500, "a longer text than that of the refusal ".repeat(40).leak()),
        ("/calls/303", 303, "{}"),
    ] {
        stage.upstream.will(path, [Act::Early(status, body)]);
        let mut client = TcpStream::connect(stage.envoy.address).await.unwrap();
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: casino.example\r\nidempotency-key: key-{status}-000\r\n\
             origin: {ORIGIN}\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{{\"a\""
        );
        client.write_all(text.as_bytes()).await.unwrap();
        let answer = rest(client).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{path}: {answer}");
        let cors = format!("access-control-allow-origin: {ORIGIN}\r\n");
        assert!(answer.contains(&cors), "{path}: {answer}");
        assert!(answer.contains("content-type: application/problem+json\r\n"), "{path}: {answer}");
        assert!(!answer.contains("set-cookie"), "{path}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body = if body.starts_with('{') { body.to_owned() } else { dechunked(body).0 };
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["code"], "outcome_unknown", "{path}");
        let retry = stage.ask(&call(path, &format!("key-{status}-000"))).await.unwrap();
        assert_eq!(
            (retry.status, code_or_body(&retry).as_str()),
            (503, "outcome_unknown"),
            "{path}"
        );
    }
}

/// `{"id":"tx-1"}` as gzip.
const GZIP: [u8; 33] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0xca, 0x4c, 0x51, 0xb2,
    0x52, 0x2a, 0xa9, 0xd0, 0x35, 0x54, 0xaa, 0x05, 0x00, 0x6c, 0x56, 0x18, 0x12, 0x0d, 0x00, 0x00,
    0x00,
];

/// The decompressor behind the module ends the body by trailers of its own: the answer waited for the
/// idle timeout, and its client had nothing.
#[tokio::test(flavor = "multi_thread")]
async fn stores_decompressed_answers() {
    let kind = |name: &str| format!("type.googleapis.com/envoy.extensions.{name}");
    let decompressor = json!({"name": "envoy.filters.http.decompressor", "typed_config": {
        "@type": kind("filters.http.decompressor.v3.Decompressor"),
        "decompressor_library": {"name": "gzip", "typed_config": {
            "@type": kind("compression.gzip.decompressor.v3.Gzip")}}}});
    let plan =
        Plan { last: json!([decompressor, buffer(4_096)]), ..Plan::new(&["calls"], &json!([])) };
    let (address, mut upstream) = by_hand().await;
    let Some(mut options) = options(address) else { return };
    (options.concurrency, options.recorded) = (1, false);
    let envoy = EnvoyProcess::start(&plan.document(), options).await.unwrap();
    let counted = format!("content-length: {}", GZIP.len());
    for (n, framing, cut) in [
        (0, counted.as_str(), GZIP.len()),
        (1, counted.as_str(), 20),
        (2, "transfer-encoding: chunked", GZIP.len()),
        (3, "transfer-encoding: chunked", 20),
    ] {
        let text = format!(
            "POST /calls/{n} HTTP/1.1\r\nhost: casino.example\r\nidempotency-key: key-000{n}-zip\r\n\
             connection: close\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        let mut client = TcpStream::connect(envoy.address).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        let mut connection = upstream.recv().await.unwrap();
        head(&mut connection).await;
        connection.read_exact(&mut [0; 2]).await.unwrap();
        let headers = format!(
            "HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-encoding: gzip\r\n\
             content-type: application/json\r\n{framing}\r\n\r\n"
        );
        connection.write_all(headers.as_bytes()).await.unwrap();
        for piece in [&GZIP[..cut], &GZIP[cut..]] {
            if framing.contains("chunked") && !piece.is_empty() {
                connection.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
            }
            connection.write_all(piece).await.unwrap();
            if framing.contains("chunked") && !piece.is_empty() {
                connection.write_all(b"\r\n").await.unwrap();
            }
            // So that Envoy reads it by itself.
            head(&mut say_nothing(&envoy).await).await;
        }
        if framing.contains("chunked") {
            connection.write_all(b"0\r\n\r\n").await.unwrap();
        }
        let answer = rest(client).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{n}: {answer}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(dechunked(body).0, r#"{"id":"tx-1"}"#, "{n}");
        let mut again = TcpStream::connect(envoy.address).await.unwrap();
        again.write_all(text.as_bytes()).await.unwrap();
        let again = rest(again).await;
        assert!(again.contains("idempotent-replayed: true\r\n"), "{n}: {again}");
        assert!(again.ends_with(r#"{"id":"tx-1"}"#), "{n}: {again}");
    }
    let stat = envoy.admin.stat("http.players.downstream_rq_idle_timeout").await;
    assert_eq!(stat.unwrap_or_default(), 0);
}

/// A request that is refused: what has reached the one worker before it has been dealt with.
async fn say_nothing(envoy: &EnvoyProcess) -> TcpStream {
    let mut client = TcpStream::connect(envoy.address).await.unwrap();
    client
        .write_all(
            b"GET /nowhere/at/all HTTP/1.1\r\nhost: casino.example\r\nconnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    client
}

/// A client of an inner network is believed what it orders the router to do: not on calls with keys.
#[tokio::test(flavor = "multi_thread")]
async fn strips_router_headers_of_clients() {
    let Some(stage) = Stage::open(Plan::new(&["calls"], &json!([]))).await else { return };
    for (n, order, value) in [
        (0, "x-envoy-retry-on", "5xx"),
        (1, "X-Envoy-Retry-On", "5xx,reset"),
        (2, "x-envoy-retriable-status-codes", "503"),
        (3, "x-envoy-hedge-on-per-try-timeout", "true"),
        (4, "x-envoy-upstream-rq-timeout-ms", "1"),
        (5, "x-envoy-upstream-rq-timeout-alt-response", "1"),
    ] {
        let path = format!("/calls/{n}");
        stage.upstream.will(&path, [Act::Answer(503, "first"), Act::Answer(200, "second")]);
        let ordered = call(&path, &format!("key-steered-{n}")).header(order, value);
        let ordered = ordered
            .header("x-envoy-max-retries", "3")
            .header("x-envoy-retry-on", "retriable-status-codes,5xx")
            .header("x-envoy-upstream-rq-per-try-timeout-ms", "2000");
        let answer = stage.ask(&ordered).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (503, &b"first"[..]), "{order}");
        assert_eq!(stage.upstream.seen(&path), 1, "{order}");
        assert!(!is_replay(&answer));
    }
}
