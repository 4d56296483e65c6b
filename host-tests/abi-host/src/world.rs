//! What host calls can reach: the streams of a worker and what all workers share.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::callout::CallAnswer;
use crate::event::Event;
use crate::metrics::Metrics;
use crate::rng::Rng;
use crate::route::Router;
use crate::shared_data::{SharedData, SharedQueues};
use crate::stream::Stream;
use crate::worker::Worker;
use crate::{
    Call, Callouts, Clock, Faults, GatewayNode, Headers, LogLevel, LogLine, Misuse, NativeFilter,
    Profile, RetryPolicy, Route, StreamId, Trap,
};

/// A function that plugins reach through `proxy_call_foreign_function`.
pub(crate) type ForeignFunction =
    Box<dyn Fn(&[u8]) -> Result<Vec<u8>, crate::Status> + Send + Sync>;

/// What all workers share.
pub(crate) struct Shared {
    pub profile: Profile,
    pub data: Mutex<SharedData>,
    pub queues: Mutex<SharedQueues>,
    pub metrics: Mutex<Metrics>,
    pub callouts: Mutex<Box<dyn Callouts>>,
    pub natives: Vec<Mutex<Box<dyn NativeFilter>>>,
    pub foreign: HashMap<Vec<u8>, ForeignFunction>,
    pub faults: Faults,
    /// Fixed properties, keyed by their whole path.
    pub properties: BTreeMap<Vec<u8>, Vec<u8>>,
    pub logs: Mutex<Vec<LogLine>>,
    pub traps: Mutex<Vec<Trap>>,
    /// What was asked for outside of any stream and is not emulated.
    pub not_emulated: Mutex<Vec<&'static str>>,
    /// The first thing a module did that takes Envoy down or sends a message twice.
    pub misuse: Mutex<Option<Misuse>>,
    pub node: GatewayNode,
    pub router: Option<Router>,
    /// What `upstream.address` says.
    pub upstream_address: SocketAddr,
    pub route_timeout: Duration,
    pub retries: Option<RetryPolicy>,
    pub idle_timeout: Duration,
    /// From the start of a request to its end; zero for none.
    pub request_timeout: Duration,
    /// From the start of a stream to its end; zero for none.
    pub max_stream_duration: Duration,
    pub buffer_limit: usize,
    /// Largest request body that WasmX lets filters read.
    pub client_body_buffer: usize,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            profile: Profile::Envoy,
            data: Mutex::new(SharedData::limited(1024 * 1024)),
            queues: Mutex::default(),
            metrics: Mutex::default(),
            callouts: Mutex::new(Box::new(|_: &Call| CallAnswer::UnknownTarget)),
            natives: Vec::new(),
            foreign: HashMap::new(),
            faults: Faults::new(),
            properties: BTreeMap::new(),
            logs: Mutex::default(),
            traps: Mutex::default(),
            not_emulated: Mutex::default(),
            misuse: Mutex::default(),
            node: GatewayNode::default(),
            router: None,
            upstream_address: SocketAddr::from(([192, 0, 2, 80], 80)),
            route_timeout: Duration::from_secs(15),
            retries: None,
            idle_timeout: Duration::from_secs(300),
            request_timeout: Duration::ZERO,
            max_stream_duration: Duration::ZERO,
            buffer_limit: 1024 * 1024,
            client_body_buffer: 8 * 1024,
        }
    }
}

/// Locks, whatever happened to an earlier holder: the data is a test's own.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the host calls of one worker reach. It moves into the store of the VM that is called and
/// back, which costs two pointers and needs no lock.
#[derive(Default)]
pub(crate) struct World {
    /// `None` on the main thread.
    pub worker: Option<usize>,
    pub clock: Clock,
    pub shared: Arc<Shared>,
    pub rng: Rng,
    pub streams: HashMap<StreamId, Stream>,
    /// Events caused by host calls: when, on which worker, what.
    pub outbox: Vec<(u64, Option<usize>, Event)>,
    /// The other workers, where they may take their turn in the middle of this one's callbacks.
    pub peers: Vec<Worker>,
}

impl World {
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

    /// Notes a misuse, unless there was one before.
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

    /// A point where a real worker could be overtaken: by the seed's choice, one other worker that
    /// has something to do now does it, while this one stands in the middle of a host call.
    pub(crate) fn yield_point(&mut self) {
        if self.peers.is_empty() || self.rng.below(2) == 0 {
            return;
        }
        let now = self.clock.now();
        let due: Vec<usize> = (0..self.peers.len())
            .filter(|index| self.peers.get(*index).is_some_and(|peer| peer.may_overtake(now)))
            .collect();
        let Some(chosen) = due.get(self.rng.below(due.len())) else { return };
        let mut peer = self.peers.swap_remove(*chosen);
        peer.world.peers = std::mem::take(&mut self.peers);
        if let Some((_, event)) = peer.queue.pop() {
            peer.handle(event);
        }
        self.peers = std::mem::take(&mut peer.world.peers);
        self.peers.push(peer);
    }

    pub(crate) fn post(&mut self, after: Duration, event: Event) {
        let at = self.clock.now().saturating_add(crate::clock::nanoseconds(after));
        self.outbox.push((at, self.worker, event));
    }
}
