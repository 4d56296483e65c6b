//! Filters of the gateway itself, which are not WebAssembly.

use crate::message::headers::Headers;
use crate::message::local_reply::LocalReply;

/// One of the gateway's own filters.
pub trait NativeFilter: Send {
    /// Its name in reports.
    fn name(&self) -> &str;

    /// Called with request headers.
    fn request_headers(&mut self, _headers: &mut Headers, _end_of_stream: bool) -> NativeAction {
        NativeAction::Continue
    }

    /// Entries that it sets in filter state for later filters, without the prefix `wasm.`; called once the
    /// request's headers have passed.
    fn filter_state(&mut self, _headers: &Headers) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }

    /// Called with response headers; `request` are the request headers that this filter passed on.
    fn response_headers(&mut self, _request: &Headers, _headers: &mut Headers) {}

    /// If set, the filter holds the request until its body is complete, and replies with 413 to bodies
    /// with more bytes than this.
    fn buffers_request(&self) -> Option<usize> {
        None
    }
}

/// What a native filter does with request headers.
#[derive(Clone, Debug)]
pub enum NativeAction {
    /// Passes them to the next filter.
    Continue,
    /// Replies locally.
    Reply(LocalReply),
}

/// The gateway's buffer filter: holds a request until its body is complete.
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
