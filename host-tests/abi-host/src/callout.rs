//! The port to the services that filters call (`proxy_http_call`).

use std::time::Duration;

use crate::message::headers::Headers;
use crate::message::response::Response;

/// The called services.
pub trait Callouts: Send {
    /// A filter makes a call; returns its answer.
    fn call(&mut self, call: &Call) -> CallAnswer;
}

impl<F: FnMut(&Call) -> CallAnswer + Send> Callouts for F {
    fn call(&mut self, call: &Call) -> CallAnswer {
        self(call)
    }
}

/// One call, as it left the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Name of the plugin that called.
    pub plugin: String,
    /// Worker on which it runs; `None` is the main thread.
    pub worker: Option<usize>,
    /// The target: a cluster on Envoy, `host:port` on WasmX.
    pub upstream: Vec<u8>,
    /// Request headers.
    pub headers: Headers,
    /// Request body.
    pub body: Vec<u8>,
    /// Request trailers.
    pub trailers: Headers,
    /// The timeout; `None` for none.
    pub timeout: Option<Duration>,
    /// Time of the call, in nanoseconds since the epoch.
    pub at: u64,
}

/// The answer to a call.
#[derive(Clone, Debug)]
pub enum CallAnswer {
    /// No such target: the host call returns BadArgument.
    UnknownTarget,
    /// No endpoints, or an open circuit breaker: the host call returns InternalFailure.
    NoCapacity,
    /// A response after some time. Past the call's timeout it becomes a 504.
    Response(Response, Duration),
    /// The connection is refused after some time: a 503.
    Refused(Duration),
    /// The connection breaks during the response after some time: a callback without headers.
    Reset(Duration),
    /// No response: 504 at the timeout, or no callback without one.
    Silence,
}

impl CallAnswer {
    /// A response at once.
    pub fn now(response: Response) -> Self {
        Self::Response(response, Duration::ZERO)
    }
}
