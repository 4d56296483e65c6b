//! The attributes of a stream, in the bytes in which a host hands them out.
//!
//! Where each is there, and where it is not, was read in a real Envoy by the module `attributes`;
//! `host-tests/tests/attributes.rs` asks both again and holds the table.

mod message;
mod place;

use crate::state::VmState;
use crate::stream::Stream;
use crate::{Headers, Profile, Status};

/// A value before it is serialised.
pub(crate) enum Value<'a> {
    Text(&'a [u8]),
    Owned(Vec<u8>),
    Int(i64),
    Uint(u64),
    Bool(bool),
    /// A header map, each name once with all its values; `None` is one that is closed.
    Map(Option<&'a Headers>),
}

impl Value<'_> {
    /// Envoy hands out little-endian bytes, WasmX decimal text.
    fn write(&self, profile: Profile, out: &mut Vec<u8>) {
        match (self, profile) {
            (Self::Text(text), _) => out.extend_from_slice(text),
            (Self::Owned(text), _) => out.extend_from_slice(text),
            (Self::Map(None), _) => Headers::new().write_wire(out),
            (Self::Map(Some(map)), _) => joined(map).write_wire(out),
            (Self::Int(number), Profile::Envoy) => out.extend_from_slice(&number.to_le_bytes()),
            (Self::Uint(number), Profile::Envoy) => out.extend_from_slice(&number.to_le_bytes()),
            (Self::Bool(truth), Profile::Envoy) => out.push(u8::from(*truth)),
            (Self::Int(number), Profile::Wasmx) => {
                out.extend_from_slice(number.to_string().as_bytes())
            }
            (Self::Uint(number), Profile::Wasmx) => {
                out.extend_from_slice(number.to_string().as_bytes());
            }
            (Self::Bool(truth), Profile::Wasmx) => {
                out.extend_from_slice(truth.to_string().as_bytes())
            }
        }
    }
}

/// What is asked of a stream: a value, or why there is none.
type Found<'a> = Result<Value<'a>, Status>;

/// There is no such attribute here.
const ABSENT: Status = Status::NOT_FOUND;
/// There is one, but of a kind that cannot be handed out whole.
const OPAQUE: Status = Status::SERIALIZATION_FAILURE;

/// Reads a property into `out`.
pub(crate) fn get(state: &mut VmState, path: &[u8], out: &mut Vec<u8>) -> Status {
    let profile = state.world.shared.profile;
    if let Some(fixed) = state.world.shared.properties.get(path) {
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
    if let Some(what) = place::not_emulated(profile, top, &rest) {
        state.not_emulated(what);
        return Status::NOT_FOUND;
    }
    let shared = state.world.shared.clone();
    let open = Open::of(state);
    let now = state.world.clock.now();
    let found = match state.stream() {
        Some(stream) => find(&Asked { stream, open, now, shared: &shared }, top, &rest),
        None => place::host_wide(&shared, top, &rest),
    };
    match found {
        Ok(value) => {
            value.write(profile, out);
            Status::OK
        }
        Err(status) => status,
    }
}

/// A stream, and what the running callback may know of it.
struct Asked<'a> {
    stream: &'a Stream,
    open: Open,
    now: u64,
    shared: &'a crate::world::Shared,
}

/// Which maps the running callback can reach.
struct Open {
    request_headers: bool,
    response_headers: bool,
    response_trailers: bool,
}

impl Open {
    fn of(state: &mut VmState) -> Self {
        let all = state.world.shared.profile == Profile::Wasmx
            || state.stream().is_some_and(|stream| stream.in_log);
        match state.slot() {
            Some(slot) => Self {
                request_headers: all || slot.request.headers_open,
                response_headers: all || slot.response.headers_open,
                response_trailers: all || slot.response.trailers_open,
            },
            None => Self { request_headers: all, response_headers: all, response_trailers: all },
        }
    }
}

/// Groups of attributes that Envoy has, but hands out one by one only.
const GROUPS: [&[u8]; 7] = [
    b"request",
    b"response",
    b"source",
    b"destination",
    b"connection",
    b"upstream",
    b"filter_state",
];

fn find<'a>(asked: &Asked<'a>, top: &[u8], rest: &[&[u8]]) -> Found<'a> {
    let stream = asked.stream;
    let envoy = asked.shared.profile == Profile::Envoy;
    let found = match (top, rest) {
        (b"request", [name, deeper @ ..]) => message::request(asked, name, deeper),
        (b"response", [name, deeper @ ..]) => message::response(asked, name, deeper),
        (b"source", [name]) => place::peer(stream.source, name),
        (b"destination", [name]) => place::peer(stream.destination, name),
        (b"connection", [name]) => place::connection(stream, name),
        (b"connection_id", []) => Some(Value::Uint(stream.id.0)),
        (b"upstream", [name]) => place::upstream(asked, name),
        (b"metadata", []) if envoy => Some(Value::Text(b"")),
        (b"metadata", [b"filter_metadata"]) if envoy => Some(Value::Map(None)),
        (b"filter_state", [key]) => {
            let value = key.strip_prefix(b"wasm.").and_then(|name| stream.filter_state.get(name));
            value.map(|value| Value::Text(value))
        }
        (b"xds", _) if envoy => return place::xds(asked, rest),
        (b"upstream_filter_state", []) if envoy && stream.is_connected() => return Err(OPAQUE),
        (name, []) if envoy && GROUPS.contains(&name) => return Err(OPAQUE),
        (name, []) => stream.filter_state.get(name).map(|value| Value::Text(value)),
        _ => None,
    };
    found.ok_or(ABSENT)
}

/// The map as a property: each name once, where it stands first, with all values.
fn joined(headers: &Headers) -> Headers {
    let mut out = Headers::new();
    for (name, _) in headers.iter() {
        if out.get(name).is_none() {
            out.add_as_written(name, all_of(headers, name).unwrap_or_default());
        }
    }
    out
}

/// Unlike a read of the header map, a property joins all values of a name.
fn all_of(headers: &Headers, name: &[u8]) -> Option<Vec<u8>> {
    let values = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let values: Vec<&[u8]> = values.map(|(_, value)| value).collect();
    (!values.is_empty()).then(|| values.join(&b","[..]))
}
