//! Odd requests by a seed: methods, targets, hosts, header lines and bodies out of pieces that matter to some
//! parser, with a byte changed here and there.
//!
//! What is left out: line ends that no line follows, which would end the head; lengths that promise more than
//! follows, for which both would wait; and bodies without a length, which are another request.
#![cfg_attr(rustfmt, rustfmt_skip)] // many to a line, as tables are

use abi_host::Rng;
use host_tests::traffic::Request;
use std::net::SocketAddr;

const METHODS: &[&str] = &[
    "GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT",
    "QUERY", "PROPFIND", "MSEARCH", "M-SEARCH", "PURGE", "LOCK", "get", "Get", "GETT", "FOO", "PRI", "GE",
    "UNSUBSCRIBE", "MKCALENDAR", "SOURCE", "", "G=T",
];
const SEGMENTS: &[&str] = &[
    "a", "b", "api", "bets", ".", "..", "...", ".;x", "..;x", ";x=1", "%2e", "%2E%2e", ".%2e",
    "%2f", "%5c", "%5C..", "\\", "\\..", "%00", "%0a", "%zz", "%", "%2", "%25", "%252e", "%%32e",
    "%7e", "%41", "%c3%a9", "a b", "a;b", "a,b", "a|b", "a^b", "a\"b", "{a}", "<a>", "[a]", "a@b",
    "a:b", "!$&'()*+", "~", "=", "", "#f", "\u{e9}", "a\u{1}", "\t", "\u{7f}", "`", "%3f", "%23", "%3b", "%20",
];
const QUERIES: &[&str] = &[
    "", "?", "?a=1", "?a=%2f..", "?/../x", "?a#b", "??", "?a=\\", "?\u{e9}", "?a b", "?http://x/", "#", "#?a",
    " ", "  ", "\t", "?a ",
];
const AUTHORITIES: &[&str] = &[
    "casino.example", "casino.example", "casino.example", "CASINO.example", "casino.example:8443",
    "casino.example:80", "casino.example.", "nowhere.example", "a.b", "h", "h:0", "h:65535", "h:65536", "h:",
    "h:x", "[::1]", "[::1]:80", "[::1", "[zz]", "::1", "a_b", "a,b", "a b", "u@h", "u:p@h", "@", "", "a/b",
    "a?b", "a#b", "\u{e9}", "%41", "*", "a%", "1.2.3.4", "-", "a;b", "(a)", "a\\b", "a\u{1}",
];
const SCHEMES: &[&str] = &[
    "http://", "http://", "https://", "HTTP://", "ftp://", "ws://", "http:/", "http:", "//", "h+t-p.9://",
    "1a://", "://",
];
const NAMES: &[&str] = &[
    "x-a", "x-b", "X-A", "x_a", "host", "Host", "content-length", "Content-Length", "transfer-encoding",
    "connection", "Connection", "keep-alive", "proxy-connection", "te", "TE", "trailer", "upgrade", "expect",
    "http2-settings", "x-forwarded-for", "X-Forwarded-For", "x-forwarded-proto", "x-forwarded-host",
    "x-forwarded-port", "x-forwarded-client-cert", "forwarded", "via", "x-request-id", "x-client-trace-id",
    "x-envoy-internal", "x-envoy-external-address", "x-envoy-original-path", "x-envoy-max-retries",
    "x-envoy-upstream-rq-timeout-ms", "x-envoy-expected-rq-timeout-ms", "x-envoy-attempt-count",
    "x-envoy-peer-metadata", "x-envoy-decorator-operation", "x-envoy-ip-tags", "authorization", "cookie",
    "accept", "origin", "referer", "user-agent", "content-type", "cache-control", "grpc-timeout", "date",
    "proxy-authorization", "idempotency-key", "x-geo-country", "access-control-request-method", "range",
    "if-match", "pragma", "traceparent", "", "x a", "x@a", "x:a", ":path", ":authority", "x-a ", " x-a",
    "\u{e9}", "x\u{1}", "x(", "x!#$%&'*+.^`|~", "etag", "server", "accept-encoding", "if-none-match",
];
const VALUES: &[&str] = &[
    "", " ", "1", "a\nx-n: 1", "a\r\nx-n: 1", "a\n b", "a\nb", "a", "a,b", "a, b", ",", "  a  ", "\ta\t", "close", "keep-alive", "upgrade", "Upgrade", "x-a",
    "x-a, close", "close, x-a", "te", "host", ":path", "x-forwarded-for", "content-length", "transfer-encoding",
    "upgrade, x-a", "content-type", "h2c", "websocket", "h2c, websocket", "trailers", "trailers, gzip", "gzip",
    "100-continue", "100-Continue", "chunked", "Chunked", "gzip, chunked", "identity", "1.2.3.4",
    "1.2.3.4, 5.6.7.8", "http://h/x", "http://u@h/#f", "5.6.7.8,", "[2001:db8::1]", "2001:db8::1", "1.2.3.4:5", "garbage", "http", "https",
    "HTTPS", "application/grpc", "application/grpc+proto", "application/json", "\u{e9}", "a\u{1}b", "a\u{7f}b",
    "a\0b", "\"a\"", "a;b=c", "00000000-0000-4000-8000-00000000abcd", "0", "-1", "+1",
];
const PEERS: &[&str] = &[
    "203.0.113.9:5555", "203.0.113.9:5555", "203.0.113.9:5555", "10.1.2.3:5555", "127.0.0.1:5555",
    "127.9.8.7:5555", "[::1]:5555", "[2001:db8::7]:5555", "[fd00::1]:5555",
];

