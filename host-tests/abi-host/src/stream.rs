//! The state of one stream: its maps, its bodies, and where each filter holds it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::{
    Codec, Headers, LogLine, PluginConfig, Request, RetryPolicy, Route, StreamId, Trap,
    UpstreamRequest,
};

/// How a filter holds one direction of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It does not.
    #[default]
    Run,
    /// Nothing passes, but the filter itself sees what follows.
    Single,
    /// Nothing passes and the filter sees nothing either.
    All,
}

/// One direction of a stream at one filter.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub hold: Hold,
    /// The headers have gone on to the next filter.
    pub headers_continued: bool,
    /// The filter may read and write the header map now.
    pub headers_open: bool,
    /// The filter may read and write `data` now.
    pub body_open: bool,
    /// The filter paused in a body callback: it works on `held` until it continues.
    pub buffering: bool,
    pub trailers_open: bool,
    /// What was held with the headers is just being passed on, from this filter itself.
    pub resuming: bool,
    /// The last callback was told that the stream ends here.
    pub end_of_stream: bool,
    /// The piece that the running body callback is about.
    pub data: Vec<u8>,
    /// What is held back at this filter. An empty piece held back is still a piece.
    pub held: Option<Vec<u8>>,
}

impl Side {
    /// The body the filter works on, if there is one now.
    pub(crate) fn body(&mut self) -> Option<&mut Vec<u8>> {
        if self.buffering {
            return self.held.as_mut();
        }
        self.body_open.then_some(&mut self.data)
    }

    pub(crate) fn hold_back(&mut self, mut data: Vec<u8>) {
        match &mut self.held {
            Some(held) => held.append(&mut data),
            None => self.held = Some(data),
        }
    }

    pub(crate) fn close(&mut self) {
        self.headers_open = false;
        self.body_open = false;
        self.trailers_open = false;
    }
}

/// What stands at one place of the chain, as this stream found it when it began.
pub(crate) enum Place {
    Native(usize),
    Wasm {
        vm: u64,
        root: u32,
        plugin: Arc<PluginConfig>,
        /// The stream context, once created.
        context: Option<u32>,
        /// The gateway has answered 503 because the VM failed.
        failed: bool,
    },
    /// A plugin whose VM is down and whose policy is to be left out.
    Absent(Arc<PluginConfig>),
}

/// One filter of one stream.
pub(crate) struct Slot {
    pub place: Place,
    pub request: Side,
    pub response: Side,
}

impl Slot {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, request: Side::default(), response: Side::default() }
    }

    pub(crate) fn is_native(&self) -> bool {
        matches!(self.place, Place::Native(_))
    }

    pub(crate) fn side(&mut self, way: Way) -> &mut Side {
        match way {
            Way::Request => &mut self.request,
            Way::Response => &mut self.response,
        }
    }
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Request,
    Response,
}

/// What travels in one direction.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub headers: Headers,
    pub trailers: Option<Headers>,
    /// Headers have entered the chain.
    pub started: bool,
    /// Everything has entered the chain.
    pub ended: bool,
    /// Trailers are part of it: either they came in or a filter added them.
    pub has_trailers: bool,
    /// Body bytes that entered.
    pub bytes: usize,
}

/// What the client has got.
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
    /// No more request callbacks: something was answered already.
    pub request_cut: bool,
    /// Most body bytes held, when a buffer filter has set it.
    pub request_limit: Option<usize>,
    pub client: ClientView,
    pub upstream: Option<UpstreamRequest>,
    /// The upstream has been told of the request.
    pub upstream_told: bool,
    pub upstream_answered: bool,
    pub attempts: u64,
    /// The retry policy of its route.
    pub retries: Option<RetryPolicy>,
    /// How often at most, in place of what the policy says.
    pub max_retries: Option<u64>,
    /// When the route's timeout ends all attempts.
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
    /// The client sends no end.
    pub open_ended: bool,
    /// Envoy answers a call of gRPC in its own way; what filters make of the headers changes nothing.
    pub grpc: bool,
    pub codec: Codec,
    /// Where a body is shown only as a whole: what has come of it.
    pub whole_body: Vec<u8>,
    /// The filters are told the size of the body but cannot read it.
    pub body_hidden: bool,
    pub logs: Vec<LogLine>,
    pub traps: Vec<Trap>,
    /// Where it goes. What filters change of the headers counts once they are through all of them.
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
        let grpc = crate::grpc::is_call(&request.headers);
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
            upstream_told: false,
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

    pub(crate) fn flow(&mut self, way: Way) -> &mut Flow {
        match way {
            Way::Request => &mut self.request,
            Way::Response => &mut self.response,
        }
    }
}
