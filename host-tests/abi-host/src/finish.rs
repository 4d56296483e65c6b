//! The end of a stream: the access log, then the end of every context, then the report.

use crate::stream::{Place, Slot, Stream};
use crate::worker::Worker;
use crate::{ClientResponse, Ending, Report, StreamId};

impl Worker {
    /// Ends a stream. Every filter logs before the first one ends, and a filter that never saw the
    /// request gets a context just to log. A failed VM hears of nothing.
    pub(crate) fn finish(&mut self, id: StreamId, ending: Ending) {
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        if stream.ending {
            return;
        }
        stream.ending = true;
        stream.in_log = true;
        if stream.upstream_told && !stream.upstream_answered {
            self.aborted.push(id);
        }
        let places = stream.slots.len();
        for place in 0..places {
            if !self.is_wasm(id, place) {
                continue;
            }
            let Some((vm, context)) = self.context_for_log(id, place) else { continue };
            self.enter(vm, |vm, world| {
                vm.call(world, context, "proxy_on_log", |exports| &exports.log, context);
            });
        }
        if let Some(stream) = self.world.streams.get_mut(&id) {
            stream.in_log = false;
            for slot in &mut stream.slots {
                slot.request.close();
                slot.response.close();
            }
        }
        for place in 0..places {
            let Some((vm, context)) = self.context_of(id, place) else { continue };
            self.enter(vm, |vm, world| {
                vm.call(world, context, "proxy_on_done", |exports| &exports.done, context);
                vm.call(world, context, "proxy_on_delete", |exports| &exports.delete, context);
                vm.store.data_mut().contexts.remove(&context);
            });
        }
        if let Some(stream) = self.world.streams.remove(&id) {
            let report = self.report(stream, ending);
            self.finished.insert(id, report);
        }
        self.end_retired();
    }

    fn is_wasm(&self, id: StreamId, place: usize) -> bool {
        let slot = self.world.streams.get(&id).and_then(|stream| stream.slots.get(place));
        matches!(slot, Some(Slot { place: Place::Wasm { .. }, .. }))
    }

    fn context_of(&self, id: StreamId, place: usize) -> Option<(u64, u32)> {
        match &self.world.streams.get(&id)?.slots.get(place)?.place {
            Place::Wasm { vm, context: Some(context), .. } => Some((*vm, *context)),
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
            ended: self.world.clock.now(),
        }
    }
}
