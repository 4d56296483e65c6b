//! A running chain: what a test drives.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::builder::ChainBuilder;
use crate::clock::nanoseconds;
use crate::event::Event;
use crate::rng::Rng;
use crate::stream::Stream;
use crate::vm::FuelUse;
use crate::worker::Worker;
use crate::world::{lock, Shared};
use crate::{
    imports, Answer, Clock, Engine, HostError, LogLine, Misuse, Outcome, Report, Request, Status,
    StreamId, Trace, Trap, Upstream,
};

/// A running filter chain with its workers.
pub struct Chain {
    pub(crate) clock: Clock,
    pub(crate) shared: Arc<Shared>,
    /// The main thread, where Envoy starts plugins too, but serves no request.
    pub(crate) main: Option<Worker>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) rng: Rng,
    pub(crate) interleaved: bool,
    pub(crate) next_stream: u64,
    pub(crate) elsewhere: VecDeque<(u64, Option<usize>, Event)>,
}

impl Chain {
    /// Starts collecting a chain.
    pub fn builder(engine: &Engine) -> ChainBuilder {
        ChainBuilder::new(engine)
    }

    /// Drives one request on the first worker to its end, and everything else that is due by then.
    pub fn run(&mut self, request: Request, upstream: &mut dyn Upstream) -> Report {
        let stream = self.open(0, request);
        self.finish(stream, upstream)
    }

    /// Drives a stream that was opened to its end, and everything else that is due by then.
    pub fn finish(&mut self, stream: StreamId, upstream: &mut dyn Upstream) -> Report {
        loop {
            if let Some(report) = self.take_report(stream) {
                while self.next_at().is_some_and(|at| at <= self.clock.now()) {
                    self.step(upstream);
                }
                return report;
            }
            // A stream always ends, by its idle timeout if nothing else; a lost one would be a
            // mistake of this crate, and is reported rather than waited for.
            if !self.step(upstream) {
                return lost(stream, self.clock.now());
            }
        }
    }

    /// Begins a request on a worker; nothing happens before the next [`Chain::step`]. A worker
    /// there is not means the last one.
    pub fn open(&mut self, worker: usize, request: Request) -> StreamId {
        self.next_stream += 1;
        let id = StreamId(self.next_stream);
        let index = worker.min(self.workers.len().saturating_sub(1));
        if let Some(worker) = self.workers.get_mut(index) {
            worker.open(id, request);
        }
        id
    }

    /// Lets the client of a stream leave now.
    pub fn leave(&mut self, stream: StreamId) {
        for worker in &mut self.workers {
            worker.client_leaves(stream);
        }
    }

    /// When the next event is due, in nanoseconds since the epoch.
    pub fn next_at(&self) -> Option<u64> {
        self.all().filter_map(|worker| worker.queue.next_at()).min()
    }

    /// Handles the next event, moving the clock to its time. False when there is none.
    pub fn step(&mut self, upstream: &mut dyn Upstream) -> bool {
        self.distribute();
        let now = self.clock.now();
        let next = self.next_at();
        // An idle timeout can only come first where time has to pass.
        if next.is_none_or(|at| at > now) {
            let idle = self.workers.iter().filter_map(Worker::idle_at).min();
            if let Some(idle) = idle.filter(|idle| next.is_none_or(|at| *idle < at)) {
                self.clock.set(idle.max(now));
                self.workers.iter_mut().for_each(Worker::end_idle);
                self.tell_aborted(upstream);
                return true;
            }
        }
        let Some(at) = next else { return false };
        self.clock.set(at.max(now));
        let interleaved = self.interleaved;
        let Some(index) = self.choose(at.max(now)) else { return false };
        let Some(worker) = self.worker_mut(index) else { return false };
        let Some((_, event)) = worker.queue.pop() else { return false };
        match event {
            Event::Forward { stream } => self.forward(index, stream, upstream),
            Event::Opened { stream } => self.opened(index, stream, upstream),
            event if interleaved => self.handle_interleaved(index, event),
            event => worker.handle(event),
        }
        self.tell_aborted(upstream);
        self.distribute();
        true
    }

    /// Handles every event due within this time, ticks included, and leaves the clock there.
    pub fn run_for(&mut self, time: Duration, upstream: &mut dyn Upstream) {
        let until = self.clock.now().saturating_add(nanoseconds(time));
        loop {
            self.distribute();
            let idle = self.workers.iter().filter_map(Worker::idle_at).min();
            let next = self.next_at().into_iter().chain(idle).min();
            if next.is_none_or(|at| at > until) || !self.step(upstream) {
                break;
            }
        }
        self.clock.set(self.clock.now().max(until));
    }

