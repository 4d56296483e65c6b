//! The port to whatever stands behind the gateway.

use std::time::Duration;

use crate::{Codec, Headers, RetryPolicy, StreamId};

/// The service behind the chain.
pub trait Upstream {
    /// The router has sent the request headers; the body may still be on its way.
    ///
    /// An answer returned here is an early one, given before the request was complete.
    fn opened(&mut self, _stream: StreamId, _headers: &Headers) -> Option<Answer> {
        None
    }

    /// The whole request has arrived; what comes back?
    fn answer(&mut self, request: &UpstreamRequest) -> Answer;

    /// The gateway gave up on a request before its answer was complete.
    fn aborted(&mut self, _stream: StreamId) {}
}

impl<F: FnMut(&UpstreamRequest) -> Answer> Upstream for F {
    fn answer(&mut self, request: &UpstreamRequest) -> Answer {
        self(request)
    }
}

/// A request as the upstream sees it, after every filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRequest {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Headers, pseudo headers included.
    pub headers: Headers,
    /// Body bytes that arrived.
    pub body: Vec<u8>,
    /// Trailers, if the request had any.
    pub trailers: Option<Headers>,
    /// False when the gateway aborted it before its end.
    pub complete: bool,
    /// Which attempt this is, from 1.
    pub attempt: u64,
    /// When its headers were sent, in nanoseconds since the epoch.
    pub at: u64,
}

/// What the upstream does, and when.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Virtual time from the complete request to the first byte.
    pub after: Duration,
    /// What happens then.
    pub outcome: Outcome,
    /// When the route this came by has a retry policy of its own.
    pub retries: Option<RetryPolicy>,
}

impl Answer {
    /// A response at once.
    pub fn respond(response: Response) -> Self {
        Self::fail(Outcome::Response(response))
    }

    /// This outcome at once.
    pub fn fail(outcome: Outcome) -> Self {
        Self { after: Duration::ZERO, outcome, retries: None }
    }

    /// The same, later.
    #[must_use]
    pub fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }

    /// The same by a route with this retry policy, instead of the chain's.
    #[must_use]
    pub fn under(mut self, policy: RetryPolicy) -> Self {
        self.retries = Some(policy);
        self
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self::respond(response)
    }
}

/// The ways an upstream request can go.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A genuine answer.
    Response(Response),
    /// The connection was refused: 503 and flag UF.
    Refused,
    /// The upstream read the request and closed the connection: 503 and flag UC.
    Reset,
    /// Headers and these chunks arrive, then the connection breaks: flag UPE, no end.
    ResetMidBody(Response),
    /// No answer within the route's timeout: 504 and flag UT.
    Timeout,
}

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
