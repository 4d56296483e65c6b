//! What host calls can reach: the streams of a worker and what all workers share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{nanoseconds, Clock};
use crate::event::Event;
use crate::host::shared::{lock, Shared};
use crate::message::headers::Headers;
use crate::plugin::LogLevel;
use crate::report::diagnostics::{LogLine, Misuse, Trap};
use crate::report::stream_id::StreamId;
use crate::rng::Rng;
use crate::route::Route;
use crate::stream::Stream;

/// The state that the host calls of one worker reach. It moves into the store of the VM that is called
/// and back: two pointer swaps, no lock.
#[derive(Default)]
pub(crate) struct HostState {
    /// `None` on the main thread.
    pub worker: Option<usize>,
    pub clock: Clock,
    pub shared: Arc<Shared>,
    pub rng: Rng,
    pub streams: HashMap<StreamId, Stream>,
    /// Events caused by host calls: when, on which worker, what.
    pub outbox: Vec<(u64, Option<usize>, Event)>,
    /// The other workers, where they may run in the middle of this one's callbacks.
    pub peers: Option<Arc<dyn Peers>>,
}

/// The other workers of a chain whose workers may overtake each other.
pub(crate) trait Peers: Send + Sync {
    /// True where no other worker is left that could run.
    fn is_empty(&self) -> bool;

    /// The indices of those with an event due by `now` that is theirs alone to handle.
    fn due(&self, now: u64) -> Vec<usize>;

    /// Lets one of them handle its next event, with the rest as its own peers.
    fn run(self: Arc<Self>, index: usize);
}

impl HostState {
    pub(crate) fn log(
        &mut self,
        plugin: &str,
        stream: Option<StreamId>,
        level: LogLevel,
        message: &[u8],
    ) {
        let line = LogLine {
            at: self.clock.now(),
            plugin: plugin.to_owned(),
            worker: self.worker,
            stream,
            level,
            message: String::from_utf8_lossy(message).into_owned(),
        };
        if let Some(stream) = stream.and_then(|id| self.streams.get_mut(&id)) {
            stream.logs.push(line.clone());
        }
        lock(&self.shared.logs).push(line);
    }

    /// Records a misuse if it is the first.
    pub(crate) fn misuse(&mut self, plugin: String, what: &'static str) {
        lock(&self.shared.misuse).get_or_insert(Misuse { plugin, what });
    }

    /// The route of a request with these headers.
    pub(crate) fn route(&self, headers: &Headers) -> Route {
        self.shared.router.as_ref().map(|router| router(headers)).unwrap_or_default()
    }

    pub(crate) fn trap(&mut self, trap: Trap) {
        if let Some(stream) = trap.stream.and_then(|id| self.streams.get_mut(&id)) {
            stream.traps.push(trap.clone());
        }
        lock(&self.shared.traps).push(trap);
    }

    /// A point where a real worker could be overtaken: by the seed's choice, one other worker with a due
    /// event handles it, while this one stands in the middle of a host call.
    pub(crate) fn yield_point(&mut self) {
        let Some(peers) = self.peers.clone().filter(|it| !it.is_empty()) else { return };
        if self.rng.below(2) == 0 {
            return;
        }
        let due = peers.due(self.clock.now());
        if let Some(chosen) = due.get(self.rng.below(due.len())) {
            peers.run(*chosen);
        }
    }

    pub(crate) fn post(&mut self, after: Duration, event: Event) {
        let at = self.clock.now().saturating_add(nanoseconds(after));
        self.outbox.push((at, self.worker, event));
    }
}
