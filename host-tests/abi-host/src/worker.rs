//! One worker thread: its VMs, streams and events.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::event::{CallEnd, Event, EventQueue};
use crate::host::shared::lock;
use crate::host::state::HostState;
use crate::plugin::{PluginConfig, Profile};
use crate::report::stream_id::StreamId;
use crate::report::stream_report::Report;
use crate::slot::{Direction, SlotFilter};
use crate::status::Status;
use crate::vm::engine::Module;
use crate::vm::state::{CallResponse, Deferred};
use crate::vm::Vm;

mod arrivals;
mod contexts;
mod finish;
mod install;
mod local_reply;
mod native_stage;
mod passage;
pub(crate) mod peers;
mod retry;
mod router;
mod stage;
mod timeouts;
mod timers;

/// A filter of the chain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FilterRef {
    Native(usize),
    /// Index into the worker's plugins.
    Wasm(usize),
}

/// A plugin as it runs on one worker.
pub(crate) struct Installed {
    pub module: Module,
    pub config: Arc<PluginConfig>,
    pub vm: u64,
    pub root: u32,
    pub loaded_at: u64,
}

struct Timer {
    period: Duration,
    generation: u64,
}

/// One worker.
pub(crate) struct Worker {
    pub host: Box<HostState>,
    /// Few, and looked up at every callback.
    pub vms: BTreeMap<u64, Vm>,
    pub next_vm: u64,
    pub filters: Arc<Vec<FilterRef>>,
    pub plugins: Vec<Installed>,
    pub queue: EventQueue,
    pub finished: HashMap<StreamId, Report>,
    /// Streams whose upstream request was aborted.
    pub aborted: Vec<StreamId>,
    /// Root contexts without new streams (VM, root context). They end with their last stream.
    pub retired: Vec<(u64, u32)>,
    timers: BTreeMap<(u64, u32), Timer>,
    timer_generation: u64,
}

impl Worker {
    pub(crate) fn new(host: HostState, filters: Arc<Vec<FilterRef>>) -> Self {
        Self {
            host: Box::new(host),
            vms: BTreeMap::new(),
            next_vm: 1,
            filters,
            plugins: Vec::new(),
            queue: EventQueue::default(),
            finished: HashMap::new(),
            aborted: Vec::new(),
            retired: Vec::new(),
            timers: BTreeMap::new(),
            timer_generation: 0,
        }
    }

    pub(crate) fn is_failed(&self, vm: u64) -> bool {
        self.vms.get(&vm).is_none_or(|vm| vm.failed)
    }

    /// Handles one event. The chain handles `Opened` and `Forward`.
    pub(crate) fn handle(&mut self, event: Event) {
        match event {
            Event::Arrive { stream, part } => self.arrive(stream, part),
            Event::ClientLeaves { stream } => self.client_leaves(stream),
            Event::Opened { .. } | Event::Forward { .. } => {}
            Event::Upstream { stream, outcome } => self.upstream_outcome(stream, outcome),
            Event::CallDone { vm, root, token, answer } => {
                self.call_done(vm, root, token, answer);
            }
            Event::Tick { vm, root, generation } => self.tick(vm, root, generation),
            Event::QueueReady { vm, root, token } => {
                self.enter(vm, |vm, host| {
                    vm.call(host, root, "proxy_on_queue_ready", |e| &e.queue_ready, (root, token));
                });
            }
        }
    }

    /// Runs `callback` on a VM, then performs the actions that its host calls deferred.
    pub(crate) fn enter<T>(
        &mut self,
        vm: u64,
        callback: impl FnOnce(&mut Vm, &mut Box<HostState>) -> T,
    ) -> Option<T> {
        let (result, deferred) = self.enter_only(vm, callback)?;
        self.perform(deferred);
        Some(result)
    }

    /// Runs `callback` on a VM and returns the deferred actions.
    pub(crate) fn enter_only<T>(
        &mut self,
        id: u64,
        callback: impl FnOnce(&mut Vm, &mut Box<HostState>) -> T,
    ) -> Option<(T, Vec<Deferred>)> {
        let vm = self.vms.get_mut(&id)?;
        let result = callback(vm, &mut self.host);
        let state = vm.store.data_mut();
        let deferred = std::mem::take(&mut state.deferred);
        let timers = std::mem::take(&mut state.timers);
        for (root, period) in timers {
            self.set_timer(id, root, period);
        }
        Some((result, deferred))
    }

