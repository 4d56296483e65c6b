//! Continue, reset, local reply.

use wasmtime::Linker;

use crate::imports::host_call::host_call;
use crate::message::headers::Headers;
use crate::message::local_reply::LocalReply;
use crate::slot::Direction;
use crate::status::Status;
use crate::vm::memory::{slice, split, Guest};
use crate::vm::state::{Deferred, VmState};

fn continue_stream(guest: &mut Guest<'_>, kind: u32) -> Status {
    let direction = match kind {
        0 => Direction::Request,
        1 => Direction::Response,
        _ => return Status::BAD_ARGUMENT,
    };
    let state = guest.data_mut();
    if let Some((stream, position)) = state.stream_id() {
        state.deferred.push(Deferred::Continue(stream, position, direction));
        // In either direction the filter loses access to the request.
        if let Some(side) = state.side(Direction::Request) {
            side.close();
        }
    }
    Status::OK
}

fn close_stream(guest: &mut Guest<'_>, kind: u32) -> Status {
    let state = guest.data_mut();
    match (kind, state.stream_id()) {
        (0 | 1, Some((stream, _))) => {
            state.deferred.push(Deferred::Reset(stream));
            Status::OK
        }
        (0..=3, _) => Status::OK,
        _ => Status::BAD_ARGUMENT,
    }
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    host_call!(linker, "env", "proxy_continue_stream", |guest, kind: u32| {
        Ok(continue_stream(guest, kind))
    });
    host_call!(linker, "env", "proxy_continue_request", |guest| Ok(continue_stream(guest, 0)));
    host_call!(linker, "env", "proxy_continue_response", |guest| Ok(continue_stream(guest, 1)));
    host_call!(linker, "env", "proxy_close_stream", |guest, kind: u32| {
        Ok(close_stream(guest, kind))
    });
    host_call!(linker, "env", "proxy_clear_route_cache", |guest| {
        let _ = guest;
        Ok(Status::OK)
    });
    host_call!(
        linker,
        "env",
        "proxy_send_local_response",
        |guest,
         code: u32,
         details: u32,
         details_size: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         _grpc_status: u32| {
            let (memory, state) = split(guest);
            let (Some(details), Some(body), Some(headers)) = (
                slice(memory, details, details_size),
                slice(memory, body, body_size),
                slice(memory, headers, headers_size),
            ) else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            let reply = LocalReply {
                status: u16::try_from(code).unwrap_or(u16::MAX),
                headers: Headers::from_wire(headers),
                body: body.to_vec(),
                details: String::from_utf8_lossy(details)
                    .replace(|letter: char| letter.is_ascii_whitespace(), "_"),
            };
            if let Some((stream, position)) = state.stream_id() {
                state.deferred.push(Deferred::Reply(stream, position, reply));
            }
            state.stop_next = true;
            Ok(Status::OK)
        }
    );
    Ok(())
}
