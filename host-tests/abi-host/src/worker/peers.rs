//! Workers that overtake each other during a callback.

use std::sync::{Arc, Mutex};

use crate::event::Event;
use crate::host::shared::lock;
use crate::host::state::Peers;
use crate::worker::Worker;

impl Worker {
    /// True when the next event is due and is this worker's alone to handle.
    fn may_overtake(&self, now: u64) -> bool {
        let router = |event: &Event| matches!(event, Event::Opened { .. } | Event::Forward { .. });
        self.queue.next().is_some_and(|(at, event)| at <= now && !router(event))
    }
}

/// The workers that do not run now.
pub(crate) struct IdleWorkers(Mutex<Vec<Worker>>);

impl IdleWorkers {
    pub(crate) fn new(workers: Vec<Worker>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(workers)))
    }

    /// Takes all of them back.
    pub(crate) fn take(&self) -> Vec<Worker> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Peers for IdleWorkers {
    fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    fn due(&self, now: u64) -> Vec<usize> {
        let workers = lock(&self.0);
        let due = workers.iter().enumerate().filter(|(_, worker)| worker.may_overtake(now));
        due.map(|(index, _)| index).collect()
    }

    fn run(self: Arc<Self>, index: usize) {
        let mut worker = lock(&self.0).swap_remove(index);
        worker.host.peers = Some(self.clone());
        if let Some((_, event)) = worker.queue.pop() {
            worker.handle(event);
        }
        worker.host.peers = None;
        lock(&self.0).push(worker);
    }
}
