//! One of the gateway's own filters seeing one part of a stream, and the limits of held bodies.

use crate::stage::{DataStatus, Stage};
use crate::stream::{Hold, Way};
use crate::worker::Worker;
use crate::world::lock;
use crate::{LocalReply, StreamId, Verdict};

impl Worker {
    /// A paused body over its limit: 413 for a request; a response, whose headers are out, is cut.
    pub(crate) fn check_limit(&mut self, id: StreamId, stage: Stage) {
        let Some(stream) = self.world.streams.get(&id) else { return };
        let limit = match stage.way {
            Way::Request => stream.request_limit.unwrap_or(self.world.shared.buffer_limit),
            Way::Response => self.world.shared.buffer_limit,
        };
        let Some(side) = self.side(id, stage.way, stage.place) else { return };
        if side.held.as_ref().is_none_or(|held| held.len() <= limit) {
            return;
        }
        let (status, text, details) = match stage.way {
            Way::Request => (413, "Payload Too Large", "request_payload_too_large"),
            Way::Response => (500, "Internal Server Error", "response_payload_too_large"),
        };
        let reply = LocalReply {
            status,
            body: text.into(),
            details: details.to_owned(),
            ..LocalReply::default()
        };
        let native = matches!(self.slot(id, stage.place), Some(s) if s.is_native());
        let by = self.name_of(id, stage.place).filter(|_| native);
        self.local_reply(id, reply, by);
    }

    pub(crate) fn native_headers(
        &mut self,
        id: StreamId,
        stage: Stage,
        index: usize,
        end: bool,
    ) -> Hold {
        let shared = self.world.shared.clone();
        let Some(native) = shared.natives.get(index) else { return Hold::Run };
        let Some(stream) = self.world.streams.get_mut(&id) else { return Hold::All };
        let mut native = lock(native);
        if stage.way == Way::Response {
            native.response_headers(&stream.request.headers, &mut stream.response.headers);
            return Hold::Run;
        }
        let limit = native.buffers_request();
        let verdict = native.request_headers(&mut stream.request.headers, end);
        let left = native.filter_state(&stream.request.headers).into_iter();
        stream.filter_state.extend(left.map(|(name, value)| (name.into_bytes(), value)));
        match verdict {
            Verdict::Continue if limit.is_some() && !end => {
                // Its limit is from now on that of the whole stream.
                stream.request_limit = limit;
                Hold::Single
            }
            Verdict::Continue => Hold::Run,
            Verdict::Reply(reply) => {
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
        let native = self.world.shared.natives.get(index);
        let buffers = native.is_some_and(|native| lock(native).buffers_request().is_some());
        if stage.way == Way::Request && buffers && !end {
            return DataStatus::Buffer(data);
        }
        DataStatus::Continue(data)
    }
}
