//! The answer to a request, as every retry gets it.

use std::borrow::Cow;

use policy_kit::{Headers, Reply};

use crate::names::REPLAYED_HEADER;

/// The code of a replay, which the gateway records as the response's detail.
pub const REPLAYED: &str = "replayed";

/// Headers of one transfer, one client or one moment, which are never replayed: hop-by-hop fields
/// (RFC 9110 section 7.6.1), cookies, dates and counters.
const NEVER: [&str; 18] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "set-cookie",
    "date",
    "age",
    "server",
    "retry-after",
    "www-authenticate",
    "proxy-authenticate",
    "x-request-id",
    "x-envoy-upstream-service-time",
    "strict-transport-security",
];

/// Whether a header, its name in lower case, may be replayed.
pub(crate) fn may_be_replayed(name: &str) -> bool {
    let counted = name.starts_with("x-ratelimit-")
        || name.starts_with("x-rate-limit")
        || name.starts_with("ratelimit");
    !name.starts_with(':') && !counted && !NEVER.contains(&name)
}

/// An upstream's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers that may be replayed, their names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl Answer {
    /// Keeps those of `headers` whose names are `allowed` (in lower case) and may be replayed.
    pub fn new(status: u16, headers: &Headers, allowed: &[String], body: Vec<u8>) -> Self {
        let allowed = allowed.iter().filter(|name| may_be_replayed(name));
        let kept = headers.iter().filter_map(|(name, value)| {
            let mut allowed = allowed.clone();
            let name = allowed.find(|known| name.eq_ignore_ascii_case(known.as_bytes()))?;
            Some((name.clone(), value.to_vec()))
        });
        Self { status, headers: kept.collect(), body }
    }

    /// The local reply that replays this answer.
    pub fn into_reply(self) -> Reply {
        let headers = self.headers.into_iter();
        let headers = headers.map(|(name, value)| (Cow::Owned(name), Cow::Owned(value))).collect();
        let reply = Reply { status: self.status, headers, body: self.body, code: REPLAYED };
        reply.with_header(REPLAYED_HEADER, "true")
    }

    /// Whether the client that sent these headers can read this answer: its `Accept-Encoding` names
    /// every coding of the body (RFC 9110 section 12.5.3). No `Accept-Encoding` names none: the first
    /// attempt may have come through a proxy that decodes.
    pub fn is_readable_by(&self, request: &Headers) -> bool {
        let codings = self.headers.iter().filter(|(name, _)| name == "content-encoding");
        let mut codings = codings.flat_map(|(_, value)| list(value));
        codings.all(|coding| coding.eq_ignore_ascii_case(b"identity") || accepts(request, coding))
    }
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

/// Whether a parameter is a weight of zero: `q=0`, `q=0.000`.
fn is_zero(parameter: &[u8]) -> bool {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
    value.is_some_and(|v| !v.is_empty() && v.iter().all(|b| matches!(b, b'0' | b'.')))
}

fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
