//! Local replies to gRPC clients: status 200 without a body, the gRPC status in `grpc-status`, the body in
//! `grpc-message`.

use crate::message::headers::Headers;

/// True for the content type of a gRPC request. Envoy accepts no parameters and compares case-sensitively.
pub fn is_content_type(value: &[u8]) -> bool {
    value
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
}

/// True for a gRPC request. A CONNECT has no path and is not one.
pub fn is_call(request: &Headers) -> bool {
    request.get(":path").is_some() && request.get("content-type").is_some_and(is_content_type)
}

/// The gRPC headers for a local reply with this status, these headers and this body.
pub fn reply(status: u16, mut headers: Headers, body: &[u8], head: bool) -> Headers {
    headers.set(":status", "200");
    headers.set("content-type", "application/grpc");
    headers.remove("content-length");
    if headers.get("grpc-status").is_none() {
        headers.add("grpc-status", code(status).to_string());
    }
    if !body.is_empty() && !head {
        headers.add("grpc-message", escaped(body));
    }
    headers.pseudo_first();
    headers
}

/// The gRPC status of an HTTP status.
pub(crate) fn code(status: u16) -> u8 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// Visible ASCII stays, but for `%` and `~`.
fn escaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' '..b'~' if *byte != b'%' => out.push(*byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Envoy 1.40 takes them.
    #[test]
    fn content_types_are_matched_as_in_envoy() {
        for (value, wanted) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc+", true),
            ("application/grpc;x=y", false),
            ("application/grpc-web", false),
            ("Application/gRPC", false),
            ("application/grpc,application/grpc", false),
            ("text/plain", false),
        ] {
            assert_eq!(is_content_type(value.as_bytes()), wanted, "{value}");
        }
    }

    #[test]
    fn bodies_become_grpc_message() {
        let mut given = Headers::from([(":status", "418"), ("x-a", "b")]);
        given.add("content-length", "9");
        let headers = reply(418, given, b"seen %~\x01\n\xc3", false);
        for (name, wanted) in [
            (":status", Some("200")),
            ("x-a", Some("b")),
            ("content-length", None),
            ("content-type", Some("application/grpc")),
            ("grpc-status", Some("2")),
            ("grpc-message", Some("seen %25%7E%01%0A%C3")),
        ] {
            assert_eq!(headers.text(name), wanted, "{name}");
        }
        assert_eq!(reply(503, Headers::new(), b"x", true).text("grpc-message"), None, "HEAD");
    }
}