    /// Takes the report of a finished stream.
    pub fn take_report(&mut self, stream: StreamId) -> Option<Report> {
        self.workers.iter_mut().find_map(|worker| worker.finished.remove(&stream))
    }

    /// Replaces the configuration of a plugin: new streams see the new instance, running ones keep
    /// the old one.
    ///
    /// # Errors
    /// When the new instance does not start somewhere; the old one then goes on everywhere.
    pub fn update(&mut self, plugin: &str, configuration: &[u8]) -> Result<(), HostError> {
        let mut started = Vec::new();
        for (number, worker) in self.main.iter_mut().chain(&mut self.workers).enumerate() {
            for index in 0..worker.plugins.len() {
                let Some(old) = worker.plugins.get(index) else { continue };
                if old.config.name != plugin {
                    continue;
                }
                let mut config = (*old.config).clone();
                config.configuration = configuration.to_vec();
                let module = old.module.clone();
                started.push((number, index, worker.install(&module, &Arc::new(config))?));
            }
        }
        let mut workers: Vec<_> = self.main.iter_mut().chain(&mut self.workers).collect();
        for (number, index, installed) in started {
            let Some(worker) = workers.get_mut(number) else { continue };
            worker.replace(index, installed);
        }
        Ok(())
    }

    /// A shared value and its cas.
    pub fn shared_data(&self, vm_id: &str, key: &str) -> Option<(Vec<u8>, u32)> {
        lock(&self.shared.data).get(vm_id, key.as_bytes()).map(|(value, cas)| (value.to_vec(), cas))
    }

    /// The keys under a VM id, in order.
    pub fn shared_keys(&self, vm_id: &str) -> Vec<Vec<u8>> {
        lock(&self.shared.data).keys(vm_id)
    }

    /// Puts a shared value if `cas` allows it, as another plugin would.
    pub fn set_shared_data(&self, vm_id: &str, key: &str, value: &[u8], cas: u32) -> Status {
        lock(&self.shared.data).set(self.shared.profile, vm_id, key.as_bytes(), value, cas)
    }

    /// The value of a counter or gauge, or the number of records of a histogram.
    pub fn metric(&self, name: &str) -> Option<u64> {
        lock(&self.shared.metrics).by_name(name)
    }

    /// All metrics.
    pub fn metrics(&self) -> Vec<(String, u64)> {
        lock(&self.shared.metrics).all()
    }

    /// All log lines so far, those of the start included.
    pub fn logs(&self) -> Vec<LogLine> {
        lock(&self.shared.logs).clone()
    }

