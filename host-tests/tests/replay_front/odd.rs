//! Unusual requests: tunnels, URLs or `*` as targets, unusual `connection` headers, and gRPC requests.
#![cfg_attr(rustfmt, rustfmt_skip)] // many to a line, as tables are

use host_tests::traffic::Request;

/// Targets of a CONNECT.
const TUNNELS: &[&str] = &[
    "h:80", "h", "h:", "h:0", "h:080", "h:8443", "h:65536", "h:99999", "h:8a", ":80", "h:80/x", "h:80?x",
    "h:80#x", "/x", "*", "?x", "#x", "http://h/x", "http://h:80", "[::1]:80", "[::1]", "[zz]:80", "[a]:80",
    "a@b:80", "a@@b:80", "a:b:80", "a_b:80", "a,b:80", "a!b:80", "a'b:80", "a%41:80", "-:80", "h.:80",
    "casino.example:80", "H:80",
];

/// Authorities in a URL.
const AUTHORITIES: &[&str] = &[
    "[::1", "[::1]:x", "[::1]x", "[::1]:80", "[::1]:8443", "[::1]:", "[::1]:80:80", "[]", "[]:80", "[", "[h", "h]", "h[",
    "[zz]", "[1]", "[:]", "[...]", "[v1.a]", "[::ffff:1.2.3.4]", "[::1%25eth0]", "[::1%eth0]", "[::1%]",
    "[1:2:3:4:5:6:7:8:9]", "::1", "a:", "a:80:80", ":80", "a:8x", "h:0", "h:080", "h:65535", "h:65536",
    "h:-1", "h:+80", "h:00000000000000000080", "h:80.", "h.:80", "h.", "@", "user:pw@h", "user:@h:80", "user@",
    "@h", "a@", "user@:80", "a:80@b", "a:1@b:2", "a@b@c", "a@@b", "a@b@@c", "u%40x@h", "u[@h",
    "[::1]:80@h", "u@[::1]:80", "a_b!$&()*,;=~@h", "%41", "a_b", "a;b", "a,b", "*", "a'b", "a!b",
    "a$b", "a&b", "(a)", "a+b", "a=b", "a~b", "a\"b", "a<b", "a\\b", "a^b", "a`b", "a{b", "a|b", ".",
    "..", "-", "a..b", "xn--a", "1.2.3.4", "A:80", "h:8443",
];

/// URLs, and what looks like one.
const URLS: &[&str] = &[
    "http:///x", "http://", "http:/x", "http:x", "HTTP://h", "http://h?", "http://h/?", "https://h",
    "http://h*", "http://h:80?x=1", "httpx://h/", "h://h/x", "://h/x", "http//h/x", "http:///", "http://?x",
    "http://h//", "http://h:80#f", "1http://h/x", "a+b://h/x", "a_b://h/x", "ht.tp-+9://h/x", "ws://h/x", "ws://a_b/x",
    "HTTPS://h/x", "http:\\\\h\\x", "http://h?a/b", "http://h/a?b@c", "http://h/%2f", "https://a_b/x",
    "http://h/x?y=http://z",
];

const STARS: &[&str] = &["*", "*x", "*?x", "**", "*/", "*:80", "/*", "*#f", "http://h", "http://h*", "h:80"];

/// Values of a `connection` header.
const OPTIONS: &[&str] = &[
    ":path", ":authority", ":method", ":scheme", ":protocol", ":status", ":foo", ":", ":PATH", ":path, x-a",
    "x-a, :path", "close, :authority", ":path,:method", "upgrade, :path", "keep-alive, :path", "x y", "x:y",
    "\"x\"", "x/y", ",", "authorization", "content-type", "content-length", "transfer-encoding",
    "x-forwarded-port", "X-Forwarded-Host", "x-forwarded-for2", "x-request-id", "forwarded", "x-a,x-a,x-a",
    "TE", "cdn-loop", "connection", "via",
];

/// Content types around that of gRPC.
const TYPES: &[&str] = &[
    "application/grpc", "application/grpc+proto", "application/grpc+", "application/grpc;x=y",
    "application/grpc ; x", "application/grpc-web", "Application/gRPC", "application/grpcx",
    "application/grpc,text/plain", "text/plain, application/grpc", "application/grpc ",
];

