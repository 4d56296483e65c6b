//! The client's side: requests begin, arrive in pieces, or are disconnected.

use crate::clock::nanoseconds;
use crate::event::{Event, Part};
use crate::message::request::{Codec, Request};
use crate::plugin::{FailurePolicy, Profile};
use crate::report::flags;
use crate::report::stream_id::StreamId;
use crate::report::stream_report::Ending;
use crate::slot::{Direction, Slot, SlotFilter};
use crate::stream::Stream;
use crate::worker::{FilterRef, Worker};

impl Worker {
    /// Begins a stream; its parts arrive as events.
    pub(crate) fn open(&mut self, id: StreamId, request: Request) {
        self.reload_failed();
        let mut request = request;
        if self.host.shared.profile == Profile::Wasmx {
            // On WasmX `:authority` is the name of the nginx server; the client's value is in `host`.
            if let Some(host) = request.headers.get(":authority").map(<[u8]>::to_vec) {
                request.headers.set("host", host);
                request.headers.set(":authority", "kong");
            }
        } else {
            // Envoy lowers header names, nginx does not.
            request.headers.lower_names();
        }
        let slots =
            self.filters.iter().map(|filter| Slot::new(self.slot_filter(*filter))).collect();
        let now = self.host.clock.now();
        if let Some(after) = request.client_leaves {
            let at = now.saturating_add(nanoseconds(after));
            self.queue.push(at, Event::ClientLeaves { stream: id });
        }
        let gap = nanoseconds(request.chunk_gap);
        let pieces = request.chunks.len() + usize::from(request.trailers.is_some());
        self.queue.push(now, Event::Arrive { stream: id, part: Part::Headers });
        let mut at = now;
        for _ in 0..pieces {
            self.queue.push(at, Event::Arrive { stream: id, part: Part::Piece });
            at = at.saturating_add(gap);
        }
        let mut stream = Stream::new(id, request, slots, now);
        stream.route = self.host.route(&stream.request.headers);
        self.host.streams.insert(id, stream);
    }

    fn slot_filter(&self, filter: FilterRef) -> SlotFilter {
        let index = match filter {
            FilterRef::Native(index) => return SlotFilter::Native(index),
            FilterRef::Wasm(index) => index,
        };
        match self.plugins.get(index) {
            None => SlotFilter::Native(usize::MAX),
            Some(plugin) => {
                let open = plugin.config.failure_policy == FailurePolicy::Open;
                let config = plugin.config.clone();
                if open && self.is_failed(plugin.vm) {
                    return SlotFilter::Absent(config);
                }
                SlotFilter::Wasm {
                    vm: plugin.vm,
                    root: plugin.root,
                    plugin: config,
                    context: None,
                    failed: false,
                }
            }
        }
    }

    pub(super) fn arrive(&mut self, id: StreamId, part: Part) {
        let now = self.host.clock.now();
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        stream.last_activity = now;
        if part == Part::Headers {
            let end = stream.nothing_follows();
            stream.request.started = true;
            stream.request.ended = end;
            return self.pass_headers(id, Direction::Request, 0, end);
        }
        if stream.request_cut {
            return;
        }
        if self.host.shared.profile == Profile::Wasmx {
            return self.arrive_whole(id);
        }
        let Some(piece) = stream.pending_chunks.pop() else {
            stream.request.trailers = stream.pending_trailers.take();
            stream.request.has_trailers = true;
            stream.request.ended = true;
            return self.pass_trailers(id, Direction::Request, 0);
        };
        stream.request.bytes += piece.len();
        let last = stream.nothing_follows();
        let end_with_data = last && stream.codec == Codec::Http2;
        stream.request.ended = end_with_data;
        // Of an empty body only the end is passed.
        if !(piece.is_empty() && last && !end_with_data) {
            self.pass_data(id, Direction::Request, 0, piece, end_with_data);
        }
        if last && !end_with_data && self.goes_on(id, Direction::Request) {
            if let Some(stream) = self.host.streams.get_mut(&id) {
                stream.request.ended = true;
            }
            self.pass_data(id, Direction::Request, 0, Vec::new(), true);
        }
    }

    /// WasmX calls the body callback once, with the complete body. If nginx buffered the body in a file,
    /// filters get its size but cannot read it. WasmX does not support trailers.
    fn arrive_whole(&mut self, id: StreamId) {
        let limit = self.host.shared.client_body_buffer;
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        if let Some(piece) = stream.pending_chunks.pop() {
            stream.request.bytes += piece.len();
            stream.whole_body.extend(piece);
        }
        if !stream.pending_chunks.is_empty() || stream.request.ended {
            return;
        }
        stream.request.ended = true;
        let body = std::mem::take(&mut stream.whole_body);
        stream.body_hidden = body.len() > limit;
        self.pass_data(id, Direction::Request, 0, body, true);
    }

    pub(crate) fn client_leaves(&mut self, id: StreamId) {
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        stream.details = Some("downstream_remote_disconnect".to_owned());
        stream.flags |= flags::DOWNSTREAM_TERMINATION;
        self.finish(id, Ending::ClientGone);
    }
}
