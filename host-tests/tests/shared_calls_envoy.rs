//! Shared calls in the real Envoy, with a scripted service.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "probe/gateway.rs"]
mod gateway;
#[path = "probe/service.rs"]
mod service;
#[path = "common/until.rs"]
mod until;

use bytes::Bytes;
use host_tests::client::send;
use host_tests::envoy::{find_for_test, EnvoyProcess, Options};
use host_tests::traffic::{Answer, Request};
use host_tests::upstream::Server;
use serde_json::{json, Value};
use service::{slow_service, Reply};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use until::until;

/// Envoy with one worker, the probe, and a service that reports each call and waits.
struct Stage {
    envoy: EnvoyProcess,
    calls: mpsc::UnboundedReceiver<Reply>,
    _upstream: Server,
}

impl Stage {
    async fn open(more: Value) -> Option<Self> {
        let binary = find_for_test().unwrap()?;
        host_tests::artifact::build("shell-probe").unwrap();
        let upstream = Server::start(echo).await.unwrap();
        let (service, calls) = slow_service().await;
        let wasm_dir = host_tests::artifact::wasm_dir();
        let mut options = Options::new(binary, wasm_dir, upstream.address);
        options.clusters.insert("pam".to_owned(), service);
        let mut configuration = json!({"target": "pam", "request": {"timeout_ms": 15_000}});
        for (name, value) in more.as_object().unwrap() {
            configuration[name] = value.clone();
        }
        let document = gateway::gateway(&configuration);
        let envoy = EnvoyProcess::start(&document, options).await.unwrap();
        Some(Self { envoy, calls, _upstream: upstream })
    }

    /// Sends a request, and waits until the filter reached its `mark`.
    async fn send(&self, mark: &str, script: &str) -> JoinHandle<Answer> {
        let script = format!("mark:{mark},{script}");
        let request = Request::new("POST", "/").header("x-script", script).body("abc");
        let (address, port) = (self.envoy.address, self.envoy.listener_port);
        let answer =
            tokio::spawn(async move { send(address, Some(port), &request).await.unwrap() });
        self.reaches(&format!("probe.mark.{mark}"), 1).await;
        answer
    }

    /// As above, from a client that can disconnect.
    async fn connect(&self, mark: &str, script: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.envoy.address).await.unwrap();
        let port = self.envoy.listener_port;
        let text = format!(
            "PROXY TCP4 203.0.113.9 127.0.0.1 5555 {port}\r\n\
             GET / HTTP/1.1\r\nhost: casino.example\r\nx-script: mark:{mark},{script}\r\n\r\n"
        );
        client.write_all(text.as_bytes()).await.unwrap();
        self.reaches(&format!("probe.mark.{mark}"), 1).await;
        client
    }

    async fn counter(&self, name: &str) -> u64 {
        self.envoy.admin.stat(&format!("wasmcustom.{name}")).await.unwrap_or(0)
    }

    /// Polls the counter, which a thread of Envoy increments.
    async fn reaches(&self, name: &str, value: u64) {
        until(&format!("{name} = {value}"), || async { self.counter(name).await >= value }).await;
    }
}

/// Answers with the request's `x-a`.
fn echo(request: http::Request<Bytes>) -> http::Response<Bytes> {
    let value = request.headers().get("x-a").map(|it| it.as_bytes().to_vec());
    http::Response::new(value.unwrap_or_default().into())
}

