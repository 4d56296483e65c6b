//! Upstream requests, and the answers to them.

use crate::chain::Chain;
use crate::clock::nanoseconds;
use crate::event::Event;
use crate::host::shared::Shared;
use crate::report::stream_id::StreamId;
use crate::stream::Stream;
use crate::upstream::{Answer, Outcome, Upstream};

impl Chain {
    pub(super) fn opened(
        &mut self,
        index: Option<usize>,
        id: StreamId,
        upstream: &mut dyn Upstream,
    ) {
        let Some(worker) = self.worker_mut(index) else { return };
        let Some(stream) = worker.host.streams.get_mut(&id) else { return };
        stream.upstream_notified = true;
        if let Some(answer) = upstream.opened(id, &stream.request.headers) {
            self.schedule(index, id, answer);
        }
    }

    pub(super) fn forward(
        &mut self,
        index: Option<usize>,
        id: StreamId,
        upstream: &mut dyn Upstream,
    ) {
        let now = self.clock.now();
        let shared = self.shared.clone();
        let Some(worker) = self.worker_mut(index) else { return };
        let Some(stream) = worker.host.streams.get_mut(&id) else { return };
        stream.upstream_notified = true;
        // Retries get what is left of the time.
        let deadline = limit(stream, &shared, now);
        stream.deadline.get_or_insert(deadline);
        let headers = std::mem::take(&mut stream.request.headers);
        let Some(request) = &mut stream.upstream else { return };
        request.headers = headers;
        request.attempt = stream.attempts;
        let answer = upstream.answer(request);
        stream.request.headers = std::mem::take(&mut request.headers);
        self.schedule(index, id, answer);
    }

    /// Schedules the upstream's answer, or the timeout if the answer is later.
    fn schedule(&mut self, index: Option<usize>, stream: StreamId, answer: Answer) {
        let now = self.clock.now();
        let shared = self.shared.clone();
        let Some(worker) = self.worker_mut(index) else { return };
        let mut deadline = u64::MAX;
        if let Some(stream) = worker.host.streams.get_mut(&stream) {
            deadline = stream.deadline.unwrap_or_else(|| limit(stream, &shared, now));
            stream.retries = answer.retries.or(stream.retries);
        }
        let at = now.saturating_add(nanoseconds(answer.after));
        let (at, outcome) = match answer.outcome {
            Outcome::Timeout => (deadline, Outcome::Timeout),
            _ if at >= deadline => (deadline, Outcome::Timeout),
            outcome => (at, outcome),
        };
        worker.queue.push(at, Event::Upstream { stream, outcome });
    }
}

/// When the route's timeout ends an upstream request that begins now. A timeout of zero is none.
fn limit(stream: &Stream, shared: &Shared, now: u64) -> u64 {
    let timeout = stream.route.timeout.unwrap_or(shared.route_timeout);
    if timeout.is_zero() {
        return u64::MAX;
    }
    now.saturating_add(nanoseconds(timeout))
}
