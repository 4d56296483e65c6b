//! Telling an answer again.

use std::borrow::Cow;

use policy_kit::{Headers, Reply};

use crate::names::REPLAYED_HEADER;
use crate::Answer;

/// The code of a replay, told to the gateway as the response's detail.
pub const REPLAYED: &str = "replayed";

/// The first answer, and that it is told again.
pub fn reply(answer: Answer) -> Reply {
    let headers = answer.headers.into_iter();
    let headers = headers.map(|(name, value)| (Cow::Owned(name), Cow::Owned(value))).collect();
    let reply = Reply { status: answer.status, headers, body: answer.body, code: REPLAYED };
    reply.with_header(REPLAYED_HEADER, "true")
}

/// Whether a client that sent these headers can read the answer: its `Accept-Encoding` names every
/// coding that the body is in (RFC 9110 section 12.5.3). A client that names none may have sent the
/// first attempt through somebody who decodes.
pub fn is_readable(answer: &Answer, request: &Headers) -> bool {
    let codings = answer.headers.iter().filter(|(name, _)| name == "content-encoding");
    let mut codings = codings.flat_map(|(_, value)| list(value));
    codings.all(|coding| coding.eq_ignore_ascii_case(b"identity") || accepts(request, coding))
}

fn accepts(request: &Headers, coding: &[u8]) -> bool {
    let mut all = None;
    for item in request.all("accept-encoding").flat_map(list) {
        let mut parts = item.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(is_zero);
        if name.eq_ignore_ascii_case(coding) {
            return !refused;
        }
        if name == b"*" {
            all = Some(!refused);
        }
    }
    all.unwrap_or(false)
}

/// Whether a parameter is a weight of nothing: `q=0`, `q=0.000`.
fn is_zero(parameter: &[u8]) -> bool {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
    value.is_some_and(|v| !v.is_empty() && v.iter().all(|b| matches!(b, b'0' | b'.')))
}

fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_read_an_encoded_answer() {
        for (encoding, accepted, want) in [
            (None, &[][..], true),
            (Some("identity"), &[], true),
            (Some("gzip"), &[], false),
            (Some("gzip"), &["gzip"], true),
            (Some("gzip"), &["br, GZIP;q=0.5"], true),
            (Some("gzip"), &["br", "gzip"], true),
            (Some("gzip"), &["gzip;q=0"], false),
            (Some("gzip"), &["gzip; q=0.00, *"], false),
            (Some("gzip"), &["*"], true),
            (Some("gzip"), &["*;q=0"], false),
            (Some("gzip, br"), &["gzip"], false),
            (Some("gzip, br"), &["gzip, br"], true),
            (Some("gzip"), &["gzipped"], false),
        ] {
            let headers = encoding.map(|e| ("content-encoding".to_owned(), e.as_bytes().to_vec()));
            let answer = Answer { headers: headers.into_iter().collect(), ..Answer::default() };
            let pairs = accepted.iter().map(|a| (&b"accept-encoding"[..], a.as_bytes()));
            assert_eq!(
                is_readable(&answer, &Headers::from_pairs(pairs)),
                want,
                "{encoding:?} {accepted:?}"
            );
        }
    }

    #[test]
    fn what_is_told_again() {
        let headers = vec![("content-type".to_owned(), b"text/\xff".to_vec())];
        let told = reply(Answer { status: 201, headers, body: b"\0x".to_vec() });
        assert_eq!((told.status, told.body.as_slice(), told.code), (201, &b"\0x"[..], "replayed"));
        assert_eq!(told.headers[0].1.as_ref(), b"text/\xff");
        assert_eq!(told.header("idempotent-replayed"), Some("true"));
    }
}
