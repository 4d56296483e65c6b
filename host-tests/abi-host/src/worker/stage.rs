//! Calls the callbacks of one filter for one part of a stream.

use wasmtime::{TypedFunc, WasmParams};

use crate::message::headers::Headers;
use crate::message::local_reply::LocalReply;
use crate::plugin::{FailurePolicy, Profile};
use crate::report::stream_id::StreamId;
use crate::slot::{Direction, Hold, SlotFilter};
use crate::vm::state::Deferred;
use crate::vm::Exports;
use crate::worker::contexts::Target;
use crate::worker::Worker;

/// `response.code_details` of a stream whose VM has failed.
const FAILED: &str = "wasm_fail_stream";

/// A filter and a direction.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    pub direction: Direction,
    pub position: usize,
}

/// The result of a body callback.
pub(crate) enum DataStatus {
    Continue(Vec<u8>),
    Buffer(Vec<u8>),
    Drop,
}

/// The result of a callback.
enum CallbackResult {
    /// The module does not have this callback.
    Nothing,
    /// The VM has failed, now or before.
    Failed,
    /// The return value, whether the host stops the iteration regardless, and the deferred actions.
    Value(u32, bool, Vec<Deferred>),
}

impl Worker {
    pub(crate) fn headers_at(&mut self, id: StreamId, stage: Stage, end: bool) -> Hold {
        let Some(stream) = self.host.streams.get_mut(&id) else { return Hold::All };
        let Some(slot) = stream.slots.get_mut(stage.position) else { return Hold::Run };
        match &slot.filter {
            SlotFilter::Absent(_) => return Hold::Run,
            SlotFilter::Native(index) => {
                let index = *index;
                return self.native_headers(id, stage, index, end);
            }
            SlotFilter::Wasm { context: None, .. } | SlotFilter::Wasm { failed: true, .. }
                if stage.direction == Direction::Response =>
            {
                return Hold::Run;
            }
            SlotFilter::Wasm { .. } => {}
        }
        let Some(target) = self.target(id, stage.position) else { return self.vm_down(id, stage) };
        let Some(stream) = self.host.streams.get_mut(&id) else { return Hold::All };
        let count = u32::try_from(stream.flow(stage.direction).headers.len()).unwrap_or(u32::MAX);
        let Some(side) = self.side(id, stage.direction, stage.position) else { return Hold::All };
        side.headers_open = true;
        side.end_of_stream = end;
        let wasmx = self.host.shared.profile == Profile::Wasmx;
        // WasmX never sets `end_of_stream` in a header callback.
        let params = (target.context, count, u32::from(end && !wasmx));
        let called = match stage.direction {
            Direction::Request => {
                self.call(&target, "proxy_on_request_headers", |e| &e.request_headers, params)
            }
            Direction::Response => {
                self.call(&target, "proxy_on_response_headers", |e| &e.response_headers, params)
            }
        };
        let called = match called {
            CallbackResult::Nothing => {
                self.old_headers(&target, stage.direction, (params.0, params.1))
            }
            called => called,
        };
        let (value, stop, deferred) = match called {
            CallbackResult::Failed => return self.vm_down(id, stage),
            CallbackResult::Nothing => (0, false, Vec::new()),
            CallbackResult::Value(value, stop, deferred) => (value, stop, deferred),
        };
        let hold = match value {
            _ if stop => Hold::All,
            0 => Hold::Run,
            1 if target.plugin.allow_on_headers_stop_iteration => Hold::Single,
            _ => Hold::All,
        };
        let hold = if wasmx && stage.direction == Direction::Response { Hold::Run } else { hold };
        if hold == Hold::Run {
            if let Some(side) = self.side(id, stage.direction, stage.position) {
                side.headers_open = false;
            }
            let resumed = |it: &Deferred| {
                matches!(it, Deferred::Continue(stream, position, direction)
                    if (*stream, *position, *direction) == (id, stage.position, stage.direction))
            };
            if !wasmx && deferred.iter().any(resumed) {
                let what = match stage.direction {
                    Direction::Request => {
                        "resumes a request that it does not hold: Envoy sends it twice"
                    }
                    Direction::Response => {
                        "resumes an answer that it does not hold: Envoy sends it twice"
                    }
                };
                self.host.misuse(target.plugin.name.clone(), what);
            }
        }
        self.perform(deferred);
        hold
    }

    /// Header callbacks of ABI 0.1 have no `end_of_stream`.
    fn old_headers(
        &mut self,
        target: &Target,
        direction: Direction,
        params: (u32, u32),
    ) -> CallbackResult {
        match direction {
            Direction::Request => {
                let callback = "proxy_on_request_headers";
                self.call(target, callback, |exports| &exports.old_request_headers, params)
            }
            Direction::Response => {
                let callback = "proxy_on_response_headers";
                self.call(target, callback, |exports| &exports.old_response_headers, params)
            }
        }
    }

