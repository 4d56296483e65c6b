//! The requests, the gateway, and the attributes to read.
use abi_host::{Codec, Headers, Response};
use host_tests::gateway::{http_filter, policyless};
use host_tests::traffic::Request;
use serde_json::{json, Value};

/// One request, and what it meets.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) request: Request,
    pub(crate) trailers: Option<Headers>,
    /// What the upstream answers; none where there is no upstream, or it refuses.
    pub(crate) answer: Option<Response>,
}

impl Scene {
    /// True where a request of this path, as the upstream gets it, is this scene's.
    pub(crate) fn reaches(&self, path: &str) -> bool {
        let own = std::str::from_utf8(&self.request.target).unwrap();
        let moved = self.request.values("x-move").next();
        path == moved.map_or(own, |it| std::str::from_utf8(it).unwrap())
    }
}

/// An answer with a body whose length is known, as a codec delivers it.
fn plain() -> Response {
    let answer = Response::new(200).header("x-up", "1").header("content-length", "5");
    answer.header("x-twice", "a").header("x-twice", "b").body("hello")
}

fn with_trailers() -> Response {
    let answer = Response::new(200).header("x-up", "1").header("transfer-encoding", "chunked");
    let answer = answer.body("hello");
    let mut answer = answer.trailers(Headers::from([("x-end", "z")]));
    answer.codec = Codec::Http1;
    answer.headers.remove("content-length");
    answer
}

/// Every scene, in the order in which they are sent.
pub(crate) fn scenes() -> Vec<Scene> {
    let of = |name: &'static str, method: &str, target: &str| {
        Request::new(method, target)
            .header("x-probe", name)
            .header("x-twice", "1")
            .header("x-twice", "2")
            .header("user-agent", "ua")
            .header("referer", "rr")
            .header("connection", "close")
    };
    let scene = |name, method, target, answer| Scene {
        name,
        request: of(name, method, target),
        trailers: None,
        answer,
    };
    let mut moved = scene("moved", "GET", "/up?z", Some(plain()));
    moved.request = moved.request.header("x-move", "/named/y?q=2");
    let mut post = scene("post", "POST", "/up", Some(with_trailers()));
    post.request = post.request.header("transfer-encoding", "chunked");
    post.request.body = b"body".to_vec();
    post.trailers = Some(Headers::from([("x-t", "1")]));
    let mut length = scene("length", "POST", "/up?", Some(with_trailers()));
    length.request = length.request.body("body");
    let bare = Response::new(204).header("x-up", "1");
    vec![
        scene("get", "GET", "/named/x?a=1", Some(plain())),
        post,
        scene("bare", "GET", "/named/bare", Some(bare)),
        moved,
        length,
        scene("direct", "GET", "/direct", None),
        scene("none", "GET", "/none", None),
        scene("dead", "GET", "/dead", None),
    ]
}

/// The gateway.
pub(crate) fn document() -> Value {
    let route = |prefix: &str, cluster: &str| json!({"match": {"prefix": prefix}, "route": {"cluster": cluster}});
    let mut named = route("/named", "casino");
    named["name"] = json!("bets");
    let direct = json!({"status": 200, "body": {"inline_string": "up"}});
    let routes = json!([named, {"match": {"prefix": "/direct"}, "direct_response": direct},
        route("/dead", "dead"), route("/up", "casino")]);
    let kind = "type.googleapis.com/google.protobuf.StringValue";
    let wasm = json!({"config": {
        "name": "probe", "root_id": "root",
        "configuration": {"@type": kind, "value": attributes().join("\n")},
        "vm_config": {"vm_id": "vm", "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": "/etc/attributes.wasm"}}}}});
    let mut document = policyless(&json!({
        "use_remote_address": true,
        "http_protocol_options": {"enable_trailers": true},
        "route_config": {"name": "table", "virtual_hosts": [
            {"name": "games", "domains": ["*"], "routes": routes}]},
        "http_filters": [http_filter("wasm.v3.Wasm", wasm), http_filter("router.v3.Router", json!({}))],
    }));
    let options = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}}}});
    let clusters = document["static_resources"]["clusters"].as_array_mut().unwrap();
    clusters[0]["typed_extension_protocol_options"] = options;
    let mut dead = clusters[0].clone();
    dead["name"] = json!("dead");
    clusters.push(dead);
    document["static_resources"]["listeners"][0]["traffic_direction"] = json!("INBOUND");
    document["node"] = json!({"id": "edge-1", "cluster": "edges"});
    document
}

/// The attributes, each as its parts with blanks between: all that Envoy's documentation lists, what older
/// releases had, and some that there are not.
pub(crate) fn attributes() -> Vec<String> {
    let groups: &[(&str, &str)] = &[
        (
            "request",
            "path url_path host scheme method headers headers/x-twice headers/x-probe headers/x-none \
             referer useragent time id protocol query duration size total_size trailers none",
        ),
        (
            "response",
            "code code_details flags grpc_status headers headers/x-up headers/x-twice trailers \
             trailers/x-end size total_size backend_latency none",
        ),
        ("source", "address port none"),
        ("destination", "address port none"),
        (
            "connection",
            "id mtls requested_server_name tls_version subject_local_certificate \
             subject_peer_certificate dns_san_local_certificate dns_san_peer_certificate \
             uri_san_local_certificate uri_san_peer_certificate sha256_peer_certificate_digest \
             transport_failure_reason termination_details peer_certificate_valid none",
        ),
        (
            "upstream",
            "address port tls_version subject_local_certificate subject_peer_certificate \
             dns_san_local_certificate dns_san_peer_certificate uri_san_local_certificate \
             uri_san_peer_certificate sha256_peer_certificate_digest local_address \
             transport_failure_reason request_attempt_count cx_pool_ready_duration num_endpoints \
             locality hosts_attempted none",
        ),
        ("metadata", "filter_metadata filter_metadata/none"),
        ("filter_state", "wasm.probe.fact probe.fact"),
        ("upstream_filter_state", "wasm.probe.fact"),
        (
            "xds",
            "cluster_name cluster_metadata route_name route_metadata upstream_host_metadata \
             upstream_host_locality_metadata filter_chain_name listener_metadata listener_direction \
             node/id node/cluster virtual_host_name virtual_host_metadata none",
        ),
        ("node", "id cluster metadata locality"),
    ];
    let mut all = Vec::new();
    for (top, names) in groups {
        all.push((*top).to_owned());
        let names = names.split_whitespace();
        all.extend(names.map(|name| format!("{top} {}", name.replace('/', " "))));
    }
    let single =
        "probe.fact plugin_name plugin_root_id plugin_vm_id cluster_name cluster_metadata \
        listener_direction listener_metadata route_name route_metadata upstream_host_metadata \
        connection_id none";
    all.extend(single.split_whitespace().map(str::to_owned));
    all
}