pub(crate) fn requests() -> Vec<Request> {
    let get = |target: &str| Request::new("GET", target);
    let connect = || Request::new("CONNECT", "h:80");
    let mut all: Vec<Request> = TUNNELS.iter().map(|it| Request::new("CONNECT", it)).collect();
    for (name, value) in [
        ("content-length", "0"), ("content-length", "00"), ("content-length", "3"), ("content-length", "x"),
        ("transfer-encoding", "chunked"), ("transfer-encoding", "gzip"), ("content-type", "application/grpc"),
        ("connection", "host"), ("connection", ":path"), ("te", "trailers"), ("x_y", "1"),
    ] {
        all.push(connect().header(name, value));
    }
    all.push(connect().header("upgrade", "websocket").header("connection", "upgrade"));
    all.push(connect().header("transfer-encoding", "chunked").header("content-length", "3"));
    all.push(Request { headers: Vec::new(), ..connect() });
    all.push(Request { headers: vec![(b"host".to_vec(), b"a/b".to_vec())], ..connect() });
    all.push(Request::new("CONNECT", "h").header("content-length", "3"));
    all.extend(AUTHORITIES.iter().map(|it| get(&format!("http://{it}/x"))));
    all.extend(URLS.iter().map(|it| get(it)));
    for method in ["OPTIONS", "GET", "POST", "HEAD", "TRACE", "DELETE"] {
        all.extend(STARS.iter().map(|it| Request::new(method, it)));
    }
    let star = || Request::new("OPTIONS", "*");
    all.push(Request { headers: Vec::new(), ..star() });
    all.push(Request { headers: vec![(b"host".to_vec(), b"a/b".to_vec())], ..star() });
    all.push(star().header("upgrade", "websocket").header("connection", "upgrade"));
    all.push(star().header("origin", "a").header("access-control-request-method", "GET"));
    all.push(star().body("abc"));
    for option in OPTIONS {
        let request = get("/x").header("x-a", "1").header("authorization", "A").header("via", "v");
        let request = request.header("forwarded", "f").header("cdn-loop", "c").header("content-type", "t");
        all.push(request.header("connection", option));
    }
    // What is refused first where several things are wrong.
    for (target, name, value) in [
        ("a_b", "transfer-encoding", "gzip"), ("http://h:x/x", "transfer-encoding", "gzip"),
        ("http://h:x/x", "connection", ":path"), ("*", "connection", ":path"), ("*", "content-length", "x"),
    ] {
        all.push(get(target).header(name, value));
    }
    all.push(get("/x").header("connection", ":path").header("content-length", "x"));
    all.push(get("/x").header("connection", ":path").header("transfer-encoding", "gzip"));
    for option in ["upgrade, :path", "upgrade, x-forwarded-for", "upgrade, host, x-forwarded-proto", "upgrade"] {
        all.push(get("/x").header("connection", option).header("upgrade", "websocket"));
        all.push(get("/x").header("connection", option).header("upgrade", "h2c"));
        all.push(connect().header("connection", option).header("upgrade", "websocket"));
    }
    all.push(get("/x").header("connection", "transfer-encoding").header("transfer-encoding", "gzip"));
    all.push(get("/x").header("connection", "content-length").header("content-length", "x"));
    all.extend(grpc());
    all.extend(lengths());
    all.extend(lines());
    all
}

/// Lengths beside codings: the last coding counts, what is no number counts only without chunks, and a number
/// beside any coding is refused.
fn lengths() -> Vec<Request> {
    let mut all = Vec::new();
    let codings: &[&[&str]] = &[
        &["chunked"], &["Chunked"], &["gzip, chunked"], &["chunked", "identity"], &["identity", "chunked"],
        &["chunked", "chunked"], &["gzip", "chunked"], &["chunked", "gzip"], &["chunked", ""], &["", "chunked"],
        &["gzip"], &["identity"], &[""], &["chunked,"],
    ];
    let numbers: &[&[&str]] = &[
        &[], &["0"], &["x"], &[""], &["0", "0"], &["x", "y"], &["x", "1"], &["1", "x"], &["1,1"], &["-1"],
        &["99999999999999999999999"], &["99999999999999999999999", "x"],
        &["99999999999999999999999", "99999999999999999999998"],
    ];
    for coding in codings {
        for number in numbers {
            // Envoy reads no chunks here and lets the request pass: what was its body is another request.
            if *coding == ["chunked", ""] && number.is_empty() {
                continue;
            }
            let request = coding.iter().fold(Request::new("POST", "/x"), |it, one| it.header("transfer-encoding", *one));
            all.push(number.iter().fold(request, |it, one| it.header("content-length", *one)));
        }
    }
    all
}

