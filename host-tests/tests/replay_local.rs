//! Local replies of the gateway: gRPC requests, tunnels, and bodies over its limit. Both halves must agree.
#![allow(clippy::unwrap_used)] // helpers of a test

use host_tests::artifact;
use host_tests::envoy::{find_for_test, workspace_root};
use host_tests::gateway::{http_filter, policyless, Gateway};
use host_tests::loopback::HTTP_FILTERS;
use host_tests::replay::{run_emulated, run_real, Comparison, Outcome};
use host_tests::traffic::Request;
use serde_json::{json, Value};

fn example() -> Value {
    artifact::build("geo-jurisdiction").unwrap();
    let path = workspace_root().join("envoy-examples/geo-jurisdiction.yaml");
    Gateway::read(&path).unwrap().document
}

/// A request as the edge passes it on.
fn edge(method: &str, host: &str, target: &str, country: &str) -> Request {
    let mut request = Request::new(method, target).from("10.20.0.1:20001".parse().unwrap());
    request.headers = vec![(b"host".to_vec(), host.as_bytes().to_vec())];
    let request = request.header("x-forwarded-for", "198.51.100.7");
    request.header("x-geo-country", country).header("authorization", "Bearer demo.p-alice")
}

/// The outcomes of both halves.
async fn agreed(document: Value, mut requests: Vec<Request>) -> Vec<Outcome> {
    for (index, request) in requests.iter_mut().enumerate() {
        request.number = index + 1;
    }
    let gateway = Gateway::from_document(document).unwrap();
    let wasm_dir = artifact::wasm_dir();
    let emulated = run_emulated(&gateway, &requests, &wasm_dir).unwrap();
    if let Some(envoy) = find_for_test().unwrap() {
        let real = run_real(&gateway, &requests, &wasm_dir, envoy).await.unwrap();
        let comparison = Comparison::new(&requests, &emulated, &real);
        assert!(comparison.differing.is_empty(), "{}", comparison.differing.join("\n\n"));
    }
    emulated
}

/// Status, code and the status of gRPC.
fn told(outcome: &Outcome) -> (u16, &str, Option<&str>) {
    let grpc = outcome.headers.iter().find_map(|it| it.strip_prefix("grpc-status: "));
    (outcome.status, &outcome.code, grpc)
}

const OTTER: &str = "play.lucky-otter.example";

