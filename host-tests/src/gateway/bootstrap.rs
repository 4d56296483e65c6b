//! The bootstrap, read as far as the replayer needs it.
use super::document::{fields_mut, HTTP_FILTERS};
use super::filters::{self, HttpFilter, WasmFilter};
use super::hcm::{self, Hcm};
use super::node::{FieldError, Node};
use super::routes::{self, Routes};
use crate::workspace::workspace_root;
use serde_json::Value;
use std::path::Path;

/// A gateway's configuration.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The bootstrap as it is deployed.
    pub document: Value,
    /// Port of the listener.
    pub port: u16,
    /// Most bytes of a body that a filter may hold (`per_connection_buffer_limit_bytes`).
    pub buffer_limit: usize,
    /// Options of the HTTP connection manager.
    pub hcm: Hcm,
    /// The HTTP filters in order; the last is the router.
    pub filters: Vec<HttpFilter>,
    /// The route table.
    pub routes: Routes,
    /// Names of the clusters.
    pub clusters: Vec<String>,
    /// What the gateway says of itself.
    pub node: abi_host::GatewayNode,
}

/// Why a gateway configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("not YAML: {0}")]
    Yaml(String),
    /// A field is missing, malformed or not emulated.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// Fields of the bootstrap that do not change what a filter sees, and the one that is read. Other fields
/// may, as runtime flags do.
const BOOTSTRAP: &[&str] = &[
    "admin",
    "application_log_config",
    "cluster_manager",
    "enable_dispatcher_stats",
    "node",
    "overload_manager",
    "static_resources",
    "stats_config",
    "stats_flush_interval",
    "stats_sinks",
    "typed_dns_resolver_config",
    "watchdogs",
];

/// The same of the listener.
const LISTENER: &[&str] = &[
    "access_log",
    "address",
    "drain_type",
    "enable_reuse_port",
    "filter_chains",
    "max_connections_to_accept_per_socket_event",
    "name",
    "per_connection_buffer_limit_bytes",
    "socket_options",
    "stat_prefix",
    "tcp_backlog_size",
    "traffic_direction",
];

impl Gateway {
    /// Reads a bootstrap file.
    pub fn read(path: &Path) -> Result<Self, GatewayError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| GatewayError::Read { path: path.display().to_string(), source })?;
        Self::from_yaml(&text)
    }

    /// The example of a plugin in the workspace.
    pub fn example(plugin: &str) -> Result<Self, GatewayError> {
        let examples = workspace_root().join("envoy-examples");
        Self::read(&examples.join(plugin).with_extension("yaml"))
    }

    /// The configuration of its last plugin (the subject of an example) with some top-level members replaced
    /// and `{"env": NAME}` resolved from the filter's own variables. `None` if there is no plugin with an
    /// object as its configuration.
    pub fn configured(&self, changes: &Value) -> Option<Value> {
        let plugin = self.wasm().last()?;
        let mut text = String::from_utf8(plugin.configuration.clone()).ok()?;
        for (name, value) in &plugin.environment {
            let variable = format!("{{\"env\": {}}}", Value::from(name.as_str()));
            text = text.replace(&variable, &Value::from(value.as_str()).to_string());
        }
        let mut document: Value = serde_json::from_str(&text).ok()?;
        document.as_object_mut()?.extend(changes.as_object()?.clone());
        Some(document)
    }

    /// Its bootstrap with another configuration of a plugin; `None` where there is no such plugin.
    pub fn deployed(&self, plugin: &str, configuration: &str) -> Option<Value> {
        let mut document = self.document.clone();
        let mut filters = document.pointer_mut(HTTP_FILTERS)?.as_array_mut()?.iter_mut();
        let wasm = filters.find(|filter| filter.get("name").is_some_and(|name| name == plugin))?;
        *fields_mut(wasm)?.pointer_mut("/config/configuration/value")? = configuration.into();
        Some(document)
    }

    /// Reads a bootstrap.
    pub fn from_yaml(text: &str) -> Result<Self, GatewayError> {
        // No snippet: the line in error may hold a secret.
        let document: Value = serde_saphyr::from_str(text).map_err(|error| {
            let at = error.location().map_or_else(String::new, |at| {
                format!("line {}, column {}", at.line(), at.column())
            });
            GatewayError::Yaml(at)
        })?;
        Ok(Self::from_document(document)?)
    }

    /// Reads a bootstrap that is parsed already.
    pub fn from_document(document: Value) -> Result<Self, FieldError> {
        let root = Node::root(&document, "");
        root.known(BOOTSTRAP)?;
        let resources = root.need("static_resources")?;
        resources.known(&["listeners", "clusters", "secrets"])?;
        let names = resources.list("clusters")?.into_iter().map(|cluster| cluster.text("name"));
        let clusters = names.collect::<Result<_, _>>()?;
        let listener = resources.only_member("listeners")?;
        listener.known(LISTENER)?;
        let socket = listener.need("address")?.need("socket_address")?;
        let port = socket.need("port_value")?;
        let port = u16::try_from(port.number()?).map_err(|_| port.fail("is no port"))?;
        let buffer_limit = match listener.get("per_connection_buffer_limit_bytes") {
            None => 1024 * 1024,
            Some(limit) => match limit.number()? {
                0 => usize::MAX,
                limit => usize::try_from(limit).unwrap_or(usize::MAX),
            },
        };
        let chain = listener.only_member("filter_chains")?;
        if let Some(tls) = chain.get("transport_socket") {
            return Err(tls.fail("the replayer speaks plain HTTP; terminate TLS in front"));
        }
        chain.known(&["name", "filters", "transport_socket_connect_timeout"])?;
        let node = own_node(&root, &listener, &chain)?;
        let manager = chain.only_member("filters")?.need("typed_config")?;
        if manager.type_name()? != "HttpConnectionManager" {
            return Err(manager.fail("must be an HttpConnectionManager"));
        }
        let hcm = hcm::read(&manager)?;
        let routes = routes::read(&manager.need("route_config")?)?;
        let list = manager.need("http_filters")?;
        let filters = list.items()?.iter().map(filters::read).collect::<Result<Vec<_>, _>>()?;
        let routers = filters.iter().filter(|it| **it == HttpFilter::Router).count();
        if routers != 1 || filters.last() != Some(&HttpFilter::Router) {
            return Err(list.fail("must end in the router, and have no other"));
        }
        Ok(Self { port, buffer_limit, hcm, filters, routes, clusters, node, document })
    }

    /// The wasm filters in order.
    pub fn wasm(&self) -> impl Iterator<Item = &WasmFilter> {
        self.filters.iter().filter_map(|filter| match filter {
            HttpFilter::Wasm(wasm) => Some(wasm.as_ref()),
            _ => None,
        })
    }
}

/// What the gateway says of itself.
fn own_node(
    root: &Node<'_>,
    listener: &Node<'_>,
    chain: &Node<'_>,
) -> Result<abi_host::GatewayNode, FieldError> {
    let node = root.get("node");
    let text = |name: &str| node.as_ref().map_or(Ok(String::new()), |node| node.text(name));
    let direction = match listener.get("traffic_direction") {
        None => 0,
        Some(direction) => direction.choice(&["UNSPECIFIED", "INBOUND", "OUTBOUND"])?.0,
    };
    let direction = i64::try_from(direction).unwrap_or_default();
    Ok(abi_host::GatewayNode {
        id: text("id")?,
        cluster: text("cluster")?,
        filter_chain: chain.text("name")?,
        direction,
    })
}
