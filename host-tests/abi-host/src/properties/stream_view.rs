//! A stream as the running callback sees it.

use crate::host::shared::Shared;
use crate::plugin::Profile;
use crate::stream::Stream;
use crate::vm::state::VmState;

/// A stream, and the maps that the running callback can read.
pub(super) struct StreamView<'a> {
    pub stream: &'a Stream,
    pub open: OpenMaps,
    pub now: u64,
    pub shared: &'a Shared,
}

/// Which maps the running callback can reach.
pub(super) struct OpenMaps {
    pub request_headers: bool,
    pub response_headers: bool,
    pub response_trailers: bool,
}

impl OpenMaps {
    pub(super) fn of(state: &mut VmState) -> Self {
        let all = state.host.shared.profile == Profile::Wasmx
            || state.stream().is_some_and(|stream| stream.in_log);
        match state.slot() {
            Some(slot) => Self {
                request_headers: all || slot.request.headers_open,
                response_headers: all || slot.response.headers_open,
                response_trailers: all || slot.response.trailers_open,
            },
            None => Self { request_headers: all, response_headers: all, response_trailers: all },
        }
    }
}
