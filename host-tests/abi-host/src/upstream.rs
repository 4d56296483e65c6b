//! The port to the upstream.

use std::time::Duration;

use crate::message::headers::Headers;
use crate::message::response::Response;
use crate::report::stream_id::StreamId;
use crate::retry_policy::RetryPolicy;

/// The service behind the chain.
pub trait Upstream {
    /// The router has sent the request headers; the body may still be on its way.
    ///
    /// An answer returned here is an early one, given before the request was complete.
    fn opened(&mut self, _stream: StreamId, _headers: &Headers) -> Option<Answer> {
        None
    }

    /// The complete request arrived; returns the answer to it.
    fn answer(&mut self, request: &UpstreamRequest) -> Answer;

    /// The gateway aborted a request before its answer was complete.
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

/// The outcome of an upstream request, and when it happens.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Virtual time from the complete request to the first byte.
    pub after: Duration,
    /// What happens then.
    pub outcome: Outcome,
    /// The retry policy of the route, overriding the chain's.
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

/// The outcome of an upstream request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A response.
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
