//! What workers and configurations share: keys, and waiting for another worker's answer; and a service
//! that knows what became of a call.

use host_tests::envoy::Update;
use host_tests::raw::bytes_of;
use host_tests::traffic::Request;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::by_hand::{head, nothing_more};
use crate::fixture::{call, code_or_body, is_replay, kept, rule, Plan, Stage};
use crate::script::{Act, Upstream};
use crate::until::until;

/// A connection that is kept open, and whose worker is known.
struct Line(TcpStream);

impl Line {
    /// The system deals connections out; this asks for as many as it takes.
    async fn to(stage: &Stage, worker: usize) -> Self {
        loop {
            let before = connections(stage, worker).await;
            let mut line = Self(TcpStream::connect(stage.envoy.address).await.unwrap());
            line.settle().await;
            if connections(stage, worker).await > before {
                return line;
            }
        }
    }

    /// Whatever has reached its worker before this, that has dealt with after it.
    async fn settle(&mut self) {
        // Without a body: where a refusal comes before the end of a request, the connection ends, too.
        let nowhere = Request::new("GET", "/nowhere/at/all");
        self.0.write_all(&bytes_of(&nowhere)).await.unwrap();
        assert!(self.answer().await.0.starts_with("HTTP/1.1 403 "));
    }

    async fn say(&mut self, path: &str, key: &str) {
        let call = call(path, key);
        self.0.write_all(&bytes_of(&call)).await.unwrap();
    }

