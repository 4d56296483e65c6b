//! Envoy's own filters around the policies, request by request: CORS, buffer, direct answers, no route.
#![allow(clippy::unwrap_used)] // helpers of a test

use host_tests::envoy::find_for_test;
use host_tests::gateway::{http_filter, policyless, Gateway};
use host_tests::replay::{run_emulated, run_real, Comparison};
use host_tests::traffic::Request;
use serde_json::json;

fn gateway() -> Gateway {
    let policy = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"exact": "https://play.example"}, {"suffix": ".lucky.example"}],
        "allow_methods": "GET, POST", "allow_headers": "content-type", "expose_headers": "x-foo",
        "max_age": "600", "allow_credentials": true});
    let document = policyless(&json!({
        "use_remote_address": true,
        "http_filters": [
            http_filter("cors.v3.Cors", json!({})),
            http_filter("buffer.v3.Buffer", json!({"max_request_bytes": 100})),
            http_filter("router.v3.Router", json!({}))],
        "route_config": {"virtual_hosts": [{"name": "otter", "domains": ["*.example"],
            "typed_per_filter_config": {"envoy.filters.http.cors": policy},
            "routes": [
                {"match": {"path": "/health"}, "direct_response": {"status": 200, "body": {"inline_string": "up"}}},
                {"match": {"prefix": "/api"}, "route": {"cluster": "casino"}}]}]},
    }));
    Gateway::from_document(document).unwrap()
}

/// Origins and preflights, bodies around the limit, and paths without an upstream.
fn table() -> Vec<Request> {
    let origins = [
        None,
        Some("https://play.example"),
        Some("https://evil.example"),
        Some("https://a.lucky.example"),
        Some("https://PLAY.example"),
        Some("null"),
        Some(""),
    ];
    let mut table = Vec::new();
    for (origin, asked) in
        origins.iter().flat_map(|it| [None, Some("POST"), Some("")].map(|m| (it, m)))
    {
        for method in ["OPTIONS", "GET"] {
            let mut request = Request::new(method, "/api/lobby");
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            if let Some(asked) = asked {
                request = request.header("access-control-request-method", asked);
            }
            table.push(request);
        }
    }
    for length in [0, 1, 99, 100, 101, 150, 5000] {
        let body = "a".repeat(length);
        let post = || Request::new("POST", "/api/bets").header("origin", "https://play.example");
        table.push(post().body(&body));
        let chunked = post().header("transfer-encoding", "chunked");
        table.push(Request { body: body.into_bytes(), ..chunked });
    }
    for target in ["/health", "/health?x", "/healthy", "/api", "/apis", "/", "/elsewhere"] {
        table.push(Request::new("GET", target));
    }
    let stranger = |host: &str| Request {
        headers: vec![(b"host".to_vec(), host.as_bytes().to_vec())],
        ..Request::new("GET", "/api/lobby")
    };
    table.extend(
        ["a.example", "A.EXAMPLE", ".example", "example", "casino.test", "a.example:80"]
            .map(stranger),
    );
    for (index, request) in table.iter_mut().enumerate() {
        request.number = index + 1;
    }
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn native_filters_are_emulated() {
    let Some(envoy) = find_for_test().unwrap() else { return };
    let (gateway, requests) = (gateway(), table());
    let nowhere = std::path::Path::new("target");
    let emulated = run_emulated(&gateway, &requests, nowhere).unwrap();
    let real = run_real(&gateway, &requests, nowhere, envoy).await.unwrap();
    let comparison = Comparison::new(&requests, &emulated, &real);
    assert!(comparison.differing.is_empty(), "{}", comparison.differing.join("\n\n"));
}
