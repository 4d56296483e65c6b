//! What each way in which a request can end means for its key, on the real Envoy.

use host_tests::traffic::Request;
use serde_json::{json, Value};
use tokio::net::TcpSocket;

use crate::fixture::{buffer, call, code_or_body, is_replay, kept, rule, Plan, Stage};
use crate::script::{Act, Upstream};

/// What a retry gets.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Retry {
    /// It is carried out.
    Runs,
    /// The first answer.
    Replay,
    /// 503 `outcome_unknown`: what a settlement is about may be owed.
    Unknown,
}

const KINDS: &[&str] = &[
    "calls", "hasty", "retrying", "retried", "leaving", "closed", "reopened", "full", "lost",
    "direct", "shedding", "codes",
];

/// Whether the route tries once more.
fn route(kind: &str, action: &Value) -> Value {
    let mut route = json!({"cluster": "casino", "timeout": "25s"});
    route.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
    json!({"match": {"prefix": format!("/{kind}/")}, "route": route})
}

/// The same, whatever the module says of that: the router obeys the header that the route sets last.
fn insisting(kind: &str, action: &Value) -> Value {
    let mut route = route(kind, action);
    route["request_headers_to_add"] = json!([{
        "header": {"key": "x-envoy-max-retries", "value": "1"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]);
    route
}

fn plan() -> Plan {
    let again = json!({"retry_on": "reset,connect-failure,5xx", "num_retries": 1});
    let rules = json!([
        rule("shedding", &json!({"not_executed": [503, 409]})),
        rule(
            "codes",
            &json!({"outcome": {
            "pointer": "/code", "completed": ["OK", "NO_MONEY"], "retryable": ["BUSY"],
            "unknown": ["PENDING"]}})
        ),
    ]);
    let kind = |name: &str| format!("type.googleapis.com/envoy.extensions.filters.http.{name}");
    let script = "function envoy_on_request(handle)\n\
                    if handle:headers():get('x-later') == 'refuse' then\n\
                      handle:respond({[':status'] = '418'}, 'no')\n\
                    end\n\
                  end";
    Plan {
        routes: json!([
            route("hasty", &json!({"timeout": "0.2s"})),
            route("retrying", &json!({ "retry_policy": again })),
            insisting("retried", &json!({ "retry_policy": again })),
            insisting("leaving", &json!({"cluster": "leaving", "retry_policy": again})),
            insisting("closed", &json!({"cluster": "closed", "retry_policy": again})),
            route("reopened", &json!({"cluster": "closed"})),
            route("full", &json!({"cluster": "full"})),
            {"match": {"prefix": "/lost/"}, "route": {"cluster_header": "x-cluster"}},
            {"match": {"prefix": "/direct/"}, "direct_response": {"status": 404}},
        ]),
        clusters: json!([
            {"name": "leaving"},
            {"name": "closed"},
            {"name": "full", "circuit_breakers": {"thresholds": [{"max_requests": 0}]}},
        ]),
        last: json!([
            {"name": "envoy.filters.http.lua", "typed_config": {
                "@type": kind("lua.v3.Lua"), "default_source_code": {"inline_string": script}}},
            {"name": "envoy.filters.http.fault", "typed_config": {
                "@type": kind("fault.v3.HTTPFault"),
                "abort": {"header_abort": {}, "percentage": {"numerator": 100}}}},
            buffer(4_096),
        ]),
        ..Plan::new(KINDS, &rules)
    }
}

/// A call with something more in its headers.
fn with(path: &str, name: &str, value: &str) -> Request {
    call(path, &key(path)).header(name, value)
}

fn key(path: &str) -> String {
    format!("key-{}", path.trim_start_matches('/').replace('/', "-"))
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_get_what_the_exchange_implies() {
    use Act::{Answer, Cut, Hold, Torn};
    use Retry::{Replay, Runs, Unknown};
    let reserved = TcpSocket::new_v4().unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = reserved.local_addr().unwrap();
    let stage = Stage::open_with(plan(), |options| {
        options.clusters.insert("closed".to_owned(), closed);
    });
    let Some(stage) = stage.await else { return };
    let ok = r#"{"code":"OK"}"#;
    // The path, what the upstream does, the first answer's status (none where it broke off), what a
    // retry gets, and how many requests the upstream has seen in the end.
    for (path, acts, first, retry, seen) in [
        ("/calls/200", vec![], Some(200), Replay, 1),
        ("/calls/201", vec![Answer(201, "{}")], Some(201), Replay, 1),
        ("/calls/204", vec![Answer(204, "")], Some(204), Replay, 1),
        ("/calls/400", vec![Answer(400, "{}")], Some(400), Replay, 1),
        ("/calls/404", vec![Answer(404, "{}")], Some(404), Replay, 1),
        ("/calls/422", vec![Answer(422, "no money")], Some(422), Replay, 1),
        ("/calls/401", vec![Answer(401, "{}")], Some(401), Runs, 2),
        ("/calls/403", vec![Answer(403, "{}")], Some(403), Runs, 2),
        ("/calls/425", vec![Answer(425, "{}")], Some(425), Runs, 2),
        ("/calls/429", vec![Answer(429, "{}")], Some(429), Runs, 2),
        ("/calls/408", vec![Answer(408, "{}")], Some(408), Unknown, 1),
        ("/calls/409", vec![Answer(409, "{}")], Some(409), Unknown, 1),
        ("/calls/302", vec![Answer(302, "")], Some(302), Replay, 1),
        ("/calls/303", vec![Answer(303, "{}")], Some(303), Replay, 1),
        ("/calls/304", vec![Answer(304, "")], Some(304), Replay, 1),
        ("/calls/421", vec![Answer(421, "{}")], Some(421), Runs, 2),
        ("/calls/451", vec![Answer(451, "{}")], Some(451), Runs, 2),
        ("/calls/499", vec![Answer(499, "{}")], Some(499), Unknown, 1),
        ("/calls/799", vec![Answer(799, "{}")], Some(799), Unknown, 1),
        ("/calls/500", vec![Answer(500, "{}")], Some(500), Unknown, 1),
        ("/calls/502", vec![Answer(502, "{}")], Some(502), Unknown, 1),
        ("/calls/503", vec![Answer(503, "{}")], Some(503), Unknown, 1),
        ("/calls/504", vec![Answer(504, "{}")], Some(504), Unknown, 1),
        ("/calls/cut", vec![Cut], Some(503), Unknown, 1),
        ("/calls/torn", vec![Torn], None, Unknown, 1),
        ("/hasty/timeout", vec![Hold], Some(504), Unknown, 1),
        // What the operator says of statuses, and what the contract says within its answers.
        ("/shedding/503", vec![Answer(503, "{}")], Some(503), Runs, 2),
        ("/shedding/409", vec![Answer(409, "{}")], Some(409), Runs, 2),
        ("/shedding/500", vec![Answer(500, "{}")], Some(500), Unknown, 1),
        ("/codes/ok", vec![Answer(200, ok)], Some(200), Replay, 1),
        ("/codes/no-money", vec![Answer(200, r#"{"code":"NO_MONEY"}"#)], Some(200), Replay, 1),
        ("/codes/busy", vec![Answer(200, r#"{"code":"BUSY"}"#)], Some(200), Runs, 2),
        ("/codes/pending", vec![Answer(200, r#"{"code":"PENDING"}"#)], Some(200), Unknown, 1),
        ("/codes/new", vec![Answer(200, r#"{"code":"NEW"}"#)], Some(200), Unknown, 1),
        ("/codes/none", vec![Answer(200, "{}")], Some(200), Unknown, 1),
        ("/codes/no-json", vec![Answer(200, "OK")], Some(200), Unknown, 1),
        ("/codes/500", vec![Answer(500, ok)], Some(500), Unknown, 1),
        ("/codes/401", vec![Answer(401, ok)], Some(401), Runs, 2),
        // The route would try once more, and may not.
        ("/retrying/cut", vec![Cut], Some(503), Unknown, 1),
        ("/retrying/503", vec![Answer(503, "{}")], Some(503), Unknown, 1),
        ("/retrying/401", vec![Answer(401, "{}")], Some(401), Runs, 2),
        // Retries of a gateway that is configured to: the second result does not show what the first attempt did.
        ("/retried/200", vec![Cut], Some(200), Replay, 2),
        ("/retried/503-200", vec![Answer(503, "{}")], Some(200), Replay, 2),
        ("/retried/401", vec![Cut, Answer(401, "{}")], Some(401), Unknown, 2),
        ("/retried/403", vec![Cut, Answer(403, "{}")], Some(403), Unknown, 2),
        ("/retried/422", vec![Cut, Answer(422, "{}")], Some(422), Unknown, 2),
        ("/retried/429", vec![Cut, Answer(429, "{}")], Some(429), Unknown, 2),
        ("/retried/500", vec![Cut, Answer(500, "{}")], Some(500), Unknown, 2),
        ("/retried/cut", vec![Cut, Cut], Some(503), Unknown, 2),
        ("/retried/torn", vec![Cut, Torn], None, Unknown, 2),
        ("/retried/not-again", vec![Answer(401, "{}")], Some(401), Runs, 2),
    ] {
        stage.upstream.will(path, acts);
        let answer = stage.ask(&call(path, &key(path))).await;
        assert_eq!(answer.as_ref().map(|it| it.status), first, "{path}: the first");
        let again = stage.ask(&call(path, &key(path))).await.unwrap();
        let got = match (again.status, code_or_body(&again).as_str()) {
            (503, "outcome_unknown") => Unknown,
            _ if is_replay(&again) => {
                assert_eq!(Some(kept(&again)), answer.as_ref().map(kept), "{path}");
                assert_eq!(again.header("set-cookie"), None, "{path}");
                Replay
            }
            (200, body) if body == format!(r#"{{"nth":{seen}}}"#) => Runs,
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!((got, stage.upstream.seen(path)), (retry, seen), "{path}: the retry");
    }
    refused_by_a_later_filter(&stage).await;
    nobody_listens(&stage, reserved).await;
}

/// These requests did not reach the upstream: a retry that is not refused is carried out.
async fn refused_by_a_later_filter(stage: &Stage) {
    let long = "x".repeat(5_000);
    for (path, refused, status) in [
        ("/calls/lua", with("/calls/lua", "x-later", "refuse"), 418),
        ("/calls/fault", with("/calls/fault", "x-envoy-fault-abort-request", "403"), 403),
        ("/calls/fault-5xx", with("/calls/fault-5xx", "x-envoy-fault-abort-request", "503"), 503),
        ("/lost/nowhere", with("/lost/nowhere", "x-cluster", "nowhere"), 503),
    ] {
        assert_eq!(stage.ask(&refused).await.unwrap().status, status, "{path}");
        assert_eq!(stage.upstream.seen(path), 0, "{path}");
        let retry = with(path, "x-cluster", "casino");
        let answer = stage.ask(&retry).await.unwrap();
        assert_eq!(
            (answer.status, code_or_body(&answer).as_str()),
            (200, r#"{"nth":1}"#),
            "{path}"
        );
        let answer = stage.ask(&retry).await.unwrap();
        assert!(is_replay(&answer), "{path}");
    }
    // Freed, so that they are what they were at every try: nothing is replayed.
    for (path, call, status) in [
        ("/calls/long", call("/calls/long", "key-long").body(&long), 413),
        ("/direct/404", call("/direct/404", "key-direct"), 404),
        ("/full/overflow", call("/full/overflow", "key-overflow"), 503),
    ] {
        for _ in 0..2 {
            let mut call = call.clone();
            if status == 413 {
                call.headers.retain(|(name, _)| name != b"content-length");
                call = call.body(&long);
            }
            let answer = stage.ask(&call).await.unwrap();
            assert_eq!((answer.status, is_replay(&answer)), (status, false), "{path}");
            assert_ne!(code_or_body(&answer), "outcome_unknown", "{path}");
        }
        assert_eq!(stage.upstream.seen(path), 0, "{path}");
    }
}

/// Refused connections: after one attempt the key is free, after two it is unknown.
async fn nobody_listens(stage: &Stage, reserved: TcpSocket) {
    for (path, codes) in [("/reopened/once", [false, false]), ("/closed/twice", [false, true])] {
        for unknown in codes {
            let answer = stage.ask(&call(path, &key(path))).await.unwrap();
            assert_eq!(answer.status, 503, "{path}");
            assert_eq!(code_or_body(&answer) == "outcome_unknown", unknown, "{path}");
        }
    }
    let reopened = Upstream::serve(reserved.listen(64).unwrap());
    let path = "/reopened/once";
    for replayed in [false, true] {
        let answer = stage.ask(&call(path, &key(path))).await.unwrap();
        assert_eq!((answer.status, is_replay(&answer)), (200, replayed));
    }
    assert_eq!(reopened.seen(path), 1);
}

/// The first try is read, then reset, and the second finds nobody: the last try's flags are those of a
/// call that never left.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_second_attempt_is_inconclusive() {
    let leaving = Upstream::start().await;
    let stage = Stage::open_with(plan(), |options| {
        options.clusters.insert("leaving".to_owned(), leaving.address);
    });
    let Some(stage) = stage.await else { return };
    let path = "/leaving/read";
    leaving.will(path, [Act::Leave]);
    let answer = stage.ask(&call(path, &key(path))).await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(
        code_or_body(&answer).contains("remote connection failure"),
        "{}",
        code_or_body(&answer)
    );
    let again = stage.ask(&call(path, &key(path))).await.unwrap();
    assert_eq!((again.status, code_or_body(&again).as_str()), (503, "outcome_unknown"));
    assert_eq!(leaving.seen(path), 1);
}