fn pick<T: Copy>(dice: &mut Rng, from: &[T]) -> T {
    from[dice.below(from.len())]
}

fn path(dice: &mut Rng) -> String {
    let mut out = String::new();
    for _ in 0..dice.below(5) {
        out.push('/');
        out += pick(dice, SEGMENTS);
    }
    if out.is_empty() || dice.below(12) == 0 {
        out += "/";
    }
    out + pick(dice, QUERIES)
}

fn target(dice: &mut Rng) -> Vec<u8> {
    let mut text = match dice.below(20) {
        0 => "*".to_owned(),
        1 => pick(dice, SEGMENTS).to_owned(),
        2 => pick(dice, AUTHORITIES).to_owned() + pick(dice, &["", ":80", ":443", "/x"]),
        3..=5 => pick(dice, SCHEMES).to_owned() + pick(dice, AUTHORITIES) + &path(dice),
        _ => path(dice),
    };
    if dice.below(60) == 0 {
        // Lengths around those that some parser minds.
        let size = pick(dice, &[4_000, 8_100, 8_200, 16_400, 32_000, 61_000]) + dice.below(200);
        text += &"a".repeat(size);
    }
    text.into_bytes()
}

/// Changes a byte, now and then; never into the end of a line.
fn spoil(dice: &mut Rng, bytes: &mut [u8]) {
    if bytes.is_empty() || dice.below(25) != 0 {
        return;
    }
    let at = dice.below(bytes.len());
    let byte = u8::try_from(dice.below(256)).unwrap();
    if byte != b'\r' && byte != b'\n' {
        bytes[at] = byte;
    }
}

fn line(dice: &mut Rng) -> (Vec<u8>, Vec<u8>) {
    let (name, value) = (pick(dice, NAMES), pick(dice, VALUES));
    let mut line = (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    spoil(dice, &mut line.0);
    if !line.1.contains(&b'\n') {
        spoil(dice, &mut line.1);
    }
    line
}

/// The length of a body: correct, or in a form that both refuse or ignore.
fn lengths(dice: &mut Rng, request: &mut Request) {
    let size = request.body.len().to_string();
    let mut add = |name: &str, value: &str| {
        request.headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    };
    match dice.below(12) {
        0 => add("transfer-encoding", "chunked"),
        1 => add("Transfer-Encoding", "Chunked"),
        2 => {
            add("content-length", &size);
            add("content-length", &size);
        }
        3 => {
            add("content-length", "");
            add("content-length", &size);
        }
        4 => {
            add("content-length", &size);
            add("content-length", "");
        }
        5 => {
            add("transfer-encoding", "chunked");
            add("content-length", &size);
        }
        6 => add("content-length", &format!("000{size}")),
        7 => add("content-length", &format!(" {size}\t")),
        _ => add("content-length", &size),
    }
}

/// The request of this number.
fn request(dice: &mut Rng, number: usize) -> Request {
    let mut request = Request::new(pick(dice, METHODS), target(dice));
    request.number = number;
    request.http10 = dice.below(40) == 0;
    request.client = pick(dice, PEERS).parse::<SocketAddr>().unwrap();
    spoil(dice, &mut request.method);
    spoil(dice, &mut request.target);
    let host = pick(dice, AUTHORITIES);
    request.headers = match dice.below(30) {
        0 => Vec::new(),
        _ => vec![(pick(dice, &["host", "Host"]).as_bytes().to_vec(), host.as_bytes().to_vec())],
    };
    let most = pick(dice, &[1, 4, 4, 8]);
    let count = dice.below(most);
    let tells_length = |name: &[u8]| {
        ["content-length", "transfer-encoding"]
            .iter()
            .any(|it| name.eq_ignore_ascii_case(it.as_bytes()))
    };
    for _ in 0..count {
        let line = line(dice);
        // A number in a length that is not its own would promise more than follows.
        if !(tells_length(&line.0)
            && line.1.iter().any(|it| b"1-9".contains(it) || it.is_ascii_digit()))
        {
            request.headers.push(line);
        }
    }
    if dice.below(4) == 0 && !request.headers.iter().any(|(name, _)| tells_length(name)) {
        request.body =
            pick(dice, &["", "a", "{\"stake\":500}", "0\u{0}\u{e9}"]).as_bytes().to_vec();
        lengths(dice, &mut request);
    }
    if dice.below(150) == 0 {
        let more = pick(dice, &[90, 99, 100, 101, 110]);
        request.headers.extend((0..more).map(|it| (format!("y{it}").into_bytes(), b"1".to_vec())));
    }
    request.marked()
}

/// So many requests, the same for the same seed.
pub(crate) fn requests(seed: u64, count: usize) -> Vec<Request> {
    let mut dice = Rng::seeded(seed);
    (1..=count).map(|number| request(&mut dice, number)).collect()
}
