//! One worker thread of a gateway: its VMs, its streams, its events.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::event::{CallEnd, Event, EventQueue, Part};
use crate::state::{CallResponse, Deferred};
use crate::stream::{Place, Slot, Stream, Way};
use crate::vm::Vm;
use crate::world::World;
use crate::{
    flags, Codec, FailurePolicy, Module, PluginConfig, Profile, Report, Request, Status, StreamId,
};

/// What stands at one place of the chain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PlaceSpec {
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
    pub world: Box<World>,
    /// Few, and looked up at every callback.
    pub vms: BTreeMap<u64, Vm>,
    pub next_vm: u64,
    pub places: Arc<Vec<PlaceSpec>>,
    pub plugins: Vec<Installed>,
    pub queue: EventQueue,
    pub finished: HashMap<StreamId, Report>,
    /// Streams whose upstream request was given up.
    pub aborted: Vec<StreamId>,
    /// Root contexts that no new stream uses: VM and root context. They end with their last stream.
    pub retired: Vec<(u64, u32)>,
    timers: BTreeMap<(u64, u32), Timer>,
    timer_generation: u64,
}

impl Worker {
    pub(crate) fn new(world: World, places: Arc<Vec<PlaceSpec>>) -> Self {
        Self {
            world: Box::new(world),
            vms: BTreeMap::new(),
            next_vm: 1,
            places,
            plugins: Vec::new(),
            queue: EventQueue::default(),
            finished: HashMap::new(),
            aborted: Vec::new(),
            retired: Vec::new(),
            timers: BTreeMap::new(),
            timer_generation: 0,
        }
    }

    /// Begins a stream; its parts come as events.
    pub(crate) fn open(&mut self, id: StreamId, request: Request) {
        self.reload_failed();
        let mut request = request;
        if self.world.shared.profile == Profile::Wasmx {
            // There `:authority` is the name of the nginx server; the client's is in `host`.
            if let Some(host) = request.headers.get(":authority").map(<[u8]>::to_vec) {
                request.headers.set("host", host);
                request.headers.set(":authority", "kong");
            }
        } else {
            // nginx keeps the names as the client wrote them, Envoy does not.
            request.headers.lower_names();
        }
        let slots = self.places.iter().map(|place| Slot::new(self.place(*place))).collect();
        let now = self.world.clock.now();
        if let Some(after) = request.client_leaves {
            let at = now.saturating_add(crate::clock::nanoseconds(after));
            self.queue.push(at, Event::ClientLeaves { stream: id });
        }
        let gap = crate::clock::nanoseconds(request.chunk_gap);
        let pieces = request.chunks.len() + usize::from(request.trailers.is_some());
        self.queue.push(now, Event::Arrive { stream: id, part: Part::Headers });
        let mut at = now;
        for _ in 0..pieces {
            self.queue.push(at, Event::Arrive { stream: id, part: Part::Piece });
            at = at.saturating_add(gap);
        }
        let mut stream = Stream::new(id, request, slots, now);
        stream.route = self.world.route(&stream.request.headers);
        self.world.streams.insert(id, stream);
    }

    fn place(&self, place: PlaceSpec) -> Place {
        let index = match place {
            PlaceSpec::Native(index) => return Place::Native(index),
            PlaceSpec::Wasm(index) => index,
        };
        match self.plugins.get(index) {
            None => Place::Native(usize::MAX),
            Some(plugin) => {
                let open = plugin.config.failure_policy == FailurePolicy::Open;
                let config = plugin.config.clone();
                if open && self.is_failed(plugin.vm) {
                    return Place::Absent(config);
                }
                Place::Wasm {
                    vm: plugin.vm,
                    root: plugin.root,
                    plugin: config,
                    context: None,
                    failed: false,
                }
            }
        }
    }

    pub(crate) fn is_failed(&self, vm: u64) -> bool {
        self.vms.get(&vm).is_none_or(|vm| vm.failed)
    }