fn seen(answer: &Answer) -> String {
    answer.header("x-seen").unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_streams_of_a_shared_call_are_answered() {
    let Some(mut stage) = Stage::open(json!({})).await else { return };
    let table = [
        (["join:k,set:x-a=1", "join:k,set:x-a=2"], [200, 200], ["1", "2"]),
        (["join:k,deny", "join:k,set:x-a=2"], [403, 200], ["", "2"]),
        (["join:k,set:x-a=1", "join:k,deny"], [200, 403], ["1", ""]),
        (["body:3,join:k", "body:3,join:k"], [200, 200], ["", ""]),
        (["body:3,join:k,deny", "join:k,body:3"], [403, 200], ["", ""]),
    ];
    for (round, (scripts, statuses, bodies)) in (1..).zip(table) {
        let first = stage.send(&format!("first{round}"), scripts[0]).await;
        let call = stage.calls.recv().await.unwrap();
        let second = stage.send(&format!("second{round}"), scripts[1]).await;
        assert!(!first.is_finished() && !second.is_finished(), "{scripts:?}");
        call.send("0123456").unwrap();
        let answers = [first.await.unwrap(), second.await.unwrap()];
        assert_eq!([answers[0].status, answers[1].status], statuses, "{scripts:?}");
        for (answer, body) in answers.iter().zip(bodies) {
            let landed = format!("landing{round}:answer=200/7");
            assert!(seen(answer).contains(&landed), "{scripts:?}: {}", seen(answer));
            let text = String::from_utf8_lossy(&answer.body);
            assert!(answer.status == 403 || text == body, "{scripts:?}: {text}");
        }
        assert!(stage.calls.try_recv().is_err(), "{scripts:?}: asked twice");
    }
}

/// A refusal re-enters the VM, where Envoy resumes the next stream. Too many would overflow the stack and
/// lose the VM.
#[tokio::test(flavor = "multi_thread")]
async fn many_waiting_streams_do_not_trap() {
    let Some(mut stage) = Stage::open(json!({})).await else { return };
    for round in 1..=2 {
        let first = stage.send(&format!("first{round}"), "join:k,set:x-a=1").await;
        let call = stage.calls.recv().await.unwrap();
        let crowd: Vec<_> = (0..600)
            .map(|_| {
                let script = format!("mark:crowd{round},join:k,deny");
                let request = Request::new("GET", "/").header("x-script", script);
                let (address, port) = (stage.envoy.address, stage.envoy.listener_port);
                tokio::spawn(async move { send(address, Some(port), &request).await.unwrap() })
            })
            .collect();
        stage.reaches(&format!("probe.mark.crowd{round}"), 600).await;
        call.send("0123456").unwrap();
        let mut answers = vec![first.await.unwrap()];
        for answer in crowd {
            answers.push(answer.await.unwrap());
        }
        let waited = format!("landing{round}:answer=200/7");
        let beyond = format!("landing{}:crowded", round - 1);
        let told = |what: &str| answers.iter().filter(|it| seen(it).contains(what)).count();
        assert_eq!((told(&waited), told(&beyond)), (64, 537), "round {round}");
        let of = |status| answers.iter().filter(|it| it.status == status).count();
        assert_eq!((of(200), of(403)), (1, 600), "round {round}");
    }
    assert!(stage.calls.try_recv().is_err(), "asked more than once a round");
    let log = stage.envoy.log();
    assert!(!log.contains("RangeError") && !log.contains("wasm_fail_stream"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_keeps_the_shared_call() {
    let Some(mut stage) = Stage::open(json!({})).await else { return };
    for (round, first_leaves) in [(1, true), (2, false)] {
        let leaver = format!("leaver{round}");
        let stayer = format!("stayer{round}");
        let mut call = None;
        let (mut client, mut stays) = (None, None);
        for leaves in [first_leaves, !first_leaves] {
            if leaves {
                client = Some(stage.connect(&leaver, "join:k,deny").await);
            } else {
                stays = Some(stage.send(&stayer, "join:k,set:x-a=1").await);
            }
            if call.is_none() {
                call = stage.calls.recv().await;
            }
        }
        let over = stage.counter("probe.logged").await;
        drop(client);
        stage.reaches("probe.logged", over + 1).await;
        call.unwrap().send("0123456").unwrap();
        let answer = stays.unwrap().await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"1"[..]));
        assert!(seen(&answer).ends_with(&format!("landing{round}:answer=200/7 set")));
    }
    assert!(stage.calls.try_recv().is_err(), "asked more than once a round");
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_have_one_pending_call_and_it_completes() {
    let more = json!({"tick_ms": 20, "tick_key": "keys"});
    let Some(mut stage) = Stage::open(more).await else { return };
    // The main thread has a timer of its own, and so has every worker.
    let calls = [stage.calls.recv().await.unwrap(), stage.calls.recv().await.unwrap()];
    let ticks = stage.counter("probe.ticks").await;
    stage.reaches("probe.ticks", ticks + 6).await;
    assert!(stage.calls.try_recv().is_err(), "a second flight took off");
    assert_eq!(stage.counter("probe.landed.keys").await, 0);
    let joined = stage.send("joined", "join:keys").await;
    assert!(stage.calls.try_recv().is_err(), "the stream did not join the timer's flight");
    for call in calls {
        call.send("0123456").unwrap();
    }
    stage.reaches("probe.landed.keys", 2).await;
    let answer = joined.await.unwrap();
    assert_eq!(seen(&answer), "mark landing1:answer=200/7");
    // After its completion the call can be made again.
    stage.calls.recv().await.unwrap().send("").unwrap();
}
