//! Stages of the chain that are not WebAssembly: the gateway's own filters.

use crate::Headers;

/// One of the gateway's own filters.
pub trait NativeFilter: Send {
    /// Its name, told in reports.
    fn name(&self) -> &str;

    /// Request headers pass, unless the filter answers itself.
    fn request_headers(&mut self, _headers: &mut Headers, _end_of_stream: bool) -> Verdict {
        Verdict::Continue
    }

    /// Entries that it leaves in filter state for the filters behind it, without Wasm's prefix; asked
    /// once the request's headers have passed.
    fn filter_state(&mut self, _headers: &Headers) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }

    /// Response headers pass. `request` is what this filter let through.
    fn response_headers(&mut self, _request: &Headers, _headers: &mut Headers) {}

    /// When set, the filter holds the request until its whole body is there, and answers 413 to
    /// bodies with more bytes than this.
    fn buffers_request(&self) -> Option<usize> {
        None
    }
}

/// What a native filter decides on request headers.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// On to the next filter.
    Continue,
    /// The filter answers itself.
    Reply(LocalReply),
}

/// An answer the gateway gives itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalReply {
    /// Status code.
    pub status: u16,
    /// Further headers.
    pub headers: Headers,
    /// Body.
    pub body: Vec<u8>,
    /// `response.code_details`.
    pub details: String,
}

/// The gateway's buffer filter: the upstream sees nothing until the whole body is there.
#[derive(Clone, Copy, Debug)]
pub struct BufferFilter {
    /// Most bytes it holds; more is a 413.
    pub limit: usize,
}

impl NativeFilter for BufferFilter {
    fn name(&self) -> &str {
        "buffer"
    }

    fn buffers_request(&self) -> Option<usize> {
        Some(self.limit)
    }
}
