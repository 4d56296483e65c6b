//! A local reply: an HTTP response that a module sends in place of the upstream.

use std::borrow::Cow;

/// A local HTTP reply, sent in place of the upstream's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides `:status`, names in lower case.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, [u8]>)>,
    /// The body, exact.
    pub body: Vec<u8>,
    /// The stable code, the response's detail in the gateway's log.
    pub code: &'static str,
}

impl Reply {
    /// Adds a header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((Cow::Borrowed(name), Cow::Owned(value.into().into_bytes())));
        self
    }

    /// The first header of that name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

/// Headers of a refusal's document. Not cacheable: a refusal depends on the client and its location.
pub(crate) fn document_headers(kind: &'static str) -> Vec<(Cow<'static, str>, Cow<'static, [u8]>)> {
    vec![
        (Cow::Borrowed("content-type"), Cow::Borrowed(kind.as_bytes())),
        (Cow::Borrowed("cache-control"), Cow::Borrowed(b"no-store")),
    ]
}
