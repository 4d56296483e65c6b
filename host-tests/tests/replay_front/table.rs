//! The requests, and the options of the connection manager under which each is sent.
#![allow(clippy::unwrap_used)] // a table of literals
#![cfg_attr(rustfmt, rustfmt_skip)] // many to a line, as tables are

use host_tests::traffic::Request;
use serde_json::{json, Value};

/// Options of the connection manager under which every request of the table is sent.
pub(crate) fn variants() -> Vec<(&'static str, Value)> {
    vec![
        ("defaults", json!({})),
        (
            "hardened",
            json!({
                "normalize_path": true, "merge_slashes": true,
                "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
                "use_remote_address": true, "xff_num_trusted_hops": 1,
                "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"},
            }),
        ),
        (
            "edge",
            json!({
                "normalize_path": true, "path_with_escaped_slashes_action": "REJECT_REQUEST",
                "use_remote_address": true, "strip_matching_host_port": true, "via": "gw",
                "common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER"},
            }),
        ),
        (
            "inner",
            json!({
                "normalize_path": true, "merge_slashes": true,
                "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
                "xff_num_trusted_hops": 1, "strip_any_host_port": true,
            }),
        ),
        (
            "two hops",
            json!({
                "merge_slashes": true, "use_remote_address": true, "xff_num_trusted_hops": 2,
                "skip_xff_append": true, "strip_trailing_host_dot": true,
                "preserve_external_request_id": true,
            }),
        ),
    ]
}

/// The same options before a route table that knows some hosts only, and answers one path by itself.
pub(crate) fn routed() -> Vec<(&'static str, Value)> {
    let host = json!({"name": "casino", "domains": ["casino.example", "*.example:8443", "h", "a.b", "1.2.3.4"], "routes": [
        {"match": {"prefix": "/api"}, "direct_response": {"status": 200, "body": {"inline_string": "up"}}},
        {"match": {"path": "/a/b"}, "direct_response": {"status": 503}},
        {"match": {"prefix": "/"}, "route": {"cluster": "casino"}}]});
    let mut all = variants();
    all.push(("http/1.0", json!({"use_remote_address": true, "http_protocol_options": {"accept_http_10": true}})));
    for (_, options) in &mut all {
        options["route_config"] = json!({"virtual_hosts": [host]});
    }
    all
}

const PATHS: &[&str] = &[
    "/", "/api/lobby", "/a/../b", "/a/./b", "/../x", "/a/..", "/a/.", "/a/.;", "/a/..;x/b", "/a/.;x/b", "/a/b;/../c", "/a/...;x/b", "/a/%2e%2e;x/b", "/a/.%2e;x/b", "/a/..;%00/b", "/a/..;%2fx/b", "/a/%2e;x", "/.;", "/a/..;/..;x", "//x", "/a//b?x=//y", "//",
    "///", "//../a", "/a//../b", "/%2e%2e/x", "/a/%2e%2E/b", "/a%2fb", "/a%2Fb?q=%2f", "/a%5cb",
    "/a\\b", "/\\evil", "/%62ets", "/%7Ebob", "/a%00b", "/%00", "/a?%00", "/a\0b", "/a;x=1/../b",
    "/a%3bx", "/a%zz", "/a%2", "/a%e9", "/a b", "/a\tb", "/a?x=../y/./z", "/a?x=a\\b", "/a?x=%2f",
    "/a#frag", "/a?b#frag", "", "*", "x", "?x", "/a/...", "/a/.../b", "/a%2e/b", "/%2e",
    "/a/b/../..//c", "/a%2f..%2fb", "/a%5C..%5Cb", "/a\"b<>", "/a|b^`{}", "/A%c3%a9", "/%2f",
    "/%2f%2fevil.example", "//evil.example", "/a%23b", "/a%3fb", "/a%3Fb/../c", "/.", "/..",
    "/a/./", "/a/../", "/.a", "/a.", "/..a/b", "/a/..b", "/a%zz%2f", "/a%2f%zz", "/%252e",
    "/%2525", "/a%7eb%2e%2E%2d", "/a%0ab", "/a%0d%0ab", "/a\x7fb", "/a\x01b", "/a/%2e%2e%2fb",
    "/a%2e%2e%2fb", "/a%2f%2fb", "/%%32%65/x", "/a//", "/a/%2e", "/a%20b", "/:80/x", "/a@b:c",
    "/a,b;c=d", "/a'b(c)*+!$&", "http://other.example/p/../q?x=1", "http://other.example",
    "http://other.example:8080/z", "https://sec/z", "HTTP://Other/z", "ftp://x/y", "http:///y",
    "http://h/a#f", "http://other?x=1", "http://other#x", "http://user@other/x",
    "http://other:99999/x", "http://[::1]/x", "http://other//x/../y", "http://other:8443/x",
    "http://other./x", "http://o^ther/x", "http:/x/y",
];

const METHODS: &[&str] = &[
    "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "PURGE", "FOO",
    "get", "M-SEARCH", "MSEARCH", "G ET", "",
];

