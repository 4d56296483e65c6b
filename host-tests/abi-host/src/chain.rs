//! Filter chains: what a test builds and drives.

use std::time::Duration;

use crate::{
    Callouts, Clock, Engine, Faults, HostError, LogLine, Module, NativeFilter, PluginConfig,
    Profile, Report, Request, StartError, StreamId, Trace, Upstream,
};

/// Collects the stages and settings of a chain.
pub struct ChainBuilder {}

impl ChainBuilder {
    /// Which host to be. Default: Envoy.
    #[must_use]
    pub fn profile(self, _profile: Profile) -> Self {
        self
    }

    /// The clock to live by.
    #[must_use]
    pub fn clock(self, _clock: Clock) -> Self {
        self
    }

    /// Seed of every random choice: `random_get`, backoff jitter, the order of workers.
    #[must_use]
    pub fn seed(self, _seed: u64) -> Self {
        self
    }

    /// How many workers there are. Default: 1.
    #[must_use]
    pub fn workers(self, _workers: usize) -> Self {
        self
    }

    /// Starts every plugin on the main thread too, as Envoy does. Default: no.
    #[must_use]
    pub fn with_main_thread(self) -> Self {
        self
    }

    /// Appends a Wasm filter.
    #[must_use]
    pub fn wasm(self, _module: &Module, _config: PluginConfig) -> Self {
        self
    }

    /// Appends one of the gateway's own filters.
    #[must_use]
    pub fn native(self, _filter: impl NativeFilter + 'static) -> Self {
        self
    }

    /// The services that filters may call. Default: none is known.
    #[must_use]
    pub fn callouts(self, _callouts: impl Callouts + 'static) -> Self {
        self
    }

    /// The rules of fault injection.
    #[must_use]
    pub fn faults(self, _faults: Faults) -> Self {
        self
    }

    /// The route's timeout. Default: 15 s.
    #[must_use]
    pub fn route_timeout(self, _timeout: Duration) -> Self {
        self
    }

    /// Most body bytes a paused body callback may hold. Default: 1 MiB.
    #[must_use]
    pub fn buffer_limit(self, _bytes: usize) -> Self {
        self
    }

    /// Gives a property a fixed value, as `["node", "id"]`, in its bytes on the wire.
    #[must_use]
    pub fn property(self, _path: &[&str], _value: impl AsRef<[u8]>) -> Self {
        self
    }

    /// Starts all plugins on all workers.
    ///
    /// # Errors
    /// When a plugin does not start.
    pub fn start(self) -> Result<Chain, HostError> {
        Ok(Chain {})
    }
}

/// A running filter chain.
pub struct Chain {}

impl Chain {
    /// Starts collecting a chain.
    pub fn builder(_engine: &Engine) -> ChainBuilder {
        ChainBuilder {}
    }

    /// Drives one request on the first worker to its end.
    pub fn run(&mut self, request: Request, upstream: &mut dyn Upstream) -> Report {
        let stream = self.open(0, request);
        while self.step(upstream) {}
        loop {
            if let Some(report) = self.take_report(stream) {
                return report;
            }
        }
    }

    /// Begins a request on a worker; nothing happens before the next [`Chain::step`].
    pub fn open(&mut self, _worker: usize, _request: Request) -> StreamId {
        StreamId(0)
    }

    /// Lets the client of a stream leave now.
    pub fn leave(&mut self, _stream: StreamId) {}

    /// Handles the next event, moving the clock to its time. False when there is none.
    pub fn step(&mut self, _upstream: &mut dyn Upstream) -> bool {
        false
    }

    /// Handles every event due within this time, ticks included, and leaves the clock there.
    pub fn run_for(&mut self, _time: Duration, _upstream: &mut dyn Upstream) {}

    /// Takes the report of a finished stream.
    pub fn take_report(&mut self, _stream: StreamId) -> Option<Report> {
        None
    }

    /// Replaces the configuration of a plugin: new streams see the new instance, running ones keep
    /// the old one.
    ///
    /// # Errors
    /// When the new instance does not start; the old one then goes on.
    pub fn update(&mut self, _plugin: &str, _configuration: &[u8]) -> Result<(), StartError> {
        Ok(())
    }

    /// A shared value and its cas.
    pub fn shared_data(&self, _vm_id: &str, _key: &str) -> Option<(Vec<u8>, u32)> {
        None
    }

    /// Puts a shared value, whatever is there.
    pub fn set_shared_data(&self, _vm_id: &str, _key: &str, _value: &[u8]) {}

    /// The value of a counter or gauge.
    pub fn metric(&self, _name: &str) -> Option<u64> {
        None
    }

    /// All log lines so far, those of the start included.
    pub fn logs(&self) -> Vec<LogLine> {
        Vec::new()
    }

    /// Host calls made so far by one plugin, on all workers.
    pub fn trace(&self, _plugin: &str) -> Trace {
        Trace::default()
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        Clock::default()
    }
}
