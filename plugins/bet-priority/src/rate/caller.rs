//! What is known of a request and the one who sends it.

use std::net::IpAddr;

use policy_kit::{Content, Headers};

/// What is known of a request and the one who sends it. What is not known is `None`, and never an empty text.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a, 'b> {
    /// The method as sent.
    pub method: &'a [u8],
    /// The target as sent, `:path`.
    pub target: &'a [u8],
    /// The request's headers, as they were in the header phase.
    pub headers: &'a Headers,
    /// The player of a valid token.
    pub player: Option<&'a [u8]>,
    /// The session of a valid token.
    pub session: Option<&'a [u8]>,
    /// The partner, proven or claimed.
    pub partner: Option<&'a [u8]>,
    /// Whether the partner is only claimed so far.
    pub claimed: bool,
    /// The brand.
    pub brand: Option<&'a str>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The body, once it is there.
    pub body: Option<&'a Content<'b>>,
}

/// Whether requests of a method have no body that means anything (RFC 9110 section 9.3): none is waited for.
pub(crate) fn is_bodiless(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"CONNECT")
}