#[tokio::test(flavor = "multi_thread")]
async fn grpc_requests_get_grpc_refusals() {
    let call = |method: &str, target: &str, country: &str| {
        edge(method, OTTER, target, country).header("content-type", "application/grpc")
    };
    let bet = r#"{"event":"ev-1","selection":"home","stake":500}"#;
    let cases = [
        (call("POST", "/api/bets", "DE").body(bet), (200, "jurisdiction_unlicensed", Some("2"))),
        (call("POST", "/api/bets", "MT").body(bet), (201, "-", None)),
        (call("POST", "/api/bets", "T1").body(bet), (200, "jurisdiction_unknown", Some("7"))),
        (call("HEAD", "/admin", "MT"), (200, "endpoint_unclassified", Some("7"))),
        (call("GET", "/api/../%2fadmin", "MT"), (200, "path_normalization_failed", Some("13"))),
    ];
    let (requests, wanted): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let outcomes = agreed(example(), requests).await;
    assert_eq!(outcomes.iter().map(told).collect::<Vec<_>>(), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn tunnels_reach_the_policy_and_have_no_route() {
    let open = |host: &str| edge("CONNECT", OTTER, host, "MT");
    let asked = agreed(example(), vec![open("play.lucky-otter.example:443"), open("h:80")]).await;
    let refused = (403, "endpoint_unclassified", None);
    assert_eq!(asked.iter().map(told).collect::<Vec<_>>(), [refused, refused]);
    let unasked = agreed(policyless(&json!({})), vec![open("h:80"), open("h")]).await;
    let wanted = [(404, "route_not_found", None), (400, "http1.invalid_url", None)];
    assert_eq!(unasked.iter().map(told).collect::<Vec<_>>(), wanted);
    // Envoy's buffer filter waits for an end that a tunnel does not have, until the client gives up.
    let buffer = http_filter("buffer.v3.Buffer", json!({"max_request_bytes": 100}));
    let filters = [buffer, http_filter("router.v3.Router", json!({}))];
    let holds = Gateway::from_document(policyless(&json!({"http_filters": filters}))).unwrap();
    let outcomes = run_emulated(&holds, &[open("h:80")], &artifact::wasm_dir()).unwrap();
    let said = outcomes.first().unwrap();
    assert_eq!((&*said.decision, &*said.code), ("not-emulated", "a_tunnel_held_by_buffer"));
}

/// A route that retries: the request takes effect twice.
#[tokio::test(flavor = "multi_thread")]
async fn routes_retry_by_their_policy() {
    let rule = |status: u16| {
        let rule = json!({"prefix": "/api/bets", "status": status, "effect": true, "times": 1});
        edge("POST", OTTER, "/_faults", "MT").body(json!({"rules": [rule]}).to_string())
    };
    let bet = || {
        let body = r#"{"event":"ev-1","selection":"home","stake":500}"#;
        edge("POST", OTTER, "/api/bets", "MT").body(body)
    };
    for (policy, wanted) in [
        (json!(null), [503, 500]),
        (json!({"retry_on": "5xx"}), [201, 201]),
        (json!({"retry_on": "5xx", "num_retries": 0}), [503, 500]),
        (json!({"retry_on": "gateway-error", "num_retries": 2}), [201, 500]),
        (json!({"retry_on": "connect-failure,reset"}), [503, 500]),
    ] {
        let route = json!({"cluster": "casino", "retry_policy": policy});
        let routes = json!([{"match": {"prefix": "/"}, "route": route}]);
        let hosts = json!([{"name": "all", "domains": ["*"], "routes": routes}]);
        let document = policyless(&json!({"route_config": {"virtual_hosts": hosts}}));
        let requests = vec![rule(503), bet(), rule(500), bet()];
        let outcomes = agreed(document, requests).await;
        let statuses: Vec<u16> = outcomes.iter().map(|it| it.status).collect();
        assert_eq!(statuses, [200, wanted[0], 200, wanted[1]], "{policy}");
    }
}

/// The limit of the connection, that of the buffer filter, and which lengths of body are too much for
/// the gateway while the policy waits for their end.
#[tokio::test(flavor = "multi_thread")]
async fn held_bodies_have_a_limit() {
    let call = |length: usize, grpc: bool| {
        let head = r#"{"type":"balance","pad":""#;
        let body = format!("{head}{}\"}}", "a".repeat(length - head.len() - 2));
        let request = edge("POST", "wallet.blue-heron.example", "/wallet/one", "MT").body(body);
        let kind = if grpc { "application/grpc" } else { "application/json" };
        request.header("content-type", kind)
    };
    for (connection, buffer, lengths, too_much) in [
        (Some(2_000), None, [1_999, 2_000, 2_001, 9_000], [false, false, true, true]),
        // The buffer filter's limit is that of the stream, whatever the connection's is.
        (Some(2_000), Some(4_000), [2_001, 4_000, 4_001, 9_000], [false, false, true, true]),
        (Some(4_000), Some(2_000), [1_999, 2_000, 2_001, 9_000], [false, false, true, true]),
        (Some(0), None, [100, 2_000, 9_000, 60_000], [false; 4]),
        (None, None, [100, 2_000, 9_000, 60_000], [false; 4]),
    ] {
        let mut document = example();
        let listener = document.pointer_mut("/static_resources/listeners/0").unwrap();
        listener["per_connection_buffer_limit_bytes"] = json!(connection);
        let filters = document.pointer_mut(HTTP_FILTERS).unwrap().as_array_mut().unwrap();
        filters.retain_mut(|filter| {
            if filter["name"] != "envoy.filters.http.buffer" {
                return true;
            }
            filter["typed_config"]["max_request_bytes"] = json!(buffer);
            buffer.is_some()
        });
        let requests = lengths.iter().flat_map(|it| [call(*it, false), call(*it, true)]).collect();
        let outcomes = agreed(document, requests).await;
        for (pair, too_much) in outcomes.chunks(2).zip(too_much) {
            let status = if too_much { [413, 200] } else { [200, 200] };
            assert_eq!([pair[0].status, pair[1].status], status, "{connection:?} {buffer:?}");
            let code = &pair[0].code == "request_payload_too_large";
            assert_eq!(code, too_much, "{connection:?} {buffer:?} {:?}", pair[0]);
        }
    }
}
