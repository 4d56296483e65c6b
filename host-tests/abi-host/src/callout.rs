//! The port to the services that filters call by themselves (`proxy_http_call`).

use std::time::Duration;

use crate::{Headers, Response};

/// The called services.
pub trait Callouts: Send {
    /// A filter makes a call; how does it go?
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
    /// How long the filter waits; `None` is for ever.
    pub timeout: Option<Duration>,
    /// When it was made, in nanoseconds since the epoch.
    pub at: u64,
}

/// How a call goes.
#[derive(Clone, Debug)]
pub enum CallAnswer {
    /// No such target: the host call itself answers BadArgument.
    UnknownTarget,
    /// No endpoints, or an open circuit breaker: the host call itself answers InternalFailure.
    NoCapacity,
    /// A response after some time. Past the call's timeout it becomes a 504.
    Response(Response, Duration),
    /// The connection is refused after some time: a 503.
    Refused(Duration),
    /// The connection breaks in mid-answer after some time: a callback with no headers.
    Reset(Duration),
    /// Nothing ever comes: 504 at the timeout, or no callback when there is none.
    Silence,
}

impl CallAnswer {
    /// A response at once.
    pub fn now(response: Response) -> Self {
        Self::Response(response, Duration::ZERO)
    }
}
