//! One filter seeing one part of a stream.

use std::sync::Arc;

use wasmtime::{TypedFunc, WasmParams};

use crate::state::{Context, Deferred};
use crate::stream::{Hold, Place, Way};
use crate::vm::Exports;
use crate::worker::Worker;
use crate::{FailurePolicy, Headers, LocalReply, PluginConfig, Profile, StreamId};

/// `response.code_details` of a stream whose VM has failed.
const FAILED: &str = "wasm_fail_stream";

/// A filter and a direction.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    pub way: Way,
    pub place: usize,
}

/// What a filter does with a piece of body.
pub(crate) enum DataStatus {
    Continue(Vec<u8>),
    Buffer(Vec<u8>),
    Drop,
}

/// Where to call.
struct Target {
    vm: u64,
    context: u32,
    plugin: Arc<PluginConfig>,
}

/// What came of a call.
enum Called {
    /// The module does not have this callback.
    Nothing,
    /// The VM has failed, now or before.
    Failed,
    /// What it returned, whether the host stops regardless, and what it asked for.
    Value(u32, bool, Vec<Deferred>),
}

impl Worker {
    pub(crate) fn headers_at(&mut self, id: StreamId, stage: Stage, end: bool) -> Hold {
        let Some(stream) = self.world.streams.get_mut(&id) else { return Hold::All };
        let Some(slot) = stream.slots.get_mut(stage.place) else { return Hold::Run };
        match &slot.place {
            Place::Absent(_) => return Hold::Run,
            Place::Native(index) => {
                let index = *index;
                return self.native_headers(id, stage, index, end);
            }
            Place::Wasm { context: None, .. } | Place::Wasm { failed: true, .. }
                if stage.way == Way::Response =>
            {
                return Hold::Run;
            }
            Place::Wasm { .. } => {}
        }
        let Some(target) = self.target(id, stage.place) else { return self.vm_down(id, stage) };
        let Some(stream) = self.world.streams.get_mut(&id) else { return Hold::All };
        let count = u32::try_from(stream.flow(stage.way).headers.len()).unwrap_or(u32::MAX);
        let Some(side) = self.side(id, stage.way, stage.place) else { return Hold::All };
        side.headers_open = true;
        side.end_of_stream = end;
        let wasmx = self.world.shared.profile == Profile::Wasmx;
        // WasmX never tells with the headers that nothing follows them.
        let params = (target.context, count, u32::from(end && !wasmx));
        let called = match stage.way {
            Way::Request => {
                self.call(&target, "proxy_on_request_headers", |e| &e.request_headers, params)
            }
            Way::Response => {
                self.call(&target, "proxy_on_response_headers", |e| &e.response_headers, params)
            }
        };
        let called = match called {
            Called::Nothing => self.old_headers(&target, stage.way, (params.0, params.1)),
            called => called,
        };
        let (value, stop, deferred) = match called {
            Called::Failed => return self.vm_down(id, stage),
            Called::Nothing => (0, false, Vec::new()),
            Called::Value(value, stop, deferred) => (value, stop, deferred),
        };
        let hold = match value {
            _ if stop => Hold::All,
            0 => Hold::Run,
            1 if target.plugin.allow_on_headers_stop_iteration => Hold::Single,
            _ => Hold::All,
        };
        let hold = if wasmx && stage.way == Way::Response { Hold::Run } else { hold };
        if hold == Hold::Run {
            if let Some(side) = self.side(id, stage.way, stage.place) {
                side.headers_open = false;
            }
            let resumed = |it: &Deferred| {
                matches!(it, Deferred::Continue(stream, place, way)
                    if (*stream, *place, *way) == (id, stage.place, stage.way))
            };
            if !wasmx && deferred.iter().any(resumed) {
                let what = match stage.way {
                    Way::Request => "resumes a request that it does not hold: Envoy sends it twice",
                    Way::Response => {
                        "resumes an answer that it does not hold: Envoy sends it twice"
                    }
                };
                self.world.misuse(target.plugin.name.clone(), what);
            }
        }
        self.perform(deferred);
        hold
    }

