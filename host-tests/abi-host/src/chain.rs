//! A running chain.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{nanoseconds, Clock};
use crate::error::HostError;
use crate::event::Event;
use crate::host::shared::Shared;
use crate::message::request::Request;
use crate::report::stream_id::StreamId;
use crate::report::stream_report::{Ending, Report};
use crate::rng::Rng;
use crate::upstream::Upstream;
use crate::worker::peers::IdleWorkers;
use crate::worker::Worker;

pub(crate) mod builder;
mod forward;
mod inspect;

/// A running filter chain with its workers.
pub struct Chain {
    pub(crate) clock: Clock,
    pub(crate) shared: Arc<Shared>,
    /// The main thread. Envoy starts plugins there too, but it serves no request.
    pub(crate) main: Option<Worker>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) rng: Rng,
    pub(crate) interleaved: bool,
    pub(crate) next_stream: u64,
    pub(crate) in_transit: VecDeque<(u64, Option<usize>, Event)>,
}

impl Chain {
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
            // Every stream ends, at the latest by its idle timeout. An unknown stream is a bug of this
            // crate: it is reported, not waited for.
            if !self.step(upstream) {
                return unknown_stream(stream, self.clock.now());
            }
        }
    }

    /// Begins a request on a worker; nothing happens before the next [`Chain::step`]. An index that
    /// is too large means the last worker.
    pub fn open(&mut self, worker: usize, request: Request) -> StreamId {
        self.next_stream += 1;
        let id = StreamId(self.next_stream);
        let index = worker.min(self.workers.len().saturating_sub(1));
        if let Some(worker) = self.workers.get_mut(index) {
            worker.open(id, request);
        }
        id
    }

    /// Disconnects the client of a stream now.
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
                self.report_aborted(upstream);
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
        self.report_aborted(upstream);
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

    /// Replaces the configuration of a plugin. New streams get the new instance, running ones keep the
    /// old one.
    ///
    /// # Errors
    /// When the new instance fails to start on any worker; all workers then keep the old one.
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

    fn all(&self) -> impl Iterator<Item = &Worker> {
        self.main.iter().chain(&self.workers)
    }

    fn worker_mut(&mut self, index: Option<usize>) -> Option<&mut Worker> {
        match index {
            None => self.main.as_mut(),
            Some(index) => self.workers.get_mut(index),
        }
    }

    /// Chooses, by the seed, among the workers with a due event.
    fn choose(&mut self, now: u64) -> Option<Option<usize>> {
        let due = |worker: &&Worker| worker.queue.next_at().is_some_and(|at| at <= now);
        let chosen = match self.all().filter(due).count() {
            0 | 1 => 0,
            count => self.rng.below(count),
        };
        let mut ready = self.all().filter(due).map(|worker| worker.host.worker);
        ready.nth(chosen)
    }

    /// Handles an event with all other workers as peers, so that they can overtake this one.
    fn handle_interleaved(&mut self, index: Option<usize>, event: Event) {
        let mut all = std::mem::take(&mut self.workers);
        all.extend(self.main.take());
        if let Some(at) = all.iter().position(|worker| worker.host.worker == index) {
            let mut running = all.swap_remove(at);
            let peers = IdleWorkers::new(all);
            running.host.peers = Some(peers.clone());
            running.handle(event);
            running.host.peers = None;
            all = peers.take();
            all.push(running);
        }
        all.sort_by_key(|worker| worker.host.worker);
        let (main, workers): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|worker| worker.host.worker.is_none());
        self.main = main.into_iter().next();
        self.workers = workers;
    }

    fn distribute(&mut self) {
        for worker in self.main.iter_mut().chain(&mut self.workers) {
            worker.collect(&mut self.in_transit);
        }
        while let Some((at, index, event)) = self.in_transit.pop_front() {
            if let Some(worker) = self.worker_mut(index) {
                worker.queue.push(at, event);
            }
        }
    }

    fn report_aborted(&mut self, upstream: &mut dyn Upstream) {
        for worker in &mut self.workers {
            for stream in worker.aborted.drain(..) {
                upstream.aborted(stream);
            }
        }
    }
}

/// The report of a stream that this chain does not know.
fn unknown_stream(stream: StreamId, now: u64) -> Report {
    Report {
        stream,
        ending: Ending::Stalled { filter: String::new() },
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
