//! Responses of upstreams and called services.

use crate::message::headers::Headers;
use crate::message::request::Codec;

/// A response, of an upstream or of a called service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Headers, `:status` first.
    pub headers: Headers,
    /// Body in the pieces in which it arrives.
    pub chunks: Vec<Vec<u8>>,
    /// Trailers, if any.
    pub trailers: Option<Headers>,
    /// How its end reaches the filters.
    pub codec: Codec,
}

impl Response {
    /// A response without headers of its own and without a body.
    pub fn new(status: u16) -> Self {
        Self {
            headers: Headers::from([(":status", status.to_string())]),
            chunks: Vec::new(),
            trailers: None,
            codec: Codec::Http1,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Gives it a body in one piece with its `content-length`.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        self.headers.set("content-length", body.len().to_string());
        self.chunks = if body.is_empty() { Vec::new() } else { vec![body.to_vec()] };
        self
    }

    /// Adds one piece of body.
    #[must_use]
    pub fn chunk(mut self, piece: impl AsRef<[u8]>) -> Self {
        self.chunks.push(piece.as_ref().to_vec());
        self
    }

    /// Ends it with trailers.
    #[must_use]
    pub fn trailers(mut self, trailers: Headers) -> Self {
        self.trailers = Some(trailers);
        self
    }

    /// The `:status`, or 0 when it is missing or no number.
    pub fn status(&self) -> u16 {
        self.headers.text(":status").and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}
