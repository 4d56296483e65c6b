//! The head of a request in Envoy's HTTP/1 codec: refusals, joined and removed fields.
use super::address::value;
use super::refusal::{Refusal, TORN};
use super::url;
use crate::gateway::{Hcm, Underscores};
use crate::traffic::{Fields, Request};

/// Header fields that Envoy keeps once; further ones are joined with a comma.
const JOINED: &[&str] = &[
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-type",
    "expect",
    "grpc-timeout",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "origin",
    "pragma",
    "referer",
    "te",
    "upgrade",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "content-length",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

/// Joined too, but only these of Envoy's own.
const JOINED_ENVOY: &[&str] = &[
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-max-retries",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
];

/// Methods that Envoy's codec knows.
const METHODS: &[&str] = &[
    "ACL",
    "BIND",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "MSEARCH",
    "NOTIFY",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
];

/// The line and the fields of a head, as Envoy's parser reads them.
pub(super) struct Head<'a> {
    /// The target, trimmed.
    pub(super) target: &'a [u8],
    /// It has a transfer coding.
    pub(super) encoded: bool,
    /// The header fields as Envoy's map has them.
    pub(super) fields: Fields,
}

/// Reads a head. The parser looks at its size first, then at every byte of it, then at the line and the
/// fields; the codec behind it counts and names them.
pub(super) fn read<'a>(request: &'a Request, hcm: &Hcm) -> Result<Head<'a>, Refusal> {
    let codec_error = || Refusal::bad_request("http1.codec_error");
    let wire = wire(request);
    if is_torn(request, &wire) {
        return Err(Refusal::bad_request(TORN));
    }
    // Without a method the line begins with a blank and is invalid.
    if request.method.first().is_none_or(|byte| *byte <= b' ') {
        return Err(codec_error());
    }
    if head_size(request) > hcm.max_headers_kib * 1024 {
        return Err(Refusal::new(431, "http1.headers_too_large"));
    }
    if [&request.method, &request.target].into_iter().flatten().any(|it| is_forbidden(*it)) {
        return Err(Refusal::bad_request("http1.invalid_characters"));
    }
    // A line of two words is HTTP/0.9, which has no header lines: the version is in the place of the
    // target.
    if request.target.trim_ascii().is_empty() {
        return Err(match request.method.as_slice() {
            b"CONNECT" => Refusal::bad_request("http1.invalid_url"),
            _ => codec_error(),
        });
    }
    if wire.iter().any(|byte| is_forbidden(*byte)) {
        return Err(Refusal::bad_request("http1.invalid_characters"));
    }
    let target = line(request).ok_or_else(codec_error)?;
    let lines = if wire.is_empty() { Some(Fields::new()) } else { lines(&wire) };
    let lines = lines.ok_or_else(codec_error)?;
    let encoded = lines.iter().any(|(name, _)| name == b"transfer-encoding");
    Ok(Head { target, encoded, fields: fields(lines, hcm)? })
}

/// Bytes that are invalid in a head.
fn is_forbidden(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f
}

/// The target of a request line of three words, where method and target are what the parser takes.
fn line(request: &Request) -> Option<&[u8]> {
    // Blanks around the target are ignored; within it they separate words.
    let target = request.target.trim_ascii();
    let known = std::str::from_utf8(&request.method).is_ok_and(|it| METHODS.contains(&it));
    let clean = target.iter().all(u8::is_ascii_graphic);
    let good = known && clean && url::is_well_formed(target, request.method == b"CONNECT");
    good.then_some(target)
}

/// The header lines on the wire: a recorded value may contain the end of a line.
fn wire(request: &Request) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in &request.headers {
        out.extend([name.as_slice(), b": ", value, b"\n"].concat());
    }
    out.pop();
    out
}

/// The header lines, split at their first colons. A line that begins with a blank continues the one before
/// it. `None` if the parser refuses them.
fn lines(wire: &[u8]) -> Option<Fields> {
    let mut out = Fields::new();
    for line in wire.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            out.last_mut()?.1.extend(line);
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte) || !byte.is_ascii()) {
            return None;
        }
        out.push((name.to_ascii_lowercase(), value.get(1..)?.to_vec()));
    }
    for (_, value) in &mut out {
        *value = value.trim_ascii().to_vec();
    }
    lengths_are_good(&out).then_some(out)
}

/// The value of a `content-length` by the parser.
#[derive(PartialEq, Eq)]
enum Length {
    Number,
    TooLarge,
    None,
}

/// True if the length is one number in one field. With chunked coding invalid and repeated lengths are
/// ignored.
fn lengths_are_good(lines: &Fields) -> bool {
    let read = |value: &[u8]| {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        match std::str::from_utf8(value).ok().filter(|_| digits) {
            None => Length::None,
            Some(text) if text.parse::<u64>().is_err() => Length::TooLarge,
            Some(_) => Length::Number,
        }
    };
    let fields = lines.iter().filter(|(name, _)| name == b"content-length");
    let lengths: Vec<Length> = fields.map(|(_, value)| read(value)).collect();
    let Some(first) = lengths.first() else { return true };
    let alike = lengths.iter().all(|it| it == first);
    match first {
        Length::Number => lengths.len() == 1,
        Length::TooLarge | Length::None => alike && is_chunked(lines),
    }
}

/// The last `transfer-encoding` counts.
fn is_chunked(lines: &Fields) -> bool {
    let last = lines.iter().rev().find(|(name, _)| name == b"transfer-encoding");
    last.is_some_and(|(_, value)| value.eq_ignore_ascii_case(b"chunked"))
}

