//! The attributes of a stream, in the bytes in which a host hands them out.

use std::net::SocketAddr;

use crate::state::VmState;
use crate::stream::Stream;
use crate::{Headers, Profile, Status};

/// A value before it is serialised.
enum Value<'a> {
    Text(&'a [u8]),
    Owned(String),
    Int(i64),
    Uint(u64),
    Bool(bool),
    Map(&'a Headers),
}

impl Value<'_> {
    /// Envoy hands out little-endian bytes, WasmX decimal text.
    fn write(&self, profile: Profile, out: &mut Vec<u8>) {
        match (self, profile) {
            (Self::Text(text), _) => out.extend_from_slice(text),
            (Self::Owned(text), _) => out.extend_from_slice(text.as_bytes()),
            (Self::Map(map), _) => map.write_wire(out),
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
    let open = Open::of(state);
    let now = state.world.clock.now();
    let Some(stream) = state.stream() else { return host_wide(top, &rest, profile, out) };
    match find(stream, top, &rest, &open, now) {
        Some(value) => {
            value.write(profile, out);
            Status::OK
        }
        None => host_wide(top, &rest, profile, out),
    }
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

fn host_wide(top: &[u8], rest: &[&[u8]], profile: Profile, out: &mut Vec<u8>) -> Status {
    let value = match (top, rest) {
        (b"node", [b"id"]) => Value::Text(b"gateway"),
        (b"node", [b"cluster"]) => Value::Text(b"gateways"),
        (b"listener_direction", []) => Value::Int(0),
        _ => return Status::NOT_FOUND,
    };
    value.write(profile, out);
    Status::OK
}

fn find<'a>(
    stream: &'a Stream,
    top: &[u8],
    rest: &[&[u8]],
    open: &Open,
    now: u64,
) -> Option<Value<'a>> {
    match (top, rest) {
        (b"request", [name, deeper @ ..]) => request(stream, name, deeper, open, now),
        (b"response", [name, deeper @ ..]) => response(stream, name, deeper, open),
        (b"source", [name]) => peer(stream.source, name),
        (b"destination", [name]) => peer(stream.destination, name),
        (b"connection", [name]) => connection(stream, name),
        (b"connection_id", []) => Some(Value::Uint(stream.id.0)),
        (b"upstream", [name]) => upstream(stream, name),
        (b"cluster_name", []) | (b"xds", [b"cluster_name"]) => Some(Value::Text(b"upstream")),
        (b"route_name", []) | (b"xds", [b"route_name"]) => Some(Value::Text(b"route")),
        (b"filter_state", [key]) => {
            let name = key.strip_prefix(b"wasm.")?;
            stream.filter_state.get(name).map(|value| Value::Text(value))
        }
        (name, []) => stream.filter_state.get(name).map(|value| Value::Text(value)),
        _ => None,
    }
}

fn request<'a>(
    stream: &'a Stream,
    name: &[u8],
    deeper: &[&[u8]],
    open: &Open,
    now: u64,
) -> Option<Value<'a>> {
    let flow = &stream.request;
    match (name, deeper) {
        (b"time", []) => return Some(Value::Int(i64::try_from(stream.started).ok()?)),
        (b"protocol", []) => {
            return Some(Value::Text(match stream.codec {
                crate::Codec::Http1 => b"HTTP/1.1",
                crate::Codec::Http2 => b"HTTP/2",
            }));
        }
        (b"duration", []) if stream.ending => {
            return Some(Value::Int(i64::try_from(now.saturating_sub(stream.started)).ok()?));
        }
        _ => {}
    }
    let headers = open.request_headers.then_some(&flow.headers);
    let text = |name: &str| headers?.get(name).map(Value::Text);
    let path = || headers?.get(":path");
    match (name, deeper) {
        (b"headers", [header]) => all_of(headers?, header),
        (b"headers", []) => headers.map(Value::Map),
        (b"path", []) => text(":path"),
        (b"url_path", []) => {
            let path = path()?;
            Some(Value::Text(path.split(|byte| *byte == b'?').next().unwrap_or(path)))
        }
        (b"query", []) => {
            let path = path()?;
            let query =
                path.iter().position(|byte| *byte == b'?').and_then(|at| path.get(at + 1..));
            Some(Value::Text(query.unwrap_or_default()))
        }
        (b"host", []) => text(":authority"),
        (b"scheme", []) => text(":scheme"),
        (b"method", []) => text(":method"),
        (b"referer", []) => text("referer"),
        (b"useragent", []) => text("user-agent"),
        (b"id", []) => text("x-request-id"),
        (b"size", []) => {
            let told = headers.and_then(|headers| headers.text("content-length"));
            let told = told.and_then(|text| text.parse().ok());
            Some(Value::Int(told.or_else(|| i64::try_from(flow.bytes).ok())?))
        }
        (b"total_size", []) => {
            let size = flow.bytes + headers.map_or(0, Headers::byte_size);
            Some(Value::Int(i64::try_from(size).ok()?))
        }
        _ => None,
    }
}

