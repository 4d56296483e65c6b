//! Client requests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::message::headers::Headers;

/// How the end of a body reaches the filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// HTTP/1: the last data comes with end-of-stream false, then an empty end follows.
    #[default]
    Http1,
    /// HTTP/1.0: the same.
    Http10,
    /// HTTP/2: the last data frame itself carries the end of the stream.
    Http2,
}

/// One request of one client.
#[derive(Clone, Debug)]
pub struct Request {
    /// Headers, pseudo headers first.
    pub headers: Headers,
    /// The body in the pieces in which the gateway reads it. No piece: no body at all.
    pub chunks: Vec<Vec<u8>>,
    /// Trailers, which end the stream when present.
    pub trailers: Option<Headers>,
    /// The client never ends the request, as in a tunnel.
    pub open_ended: bool,
    /// How the end of the body is signalled.
    pub codec: Codec,
    /// Time between two pieces.
    pub chunk_gap: Duration,
    /// When set, the client leaves that long after the start, unless it has its whole answer.
    pub client_leaves: Option<Duration>,
    /// The client's address as the gateway sees it (`source.address`).
    pub source: SocketAddr,
    /// The gateway's own address (`destination.address`).
    pub destination: SocketAddr,
    /// Host name of the client's TLS handshake; `Some` also means a TLS connection.
    pub server_name: Option<String>,
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            headers: Headers::from([
                (":method", method),
                (":path", path),
                (":scheme", "http"),
                (":authority", "casino.test"),
            ]),
            chunks: Vec::new(),
            trailers: None,
            open_ended: false,
            codec: Codec::Http1,
            chunk_gap: Duration::ZERO,
            client_leaves: None,
            source: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 40_000),
            destination: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 8080),
            server_name: None,
        }
    }

    /// `GET path`.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// `POST path` with a body in one piece and its `content-length`.
    pub fn post(path: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let request =
            Self::new("POST", path).header("content-length", body.len().to_string().as_bytes());
        if body.is_empty() {
            return request;
        }
        request.chunk(body)
    }

    /// Adds a header whose name WasmX shows as it is written; Envoy shows it in lower case.
    #[must_use]
    pub fn header_as_written(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.add_as_written(name, value);
        self
    }

    /// Adds a header, lower-casing its name as a gateway does.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Adds one piece of body.
    #[must_use]
    pub fn chunk(mut self, piece: impl AsRef<[u8]>) -> Self {
        self.chunks.push(piece.as_ref().to_vec());
        self
    }

    /// Ends the request with trailers.
    #[must_use]
    pub fn trailers(mut self, trailers: Headers) -> Self {
        self.trailers = Some(trailers);
        self
    }

    /// Lets the client leave after this long.
    #[must_use]
    pub fn leaving_after(mut self, time: Duration) -> Self {
        self.client_leaves = Some(time);
        self
    }

    /// Time between two pieces of the body.
    #[must_use]
    pub fn with_chunk_gap(mut self, gap: Duration) -> Self {
        self.chunk_gap = gap;
        self
    }
}