/// True if line breaks within a part of the head create what is not emulated: another request line, an
/// early end of the head, or a lone carriage return.
fn is_torn(request: &Request, wire: &[u8]) -> bool {
    let breaks = |text: &[u8]| text.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
    let torn = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.is_empty() || line.contains(&b'\r')
    };
    breaks(&request.method)
        || breaks(&request.target)
        || (!wire.is_empty() && wire.split(|byte| *byte == b'\n').any(torn))
}

/// The header fields as Envoy's map has them.
fn fields(lines: Fields, hcm: &Hcm) -> Result<Fields, Refusal> {
    let mut out = Fields::new();
    let foreign = |name: &[u8]| !name.is_ascii();
    // A field is processed once the name of the next one is read.
    let follows: Vec<bool> = lines.iter().skip(1).map(|(name, _)| foreign(name)).collect();
    for (count, (name, value)) in lines.into_iter().enumerate() {
        if count >= hcm.max_headers_count {
            return Err(Refusal::new(431, "http1.too_many_headers"));
        }
        if foreign(&name) || follows.get(count).copied().unwrap_or_default() {
            return Err(Refusal::bad_request("http1.codec_error"));
        }
        if name.contains(&b'_') {
            match hcm.underscores {
                Underscores::Allow => {}
                Underscores::Drop => continue,
                Underscores::Reject => {
                    return Err(Refusal::bad_request("http1.unexpected_underscore"));
                }
            }
        }
        add(&mut out, name, &value);
    }
    Ok(out)
}

/// The size of a head on the wire: Envoy's parser counts the request line and separators too.
fn head_size(request: &Request) -> usize {
    let line = request.method.len() + request.target.len() + "  HTTP/1.1\r\n".len();
    let field = |(name, value): &(Vec<u8>, Vec<u8>)| name.len() + value.len() + ": \r\n".len();
    line + request.headers.iter().map(field).sum::<usize>() + "\r\n".len()
}

fn add(fields: &mut Fields, name: Vec<u8>, value: &[u8]) {
    let joined = |list: &[&str]| list.iter().any(|it| it.as_bytes() == name);
    if joined(JOINED) || joined(JOINED_ENVOY) {
        if let Some((_, first)) = fields.iter_mut().find(|(it, _)| *it == name) {
            if !first.is_empty() && !value.is_empty() {
                first.push(b',');
            }
            first.extend_from_slice(value);
            return;
        }
    }
    fields.push((name, value.to_vec()));
}

/// Removes the fields that the `connection` header names.
pub(super) fn connection(fields: &mut Fields) -> Result<(), Refusal> {
    if let Some(connection) = value(fields, "connection").map(<[u8]>::to_vec) {
        for option in connection.split(|byte| *byte == b',') {
            let option = option.trim_ascii().to_ascii_lowercase();
            match option.as_slice() {
                b"" | b"close" | b"keep-alive" | b"upgrade" | b"te" => {}
                b"x-forwarded-for" | b"x-forwarded-host" | b"x-forwarded-proto" => {
                    return Err(Refusal::bad_request("http1.connection_header_rejected"));
                }
                [b':', ..] => {
                    return Err(Refusal::bad_request("http1.connection_header_rejected"));
                }
                name => fields.retain(|(it, _)| it != name),
            }
        }
    }
    Ok(())
}

/// Refuses contradicting lengths: no `content-length` with a transfer coding.
pub(super) fn one_length(fields: &Fields, encoded: bool) -> Result<(), Refusal> {
    if encoded && value(fields, "content-length").is_some() {
        return Err(Refusal::bad_request("http1.content_length_and_chunked_not_allowed"));
    }
    if let Some(coding) = value(fields, "transfer-encoding") {
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal::new(501, "http1.invalid_transfer_encoding"));
        }
    }
    Ok(())
}

/// A CONNECT has no body; a length of zero is removed.
pub(super) fn no_body(fields: &mut Fields) -> Result<(), Refusal> {
    fields.retain(|(name, value)| name != b"content-length" || value != b"0");
    let has = |name: &[u8]| fields.iter().any(|(it, _)| it == name);
    if has(b"content-length") {
        return Err(Refusal::bad_request("http1.body_disallowed"));
    }
    if has(b"transfer-encoding") {
        return Err(Refusal::new(501, "http1.invalid_transfer_encoding"));
    }
    Ok(())
}

/// Removes connection headers once the request is accepted. An upgrade keeps them.
pub(super) fn strip_connection(fields: &mut Fields, upgrade: bool) {
    if upgrade {
        return fields.retain(|(name, value)| match name.as_slice() {
            b"keep-alive" | b"proxy-connection" | b"transfer-encoding" => false,
            b"expect" => !value.eq_ignore_ascii_case(b"100-continue"),
            _ => true,
        });
    }
    for (name, value) in fields.iter_mut() {
        if name == b"te" && value.split(|it| *it == b',').any(|it| it.trim_ascii() == b"trailers") {
            *value = b"trailers".to_vec();
        }
    }
    fields.retain(|(name, value)| match name.as_slice() {
        b"connection" | b"keep-alive" | b"proxy-connection" | b"upgrade" => false,
        b"transfer-encoding" => false,
        b"expect" => !value.eq_ignore_ascii_case(b"100-continue"),
        b"te" => value.is_empty() || value == b"trailers",
        _ => true,
    });
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