/// Request lines with a byte that none may have, HTTP/1.0 beside another fault, and a QUERY beside one.
fn lines() -> Vec<Request> {
    let mut all: Vec<Request> = [
        ("FOO", "\u{c}"), ("F\u{1}", ""), ("PU\u{1a}", " "), ("GE\u{7f}", ""), ("GET", "\u{b} "), ("CONNECT", "\u{c}"),
        ("\u{1}GET", "/x"),
    ].into_iter().map(|(method, target)| Request::new(method, target)).collect();
    for method in ["GET", "CONNECT"] {
        all.push(Request::new(method, "").header("x", "a\u{1}"));
    }
    for target in ["https://h/x", "https://a b/x", "https://a_b/x", "http://h/x"] {
        all.push(Request { http10: true, ..Request::new("GET", target) });
    }
    for target in ["/x", "/x#a", "/a%00b", "/a%2fb", "http://h?b/", "http://h/x", "*", "x"] {
        let query = || Request::new("QUERY", target);
        all.extend([query(), query().header("content-type", ""), query().header("content-type", "a")]);
        all.push(query().header("content-type", "").header("content-type", "a"));
        all.push(Request { headers: Vec::new(), ..query() });
    }
    all
}

/// Upgrades to where there is a route, and to where there is none.
pub(crate) fn upgrades() -> Vec<Request> {
    let mut all = Vec::new();
    for host in ["casino.example", "nowhere.example", "h:0"] {
        for target in ["/x", "/api", "/a/b", "/a#b"] {
            for (kind, connection) in [("websocket", "upgrade"), ("HTTPS", "Upgrade, x-a"), ("h2c", "upgrade")] {
                let mut request = Request { headers: vec![(b"host".to_vec(), host.as_bytes().to_vec())], ..Request::new("GET", target) };
                request = request.header("connection", connection).header("upgrade", kind);
                all.extend([request.clone().header("x-a", "1").header("te", "gzip, trailers"), request]);
            }
        }
    }
    for (index, request) in all.iter_mut().enumerate() {
        request.number = index + 1;
        *request = request.marked();
    }
    all
}

/// Invalid gRPC requests, which the gateway answers.
fn grpc() -> Vec<Request> {
    let call = |target: &str| Request::new("GET", target).header("content-type", "application/grpc");
    let bare = |host: Option<&str>| {
        let host = host.map(|it| (b"host".to_vec(), it.as_bytes().to_vec()));
        let kind = (b"content-type".to_vec(), b"application/grpc".to_vec());
        Request { headers: host.into_iter().chain([kind]).collect(), ..Request::new("GET", "/x") }
    };
    let mut all: Vec<Request> = TYPES.iter().map(|it| Request::new("GET", "/a#b").header("content-type", it)).collect();
    all.push(call("/a#b").header("content-type", "text/plain"));
    all.push(call("/a#b").header("connection", "content-type"));
    for target in [
        "/x", "/a#b", "/a%00b", "/a%2fb", "/a%5cb", "*", "x", "/a\u{1}", "https://h/x", "http://h:99999/x",
        "http://h?x",
    ] {
        all.push(call(target));
        all.push(Request { method: b"HEAD".to_vec(), ..call(target) });
    }
    all.extend([bare(None), bare(Some("a/b"))]);
    all.push(Request { method: b"OPTIONS".to_vec(), ..call("*") });
    all.push(Request { method: b"FOO".to_vec(), ..call("/x") });
    all.push(call("/x").header("upgrade", "websocket").header("connection", "upgrade"));
    all.push(Request { method: b"POST".to_vec(), ..call("/a#b") }.body("abc"));
    for (name, value) in [
        ("connection", "x-forwarded-for"), ("transfer-encoding", "gzip"), ("content-length", "x"), ("x y", "1"),
        ("x_y", "1"), ("te", "trailers"),
    ] {
        all.push(call("/x").header(name, value));
    }
    all.push((0..110).fold(call("/x"), |it, n| it.header(format!("x{n}"), "1")));
    all
}