/// Values of a `host` header; each is sent instead of the usual one.
const HOSTS: &[&[u8]] = &[
    b"", b"a,b", b"a b", b"A.Example", b"a:80", b"a:8443", b"a/b", b"user@a", b"a.", b"a.:80",
    b"\xe9", b"a:b", b"[::1]:80", b"[::1]", b"a?b", b"a#b", b"a_b", b"  a  ", b"%41", b"a\"",
    b"a<b>", b"a;b", b"(a)", b"a\\b", b"a^b", b"a`b", b"a{b}", b"a|b", b":80", b"a:99999",
    b"a:8443:8443",
];

/// Header lines to add; several to one request where a case needs them.
fn headers() -> Vec<Vec<(&'static str, &'static [u8])>> {
    let mut cases: Vec<Vec<(&str, &[u8])>> = vec![
        vec![("X-Foo", b"Bar")], vec![("x foo", b"a")], vec![("x-foo ", b"a")], vec![("", b"a")],
        vec![("x", b"")], vec![("x", b"a"), ("x", b"b")], vec![("x", b"\xff\xfe")],
        vec![("x", b"a\0b")], vec![("x", b"a\x01b")], vec![("x", b"a\tb")], vec![("x", b"a\x7fb")],
        vec![("x_y", b"a")], vec![("x@y", b"a")], vec![("x(y", b"a")], vec![("\u{e9}", b"a")],
        vec![("x", b"  a  ")], vec![("x/y", b"1")], vec![("x!#$%&'*+.^`|~", b"1")],
        vec![(":path", b"/evil")], vec![("x-geo-country", b"GB"), ("x-geo-country", b"MT")],
        vec![("connection", b"close")], vec![("connection", b"keep-alive")],
        vec![("connection", b"x-foo"), ("x-foo", b"1")],
        vec![("connection", b"close, X-Foo"), ("x-foo", b"1")],
        vec![("connection", b"x-a,, x-b"), ("x-b", b"1")], vec![("connection", b"host")],
        vec![("connection", b"cookie"), ("cookie", b"a")],
        vec![("connection", b"x-forwarded-for")], vec![("connection", b"X-Forwarded-Proto")],
        vec![("connection", b"x-forwarded-host")],
        vec![("connection", b"te"), ("te", b"trailers")], vec![("keep-alive", b"5")],
        vec![("proxy-connection", b"a")], vec![("te", b"trailers")], vec![("te", b"gzip")],
        vec![("te", b"trailers, gzip")], vec![("trailer", b"x")],
        vec![("upgrade", b"websocket"), ("connection", b"upgrade")], vec![("upgrade", b"foo")],
        vec![("upgrade", b"h2c"), ("connection", b"upgrade, http2-settings"), ("http2-settings", b"A")],
        vec![("proxy-authorization", b"x")], vec![("http2-settings", b"A")],
        vec![("x-forwarded-for", b"1.2.3.4")], vec![("x-forwarded-for", b"10.0.0.1")],
        vec![("x-forwarded-for", b"1.2.3.4, 10.0.0.9")], vec![("x-forwarded-for", b"garbage")],
        vec![("x-forwarded-for", b"1.2.3.4"), ("X-Forwarded-For", b"5.6.7.8")],
        vec![("x-forwarded-for", b"")],
        vec![("x-forwarded-for", b"1.2.3.4,2001:db8::1, 9.9.9.9:80")],
        vec![("x-forwarded-for", b"[2001:db8::1]")],
        vec![("x-forwarded-for", b"2001:db8::1, ::ffff:1.2.3.4")],
        vec![("x-forwarded-for", b"1.2.3.4,")],
        vec![("x-forwarded-for", b"1.2.3.4, 5.6.7.8, 9.10.11.12")],
        vec![("x-forwarded-for", b"01.2.3.4")], vec![("x-forwarded-proto", b"https")],
        vec![("x-forwarded-proto", b"gopher")],
        vec![("x-forwarded-proto", b"https"), ("x-forwarded-proto", b"https")],
        vec![("x-request-id", b"abc")], vec![("x-request-id", b"")],
        vec![("x-forwarded-host", b"e"), ("x-forwarded-port", b"99"), ("forwarded", b"for=1"), ("x-real-ip", b"1.1.1.1")],
        vec![("via", b"1.1 x")], vec![("x-envoy-internal", b"true")], vec![("x-envoy-foo", b"1")],
        vec![("x-original-url", b"/evil"), ("x-rewrite-url", b"/evil"), ("x-http-method-override", b"PUT")],
        vec![("expect", b"x")], vec![("content-length", b"0")],
    ];
    for name in [
        "x-envoy-external-address", "x-envoy-upstream-rq-timeout-ms", "x-envoy-max-retries",
        "x-envoy-retry-on", "x-envoy-decorator-operation", "x-envoy-original-path",
        "x-envoy-attempt-count", "x-envoy-ip-tags", "x-envoy-downstream-service-cluster",
        "x-envoy-downstream-service-node", "x-envoy-force-trace", "x-envoy-expected-rq-timeout-ms",
        "x-envoy-upstream-alt-stat-name", "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-original-host", "x-forwarded-client-cert", "x-client-trace-id",
        "x-envoy-peer-metadata",
    ] {
        cases.push(vec![(name, b"5")]);
    }
    for name in [
        "accept", "accept-encoding", "accept-language", "authorization", "cache-control",
        "content-encoding", "content-type", "cookie", "date", "etag", "forwarded",
        "idempotency-key", "if-match", "if-none-match", "origin", "pragma", "range", "referer",
        "traceparent", "user-agent", "via", "x-api-key", "x-real-ip", "x-request-id",
        "x-forwarded-host", "grpc-timeout", "server", "warning", "x-client-trace-id",
        "access-control-request-method", "x-envoy-attempt-count", "x-envoy-external-address",
    ] {
        cases.push(vec![(name, b"a"), (name, b"b")]);
    }
    cases
}