    pub(crate) fn data_at(
        &mut self,
        id: StreamId,
        stage: Stage,
        data: Vec<u8>,
        end: bool,
    ) -> DataStatus {
        let Some(slot) = self.slot(id, stage.position) else { return DataStatus::Drop };
        let context = match &slot.filter {
            SlotFilter::Absent(_) => None,
            SlotFilter::Native(index) => {
                let index = *index;
                return self.native_data(stage, index, data, end);
            }
            SlotFilter::Wasm { failed: true, .. } => None,
            SlotFilter::Wasm { context, .. } => *context,
        };
        if context.is_none() {
            return DataStatus::Continue(data);
        }
        let Some(side) = self.side(id, stage.direction, stage.position) else {
            return DataStatus::Drop;
        };
        side.body_open = true;
        side.end_of_stream = end;
        if side.buffering {
            side.hold_back(data);
            self.check_limit(id, stage);
            if !self.goes_on(id, stage.direction) {
                return DataStatus::Drop;
            }
        } else {
            side.data = data;
        }
        let Some(side) = self.side(id, stage.direction, stage.position) else {
            return DataStatus::Drop;
        };
        let size = side.body().map_or(0, |body| body.len());
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let Some(target) = self.target(id, stage.position) else {
            self.vm_down(id, stage);
            return self.after_vm_down(id, stage);
        };
        let params = (target.context, size, u32::from(end));
        let called = match stage.direction {
            Direction::Request => {
                self.call(&target, "proxy_on_request_body", |e| &e.request_body, params)
            }
            Direction::Response => {
                self.call(&target, "proxy_on_response_body", |e| &e.response_body, params)
            }
        };
        let (value, stop, deferred) = match called {
            CallbackResult::Failed => {
                self.vm_down(id, stage);
                return self.after_vm_down(id, stage);
            }
            CallbackResult::Nothing => (0, false, Vec::new()),
            CallbackResult::Value(value, stop, deferred) => (value, stop, deferred),
        };
        let Some(side) = self.side(id, stage.direction, stage.position) else {
            return DataStatus::Drop;
        };
        let data = std::mem::take(&mut side.data);
        side.buffering = false;
        let status = match value {
            0 if !stop => {
                side.body_open = false;
                DataStatus::Continue(data)
            }
            1 | 2 if !stop => {
                side.buffering = true;
                // Buffered first, so that a call that completes at once sees it.
                side.hold_back(data);
                DataStatus::Buffer(Vec::new())
            }
            _ => DataStatus::Drop,
        };
        self.perform(deferred);
        status
    }

    pub(crate) fn trailers_at(&mut self, id: StreamId, stage: Stage) -> Hold {
        let Some(slot) = self.slot(id, stage.position) else { return Hold::All };
        match &slot.filter {
            SlotFilter::Wasm { failed: false, context: Some(_), .. } => {}
            _ => return Hold::Run,
        }
        slot.side(stage.direction).trailers_open = true;
        let Some(stream) = self.host.streams.get(&id) else { return Hold::All };
        let trailers = match stage.direction {
            Direction::Request => &stream.request.trailers,
            Direction::Response => &stream.response.trailers,
        };
        let count = u32::try_from(trailers.as_ref().map_or(0, Headers::len)).unwrap_or(u32::MAX);
        let Some(target) = self.target(id, stage.position) else { return self.vm_down(id, stage) };
        let params = (target.context, count);
        let called = match stage.direction {
            Direction::Request => {
                self.call(&target, "proxy_on_request_trailers", |e| &e.request_trailers, params)
            }
            Direction::Response => {
                self.call(&target, "proxy_on_response_trailers", |e| &e.response_trailers, params)
            }
        };
        let (value, stop, deferred) = match called {
            CallbackResult::Failed => return self.vm_down(id, stage),
            CallbackResult::Nothing => (0, false, Vec::new()),
            CallbackResult::Value(value, stop, deferred) => (value, stop, deferred),
        };
        let hold = if value == 0 && !stop { Hold::Run } else { Hold::Single };
        if hold == Hold::Run {
            if let Some(side) = self.side(id, stage.direction, stage.position) {
                side.trailers_open = false;
            }
        }
        self.perform(deferred);
        hold
    }

    /// Handles a filter whose VM failed: skips it, or replies with 503 once.
    fn vm_down(&mut self, id: StreamId, stage: Stage) -> Hold {
        let Some(slot) = self.slot(id, stage.position) else { return Hold::All };
        slot.side(stage.direction).close();
        let SlotFilter::Wasm { plugin, failed, .. } = &mut slot.filter else { return Hold::Run };
        if plugin.failure_policy == FailurePolicy::Open {
            return Hold::Run;
        }
        let name = plugin.name.clone();
        let was_failed = std::mem::replace(failed, true);
        // Later filters on the same VM fail too; the report names the first.
        let by = self.host.streams.get(&id).and_then(|stream| {
            let first = stream.details.as_deref() != Some(FAILED);
            if first {
                Some(name)
            } else {
                stream.replied_by.clone()
            }
        });
        if !was_failed {
            let status = match self.host.shared.profile {
                Profile::Envoy => 503,
                Profile::Wasmx => 500,
            };
            let reply = LocalReply { status, details: FAILED.to_owned(), ..LocalReply::default() };
            self.local_reply(id, reply, by);
        }
        Hold::All
    }

    fn after_vm_down(&mut self, id: StreamId, stage: Stage) -> DataStatus {
        let Some(slot) = self.slot(id, stage.position) else { return DataStatus::Drop };
        let open = matches!(&slot.filter, SlotFilter::Wasm { failed: false, .. });
        let side = slot.side(stage.direction);
        side.buffering = false;
        match open {
            true => DataStatus::Continue(std::mem::take(&mut side.data)),
            false => DataStatus::Drop,
        }
    }

    fn call<P: WasmParams>(
        &mut self,
        target: &Target,
        callback: &'static str,
        function: impl FnOnce(&Exports) -> &Option<TypedFunc<P, u32>>,
        params: P,
    ) -> CallbackResult {
        let result = self.enter_only(target.vm, |vm, host| {
            let returned = vm.call(host, target.context, callback, function, params);
            (returned, vm.failed)
        });
        match result {
            None | Some(((None, true), _)) => CallbackResult::Failed,
            Some(((None, false), _)) => CallbackResult::Nothing,
            Some(((Some(returned), _), deferred)) => {
                CallbackResult::Value(returned.value, returned.stop, deferred)
            }
        }
    }
}