    pub(crate) fn perform(&mut self, deferred: Vec<Deferred>) {
        for action in deferred {
            match action {
                Deferred::Continue(stream, position, direction) => {
                    if self.resumes_too_soon(stream, position, direction) {
                        continue;
                    }
                    if self.goes_on(stream, direction) {
                        self.resume(stream, direction, position);
                    }
                }
                Deferred::Reply(stream, _, _) if self.reply_breaks(stream) => {
                    self.reset(stream, "local_response_in_response");
                }
                Deferred::Reply(stream, position, reply) => {
                    let by = self.name_of(stream, position);
                    self.local_reply(stream, reply, by);
                }
                Deferred::Reset(stream) => self.reset(stream, "wasm_close_stream"),
            }
        }
    }

    /// Envoy crashes when a response is resumed before it began.
    fn resumes_too_soon(&mut self, id: StreamId, position: usize, direction: Direction) -> bool {
        let envoy = self.host.shared.profile == Profile::Envoy;
        let begun = self.host.streams.get(&id).is_none_or(|it| it.response.started || it.ending);
        if !envoy || direction == Direction::Request || begun {
            return false;
        }
        let plugin = self.name_of(id, position).unwrap_or_default();
        self.host
            .misuse(plugin, "resumes an answer that has not begun: Envoy's process ends there");
        true
    }

    fn call_done(&mut self, vm: u64, root: u32, token: u32, answer: CallEnd) {
        let broken = matches!(answer, CallEnd::Broken);
        let (headers, body, trailers) = answer.parts();
        let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let counts = (size(headers.len()), size(body.len()), size(trailers.len()));
        let result = self.enter_only(vm, |vm, host| {
            let state = vm.store.data_mut();
            if broken {
                state.status = (Status::BROKEN_CONNECTION.0, b"reset".to_vec());
            } else {
                state.call_response = Some(CallResponse { headers, body, trailers });
            }
            vm.call(
                host,
                root,
                "proxy_on_http_call_response",
                |exports| &exports.call_response,
                (root, token, counts.0, counts.1, counts.2),
            );
            let state = vm.store.data_mut();
            state.call_response = None;
            state.status.1.clear();
        });
        if let Some(((), deferred)) = result {
            self.perform(deferred);
        }
    }

    /// Moves the events of host calls into the queue, and those for other workers into `in_transit`.
    pub(crate) fn collect(&mut self, in_transit: &mut VecDeque<(u64, Option<usize>, Event)>) {
        if self.host.outbox.is_empty() {
            return;
        }
        for (at, worker, event) in std::mem::take(&mut self.host.outbox) {
            if worker == self.host.worker {
                self.queue.push(at, event);
            } else {
                in_transit.push_back((at, worker, event));
            }
        }
    }

    pub(crate) fn name_of(&self, id: StreamId, position: usize) -> Option<String> {
        match &self.host.streams.get(&id)?.slots.get(position)?.filter {
            SlotFilter::Wasm { plugin, .. } | SlotFilter::Absent(plugin) => {
                Some(plugin.name.clone())
            }
            SlotFilter::Native(index) => {
                let native = self.host.shared.natives.get(*index)?;
                Some(lock(native).name().to_owned())
            }
        }
    }

    /// On WasmX a local reply during a response breaks it.
    fn reply_breaks(&self, id: StreamId) -> bool {
        let started = self.host.streams.get(&id).is_some_and(|stream| stream.response.started);
        started && self.host.shared.profile == Profile::Wasmx
    }

    /// True while this direction of a stream is active.
    pub(crate) fn goes_on(&self, id: StreamId, direction: Direction) -> bool {
        self.host.streams.get(&id).is_some_and(|stream| {
            !stream.ending && (direction == Direction::Response || !stream.request_cut)
        })
    }
}
