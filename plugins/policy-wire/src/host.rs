//! The port through which a policy sees its gateway.

use std::rc::Rc;

use serde::Deserialize;

use crate::headers::Headers;

/// The gateway that the module runs in. Gateways differ in ways that no module can detect safely, so the operator
/// names it: `"host": "envoy"` (the default) or `"wasmx"` (Kong up to 3.10).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Envoy, Istio, Envoy Gateway.
    #[default]
    Envoy,
    /// Kong's ngx_wasm_module.
    Wasmx,
}

/// A host call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The ABI's name of the call, such as `proxy_get_header_map_pairs`.
    pub call: &'static str,
    /// The status it returned; `None` where it returned Ok with something unusable.
    pub status: Option<u32>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} answered status {status}", self.call),
            None => write!(f, "{} gave an unusable answer", self.call),
        }
    }
}

/// A header map of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapKind {
    /// The request's headers.
    Request,
    /// The response's headers.
    Response,
}

/// The gateway as a filter sees it. Every call can fail, and none panics.
pub trait Host {
    /// All headers of a message, names in lower case, `:authority` as the client sent it. Read once
    /// per phase and kept.
    ///
    /// # Errors
    /// The gateway did not give them; on Envoy, request headers in response phases.
    fn headers(&mut self, kind: MapKind) -> Result<Rc<Headers>, Fault>;

    /// Sets a header, replacing every one of that name.
    ///
    /// # Errors
    /// The gateway refused; on Envoy, once the headers have left.
    fn set_header(&mut self, kind: MapKind, name: &str, value: &[u8]) -> Result<(), Fault>;

    /// Removes every header of that name. One that is not there is no error.
    ///
    /// # Errors
    /// The gateway refused.
    fn remove_header(&mut self, kind: MapKind, name: &str) -> Result<(), Fault>;

    /// An attribute of the request, such as `["source", "address"]`; `None` where there is none.
    ///
    /// # Errors
    /// The gateway returned neither a value nor "not found".
    fn property(&mut self, path: &[&str]) -> Result<Option<Vec<u8>>, Fault>;

    /// Publishes a fact for the filters after this one and for the access log. On a gateway without filter
    /// state (WasmX) this does nothing: there facts travel in headers.
    ///
    /// # Errors
    /// The gateway has filter state and refused.
    fn publish(&mut self, fact: &str, value: &str) -> Result<(), Fault>;

    /// A fact that an earlier filter published.
    ///
    /// # Errors
    /// As [`Host::property`].
    fn fact(&mut self, fact: &str) -> Result<Option<Vec<u8>>, Fault>;

    /// A value shared by all workers, and the version to give to [`Host::set_shared`].
    ///
    /// # Errors
    /// The gateway returned neither a value nor "not found".
    fn shared(&mut self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Fault>;

    /// Stores a shared value if its version is still `expected`; `None` means that there must be no value
    /// yet. `false` where another worker was first.
    ///
    /// # Errors
    /// The gateway returned neither Ok nor a mismatch.
    fn set_shared(&mut self, key: &str, value: &[u8], expected: Option<u32>)
        -> Result<bool, Fault>;

    /// Nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// The gateway did not return it.
    fn now(&mut self) -> Result<u64, Fault>;

    /// Runs a function that the gateway offers beside the ABI, such as Envoy's `verify_signature`.
    ///
    /// # Errors
    /// There is none of that name, or it refused. WasmX has none at all.
    fn foreign(&mut self, function: &str, argument: &[u8]) -> Result<Vec<u8>, Fault>;

    /// A variable of the environment that the operator gave the VM, for secrets that a dump of the
    /// configuration must not show.
    fn env(&mut self, name: &str) -> Option<String>;

    /// Sixteen bytes that no client can guess; `None` where the gateway has none to give.
    fn random(&mut self) -> Option<[u8; 16]>;

    /// Adds one to a counter. A gateway that cannot count does not change a decision.
    fn count(&mut self, metric: &str);

    /// Defines a counter at zero, so that the first request that counts by it need not. A gateway that
    /// cannot count does not change a decision.
    fn define_counter(&mut self, metric: &str);

    /// Sets a gauge, which all workers of a gateway share. A gateway that has none does not change a
    /// decision.
    fn gauge(&mut self, metric: &str, value: u64);

    /// Changes a gauge, which all workers of a gateway share, by a difference. The caller keeps the sum from
    /// falling below zero: Envoy (1.40) wraps there. A gateway that has none (WasmX) does not change a decision.
    fn adjust(&mut self, metric: &str, difference: i64);

    /// Records a value in a histogram, such as a time in milliseconds. A gateway that has none does not
    /// change a decision.
    fn record(&mut self, metric: &str, value: u64);

    /// Writes one log line. A gateway that cannot log does not change a decision.
    fn log(&mut self, level: log::Level, message: &str);
}