    /// Modules of ABI 0.1 are not told whether anything follows the headers.
    fn old_headers(&mut self, target: &Target, way: Way, params: (u32, u32)) -> Called {
        match way {
            Way::Request => {
                let callback = "proxy_on_request_headers";
                self.call(target, callback, |exports| &exports.old_request_headers, params)
            }
            Way::Response => {
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
        let Some(slot) = self.slot(id, stage.place) else { return DataStatus::Drop };
        let context = match &slot.place {
            Place::Absent(_) => None,
            Place::Native(index) => {
                let index = *index;
                return self.native_data(stage, index, data, end);
            }
            Place::Wasm { failed: true, .. } => None,
            Place::Wasm { context, .. } => *context,
        };
        if context.is_none() {
            return DataStatus::Continue(data);
        }
        let Some(side) = self.side(id, stage.way, stage.place) else { return DataStatus::Drop };
        side.body_open = true;
        side.end_of_stream = end;
        if side.buffering {
            side.hold_back(data);
            self.check_limit(id, stage);
            if !self.goes_on(id, stage.way) {
                return DataStatus::Drop;
            }
        } else {
            side.data = data;
        }
        let Some(side) = self.side(id, stage.way, stage.place) else { return DataStatus::Drop };
        let size = side.body().map_or(0, |body| body.len());
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let Some(target) = self.target(id, stage.place) else {
            self.vm_down(id, stage);
            return self.after_vm_down(id, stage);
        };
        let params = (target.context, size, u32::from(end));
        let called = match stage.way {
            Way::Request => {
                self.call(&target, "proxy_on_request_body", |e| &e.request_body, params)
            }
            Way::Response => {
                self.call(&target, "proxy_on_response_body", |e| &e.response_body, params)
            }
        };
        let (value, stop, deferred) = match called {
            Called::Failed => {
                self.vm_down(id, stage);
                return self.after_vm_down(id, stage);
            }
            Called::Nothing => (0, false, Vec::new()),
            Called::Value(value, stop, deferred) => (value, stop, deferred),
        };
        let Some(side) = self.side(id, stage.way, stage.place) else { return DataStatus::Drop };
        let data = std::mem::take(&mut side.data);
        side.buffering = false;
        let status = match value {
            0 if !stop => {
                side.body_open = false;
                DataStatus::Continue(data)
            }
            1 | 2 if !stop => {
                side.buffering = true;
                // Held before anything else happens: a call answered now already sees it.
                side.hold_back(data);
                DataStatus::Buffer(Vec::new())
            }
            _ => DataStatus::Drop,
        };
        self.perform(deferred);
        status
    }

    pub(crate) fn trailers_at(&mut self, id: StreamId, stage: Stage) -> Hold {
        let Some(slot) = self.slot(id, stage.place) else { return Hold::All };
        match &slot.place {
            Place::Wasm { failed: false, context: Some(_), .. } => {}
            _ => return Hold::Run,
        }
        slot.side(stage.way).trailers_open = true;
        let Some(stream) = self.world.streams.get(&id) else { return Hold::All };
        let trailers = match stage.way {
            Way::Request => &stream.request.trailers,
            Way::Response => &stream.response.trailers,
        };
        let count = u32::try_from(trailers.as_ref().map_or(0, Headers::len)).unwrap_or(u32::MAX);
        let Some(target) = self.target(id, stage.place) else { return self.vm_down(id, stage) };
        let params = (target.context, count);
        let called = match stage.way {
            Way::Request => {
                self.call(&target, "proxy_on_request_trailers", |e| &e.request_trailers, params)
            }
            Way::Response => {
                self.call(&target, "proxy_on_response_trailers", |e| &e.response_trailers, params)
            }
        };
        let (value, stop, deferred) = match called {
            Called::Failed => return self.vm_down(id, stage),
            Called::Nothing => (0, false, Vec::new()),
            Called::Value(value, stop, deferred) => (value, stop, deferred),
        };
        let hold = if value == 0 && !stop { Hold::Run } else { Hold::Single };
        if hold == Hold::Run {
            if let Some(side) = self.side(id, stage.way, stage.place) {
                side.trailers_open = false;
            }
        }
        self.perform(deferred);
        hold
    }

    /// A filter whose VM has failed: left out, or answered for with 503, once.
    fn vm_down(&mut self, id: StreamId, stage: Stage) -> Hold {
        let Some(slot) = self.slot(id, stage.place) else { return Hold::All };
        slot.side(stage.way).close();
        let Place::Wasm { plugin, failed, .. } = &mut slot.place else { return Hold::Run };
        if plugin.failure_policy == FailurePolicy::Open {
            return Hold::Run;
        }
        let name = plugin.name.clone();
        let was_failed = std::mem::replace(failed, true);
        // Filters behind it that share the VM fail too, but are not where it began.
        let by = self.world.streams.get(&id).and_then(|stream| {
            let first = stream.details.as_deref() != Some(FAILED);
            if first {
                Some(name)
            } else {
                stream.replied_by.clone()
            }
        });
        if !was_failed {
            let status = match self.world.shared.profile {
                Profile::Envoy => 503,
                Profile::Wasmx => 500,
            };
            let reply = LocalReply { status, details: FAILED.to_owned(), ..LocalReply::default() };
            self.local_reply(id, reply, by);
        }
        Hold::All
    }

    fn after_vm_down(&mut self, id: StreamId, stage: Stage) -> DataStatus {
        let Some(slot) = self.slot(id, stage.place) else { return DataStatus::Drop };
        let open = matches!(&slot.place, Place::Wasm { failed: false, .. });
        let side = slot.side(stage.way);
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
    ) -> Called {
        let result = self.enter_only(target.vm, |vm, world| {
            let returned = vm.call(world, target.context, callback, function, params);
            (returned, vm.failed)
        });
        match result {
            None | Some(((None, true), _)) => Called::Failed,
            Some(((None, false), _)) => Called::Nothing,
            Some(((Some(returned), _), deferred)) => {
                Called::Value(returned.value, returned.stop, deferred)
            }
        }
    }

    pub(crate) fn slot(&mut self, id: StreamId, place: usize) -> Option<&mut crate::stream::Slot> {
        self.world.streams.get_mut(&id)?.slots.get_mut(place)
    }

    /// The context of a filter for a stream, created when it is first needed. `None` when the VM
    /// is down.
    fn target(&mut self, id: StreamId, place: usize) -> Option<Target> {
        let slot = self.slot(id, place)?;
        let Place::Wasm { vm, root, plugin, context, .. } = &slot.place else { return None };
        let (vm, root, plugin, context) = (*vm, *root, plugin.clone(), *context);
        if self.is_failed(vm) {
            return None;
        }
        if let Some(context) = context {
            return Some(Target { vm, context, plugin });
        }
        let context = self.create_context(vm, root, &plugin, Some((id, place)))?;
        if let Some(slot) = self.slot(id, place) {
            if let Place::Wasm { context: known, .. } = &mut slot.place {
                *known = Some(context);
            }
        }
        (!self.is_failed(vm)).then_some(Target { vm, context, plugin })
    }

    /// Creates a context in a VM. `root` is 0 for a root context.
    pub(crate) fn create_context(
        &mut self,
        vm: u64,
        root: u32,
        plugin: &Arc<PluginConfig>,
        stream: Option<(StreamId, usize)>,
    ) -> Option<u32> {
        self.enter(vm, |vm, world| {
            let id = vm.next_context();
            let own_root = if root == 0 { id } else { root };
            let context = Context { plugin: plugin.clone(), root: own_root, stream };
            vm.store.data_mut().contexts.insert(id, context);
            let create = "proxy_on_context_create";
            vm.call(world, id, create, |exports| &exports.context_create, (id, root));
            id
        })
    }

    /// Makes sure that a filter which never saw the request has a context for the access log.
    pub(crate) fn context_for_log(&mut self, id: StreamId, place: usize) -> Option<(u64, u32)> {
        let target = self.target(id, place)?;
        Some((target.vm, target.context))
    }
}
