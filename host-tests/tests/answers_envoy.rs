//! Responses in the real Envoy, with a scripted upstream and service.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "probe/by_hand.rs"]
mod by_hand;
#[path = "probe/gateway.rs"]
mod gateway;
#[path = "probe/service.rs"]
mod service;
#[path = "common/until.rs"]
mod until;

use by_hand::{by_hand, dechunked, head, nothing_more, rest};
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use policy_kit::{Denial, Details};
use serde_json::{json, Value};
use service::{slow_service, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use until::until;

/// Envoy with one worker, the probe, and what is behind it.
struct Stage {
    envoy: EnvoyProcess,
    calls: mpsc::UnboundedReceiver<Reply>,
    /// Connections to the upstream.
    upstream: mpsc::UnboundedReceiver<TcpStream>,
}

impl Stage {
    /// `None` where there is no Envoy. `alone`: headers can be held without the body.
    async fn open(alone: bool) -> Option<Self> {
        let binary = find_for_test().unwrap()?;
        host_tests::artifact::build("shell-probe").unwrap();
        let (casino, upstream) = by_hand().await;
        let (service, calls) = slow_service().await;
        let mut options = Options::new(binary, host_tests::artifact::wasm_dir(), casino);
        options.clusters.insert("pam".to_owned(), service);
        options.recorded = false;
        let envoy = EnvoyProcess::start(&document(alone), options).await.unwrap();
        Some(Self { envoy, calls, upstream })
    }

    /// Sends this text of a request.
    async fn say(&self, text: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.envoy.address).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        client
    }

    /// Asks with a script for the answer.
    async fn ask(&self, answer: &str) -> TcpStream {
        self.say(&request(&[("x-answer", answer)])).await
    }

    /// The next request that has come to the upstream, its headers read.
    async fn next(&mut self) -> TcpStream {
        let mut connection = self.upstream.recv().await.unwrap();
        head(&mut connection).await;
        connection
    }

    /// Waits until the worker has processed everything before.
    async fn settle(&self) {
        let mut client = self.say(&request(&[("x-script", "deny")])).await;
        assert!(head(&mut client).await.starts_with("HTTP/1.1 403 "));
    }

    /// How many connections and requests there have been to the upstream.
    async fn reached(&self) -> [u64; 2] {
        let admin = self.envoy.admin;
        let stat = |name: &'static str| async move { admin.stat(name).await.unwrap() };
        [
            stat("cluster.casino.upstream_cx_total").await,
            stat("cluster.casino.upstream_rq_total").await,
        ]
    }

    /// Waits until the counter of this result reaches a number.
    async fn told(&self, what: &str, times: u64) {
        let name = format!("wasmcustom.probe.answer.{what}");
        let counted = || async { self.envoy.admin.stat(&name).await.unwrap_or(0) == times };
        until(&name, counted).await;
    }
}

/// The probe's gateway, with trailers let through.
fn document(alone: bool) -> Value {
    let configuration = json!({"target": "pam", "request": {"timeout_ms": 15_000}});
    let mut document = gateway::gateway(&configuration);
    let resources = &mut document["static_resources"];
    let manager = &mut resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    manager["http_protocol_options"] = json!({"enable_trailers": true});
    manager["http_filters"][0]["typed_config"]["config"]["allow_on_headers_stop_iteration"] =
        json!(alone);
    let kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    resources["clusters"][0]["typed_extension_protocol_options"] = json!({kind: {
        "@type": format!("type.googleapis.com/{kind}"),
        "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
    }});
    document
}