    /// True when the next event is due and is this worker's alone to handle.
    pub(crate) fn may_overtake(&self, now: u64) -> bool {
        let router = |event: &Event| matches!(event, Event::Opened { .. } | Event::Forward { .. });
        self.queue.next().is_some_and(|(at, event)| at <= now && !router(event))
    }

    /// Handles one event of this worker. The router's two are the chain's to handle.
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
                self.enter(vm, |vm, world| {
                    vm.call(world, root, "proxy_on_queue_ready", |e| &e.queue_ready, (root, token));
                });
            }
        }
    }

    /// Lets `callback` call into a VM, then does what its host calls asked for.
    pub(crate) fn enter<T>(
        &mut self,
        vm: u64,
        callback: impl FnOnce(&mut Vm, &mut Box<World>) -> T,
    ) -> Option<T> {
        let (result, deferred) = self.enter_only(vm, callback)?;
        self.perform(deferred);
        Some(result)
    }

    /// The same, leaving what was asked for to the caller.
    pub(crate) fn enter_only<T>(
        &mut self,
        id: u64,
        callback: impl FnOnce(&mut Vm, &mut Box<World>) -> T,
    ) -> Option<(T, Vec<Deferred>)> {
        let vm = self.vms.get_mut(&id)?;
        let result = callback(vm, &mut self.world);
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
                Deferred::Continue(stream, place, way) => {
                    if self.resumes_too_soon(stream, place, way) {
                        continue;
                    }
                    if self.goes_on(stream, way) {
                        self.resume(stream, way, place);
                    }
                }
                Deferred::Reply(stream, _, _) if self.reply_breaks(stream) => {
                    self.reset(stream, "local_response_in_response");
                }
                Deferred::Reply(stream, place, reply) => {
                    let by = self.name_of(stream, place);
                    self.local_reply(stream, reply, by);
                }
                Deferred::Reset(stream) => self.reset(stream, "wasm_close_stream"),
            }
        }
    }

    /// An answer that has not begun cannot go on: Envoy's process ends there.
    fn resumes_too_soon(&mut self, id: StreamId, place: usize, way: Way) -> bool {
        let envoy = self.world.shared.profile == Profile::Envoy;
        let begun = self.world.streams.get(&id).is_none_or(|it| it.response.started || it.ending);
        if !envoy || way == Way::Request || begun {
            return false;
        }
        let plugin = self.name_of(id, place).unwrap_or_default();
        self.world
            .misuse(plugin, "resumes an answer that has not begun: Envoy's process ends there");
        true
    }

    fn arrive(&mut self, id: StreamId, part: Part) {
        let now = self.world.clock.now();
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        stream.last_activity = now;
        if part == Part::Headers {
            let end = stream.nothing_follows();
            stream.request.started = true;
            stream.request.ended = end;
            return self.pass_headers(id, Way::Request, 0, end);
        }
        if stream.request_cut {
            return;
        }
        if self.world.shared.profile == Profile::Wasmx {
            return self.arrive_whole(id);
        }
        let Some(piece) = stream.pending_chunks.pop() else {
            stream.request.trailers = stream.pending_trailers.take();
            stream.request.has_trailers = true;
            stream.request.ended = true;
            return self.pass_trailers(id, Way::Request, 0);
        };
        stream.request.bytes += piece.len();
        let last = stream.nothing_follows();
        let end_with_data = last && stream.codec == Codec::Http2;
        stream.request.ended = end_with_data;
        // An empty body has its end only.
        if !(piece.is_empty() && last && !end_with_data) {
            self.pass_data(id, Way::Request, 0, piece, end_with_data);
        }
        if last && !end_with_data && self.goes_on(id, Way::Request) {
            if let Some(stream) = self.world.streams.get_mut(&id) {
                stream.request.ended = true;
            }
            self.pass_data(id, Way::Request, 0, Vec::new(), true);
        }
    }

    /// WasmX shows a body once, when all of it is there, and not at all when nginx had to put it
    /// into a file; its size is told all the same. Trailers it does not know.
    fn arrive_whole(&mut self, id: StreamId) {
        let limit = self.world.shared.client_body_buffer;
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
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
        self.pass_data(id, Way::Request, 0, body, true);
    }

    pub(crate) fn client_leaves(&mut self, id: StreamId) {
        let Some(stream) = self.world.streams.get_mut(&id) else { return };
        stream.details = Some("downstream_remote_disconnect".to_owned());
        stream.flags |= flags::DOWNSTREAM_TERMINATION;
        self.finish(id, crate::Ending::ClientGone);
    }

    fn call_done(&mut self, vm: u64, root: u32, token: u32, answer: CallEnd) {
        let broken = matches!(answer, CallEnd::Broken);
        let (headers, body, trailers) = answer.parts();
        let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let counts = (size(headers.len()), size(body.len()), size(trailers.len()));
        let result = self.enter_only(vm, |vm, world| {
            let state = vm.store.data_mut();
            if broken {
                state.status = (Status::BROKEN_CONNECTION.0, b"reset".to_vec());
            } else {
                state.call_response = Some(CallResponse { headers, body, trailers });
            }
            vm.call(
                world,
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

    fn set_timer(&mut self, vm: u64, root: u32, period: Duration) {
        self.timer_generation += 1;
        let generation = self.timer_generation;
        if period.is_zero() {
            self.timers.remove(&(vm, root));
            return;
        }
        self.timers.insert((vm, root), Timer { period, generation });
        self.schedule_tick(vm, root, generation, period);
    }

    pub(crate) fn drop_timer(&mut self, vm: u64, root: u32) {
        self.timers.remove(&(vm, root));
    }

    fn schedule_tick(&mut self, vm: u64, root: u32, generation: u64, period: Duration) {
        let at = self.world.clock.now().saturating_add(crate::clock::nanoseconds(period));
        self.queue.push(at, Event::Tick { vm, root, generation });
    }

    fn tick(&mut self, vm: u64, root: u32, generation: u64) {
        let is_current = |timer: &&Timer| timer.generation == generation;
        if self.timers.get(&(vm, root)).filter(is_current).is_none() {
            return;
        }
        self.enter(vm, |vm, world| {
            vm.call(world, root, "proxy_on_tick", |exports| &exports.tick, root);
        });
        let again = self.timers.get(&(vm, root)).filter(is_current).map(|timer| timer.period);
        match again {
            Some(period) if !self.is_failed(vm) => self.schedule_tick(vm, root, generation, period),
            _ => {}
        }
    }

    /// Moves what host calls caused into the queues, and returns what is for other workers.
    pub(crate) fn collect(&mut self, elsewhere: &mut VecDeque<(u64, Option<usize>, Event)>) {
        if self.world.outbox.is_empty() {
            return;
        }
        for (at, worker, event) in std::mem::take(&mut self.world.outbox) {
            if worker == self.world.worker {
                self.queue.push(at, event);
            } else {
                elsewhere.push_back((at, worker, event));
            }
        }
    }

    pub(crate) fn name_of(&self, id: StreamId, place: usize) -> Option<String> {
        match &self.world.streams.get(&id)?.slots.get(place)?.place {
            Place::Wasm { plugin, .. } | Place::Absent(plugin) => Some(plugin.name.clone()),
            Place::Native(index) => {
                let native = self.world.shared.natives.get(*index)?;
                Some(crate::world::lock(native).name().to_owned())
            }
        }
    }

    /// On WasmX a filter's own answer in the place of a response under way breaks it.
    fn reply_breaks(&self, id: StreamId) -> bool {
        let started = self.world.streams.get(&id).is_some_and(|stream| stream.response.started);
        started && self.world.shared.profile == Profile::Wasmx
    }

    /// True while this direction of a stream may still move.
    pub(crate) fn goes_on(&self, id: StreamId, way: Way) -> bool {
        self.world
            .streams
            .get(&id)
            .is_some_and(|stream| !stream.ending && (way == Way::Response || !stream.request_cut))
    }
}