fn response<'a>(
    stream: &'a Stream,
    name: &[u8],
    deeper: &[&[u8]],
    open: &Open,
) -> Option<Value<'a>> {
    let flow = &stream.response;
    let headers = (open.response_headers && flow.started).then_some(&flow.headers);
    let trailers = flow.trailers.as_ref().filter(|_| open.response_trailers);
    match (name, deeper) {
        (b"code", []) => stream.code.map(|code| Value::Int(i64::from(code))),
        (b"code_details", []) => {
            stream.details.as_ref().map(|details| Value::Text(details.as_bytes()))
        }
        (b"flags", []) => Some(Value::Int(i64::try_from(stream.flags).ok()?)),
        (b"grpc_status", []) => {
            let status = trailers.and_then(|map| map.text("grpc-status"));
            let status = status.or_else(|| headers.and_then(|map| map.text("grpc-status")));
            Some(Value::Int(status?.parse().ok()?))
        }
        (b"headers", [header]) => all_of(headers?, header),
        (b"headers", []) => headers.map(Value::Map),
        (b"trailers", [header]) => all_of(trailers?, header),
        (b"trailers", []) => trailers.map(Value::Map),
        (b"size", []) => Some(Value::Int(i64::try_from(stream.client.body.len()).ok()?)),
        (b"total_size", []) => {
            let size = stream.client.body.len() + headers.map_or(0, Headers::byte_size);
            Some(Value::Int(i64::try_from(size).ok()?))
        }
        _ => None,
    }
}

/// Unlike a read of the header map, a property joins all values of a name.
fn all_of<'a>(headers: &'a Headers, name: &[u8]) -> Option<Value<'a>> {
    let name = std::str::from_utf8(name).ok()?;
    let mut values = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
    let (_, first) = values.next()?;
    let Some((_, second)) = values.next() else { return Some(Value::Text(first)) };
    let mut joined = [first, second].join(&b","[..]);
    for (_, value) in values {
        joined.push(b',');
        joined.extend_from_slice(value);
    }
    Some(Value::Owned(String::from_utf8_lossy(&joined).into_owned()))
}

fn peer(address: SocketAddr, name: &[u8]) -> Option<Value<'static>> {
    match name {
        b"address" => Some(Value::Owned(address.to_string())),
        b"port" => Some(Value::Int(i64::from(address.port()))),
        _ => None,
    }
}

fn connection<'a>(stream: &'a Stream, name: &[u8]) -> Option<Value<'a>> {
    match name {
        b"id" => Some(Value::Uint(stream.id.0)),
        b"mtls" => Some(Value::Bool(false)),
        b"requested_server_name" => {
            let name = stream.server_name.as_deref().unwrap_or_default();
            Some(Value::Text(name.as_bytes()))
        }
        b"tls_version" => stream.server_name.as_ref().map(|_| Value::Text(b"TLSv1.3")),
        _ => None,
    }
}

fn upstream<'a>(stream: &'a Stream, name: &[u8]) -> Option<Value<'a>> {
    stream.upstream.as_ref()?;
    match name {
        b"address" => Some(Value::Text(b"192.0.2.80:80")),
        b"port" => Some(Value::Int(80)),
        b"request_attempt_count" => Some(Value::Uint(stream.attempts)),
        _ => None,
    }
}
