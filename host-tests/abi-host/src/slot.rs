//! The state of one stream at one filter.

use std::sync::Arc;

use crate::plugin::PluginConfig;

/// Whether a filter holds one direction of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Not held.
    #[default]
    Run,
    /// Nothing passes on; the filter gets callbacks for what follows.
    Single,
    /// Nothing passes on, and the filter gets no callbacks.
    All,
}

/// One direction of a stream at one filter.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub hold: Hold,
    /// The headers passed to the next filter.
    pub headers_continued: bool,
    /// The filter may read and write the header map now.
    pub headers_open: bool,
    /// The filter may read and write `data` now.
    pub body_open: bool,
    /// The filter paused in a body callback: it works on `held` until it continues.
    pub buffering: bool,
    pub trailers_open: bool,
    /// A resume is passing on what was held, beginning with this filter.
    pub resuming: bool,
    /// The last callback had `end_of_stream` set.
    pub end_of_stream: bool,
    /// The piece that the running body callback is about.
    pub data: Vec<u8>,
    /// Body held at this filter. An empty piece counts.
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

/// A filter as it was when the stream began.
pub(crate) enum SlotFilter {
    Native(usize),
    Wasm {
        vm: u64,
        root: u32,
        plugin: Arc<PluginConfig>,
        /// The stream context, once created.
        context: Option<u32>,
        /// The gateway replied with 503 because the VM failed.
        failed: bool,
    },
    /// A plugin with a failed VM and the failure policy `Open`.
    Absent(Arc<PluginConfig>),
}

/// One filter of one stream.
pub(crate) struct Slot {
    pub filter: SlotFilter,
    pub request: Side,
    pub response: Side,
}

impl Slot {
    pub(crate) fn new(filter: SlotFilter) -> Self {
        Self { filter, request: Side::default(), response: Side::default() }
    }

    pub(crate) fn is_native(&self) -> bool {
        matches!(self.filter, SlotFilter::Native(_))
    }

    pub(crate) fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}