    /// Takes all log lines so far.
    pub fn take_logs(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut *lock(&self.shared.logs))
    }

    /// All traps so far.
    pub fn traps(&self) -> Vec<Trap> {
        lock(&self.shared.traps).clone()
    }

    /// What a module did that the chain cannot go on from as Envoy would.
    pub fn misuse(&self) -> Option<Misuse> {
        lock(&self.shared.misuse).clone()
    }

    /// What filters asked for outside of any stream that Envoy has and this host does not.
    pub fn not_emulated(&self) -> Vec<&'static str> {
        lock(&self.shared.not_emulated).clone()
    }

    /// Host calls made so far by the present VM of one plugin, on all workers.
    pub fn trace(&self, plugin: &str) -> Trace {
        let mut trace = Trace::default();
        for vm in self.vms(plugin) {
            imports::trace(&vm.store.data().calls, &mut trace);
            trace.bytes = trace.bytes.saturating_add(vm.store.data().given);
        }
        trace
    }

    /// Fuel used by the callbacks of one plugin's VMs, when the engine counts it.
    pub fn fuel(&self, plugin: &str) -> FuelUse {
        let mut all = FuelUse::default();
        for vm in self.vms(plugin) {
            all.callbacks += vm.fuel.callbacks;
            all.total = all.total.saturating_add(vm.fuel.total);
            all.most = all.most.max(vm.fuel.most);
        }
        all
    }

    /// Bytes of linear memory of the largest VM of one plugin.
    pub fn memory(&self, plugin: &str) -> usize {
        self.vms(plugin).map(|vm| vm.memory_size()).max().unwrap_or(0)
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn vms<'a>(&'a self, plugin: &'a str) -> impl Iterator<Item = &'a crate::vm::Vm> {
        self.all().flat_map(move |worker| {
            let mine = worker.plugins.iter().filter(move |one| one.config.name == plugin);
            mine.filter_map(|one| worker.vms.get(&one.vm))
        })
    }

    fn all(&self) -> impl Iterator<Item = &Worker> {
        self.main.iter().chain(&self.workers)
    }

    fn worker_mut(&mut self, index: Option<usize>) -> Option<&mut Worker> {
        match index {
            None => self.main.as_mut(),
            Some(index) => self.workers.get_mut(index),
        }
    }

    /// Chooses, by the seed, among the workers that have something to do by now.
    fn choose(&mut self, now: u64) -> Option<Option<usize>> {
        let due = |worker: &&Worker| worker.queue.next_at().is_some_and(|at| at <= now);
        let chosen = match self.all().filter(due).count() {
            0 | 1 => 0,
            count => self.rng.below(count),
        };
        let mut ready = self.all().filter(due).map(|worker| worker.world.worker);
        ready.nth(chosen)
    }

    /// Lends all other workers to the one that runs, so that they can overtake it.
    fn handle_interleaved(&mut self, index: Option<usize>, event: Event) {
        let mut all = std::mem::take(&mut self.workers);
        all.extend(self.main.take());
        if let Some(at) = all.iter().position(|worker| worker.world.worker == index) {
            let mut running = all.swap_remove(at);
            running.world.peers = all;
            running.handle(event);
            all = std::mem::take(&mut running.world.peers);
            all.push(running);
        }
        all.sort_by_key(|worker| worker.world.worker);
        let (main, workers): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|worker| worker.world.worker.is_none());
        self.main = main.into_iter().next();
        self.workers = workers;
    }

    fn distribute(&mut self) {
        for worker in self.main.iter_mut().chain(&mut self.workers) {
            worker.collect(&mut self.elsewhere);
        }
        while let Some((at, index, event)) = self.elsewhere.pop_front() {
            if let Some(worker) = self.worker_mut(index) {
                worker.queue.push(at, event);
            }
        }
    }

    fn tell_aborted(&mut self, upstream: &mut dyn Upstream) {
        for worker in &mut self.workers {
            for stream in worker.aborted.drain(..) {
                upstream.aborted(stream);
            }
        }
    }

    fn opened(&mut self, index: Option<usize>, id: StreamId, upstream: &mut dyn Upstream) {
        let Some(worker) = self.worker_mut(index) else { return };
        let Some(stream) = worker.world.streams.get_mut(&id) else { return };
        stream.upstream_told = true;
        if let Some(answer) = upstream.opened(id, &stream.request.headers) {
            self.schedule(index, id, answer);
        }
    }

    fn forward(&mut self, index: Option<usize>, id: StreamId, upstream: &mut dyn Upstream) {
        let now = self.clock.now();
        let shared = self.shared.clone();
        let Some(worker) = self.worker_mut(index) else { return };
        let Some(stream) = worker.world.streams.get_mut(&id) else { return };
        stream.upstream_told = true;
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

    /// Puts the upstream's answer into the future, or a timeout where it would be too late.
    fn schedule(&mut self, index: Option<usize>, stream: StreamId, answer: Answer) {
        let now = self.clock.now();
        let shared = self.shared.clone();
        let Some(worker) = self.worker_mut(index) else { return };
        let mut deadline = u64::MAX;
        if let Some(stream) = worker.world.streams.get_mut(&stream) {
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

/// When the timeout of its route ends an upstream request that begins now; a timeout of zero is none.
fn limit(stream: &Stream, shared: &Shared, now: u64) -> u64 {
    let timeout = stream.route.timeout.unwrap_or(shared.route_timeout);
    if timeout.is_zero() {
        return u64::MAX;
    }
    now.saturating_add(nanoseconds(timeout))
}

fn lost(stream: StreamId, now: u64) -> Report {
    Report {
        stream,
        ending: crate::Ending::Stalled { filter: String::new() },
        response: None,
        replied_by: None,
        code_details: String::new(),
        flags: 0,
        attempts: 0,
        filter_state: Default::default(),
        upstream: None,
        logs: Vec::new(),
        traps: Vec::new(),
        not_emulated: Vec::new(),
        started: now,
        ended: now,
    }
}