    /// The headers and the body of the next answer.
    async fn answer(&mut self) -> (String, String) {
        let head = head(&mut self.0).await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    /// Nothing has come.
    fn silent(self) -> Self {
        Self(nothing_more(self.0))
    }
}

async fn connections(stage: &Stage, worker: usize) -> u64 {
    let filter = format!("/stats?filter=worker_{worker}.downstream_cx_total$");
    let (_, text) = stage.envoy.admin.get(&filter).await.unwrap();
    text.trim().rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_on_another_worker_waits_for_the_answer() {
    let rules = json!([
        rule("waits", &json!({"wait_ms": 5_000})),
        rule("hurries", &json!({"wait_ms": 60})),
    ]);
    let plan = Plan::new(&["calls", "waits", "hurries"], &rules);
    let Some(stage) = Stage::open(plan).await else { return };
    for (first, second) in [(0, 1), (1, 0), (0, 0)] {
        let mut line = Line::to(&stage, first).await;
        let mut other = Line::to(&stage, second).await;
        let mut beside = Line::to(&stage, second).await;
        for (kind, waits) in [("waits", true), ("hurries", false), ("calls", false)] {
            let path = format!("/{kind}/{first}-{second}");
            let key = format!("key-{kind}-{first}-{second}");
            let (go, later) = oneshot::channel();
            stage.upstream.will(&path, [Act::Later(later)]);
            line.say(&path, &key).await;
            stage.upstream.reads(&path).await;
            other.say(&path, &key).await;
            beside.settle().await;
            if waits {
                other = other.silent();
            } else {
                let (head, body) = other.answer().await;
                assert!(head.starts_with("HTTP/1.1 503 "), "{path}: {head}");
                assert!(body.contains("idempotency_in_progress"), "{path}: {body}");
            }
            go.send(()).unwrap();
            let (_, told) = line.answer().await;
            assert_eq!(told, r#"{"nth":1}"#, "{path}");
            if !waits {
                other.say(&path, &key).await;
            }
            let (head, again) = other.answer().await;
            assert!(head.contains("idempotent-replayed: true\r\n"), "{path}: {head}");
            assert_eq!((again, stage.upstream.seen(&path)), (told, 1), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_survive_configurations() {
    let plan = |kinds| Plan::new(kinds, &json!([]));
    let stage = Stage::open_with(plan(&["calls"]), |options| options.updatable = true).await;
    let Some(stage) = stage else { return };
    let done = call("/calls/done", "key-done");
    let first = stage.ask(&done).await.unwrap();
    let (go, later) = oneshot::channel();
    stage.upstream.will("/calls/slow", [Act::Later(later)]);
    let slow = call("/calls/slow", "key-slow");
    let (slowly, ()) = tokio::join!(stage.ask(&slow), async {
        stage.upstream.reads("/calls/slow").await;
        let next = plan(&["calls", "fresh"]).document();
        assert_eq!(stage.envoy.update_listener(&next).await.unwrap(), Update::Accepted);
        // Calls that only the next configuration knows tell that it serves.
        let fresh = call("/fresh/one", "key-fresh");
        let serves = || async {
            let answer = stage.ask(&fresh).await;
            answer.is_some_and(|answer| answer.status == 200)
        };
        until("the next configuration", serves).await;
        let early = stage.ask(&slow).await.unwrap();
        assert_eq!(code_or_body(&early), "idempotency_in_progress");
        go.send(()).unwrap();
    });
    for (call, first) in [(done, first), (slow, slowly.unwrap())] {
        assert_eq!((first.status, is_replay(&first)), (200, false));
        let again = stage.ask(&call).await.unwrap();
        assert!(is_replay(&again));
        assert_eq!(kept(&again), kept(&first));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciles_an_unknown_outcome() {
    let books = json!({"cluster": "books", "path": "/calls/{key}?of={owner}", "pointer": "/state",
        "completed": ["done"], "free": ["none"], "free_status": [404]});
    let rules = json!([
        rule("asked", &json!({"reconcile": books})),
        rule("brief", &json!({"reconcile": books, "timeout_ms": 100, "margin_ms": 0})),
        rule("retried", &json!({"reconcile": books})),
        rule("adding", &json!({"reconcile": books})),
    ]);
    let clusters = json!([{"name": "books"}]);
    let again = json!({"retry_on": "reset,5xx", "num_retries": 3});
    let route = json!({"cluster": "casino", "retry_policy": again});
    let routes = json!([
        {"match": {"prefix": "/retried/"}, "route": route},
        {"match": {"prefix": "/adding/"}, "route": route, "request_headers_to_add": [{
            "header": {"key": "x-envoy-max-retries", "value": "2"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]},
    ]);
    let kinds = &["asked", "brief", "retried", "adding"];
    let plan = Plan { clusters, routes, ..Plan::new(kinds, &rules) };
    let books = Upstream::start().await;
    let address = books.address;
    let stage = Stage::open_with(plan, |options| {
        options.clusters.insert("books".to_owned(), address);
    });
    let Some(stage) = stage.await else { return };
    let done = r#"{"state":"done","amount":7}"#;
    // What the books say, what two retries get, and how often the upstream and the books were asked.
    for (key, told, retries, seen) in [
        ("key-done", Act::Answer(200, done), [(200, done), (200, done)], [1, 1]),
        // The upstream may not have come to the call yet.
        (
            "key-soon",
            Act::Answer(200, r#"{"state":"none"}"#),
            [(503, "outcome_unknown"), (200, done)],
            [1, 2],
        ),
        (
            "key-pending",
            Act::Answer(200, r#"{"state":"pending"}"#),
            [(503, "outcome_unknown"), (200, done)],
            [1, 2],
        ),
        ("key-500-", Act::Answer(500, done), [(503, "outcome_unknown"), (200, done)], [1, 2]),
        ("key-cut-", Act::Cut, [(503, "outcome_unknown"), (200, done)], [1, 2]),
    ] {
        let (path, asked) = (format!("/asked/{key}"), format!("/calls/{key}?of=house"));
        stage.upstream.will(&path, [Act::Cut]);
        books.will(&asked, [told, Act::Answer(200, done)]);
        assert_eq!(stage.ask(&call(&path, key)).await.unwrap().status, 503, "{key}");
        let mut before = Vec::new();
        for (status, want) in retries {
            // The worker that asked the books in vain asks them again 5 seconds later, the other one at once.
            if before.contains(&"outcome_unknown") {
                let known = || async {
                    // Real time passes here, and Envoy's clock with it.
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                    stage.ask(&call(&path, key)).await.unwrap().status == 200
                };
                until("the books are asked again", known).await;
            }
            let answer = stage.ask(&call(&path, key)).await.unwrap();
            assert_eq!((answer.status, code_or_body(&answer).as_str()), (status, want), "{key}");
            // What the books told of is told as if it had been told before.
            let again = want == done || before.contains(&want);
            before.push(want);
            assert_eq!(is_replay(&answer), status == 200 && again, "{key}");
        }
        assert_eq!([stage.upstream.seen(&path), books.seen(&asked)], seen, "{key}");
    }
    // A route that would try again does not: that would come after the word of the books.
    let no = || Act::Answer(500, "no");
    for (path, acts, status, seen) in [
        ("/retried/cut", vec![Act::Cut], 503, 1),
        ("/retried/500", vec![no()], 500, 1),
        // What the route says itself comes after the module: README.md leaves that to the operator.
        ("/adding/500", vec![no(), no(), no()], 500, 3),
    ] {
        stage.upstream.will(path, acts);
        let key = path.replace('/', "-");
        assert_eq!(stage.ask(&call(path, &key)).await.unwrap().status, status, "{path}");
        assert_eq!(stage.upstream.seen(path), seen, "{path}");
    }
    // Once its deadline has passed, it will not.
    for (key, status, told) in [("key-none", 200, r#"{"state":"none"}"#), ("key-404-", 404, "")] {
        let (path, asked) = (format!("/brief/{key}"), format!("/calls/{key}?of=house"));
        stage.upstream.will(&path, [Act::Cut]);
        books.will(&asked, (0..20_000).map(|_| Act::Answer(status, told)));
        assert_eq!(stage.ask(&call(&path, key)).await.unwrap().status, 503, "{key}");
        let runs = || async { stage.ask(&call(&path, key)).await.unwrap().status == 200 };
        until("the deadline", runs).await;
        assert!(is_replay(&stage.ask(&call(&path, key)).await.unwrap()), "{key}");
        assert_eq!(stage.upstream.seen(&path), 2, "{key}");
    }
}
