//! The state of one stream.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::message::grpc;
use crate::message::headers::Headers;
use crate::message::request::{Codec, Request};
use crate::report::diagnostics::{LogLine, Trap};
use crate::report::stream_id::StreamId;
use crate::retry_policy::RetryPolicy;
use crate::route::Route;
use crate::slot::{Direction, Slot};
use crate::upstream::UpstreamRequest;

/// The message in one direction.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub headers: Headers,
    pub trailers: Option<Headers>,
    /// Headers have entered the chain.
    pub started: bool,
    /// Everything has entered the chain.
    pub ended: bool,
    /// It has trailers, received or added by a filter.
    pub has_trailers: bool,
    /// Body bytes that entered.
    pub bytes: usize,
}

/// What the client received.
#[derive(Debug, Default)]
pub(crate) struct ClientView {
    pub headers_sent: bool,
    pub body: Vec<u8>,
    pub trailers: bool,
    pub complete: bool,
}

/// One stream.
pub(crate) struct Stream {
    pub id: StreamId,
    pub request: Flow,
    pub response: Flow,
    pub slots: Vec<Slot>,
    pub filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// No more request callbacks: a response was sent.
    pub request_cut: bool,
    /// Most body bytes held, when a buffer filter has set it.
    pub request_limit: Option<usize>,
    pub client: ClientView,
    pub upstream: Option<UpstreamRequest>,
    /// The upstream was notified of the request.
    pub upstream_notified: bool,
    pub upstream_answered: bool,
    pub attempts: u64,
    /// The retry policy of its route.
    pub retries: Option<RetryPolicy>,
    /// Most retries, overriding the policy.
    pub max_retries: Option<u64>,
    /// When the route's timeout ends all attempts, in nanoseconds since the epoch.
    pub deadline: Option<u64>,
    pub code: Option<u16>,
    pub details: Option<String>,
    pub flags: u64,
    pub replied_by: Option<String>,
    pub stalled_at: Option<String>,
    pub started: u64,
    pub last_activity: u64,
    pub ending: bool,
    pub in_log: bool,
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub server_name: Option<String>,
    pub pending_chunks: Vec<Vec<u8>>,
    pub pending_trailers: Option<Headers>,
    /// The client never ends the request.
    pub open_ended: bool,
    /// It is a gRPC request, by its headers before any filter changed them.
    pub grpc: bool,
    pub codec: Codec,
    /// The body so far, on hosts that pass it only when it is complete.
    pub whole_body: Vec<u8>,
    /// Filters get the size of the body but cannot read it.
    pub body_hidden: bool,
    pub logs: Vec<LogLine>,
    pub traps: Vec<Trap>,
    /// Its route. Recomputed when the headers passed all filters.
    pub route: Route,
    /// The upstream refused the last connection.
    pub refused: bool,
    /// From the first byte sent to the upstream to the last one received, in nanoseconds.
    pub latency: Option<u64>,
    pub not_emulated: Vec<&'static str>,
}

impl Stream {
    pub(crate) fn new(id: StreamId, mut request: Request, slots: Vec<Slot>, now: u64) -> Self {
        request.headers.pseudo_first();
        let grpc = grpc::is_call(&request.headers);
        let flow = Flow { headers: request.headers, ..Flow::default() };
        request.chunks.reverse();
        Self {
            id,
            request: flow,
            response: Flow::default(),
            slots,
            filter_state: BTreeMap::new(),
            request_cut: false,
            request_limit: None,
            client: ClientView::default(),
            upstream: None,
            upstream_notified: false,
            upstream_answered: false,
            attempts: 0,
            retries: None,
            max_retries: None,
            deadline: None,
            code: None,
            details: None,
            flags: 0,
            replied_by: None,
            stalled_at: None,
            started: now,
            last_activity: now,
            ending: false,
            in_log: false,
            source: request.source,
            destination: request.destination,
            server_name: request.server_name,
            pending_chunks: request.chunks,
            pending_trailers: request.trailers,
            open_ended: request.open_ended,
            grpc,
            codec: request.codec,
            whole_body: Vec::new(),
            body_hidden: false,
            logs: Vec::new(),
            traps: Vec::new(),
            route: Route::default(),
            refused: false,
            latency: None,
            not_emulated: Vec::new(),
        }
    }

    /// The router has chosen a host.
    pub(crate) fn has_host(&self) -> bool {
        self.upstream.is_some()
    }

    /// It has a connection to it.
    pub(crate) fn is_connected(&self) -> bool {
        self.has_host() && !self.refused
    }

    /// True once the client has sent all there is.
    pub(crate) fn nothing_follows(&self) -> bool {
        self.pending_chunks.is_empty() && self.pending_trailers.is_none() && !self.open_ended
    }

    pub(crate) fn flow(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}
