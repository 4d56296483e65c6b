//! A way to protect the casino.
use super::breakers::{self, Breakers};
use crate::artifact::{self, ArtifactError};
use serde::Serialize;
use serde_json::{json, Value};
use std::path::PathBuf;

/// A way to protect the casino.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Its name on the command line and in the JSON.
    pub key: &'static str,
    /// Its name in the table.
    pub name: &'static str,
    /// Whether the casino's permits change in mid-run.
    pub varied: bool,
    /// Worker threads of Envoy, if not the plan's.
    pub(super) workers: Option<usize>,
    /// The HTTP filters before the router, as Envoy's configuration has them.
    pub(super) filters: Vec<Value>,
    /// Circuit breakers by priority; Envoy's own defaults otherwise.
    pub(super) breakers: Breakers,
    /// What the names of the gauges with the module's limit begin with.
    pub(super) gauge: Option<&'static str>,
    /// The longest time that content may wait for its turn, in milliseconds, if the variant promises one.
    pub(super) content_wait_ms: Option<u64>,
    /// Folder with its modules.
    pub(super) wasm_dir: PathBuf,
}

/// A variant that cannot run.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    /// Its name on the command line.
    pub key: &'static str,
    /// What is missing.
    pub why: String,
}

impl Variant {
    pub(super) fn new(key: &'static str, name: &'static str) -> Self {
        Self {
            key,
            name,
            varied: false,
            workers: None,
            filters: Vec::new(),
            breakers: Breakers::Defaults,
            gauge: None,
            content_wait_ms: None,
            wasm_dir: artifact::wasm_dir(),
        }
    }

    /// The same with changing permits.
    pub(super) fn varied(self, key: &'static str, name: &'static str) -> Self {
        Self { key, name, varied: true, ..self }
    }

    /// Finds its modules.
    pub(super) fn find_modules(&self) -> Result<(), ArtifactError> {
        let file = "/typed_config/config/vm_config/code/local/filename";
        for path in self.filters.iter().filter_map(|it| it.pointer(file)?.as_str()) {
            artifact::find(&self.wasm_dir, path.rsplit('/').next().unwrap_or_default())?;
        }
        Ok(())
    }

    /// The gateway's whole configuration.
    pub(super) fn document(&self) -> Value {
        let mut filters = self.filters.clone();
        filters.push(json!({"name": "envoy.filters.http.router", "typed_config": {"@type":
            "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}));
        let manager = json!({
            "@type": concat!("type.googleapis.com/envoy.extensions.filters.network.",
                "http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "surge",
            "use_remote_address": true,
            "http_filters": filters,
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"],
                "routes": breakers::routes(self.breakers)}]},
        });
        let mut casino = json!({"name": "casino", "type": "STATIC", "connect_timeout": "1s"});
        if let Some(casino) = casino.as_object_mut() {
            let thresholds = breakers::thresholds(self.breakers);
            casino.extend(thresholds.map(|it| ("circuit_breakers".to_owned(), it)));
        }
        json!({"static_resources": {"clusters": [casino], "listeners": [{
            "name": "surge",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager}]}]}]}})
    }
}
