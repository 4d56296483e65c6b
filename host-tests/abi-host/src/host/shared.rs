//! What all workers of a chain share.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::callout::{Call, CallAnswer, Callouts};
use crate::fault::Faults;
use crate::native::NativeFilter;
use crate::plugin::Profile;
use crate::report::diagnostics::{LogLine, Misuse, Trap};
use crate::retry_policy::RetryPolicy;
use crate::route::{GatewayNode, Router};
use crate::status::Status;
use crate::store::metrics::Metrics;
use crate::store::shared_data::SharedData;
use crate::store::shared_queues::SharedQueues;

/// A function for `proxy_call_foreign_function`.
pub(crate) type ForeignFunction = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync>;

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
    /// Features used outside of any stream that are not emulated.
    pub not_emulated: Mutex<Vec<&'static str>>,
    /// The first misuse of the ABI.
    pub misuse: Mutex<Option<Misuse>>,
    pub node: GatewayNode,
    pub router: Option<Router>,
    /// The value of `upstream.address`.
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

/// Locks, also after a panic of an earlier holder.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