/// A request without a body, after which the connection ends.
fn request(headers: &[(&str, &str)]) -> String {
    let headers: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
    format!(
        "GET / HTTP/1.1\r\nhost: casino.example\r\nte: trailers\r\nconnection: close, te\r\n\
         {headers}\r\n"
    )
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
const COUNTED: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\n";

/// Headers, the first part of a body, the rest, and what that is to the client.
const BODIES: [(&str, &str, &str, &str, &str); 3] = [
    (CHUNKED, "2\r\nab\r\n", "1\r\nc\r\n0\r\n\r\n", "abc", ""),
    (CHUNKED, "2\r\nab\r\n", "1\r\nc\r\n0\r\nx-checksum: 1\r\n\r\n", "abc", "x-checksum: 1"),
    (COUNTED, "ab", "c", "abc", ""),
];

fn body_of(headers: &str, rest: &str) -> (String, String) {
    match headers.contains("content-length") {
        true => (rest.to_owned(), String::new()),
        false => dechunked(rest),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn held_responses_are_sent_when_complete() {
    let Some(mut stage) = Stage::open(true).await else { return };
    for (headers, first, last, body, trailers) in BODIES {
        for (answer, held) in [("hold:3", true), ("", false), ("copy:3", false)] {
            let mut client = stage.ask(answer).await;
            let mut upstream = stage.next().await;
            upstream.write_all(format!("{headers}{first}").as_bytes()).await.unwrap();
            let told = head(&mut client).await;
            assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
            stage.settle().await;
            if held {
                client = nothing_more(client);
            } else {
                // What the check above would see.
                assert_ne!(client.peek(&mut [0; 8]).await.unwrap(), 0);
            }
            upstream.write_all(last.as_bytes()).await.unwrap();
            let got = body_of(&told, &rest(client).await);
            assert_eq!(got, (body.to_owned(), trailers.to_owned()), "{answer} {headers}");
        }
    }
    stage.told("body=3", 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_responses_wait_for_a_late_call() {
    for alone in [true, false] {
        let Some(stage) = Stage::open(alone).await else { return };
        waits_for_a_late_call(stage).await;
    }
}

async fn waits_for_a_late_call(mut stage: Stage) {
    for (headers, first, last, body, trailers) in BODIES {
        for (answer, head_goes) in [
            ("hold:3,call", true),
            ("hold:2,call", true),
            ("call", false),
            ("call,hold:3", false),
            ("call,copy:3", false),
        ] {
            let mut client = stage.ask(answer).await;
            let mut upstream = stage.next().await;
            upstream.write_all(format!("{headers}{first}{last}").as_bytes()).await.unwrap();
            let call = stage.calls.recv().await.unwrap();
            stage.settle().await;
            let mut told = String::new();
            if head_goes {
                told = head(&mut client).await;
            }
            client = nothing_more(client);
            call.send("0123456").unwrap();
            if !head_goes {
                told = head(&mut client).await;
            }
            assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
            let got = body_of(&told, &rest(client).await);
            assert_eq!(got, (body.to_owned(), trailers.to_owned()), "{answer} {headers}");
        }
    }
    let each = u64::try_from(BODIES.len()).unwrap();
    for (what, times) in [("answer=200/7", 5), ("TooLarge", 1), ("body=3", 3)] {
        stage.told(what, times * each).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_over_the_limit_pass_completely() {
    let Some(mut stage) = Stage::open(true).await else { return };
    let long = "0123456789abcdef".repeat(4096);
    for (answer, limit) in [("hold", 4), ("hold", 40_000), ("copy", 4), ("hold", 65_536)] {
        let mut client = stage.ask(&format!("{answer}:{limit}")).await;
        let mut upstream = stage.next().await;
        let length = long.len();
        let headers =
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        upstream.write_all(headers.as_bytes()).await.unwrap();
        for piece in long.as_bytes().chunks(10_000) {
            upstream.write_all(piece).await.unwrap();
            stage.settle().await;
        }
        head(&mut client).await;
        assert!(rest(client).await == long, "{answer}:{limit}");
    }
    for (what, times) in [("TooLarge", 3), ("body=65536", 1)] {
        stage.told(what, times).await;
    }
}

fn assert_replaced(text: &str, case: &str) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let refusal = Denial::UNCLASSIFIED.problem(&Details::NONE);
    assert!(head.starts_with("HTTP/1.1 403 "), "{case}: {text}");
    // Written over the upstream's answer it has no length, and comes in pieces.
    let refused = std::str::from_utf8(&refusal.body).unwrap();
    let length = format!("content-length: {}", refused.len());
    match head.lines().any(|line| line == "transfer-encoding: chunked") {
        true => {
            let pieces = format!("{:x}\r\n{refused}\r\n0\r\n", refused.len());
            assert!(body.starts_with(&pieces), "{case}: {text}");
        }
        false => {
            assert!(head.lines().any(|line| line == length), "{case}: {text}");
            assert_eq!(body, refused, "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_replacement_is_sent() {
    let Some(mut stage) = Stage::open(true).await else { return };
    for answer in ["replace", "call,replace"] {
        for (headers, first, last, ..) in BODIES {
            for after in [false, true] {
                let client = stage.ask(answer).await;
                let mut upstream = stage.next().await;
                // The body of the answer in its place comes when the upstream's does.
                let all = [first, last].concat();
                let (now, later) = if after { (first, last) } else { ("", &*all) };
                let begun = format!("{headers}{now}");
                upstream.write_all(begun.as_bytes()).await.unwrap();
                if answer.starts_with("call") {
                    stage.calls.recv().await.unwrap().send("0123456").unwrap();
                }
                // The gateway may have left already.
                let _ = upstream.write_all(later.as_bytes()).await;
                assert_replaced(&rest(client).await, &format!("{answer} {begun}"));
            }
        }
    }
}

/// The upstream answers while half of the request's body is on its way.
#[tokio::test(flavor = "multi_thread")]
async fn early_responses_are_replaced_or_held() {
    let Some(mut stage) = Stage::open(true).await else { return };
    for answer in ["replace", "call,replace", "hold:3", "hold:3,call"] {
        let headers = [("x-script", "body:9"), ("x-answer", answer), ("content-length", "9")];
        let client = stage.say(&format!("{}abc", request(&headers))).await;
        let mut upstream = stage.next().await;
        upstream.write_all(format!("{COUNTED}abc").as_bytes()).await.unwrap();
        if answer.contains("call") {
            stage.calls.recv().await.unwrap().send("0123456").unwrap();
        }
        let text = rest(client).await;
        if answer.ends_with("replace") {
            assert_replaced(&text, answer);
        } else {
            assert!(text.starts_with("HTTP/1.1 200 "), "{answer}: {text}");
            assert!(text.ends_with("\r\n\r\nabc"), "{answer}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn held_headers_leave_the_upstream_untouched() {
    let Some(mut stage) = Stage::open(true).await else { return };
    let chunked = ("transfer-encoding", "chunked");
    for (script, length, body, status) in [
        ("heldbody:2", ("content-length", "3"), "abc", "413"),
        ("heldbody:2", chunked, "3\r\nabc\r\n0\r\n\r\n", "413"),
        ("heldbody:2", chunked, "2\r\nab\r\n1\r\nc\r\n0\r\nx-checksum: 1\r\n\r\n", "413"),
        ("heldbody:3,deny", ("content-length", "3"), "abc", "403"),
        ("heldbody:3,deny", chunked, "2\r\nab\r\n1\r\nc\r\n0\r\nx-checksum: 1\r\n\r\n", "403"),
        ("heldbody:3,deny", ("content-length", "0"), "", "403"),
    ] {
        let client =
            stage.say(&format!("{}{body}", request(&[("x-script", script), length]))).await;
        let text = rest(client).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{script}: {text}");
    }
    assert_eq!(stage.reached().await, [0, 0]);
    let headers = [("x-script", "heldbody:3,call"), ("content-length", "3")];
    let mut client = stage.say(&format!("{}ab", request(&headers))).await;
    stage.settle().await;
    assert_eq!(stage.reached().await, [0, 0], "half of the body");
    client.write_all(b"c").await.unwrap();
    let call = stage.calls.recv().await.unwrap();
    stage.settle().await;
    assert_eq!(stage.reached().await, [0, 0], "the whole body, and nobody has allowed it");
    call.send("0123456").unwrap();
    let mut upstream = stage.next().await;
    let mut body = [0; 3];
    upstream.read_exact(&mut body).await.unwrap();
    upstream.write_all(format!("{COUNTED}abc").as_bytes()).await.unwrap();
    let text = rest(client).await;
    assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with("\r\n\r\nabc"), "{text}");
    assert_eq!((&body, stage.reached().await), (b"abc", [1, 1]));
    // The body comes while the call is out, and does not go on with the headers.
    for script in ["call,body:2", "call,heldbody:2", "call,body:3,deny"] {
        let headers = [("x-script", script), ("content-length", "3")];
        let client = stage.say(&format!("{}abc", request(&headers))).await;
        let call = stage.calls.recv().await.unwrap();
        stage.settle().await;
        call.send("0123456").unwrap();
        let text = rest(client).await;
        let status = if script.ends_with("deny") { "403" } else { "413" };
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{script}: {text}");
    }
    assert_eq!(stage.reached().await, [1, 1]);
    // Held alone, the body does not leave, but the headers have.
    let headers = [("x-script", "body:2"), ("content-length", "3")];
    let mut client = stage.say(&format!("{}ab", request(&headers))).await;
    let _upstream = stage.next().await;
    client.write_all(b"c").await.unwrap();
    assert!(rest(client).await.starts_with("HTTP/1.1 413 "));
    assert_eq!(stage.reached().await, [2, 2]);
}

/// A policy makes a call, then reads a body with trailers.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_trailers_survives_a_call_before_it() {
    for alone in [true, false] {
        let Some(mut stage) = Stage::open(alone).await else { return };
        for script in ["call,body:3", "call,body:3,call"] {
            let headers = [("x-script", script), ("transfer-encoding", "chunked")];
            let body = "2\r\nab\r\n1\r\nc\r\n0\r\nx-checksum: 1\r\n\r\n";
            let client = stage.say(&format!("{}{body}", request(&headers))).await;
            for _ in script.matches("call") {
                let call = stage.calls.recv().await.unwrap();
                stage.settle().await;
                call.send("0123456").unwrap();
            }
            let mut upstream = stage.next().await;
            let mut text = String::new();
            while !text.ends_with("0\r\nx-checksum: 1\r\n\r\n") {
                text.push(char::from(upstream.read_u8().await.unwrap()));
            }
            assert_eq!(dechunked(&text).0, "abc", "{alone} {script}");
            upstream.write_all(format!("{COUNTED}abc").as_bytes()).await.unwrap();
            assert!(rest(client).await.starts_with("HTTP/1.1 200 "), "{alone} {script}");
        }
    }
}
