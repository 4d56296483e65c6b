//! What came out of one stream.

use std::collections::BTreeMap;

use crate::{Headers, LogLevel, UpstreamRequest};

/// Names one stream of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// Response flags of the gateway, as bits of `response.flags`.
pub mod flags {
    /// UT: the upstream did not answer in time.
    pub const UPSTREAM_TIMEOUT: u64 = 0x4;
    /// UF: the connection to the upstream failed.
    pub const UPSTREAM_CONNECTION_FAILURE: u64 = 0x20;
    /// UC: the upstream closed the connection.
    pub const UPSTREAM_CONNECTION_TERMINATION: u64 = 0x40;
    /// NR: no route matched.
    pub const NO_ROUTE_FOUND: u64 = 0x100;
    /// DC: the client closed the connection.
    pub const DOWNSTREAM_TERMINATION: u64 = 0x4000;
    /// URX: as often tried as the route allows, and in vain.
    pub const UPSTREAM_RETRY_LIMIT_EXCEEDED: u64 = 0x8000;
    /// SI: the stream stood still until its idle timeout.
    pub const STREAM_IDLE_TIMEOUT: u64 = 0x1_0000;
    /// UPE: the upstream broke the protocol, as by a reset in mid-body.
    pub const UPSTREAM_PROTOCOL_ERROR: u64 = 0x80_0000;
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client has a whole response, of whomever.
    Completed,
    /// The connection to the client was cut before its response was whole.
    Reset,
    /// The client left.
    ClientGone,
    /// A filter paused and nothing is pending that could wake it: the idle timeout ends it.
    Stalled {
        /// The filter that holds the stream.
        filter: String,
    },
}

/// The response a client saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientResponse {
    /// Headers, `:status` first.
    pub headers: Headers,
    /// Body bytes that arrived.
    pub body: Vec<u8>,
    /// Trailers, if any.
    pub trailers: Option<Headers>,
    /// False when the connection was cut before the end.
    pub complete: bool,
}

impl ClientResponse {
    /// The status code, or 0 when there is none.
    pub fn status(&self) -> u16 {
        self.headers.text(":status").and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// The body as text, with replacement characters where it is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One log line of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Nanoseconds since the epoch.
    pub at: u64,
    /// Name of the plugin.
    pub plugin: String,
    /// Worker; `None` is the main thread.
    pub worker: Option<usize>,
    /// The stream being worked on, if any.
    pub stream: Option<StreamId>,
    /// Its level.
    pub level: LogLevel,
    /// Its text, with replacement characters where it is not UTF-8.
    pub message: String,
}

/// A VM that trapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Name of the plugin.
    pub plugin: String,
    /// Worker; `None` is the main thread.
    pub worker: Option<usize>,
    /// The stream being worked on, if any.
    pub stream: Option<StreamId>,
    /// The callback that trapped.
    pub callback: &'static str,
    /// What the engine says of it.
    pub message: String,
}

/// Something a module did that Envoy does not survive, or that makes it send a message twice: what comes
/// after it is not what Envoy would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misuse {
    /// Name of the plugin.
    pub plugin: String,
    /// What it did, and what Envoy makes of it.
    pub what: &'static str,
}

/// Everything there is to know about one finished stream.
#[derive(Clone, Debug)]
pub struct Report {
    /// The stream.
    pub stream: StreamId,
    /// How it ended.
    pub ending: Ending,
    /// The response the client saw, if any byte of one reached it.
    pub response: Option<ClientResponse>,
    /// The filter that answered instead of the upstream, if one did.
    pub replied_by: Option<String>,
    /// `response.code_details`.
    pub code_details: String,
    /// `response.flags`.
    pub flags: u64,
    /// How often the upstream was asked.
    pub attempts: u64,
    /// Filter state at the end: `wasm.NAME` to its bytes.
    pub filter_state: BTreeMap<String, Vec<u8>>,
    /// The request as the upstream saw it, if the router opened one.
    pub upstream: Option<UpstreamRequest>,
    /// Log lines written while this stream was worked on.
    pub logs: Vec<LogLine>,
    /// Traps while this stream was worked on.
    pub traps: Vec<Trap>,
    /// What a filter asked for that Envoy has and this host does not: what the report says of the stream
    /// is not what Envoy would have done.
    pub not_emulated: Vec<&'static str>,
    /// When the stream began, in nanoseconds since the epoch.
    pub started: u64,
    /// When it ended, in nanoseconds since the epoch.
    pub ended: u64,
}

impl Report {
    /// The status the client saw, or 0 when it saw none.
    pub fn status(&self) -> u16 {
        self.response.as_ref().map_or(0, ClientResponse::status)
    }

    /// The body the client saw as text, empty when it saw none.
    pub fn text(&self) -> String {
        self.response.as_ref().map(ClientResponse::text).unwrap_or_default()
    }

    /// A response header the client saw.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.response.as_ref().and_then(|response| response.headers.get(name))
    }
}
