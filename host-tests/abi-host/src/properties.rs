//! Properties: the attributes of a stream as bytes.
//!
//! In which callback each attribute is present was observed in a real Envoy by the module `attributes`;
//! `host-tests/tests/attributes` compares both and keeps the table.

mod connection;
mod message;
mod stream_view;
mod value;

use crate::plugin::Profile;
use crate::properties::stream_view::{OpenMaps, StreamView};
use crate::properties::value::{Lookup, Value, ABSENT, OPAQUE};
use crate::status::Status;
use crate::vm::state::VmState;

/// Reads a property into `out`.
pub(crate) fn get(state: &mut VmState, path: &[u8], out: &mut Vec<u8>) -> Status {
    let profile = state.host.shared.profile;
    if let Some(fixed) = state.host.shared.properties.get(path) {
        out.extend_from_slice(fixed);
        return Status::OK;
    }
    if path.is_empty() {
        return Status::SERIALIZATION_FAILURE;
    }
    let mut parts = path.split(|byte| *byte == 0);
    let top = parts.next().unwrap_or_default();
    let rest: Vec<&[u8]> = parts.collect();
    if let Some(plugin) = state.plugin() {
        let text = match top {
            b"plugin_name" => Some(&plugin.name),
            b"plugin_root_id" => Some(&plugin.root_id),
            b"plugin_vm_id" => Some(&plugin.vm_id),
            _ => None,
        };
        if let Some(text) = text.filter(|_| rest.is_empty()) {
            out.extend_from_slice(text.as_bytes());
            return Status::OK;
        }
    }
    if let Some(what) = connection::not_emulated(profile, top, &rest) {
        state.not_emulated(what);
        return Status::NOT_FOUND;
    }
    let shared = state.host.shared.clone();
    let open = OpenMaps::of(state);
    let now = state.host.clock.now();
    let found = match state.stream() {
        Some(stream) => find(&StreamView { stream, open, now, shared: &shared }, top, &rest),
        None => connection::host_wide(&shared, top, &rest),
    };
    match found {
        Ok(value) => {
            value.write(profile, out);
            Status::OK
        }
        Err(status) => status,
    }
}

/// Groups of attributes that Envoy serialises only one by one.
const GROUPS: [&[u8]; 7] = [
    b"request",
    b"response",
    b"source",
    b"destination",
    b"connection",
    b"upstream",
    b"filter_state",
];

fn find<'a>(view: &StreamView<'a>, top: &[u8], rest: &[&[u8]]) -> Lookup<'a> {
    let stream = view.stream;
    let envoy = view.shared.profile == Profile::Envoy;
    let found = match (top, rest) {
        (b"request", [name, subpath @ ..]) => message::request(view, name, subpath),
        (b"response", [name, subpath @ ..]) => message::response(view, name, subpath),
        (b"source", [name]) => connection::peer(stream.source, name),
        (b"destination", [name]) => connection::peer(stream.destination, name),
        (b"connection", [name]) => connection::connection(stream, name),
        (b"connection_id", []) => Some(Value::Uint(stream.id.0)),
        (b"upstream", [name]) => connection::upstream(view, name),
        (b"metadata", []) if envoy => Some(Value::Text(b"")),
        (b"metadata", [b"filter_metadata"]) if envoy => Some(Value::Map(None)),
        (b"filter_state", [key]) => {
            let value = key.strip_prefix(b"wasm.").and_then(|name| stream.filter_state.get(name));
            value.map(|value| Value::Text(value))
        }
        (b"xds", _) if envoy => return connection::xds(view, rest),
        (b"upstream_filter_state", []) if envoy && stream.is_connected() => return Err(OPAQUE),
        (name, []) if envoy && GROUPS.contains(&name) => return Err(OPAQUE),
        (name, []) => stream.filter_state.get(name).map(|value| Value::Text(value)),
        _ => None,
    };
    found.ok_or(ABSENT)
}