/// Lengths of targets around the limit of 60 KiB for a head, and how many small headers go with each.
fn heads() -> Vec<(usize, usize)> {
    const LIMIT: usize = 60 * 1024;
    // A head without them takes 62 bytes beside its target, 90 of them take 710.
    let around = |size: usize| [size - 22, size - 2, size - 1, size, size + 1, size + 20];
    let mut heads = vec![(LIMIT / 2, 0), (LIMIT + 1, 0)];
    heads.extend(around(LIMIT - 62).map(|target| (target, 0)));
    heads.extend(around(LIMIT - 62 - 710).map(|target| (target, 90)));
    heads
}

fn bodies() -> Vec<Request> {
    let post = |headers: &[(&str, &str)], body: &str| {
        let mut request = Request::new("POST", "/api/bets");
        request.body = body.as_bytes().to_vec();
        headers.iter().fold(request, |it, (name, value)| it.header(name, value))
    };
    vec![
        post(&[("content-length", "3")], "abc"),
        post(&[("transfer-encoding", "chunked")], "abc"),
        post(&[("transfer-encoding", "Chunked")], "abc"),
        post(&[("content-length", "3"), ("content-length", "3")], "abc"),
        post(&[("content-length", "3"), ("content-length", "4")], "abc"),
        post(&[("content-length", "3, 3")], "abc"),
        post(&[("content-length", "x")], "abc"),
        post(&[("content-length", "-1")], "abc"),
        post(&[("transfer-encoding", "chunked"), ("content-length", "3")], "abc"),
        post(&[("transfer-encoding", "gzip")], ""),
        post(&[("transfer-encoding", "gzip, chunked")], ""),
        post(&[("transfer-encoding", "identity")], ""),
        post(&[("content-length", "0")], ""),
        Request { method: b"GET".to_vec(), ..post(&[("content-length", "3")], "abc") },
        Request { method: b"GET".to_vec(), ..post(&[("transfer-encoding", "chunked")], "abc") },
    ]
}

pub(crate) fn table() -> Vec<Request> {
    let mut table: Vec<Request> = PATHS.iter().map(|it| Request::new("GET", it)).collect();
    table.push(Request::new("OPTIONS", "*"));
    table.push(Request::new("GET", b"/a\xe9b"));
    table.push(Request::new("GET", b"/a?\xff"));
    table.extend(METHODS.iter().map(|it| Request::new(it, "/")));
    let get = || Request::new("GET", "/x");
    for host in HOSTS {
        table.push(Request { headers: vec![(b"Host".to_vec(), host.to_vec())], ..get() });
    }
    table.push(Request { headers: Vec::new(), ..get() });
    table.push(get().header("host", "second"));
    for lines in headers() {
        table.push(lines.iter().fold(get(), |it, (name, value)| it.header(name, value)));
    }
    let long = vec![b'a'; 61 * 1024];
    table.push(get().header("x", long));
    table.push((0..90).fold(get(), |it, n| it.header(format!("x{n}"), "1")));
    table.push((0..110).fold(get(), |it, n| it.header(format!("x{n}"), "1")));
    // The target counts, too, and so does what stands between names and values on the wire.
    for (target, more) in heads() {
        let target = format!("/{}", "a".repeat(target - 1));
        table.push((0..more).fold(Request::new("GET", target), |it, n| it.header(format!("x{n}"), "1")));
    }
    table.extend(bodies());
    table.extend(crate::odd::requests());
    table.push(Request { http10: true, ..get() });
    table.push(Request { http10: true, headers: Vec::new(), ..get() });
    table.push(Request { http10: true, ..get().header("content-type", "application/grpc") });
    for client in ["127.0.0.1:5555", "127.9.8.7:5555", "[::1]:5555", "[2001:db8::7]:5555", "10.1.2.3:5555", "[fd00::1]:5555"] {
        table.push(get().from(client.parse().unwrap()));
        table.push(get().from(client.parse().unwrap()).header("x-forwarded-for", "1.2.3.4"));
    }
    for (index, request) in table.iter_mut().enumerate() {
        request.number = index + 1;
        *request = request.marked();
    }
    table
}

