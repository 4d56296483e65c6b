//! Header and trailer maps.

use wasmtime::Linker;

use crate::imports::host_call::host_call;
use crate::message::headers::Headers;
use crate::plugin::Profile;
use crate::slot::Direction;
use crate::status::Status;
use crate::vm::memory::{answer, slice, split, write_u32, written, Guest};
use crate::vm::state::VmState;

/// Map types of the ABI.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Map {
    Headers(Direction),
    Trailers(Direction),
    /// Always absent, since no gRPC call starts.
    Grpc,
    CallHeaders,
    CallTrailers,
}

fn map_type(kind: u32) -> Option<Map> {
    Some(match kind {
        0 => Map::Headers(Direction::Request),
        1 => Map::Trailers(Direction::Request),
        2 => Map::Headers(Direction::Response),
        3 => Map::Trailers(Direction::Response),
        4 | 5 => Map::Grpc,
        6 => Map::CallHeaders,
        7 => Map::CallTrailers,
        _ => return None,
    })
}

/// The map as the running callback may read it.
fn readable(state: &mut VmState, map: Map) -> Option<&Headers> {
    let in_log = state.stream().is_some_and(|stream| stream.in_log);
    let wasmx = state.host.shared.profile == Profile::Wasmx;
    match map {
        Map::Grpc => None,
        Map::CallHeaders => state.call_response.as_ref().map(|response| &response.headers),
        Map::CallTrailers => state
            .call_response
            .as_ref()
            .map(|response| &response.trailers)
            .filter(|trailers| !trailers.is_empty()),
        Map::Headers(direction) => {
            let open = in_log || wasmx || state.side(direction)?.headers_open;
            let flow = state.stream()?.flow(direction);
            (open && flow.started).then_some(&flow.headers)
        }
        // Envoy gives the access log no request trailers.
        Map::Trailers(Direction::Request) if in_log => None,
        Map::Trailers(direction) => {
            let open = in_log || state.side(direction)?.trailers_open;
            state.stream()?.flow(direction).trailers.as_ref().filter(|_| open)
        }
    }
}

/// The map as the running callback may change it. In the last body callback a filter may make
/// trailers where there were none.
fn writable(state: &mut VmState, map: Map) -> Option<&mut Headers> {
    if state.stream()?.in_log {
        return None;
    }
    let wasmx = state.host.shared.profile == Profile::Wasmx;
    match map {
        Map::Headers(direction) => {
            let open = state.side(direction)?.headers_open || wasmx;
            let flow = state.stream()?.flow(direction);
            (open && flow.started).then_some(&mut flow.headers)
        }
        Map::Trailers(direction) => {
            let side = state.side(direction)?;
            let may_add = side.body_open && side.end_of_stream;
            side.trailers_open |= may_add;
            let open = side.trailers_open;
            let flow = state.stream()?.flow(direction);
            if may_add && flow.trailers.is_none() {
                flow.trailers = Some(Headers::new());
                flow.has_trailers = true;
            }
            flow.trailers.as_mut().filter(|_| open)
        }
        Map::Grpc | Map::CallHeaders | Map::CallTrailers => None,
    }
}

/// Changes a map by a name and a value out of the guest's memory.
fn change(
    guest: &mut Guest<'_>,
    kind: u32,
    (name, name_size): (u32, u32),
    (value, value_size): (u32, u32),
    change: impl FnOnce(&mut Headers, &[u8], &[u8]),
) -> Status {
    let Some(map) = map_type(kind) else { return Status::BAD_ARGUMENT };
    let (memory, state) = split(guest);
    let (Some(name), Some(value)) =
        (slice(memory, name, name_size), slice(memory, value, value_size))
    else {
        return Status::INVALID_MEMORY_ACCESS;
    };
    match writable(state, map) {
        Some(headers) => {
            change(headers, name, value);
            Status::OK
        }
        None => Status::BAD_ARGUMENT,
    }
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    host_call!(
        linker,
        "env",
        "proxy_get_header_map_pairs",
        |guest, kind: u32, out: u32, out_size: u32| {
            let Some(map) = map_type(kind) else { return Ok(Status::BAD_ARGUMENT.0) };
            answer(guest, out, out_size, |_, state, value| {
                // An absent or empty map is zero bytes.
                if let Some(headers) = readable(state, map).filter(|headers| !headers.is_empty()) {
                    headers.write_wire(value);
                }
                Status::OK
            })
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_get_header_map_value",
        |guest, kind: u32, name: u32, name_size: u32, out: u32, out_size: u32| {
            let Some(map) = map_type(kind) else { return Ok(Status::BAD_ARGUMENT.0) };
            answer(guest, out, out_size, |memory, state, value| {
                let Some(name) = slice(memory, name, name_size) else {
                    return Status::INVALID_MEMORY_ACCESS;
                };
                let in_log = state.stream().is_some_and(|stream| stream.in_log);
                match readable(state, map) {
                    None if in_log => Status::NOT_FOUND,
                    None => Status::BAD_ARGUMENT,
                    Some(headers) => match headers.get(name) {
                        None => Status::NOT_FOUND,
                        Some(found) => {
                            value.extend_from_slice(found);
                            Status::OK
                        }
                    },
                }
            })
        }
    );
    host_call!(linker, "env", "proxy_get_header_map_size", |guest, kind: u32, out: u32| {
        let Some(map) = map_type(kind) else { return Ok(Status::BAD_ARGUMENT.0) };
        let (memory, state) = split(guest);
        Ok(match writable(state, map) {
            Some(headers) => {
                let size = u32::try_from(headers.byte_size()).unwrap_or(u32::MAX);
                written(write_u32(memory, out, size))
            }
            None => Status::BAD_ARGUMENT,
        })
    });
    host_call!(
        linker,
        "env",
        "proxy_set_header_map_pairs",
        |guest, kind: u32, pairs: u32, pairs_size: u32| {
            Ok(change(guest, kind, (0, 0), (pairs, pairs_size), |headers, _, pairs| {
                *headers = Headers::from_wire(pairs);
            }))
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_add_header_map_value",
        |guest, kind: u32, name: u32, name_size: u32, value: u32, value_size: u32| {
            Ok(change(
                guest,
                kind,
                (name, name_size),
                (value, value_size),
                |headers, name, value| {
                    headers.add(name, value);
                },
            ))
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_replace_header_map_value",
        |guest, kind: u32, name: u32, name_size: u32, value: u32, value_size: u32| {
            Ok(change(
                guest,
                kind,
                (name, name_size),
                (value, value_size),
                |headers, name, value| {
                    headers.set(name, value);
                },
            ))
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_remove_header_map_value",
        |guest, kind: u32, name: u32, name_size: u32| {
            Ok(change(guest, kind, (name, name_size), (0, 0), |headers, name, _| {
                headers.remove(name)
            }))
        }
    );
    Ok(())
}
