//! How to run Envoy.
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How to run Envoy.
#[derive(Debug, Clone)]
pub struct Options {
    /// The binary.
    pub binary: PathBuf,
    /// Worker threads.
    pub concurrency: usize,
    /// Folder with the `.wasm` files.
    pub wasm_dir: PathBuf,
    /// Where clusters lead that `clusters` does not name.
    pub upstream: SocketAddr,
    /// Where certain clusters lead.
    pub clusters: BTreeMap<String, SocketAddr>,
    /// Take the listener from a watched file, so that it can be updated.
    pub updatable: bool,
    /// Clients are recorded: each connection begins with a PROXY line, and outcomes are read from an
    /// additional access log. Otherwise the connection's address counts and only deployed logs are written.
    pub recorded: bool,
    /// Port of the listener; 0 lets the system choose.
    pub port: u16,
    /// Port of the admin interface; 0 lets the system choose.
    pub admin_port: u16,
    /// Environment of the process, beside the caller's own.
    pub environment: Vec<(String, String)>,
    /// The library that sets its wall clock
    /// ([`EnvoyProcess::set_time`](super::EnvoyProcess::set_time)), and the start time in nanoseconds since the
    /// Unix epoch; `None` for the machine's clock.
    pub clock: Option<(PathBuf, u64)>,
}

impl Options {
    /// One worker, everything to `upstream`.
    pub fn new(binary: PathBuf, wasm_dir: PathBuf, upstream: SocketAddr) -> Self {
        Self {
            binary,
            concurrency: 1,
            wasm_dir,
            upstream,
            clusters: BTreeMap::new(),
            updatable: false,
            recorded: true,
            port: 0,
            admin_port: 0,
            environment: Vec::new(),
            clock: None,
        }
    }
}
