//! The gateway's timeouts: idle stream, incomplete request, long stream.
//!
//! Each replies with 504 if the request is complete and with 408 otherwise, and resets the stream if the
//! client already has response headers.

use std::time::Duration;

use crate::clock::nanoseconds;
use crate::host::shared::Shared;
use crate::message::local_reply::LocalReply;
use crate::report::flags;
use crate::report::stream_id::StreamId;
use crate::slot::{Hold, Slot};
use crate::stream::Stream;
use crate::worker::Worker;

/// The timeouts of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Idle,
    Request,
    Duration,
}

impl Limit {
    /// The body of the reply, and `response.code_details`.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Idle => ("stream timeout", "stream_idle_timeout"),
            Self::Request => ("request timeout", "request_overall_timeout"),
            Self::Duration => ("downstream duration timeout", "max_duration_timeout"),
        }
    }
}

/// The next timeout of a stream, and its time in nanoseconds since the epoch.
fn first(stream: &Stream, shared: &Shared) -> Option<(u64, Limit)> {
    let after = |from: u64, limit: Duration| {
        (!limit.is_zero()).then(|| from.saturating_add(nanoseconds(limit)))
    };
    let idle =
        after(stream.last_activity, stream.route.idle_timeout.unwrap_or(shared.idle_timeout));
    // Disabled once the request passed all filters or a response began.
    let under_way = !stream.response.started
        && !stream.upstream.as_ref().is_some_and(|upstream| upstream.complete);
    let request = after(stream.started, shared.request_timeout).filter(|_| under_way);
    let duration = after(stream.started, shared.max_stream_duration);
    let all = [(idle, Limit::Idle), (request, Limit::Request), (duration, Limit::Duration)];
    all.into_iter().filter_map(|(at, limit)| Some((at?, limit))).min_by_key(|(at, _)| *at)
}

impl Worker {
    /// When the earliest limit of this worker's streams is due.
    pub(crate) fn idle_at(&self) -> Option<u64> {
        let shared = &self.host.shared;
        self.host.streams.values().filter_map(|it| Some(first(it, shared)?.0)).min()
    }

    /// Ends the streams that have reached a limit.
    pub(crate) fn end_idle(&mut self) {
        let now = self.host.clock.now();
        let shared = self.host.shared.clone();
        let due = |stream: &Stream| {
            let (at, limit) = first(stream, &shared)?;
            (at <= now).then_some((stream.id, limit))
        };
        let mut ending: Vec<(StreamId, Limit)> =
            self.host.streams.values().filter_map(due).collect();
        ending.sort_by_key(|(id, _)| *id);
        for (id, limit) in ending {
            self.end_late(id, limit, now);
        }
    }

    fn end_late(&mut self, id: StreamId, limit: Limit, now: u64) {
        let holder = self.holder(id).and_then(|position| self.name_of(id, position));
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        stream.last_activity = now;
        if limit == Limit::Idle {
            stream.flags |= flags::STREAM_IDLE_TIMEOUT;
        }
        // Only an idle timeout proves that a filter would have held the stream for ever.
        if limit == Limit::Idle && stream.stalled_at.is_none() {
            stream.stalled_at = Some(holder.unwrap_or_default());
        }
        let (text, details) = limit.texts();
        let reply = LocalReply {
            status: if stream.request.ended { 504 } else { 408 },
            body: text.into(),
            details: details.to_owned(),
            ..LocalReply::default()
        };
        self.local_reply(id, reply, None);
    }

    /// The place that holds a stream, if one does.
    fn holder(&self, id: StreamId) -> Option<usize> {
        let slots = &self.host.streams.get(&id)?.slots;
        let held = |slot: &Slot| slot.request.hold != Hold::Run || slot.response.hold != Hold::Run;
        slots.iter().position(held)
    }
}
