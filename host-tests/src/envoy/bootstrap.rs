//! The bootstrap that Envoy starts with, and the listener that it watches.
use super::config::{clusters, listener, put, Wiring};
use super::options::Options;
use crate::gateway::{FieldError, Gateway};
use serde_json::{json, Value};
use std::path::Path;

/// Why a bootstrap cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The configuration cannot be rewritten.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The deployed port of the listener. The replayer must be able to read the configuration of a recorded
/// run; any other need only be valid for Envoy.
pub(super) fn listener_port(document: &Value, options: &Options) -> Result<u16, FieldError> {
    if options.recorded {
        return Ok(Gateway::from_document(document.clone())?.port);
    }
    let port = "/static_resources/listeners/0/address/socket_address/port_value";
    let port = document.pointer(port).and_then(Value::as_u64);
    Ok(port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default())
}

pub(super) fn wiring<'a>(options: &'a Options, access_log: &'a Path, port: u16) -> Wiring<'a> {
    Wiring {
        port,
        upstream: options.upstream,
        clusters: &options.clusters,
        wasm_dir: &options.wasm_dir,
        access_log,
        recorded: options.recorded,
    }
}

pub(super) fn bootstrap(
    document: &Value,
    options: &Options,
    folder: &Path,
    port: u16,
) -> Result<Value, BootstrapError> {
    let access_log = folder.join("access.log");
    let mut resources = document.get("static_resources").cloned().unwrap_or_default();
    let wiring = wiring(options, &access_log, port);
    put(&mut resources, "clusters", clusters(document, &wiring));
    let listener = listener(document, &wiring)?;
    let mut bootstrap = document.clone();
    if options.updatable {
        std::fs::create_dir_all(folder.join("lds"))?;
        write_listener(folder, &listener)?;
        put(&mut resources, "listeners", json!([]));
        put(&mut bootstrap, "node", json!({"id": "replay", "cluster": "replay"}));
        let source = json!({
            "path": folder.join("lds/listeners.json"),
            "watched_directory": {"path": folder.join("lds")},
        });
        let lds = json!({"resource_api_version": "V3", "path_config_source": source});
        put(&mut bootstrap, "dynamic_resources", json!({"lds_config": lds}));
    } else {
        put(&mut resources, "listeners", json!([listener]));
    }
    let admin =
        json!({"socket_address": {"address": "127.0.0.1", "port_value": options.admin_port}});
    put(&mut bootstrap, "admin", json!({"address": admin}));
    put(&mut bootstrap, "static_resources", resources);
    Ok(bootstrap)
}

/// Writes the listener to the watched folder. Envoy notices only files that are moved there.
pub(super) fn write_listener(folder: &Path, listener: &Value) -> Result<(), std::io::Error> {
    let mut resource = listener.clone();
    let kind = "type.googleapis.com/envoy.config.listener.v3.Listener";
    put(&mut resource, "@type", json!(kind));
    if resource.get("name").is_none() {
        put(&mut resource, "name", json!("ingress"));
    }
    let next = folder.join("listeners.json");
    std::fs::write(&next, json!({"resources": [resource]}).to_string())?;
    std::fs::rename(next, folder.join("lds/listeners.json"))
}
