//! Calls into native filters, and the limit of buffered bodies.

use crate::host::shared::lock;
use crate::message::local_reply::LocalReply;
use crate::native::NativeAction;
use crate::report::stream_id::StreamId;
use crate::slot::{Direction, Hold};
use crate::worker::stage::{DataStatus, Stage};
use crate::worker::Worker;

impl Worker {
    /// Enforces the buffer limit: 413 for a request, a reset for a response.
    pub(crate) fn check_limit(&mut self, id: StreamId, stage: Stage) {
        let Some(stream) = self.host.streams.get(&id) else { return };
        let limit = match stage.direction {
            Direction::Request => stream.request_limit.unwrap_or(self.host.shared.buffer_limit),
            Direction::Response => self.host.shared.buffer_limit,
        };
        let Some(side) = self.side(id, stage.direction, stage.position) else { return };
        if side.held.as_ref().is_none_or(|held| held.len() <= limit) {
            return;
        }
        let (status, text, details) = match stage.direction {
            Direction::Request => (413, "Payload Too Large", "request_payload_too_large"),
            Direction::Response => (500, "Internal Server Error", "response_payload_too_large"),
        };
        let reply = LocalReply {
            status,
            body: text.into(),
            details: details.to_owned(),
            ..LocalReply::default()
        };
        let native = matches!(self.slot(id, stage.position), Some(s) if s.is_native());
        let by = self.name_of(id, stage.position).filter(|_| native);
        self.local_reply(id, reply, by);
    }

    pub(crate) fn native_headers(
        &mut self,
        id: StreamId,
        stage: Stage,
        index: usize,
        end: bool,
    ) -> Hold {
        let shared = self.host.shared.clone();
        let Some(native) = shared.natives.get(index) else { return Hold::Run };
        let Some(stream) = self.host.streams.get_mut(&id) else { return Hold::All };
        let mut native = lock(native);
        if stage.direction == Direction::Response {
            native.response_headers(&stream.request.headers, &mut stream.response.headers);
            return Hold::Run;
        }
        let limit = native.buffers_request();
        let action = native.request_headers(&mut stream.request.headers, end);
        let left = native.filter_state(&stream.request.headers).into_iter();
        stream.filter_state.extend(left.map(|(name, value)| (name.into_bytes(), value)));
        match action {
            NativeAction::Continue if limit.is_some() && !end => {
                // The limit of the buffer filter becomes that of the stream.
                stream.request_limit = limit;
                Hold::Single
            }
            NativeAction::Continue => Hold::Run,
            NativeAction::Reply(reply) => {
                let by = native.name().to_owned();
                drop(native);
                self.local_reply(id, reply, Some(by));
                Hold::All
            }
        }
    }

    pub(crate) fn native_data(
        &mut self,
        stage: Stage,
        index: usize,
        data: Vec<u8>,
        end: bool,
    ) -> DataStatus {
        let native = self.host.shared.natives.get(index);
        let buffers = native.is_some_and(|native| lock(native).buffers_request().is_some());
        if stage.direction == Direction::Request && buffers && !end {
            return DataStatus::Buffer(data);
        }
        DataStatus::Continue(data)
    }
}
