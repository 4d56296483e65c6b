//! The changes to the deployed bootstrap that a test run needs.
use crate::gateway::document::fields_mut;
use crate::gateway::{FieldError, Gateway};
use crate::traffic::REPLAY_HEADER;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

/// Filter state entries that the access log prints, without their `wasm.` prefix.
pub const FACTS: &[&str] = &["pitboss.class", "pitboss.brand", "pitboss.jurisdiction"];

/// Plugins whose decision the access log prints, in the order of the chain.
pub const PLUGINS: &[&str] =
    &["audit-emitter", "player-auth", "geo-jurisdiction", "bet-priority", "idempotency"];

/// Name of the filter state entry with the decision of a plugin.
pub fn decision_of(plugin: &str) -> String {
    format!("pitboss.{plugin}.decision")
}

/// All filter state entries that the access log prints.
pub fn facts() -> Vec<String> {
    let decisions = PLUGINS.iter().map(|plugin| decision_of(plugin));
    FACTS.iter().map(|it| (*it).to_owned()).chain(decisions).collect()
}

/// The addresses and paths of a run.
#[derive(Debug, Clone)]
pub struct Wiring<'a> {
    /// Port of the listener; 0 lets the system choose.
    pub port: u16,
    /// Where clusters lead that `clusters` does not name.
    pub upstream: SocketAddr,
    /// Where certain clusters lead.
    pub clusters: &'a BTreeMap<String, SocketAddr>,
    /// Folder with the `.wasm` files.
    pub wasm_dir: &'a Path,
    /// File of the access log.
    pub access_log: &'a Path,
    /// Whether clients are recorded ones.
    pub recorded: bool,
}

/// The listener as it runs in the test.
pub(super) fn listener(document: &Value, wiring: &Wiring<'_>) -> Result<Value, FieldError> {
    if wiring.recorded {
        Gateway::from_document(document.clone())?;
    }
    let mut listener =
        document.pointer("/static_resources/listeners/0").cloned().unwrap_or_default();
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": wiring.port}});
    put(&mut listener, "address", address);
    // PROXY protocol makes the recorded client the gateway's peer.
    let proxy = json!({
        "name": "envoy.filters.listener.proxy_protocol",
        "typed_config": {"@type": concat!("type.googleapis.com/",
            "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")},
    });
    if wiring.recorded {
        edit(&mut listener, "listener_filters", |it| it.insert(0, proxy));
    }
    if let Some(manager) = listener.pointer_mut("/filter_chains/0/filters/0/typed_config") {
        if wiring.recorded {
            edit(manager, "access_log", |it| it.push(access_logger(wiring.access_log)));
        }
        edit(manager, "http_filters", |it| {
            it.iter_mut().for_each(|filter| localise(filter, wiring.wasm_dir));
        });
    }
    Ok(listener)
}

/// The clusters as they run in the test: same names, other endpoints.
pub(super) fn clusters(document: &Value, wiring: &Wiring<'_>) -> Value {
    let mut clusters = document.pointer("/static_resources/clusters").cloned().unwrap_or_default();
    for cluster in clusters.as_array_mut().into_iter().flatten() {
        let name = cluster.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let address = wiring.clusters.get(&name).copied().unwrap_or(wiring.upstream);
        if let Some(cluster) = cluster.as_object_mut() {
            for field in ["transport_socket", "cluster_type", "health_checks", "dns_lookup_family"]
            {
                cluster.remove(field);
            }
            cluster.insert("type".to_owned(), json!("STATIC"));
            cluster.insert("load_assignment".to_owned(), endpoint(&name, address));
        }
    }
    clusters
}

fn endpoint(cluster: &str, address: SocketAddr) -> Value {
    let socket = json!({"address": address.ip().to_string(), "port_value": address.port()});
    json!({"cluster_name": cluster, "endpoints": [{"lb_endpoints": [
        {"endpoint": {"address": {"socket_address": socket}}}]}]})
}

/// Points a wasm filter to the folder with the modules.
fn localise(filter: &mut Value, wasm_dir: &Path) {
    let pointer = "/config/vm_config/code/local/filename";
    if let Some(filename) = fields_mut(filter).and_then(|fields| fields.pointer_mut(pointer)) {
        let file = filename.as_str().and_then(|it| it.rsplit('/').next()).unwrap_or_default();
        *filename = json!(wasm_dir.join(file));
    }
}

fn access_logger(path: &Path) -> Value {
    let mut format = json!({
        "id": format!("%REQ({REPLAY_HEADER})%"),
        "started": "%START_TIME(%s.%3f)%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "code": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "source": "%DOWNSTREAM_REMOTE_ADDRESS%",
    });
    for fact in facts() {
        put(&mut format, &fact, json!(format!("%FILTER_STATE(wasm.{fact}:PLAIN)%")));
    }
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": format},
        },
    })
}

/// Sets a field of an object.
pub(super) fn put(value: &mut Value, name: &str, field: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_owned(), field);
    }
}

/// Changes the list under `name`, which may not be there yet.
fn edit(value: &mut Value, name: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let mut items = match value.get_mut(name).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    change(&mut items);
    put(value, name, Value::Array(items));
}
