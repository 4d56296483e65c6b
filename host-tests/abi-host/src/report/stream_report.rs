//! What came out of one stream.

use std::collections::BTreeMap;

use crate::message::headers::Headers;
use crate::report::diagnostics::{LogLine, Trap};
use crate::report::stream_id::StreamId;
use crate::upstream::UpstreamRequest;

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client has a complete response, from the upstream or the gateway.
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

/// The result of one stream.
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
    /// Features that a filter used and this host does not emulate. If there are any, the report may differ
    /// from what Envoy would have done.
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
