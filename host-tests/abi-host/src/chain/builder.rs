//! Builds a chain.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::callout::Callouts;
use crate::chain::Chain;
use crate::clock::Clock;
use crate::error::HostError;
use crate::fault::Faults;
use crate::host::shared::Shared;
use crate::host::state::HostState;
use crate::message::headers::Headers;
use crate::native::NativeFilter;
use crate::plugin::{PluginConfig, Profile};
use crate::retry_policy::RetryPolicy;
use crate::rng::Rng;
use crate::route::{GatewayNode, Route};
use crate::status::Status;
use crate::store::shared_data::SharedData;
use crate::vm::engine::{Engine, Module};
use crate::worker::{FilterRef, Worker};

impl Chain {
    /// A builder without filters.
    pub fn builder(engine: &Engine) -> ChainBuilder {
        ChainBuilder::new(engine)
    }
}

/// Builds a chain.
pub struct ChainBuilder {
    shared: Shared,
    clock: Clock,
    seed: u64,
    workers: usize,
    main_thread: bool,
    interleaved: bool,
    filters: Vec<FilterRef>,
    plugins: Vec<(Module, Arc<PluginConfig>)>,
}

impl ChainBuilder {
    pub(crate) fn new(_engine: &Engine) -> Self {
        Self {
            shared: Shared::default(),
            clock: Clock::default(),
            seed: 1,
            workers: 1,
            main_thread: false,
            interleaved: false,
            filters: Vec::new(),
            plugins: Vec::new(),
        }
    }

    /// The host to emulate. Default: Envoy.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.shared.profile = profile;
        self
    }

    /// The virtual clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Seed of every random choice: `random_get` and the order of workers.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many workers there are, at least one. Default: 1.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Starts every plugin on the main thread too, as Envoy does. Default: no.
    #[must_use]
    pub fn with_main_thread(mut self) -> Self {
        self.main_thread = true;
        self
    }

    /// Lets workers overtake each other in the middle of a callback, at each read and write of
    /// shared data, as threads do. Which one and when is the seed's choice. Default: no.
    #[must_use]
    pub fn interleaved(mut self) -> Self {
        self.interleaved = true;
        self
    }

    /// Appends a Wasm filter.
    #[must_use]
    pub fn wasm(mut self, module: &Module, config: PluginConfig) -> Self {
        self.filters.push(FilterRef::Wasm(self.plugins.len()));
        self.plugins.push((module.clone(), Arc::new(config)));
        self
    }

    /// Appends one of the gateway's own filters.
    #[must_use]
    pub fn native(mut self, filter: impl NativeFilter + 'static) -> Self {
        self.filters.push(FilterRef::Native(self.shared.natives.len()));
        self.shared.natives.push(Mutex::new(Box::new(filter)));
        self
    }

    /// The services that filters may call. Default: none is known.
    #[must_use]
    pub fn callouts(mut self, callouts: impl Callouts + 'static) -> Self {
        self.shared.callouts = Mutex::new(Box::new(callouts));
        self
    }

    /// Adds a foreign function, or replaces Envoy's `verify_signature` or `clear_route_cache`. To make all
    /// of them fail, see [`Faults`].
    #[must_use]
    pub fn foreign_function(
        mut self,
        name: &str,
        function: impl Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync + 'static,
    ) -> Self {
        self.shared.foreign.insert(name.as_bytes().to_vec(), Box::new(function));
        self
    }

    /// The rules of fault injection.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.shared.faults = faults;
        self
    }

    /// The route's timeout. Default: 15 s.
    #[must_use]
    pub fn route_timeout(mut self, timeout: Duration) -> Self {
        self.shared.route_timeout = timeout;
        self
    }

    /// When the router retries a request. Default: never.
    #[must_use]
    pub fn retries(mut self, policy: RetryPolicy) -> Self {
        self.shared.retries = Some(policy);
        self
    }

    /// The time from the start of a request until it passed all filters (`request_timeout`).
    /// Default: zero, for none.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.shared.request_timeout = timeout;
        self
    }

    /// The time from the start of a stream to its end (`max_stream_duration`). Default: zero, for none.
    #[must_use]
    pub fn max_stream_duration(mut self, limit: Duration) -> Self {
        self.shared.max_stream_duration = limit;
        self
    }

    /// The gateway's route table. Default: none; attributes of the route are then absent.
    #[must_use]
    pub fn router(mut self, router: impl Fn(&Headers) -> Route + Send + Sync + 'static) -> Self {
        self.shared.router = Some(Box::new(router));
        self
    }

    /// The node of the gateway (`xds.node`). Default: empty.
    #[must_use]
    pub fn node(mut self, node: GatewayNode) -> Self {
        self.shared.node = node;
        self
    }

    /// The value of `upstream.address`. Default: 192.0.2.80:80.
    #[must_use]
    pub fn upstream_address(mut self, address: SocketAddr) -> Self {
        self.shared.upstream_address = address;
        self
    }

    /// The idle timeout of a stream, zero for none. Default: 5 minutes.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.shared.idle_timeout = timeout;
        self
    }

    /// Most body bytes a paused body callback may hold. Default: 1 MiB.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.shared.buffer_limit = bytes;
        self
    }

    /// Largest request body that WasmX lets filters read (`client_body_buffer_size`). Default:
    /// 8 KiB.
    #[must_use]
    pub fn client_body_buffer(mut self, bytes: usize) -> Self {
        self.shared.client_body_buffer = bytes;
        self
    }

    /// Most bytes of shared data on WasmX (`nginx_wasm_shm_kv`), keys and values together. A full store
    /// evicts the least recently used entry. Default: 1 MiB.
    #[must_use]
    pub fn shared_data_limit(mut self, bytes: usize) -> Self {
        self.shared.data = Mutex::new(SharedData::limited(bytes));
        self
    }

    /// Gives a property a fixed value, as `["node", "id"]`, in the bytes a plugin reads.
    #[must_use]
    pub fn property(mut self, path: &[&str], value: impl AsRef<[u8]>) -> Self {
        let path = path.join("\0").into_bytes();
        self.shared.properties.insert(path, value.as_ref().to_vec());
        self
    }

    /// Starts all plugins: on the main thread if there is one, then on each worker.
    ///
    /// # Errors
    /// When a plugin does not start.
    pub fn start(self) -> Result<Chain, HostError> {
        let shared = Arc::new(self.shared);
        let filters = Arc::new(self.filters);
        let mut seeds = Rng::seeded(self.seed);
        let mut make = |index: Option<usize>| -> Result<Worker, HostError> {
            let host = HostState {
                worker: index,
                clock: self.clock.clone(),
                shared: shared.clone(),
                rng: Rng::seeded(seeds.random()),
                ..HostState::default()
            };
            let mut worker = Worker::new(host, filters.clone());
            for (module, config) in &self.plugins {
                let installed = worker.install(module, config)?;
                worker.plugins.push(installed);
            }
            Ok(worker)
        };
        let main = if self.main_thread { Some(make(None)?) } else { None };
        let workers = (0..self.workers).map(|index| make(Some(index))).collect::<Result<_, _>>()?;
        Ok(Chain {
            clock: self.clock.clone(),
            shared: shared.clone(),
            main,
            workers,
            rng: Rng::seeded(seeds.random()),
            interleaved: self.interleaved,
            next_stream: 0,
            in_transit: Default::default(),
        })
    }
}
