//! The end of a stream: access log, end of all contexts, report.

use crate::report::stream_id::StreamId;
use crate::report::stream_report::{ClientResponse, Ending, Report};
use crate::slot::{Slot, SlotFilter};
use crate::stream::Stream;
use crate::worker::Worker;

impl Worker {
    /// Ends a stream: `on_log` of every filter, then `on_done` and `on_delete`. A filter that never saw the
    /// request gets a context for its `on_log`. A failed VM gets no callback.
    pub(crate) fn finish(&mut self, id: StreamId, ending: Ending) {
        let Some(stream) = self.host.streams.get_mut(&id) else { return };
        if stream.ending {
            return;
        }
        stream.ending = true;
        stream.in_log = true;
        if stream.upstream_notified && !stream.upstream_answered {
            self.aborted.push(id);
        }
        let filters = stream.slots.len();
        for position in 0..filters {
            if !self.is_wasm(id, position) {
                continue;
            }
            let Some((vm, context)) = self.context_for_log(id, position) else { continue };
            self.enter(vm, |vm, host| {
                vm.call(host, context, "proxy_on_log", |exports| &exports.log, context);
            });
        }
        if let Some(stream) = self.host.streams.get_mut(&id) {
            stream.in_log = false;
            for slot in &mut stream.slots {
                slot.request.close();
                slot.response.close();
            }
        }
        for position in 0..filters {
            let Some((vm, context)) = self.context_of(id, position) else { continue };
            self.enter(vm, |vm, host| {
                vm.call(host, context, "proxy_on_done", |exports| &exports.done, context);
                vm.call(host, context, "proxy_on_delete", |exports| &exports.delete, context);
                vm.store.data_mut().contexts.remove(&context);
            });
        }
        if let Some(stream) = self.host.streams.remove(&id) {
            let report = self.report(stream, ending);
            self.finished.insert(id, report);
        }
        self.end_retired();
    }

    fn is_wasm(&self, id: StreamId, position: usize) -> bool {
        let slot = self.host.streams.get(&id).and_then(|stream| stream.slots.get(position));
        matches!(slot, Some(Slot { filter: SlotFilter::Wasm { .. }, .. }))
    }

    fn context_of(&self, id: StreamId, position: usize) -> Option<(u64, u32)> {
        match &self.host.streams.get(&id)?.slots.get(position)?.filter {
            SlotFilter::Wasm { vm, context: Some(context), .. } => Some((*vm, *context)),
            _ => None,
        }
    }

    fn report(&self, stream: Stream, ending: Ending) -> Report {
        let client = stream.client;
        let response = client.headers_sent.then(|| ClientResponse {
            headers: stream.response.headers,
            body: client.body,
            trailers: stream.response.trailers.filter(|_| client.trailers),
            complete: client.complete,
        });
        let upstream = stream.upstream.map(|mut upstream| {
            upstream.headers = stream.request.headers;
            upstream
        });
        let state = stream.filter_state.into_iter();
        Report {
            stream: stream.id,
            ending: match stream.stalled_at {
                Some(filter) => Ending::Stalled { filter },
                None => ending,
            },
            response,
            replied_by: stream.replied_by,
            code_details: stream.details.unwrap_or_default(),
            flags: stream.flags,
            attempts: stream.attempts,
            filter_state: state
                .map(|(name, value)| (format!("wasm.{}", String::from_utf8_lossy(&name)), value))
                .collect(),
            upstream,
            logs: stream.logs,
            traps: stream.traps,
            not_emulated: stream.not_emulated,
            started: stream.started,
            ended: self.host.clock.now(),
        }
    }
}
