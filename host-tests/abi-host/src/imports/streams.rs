//! Going on, resetting, answering locally.

use wasmtime::Linker;

use super::host_call;
use crate::memory::{slice, split, Guest};
use crate::state::{Deferred, VmState};
use crate::stream::Way;
use crate::{Headers, LocalReply, Status};

fn continue_stream(guest: &mut Guest<'_>, kind: u32) -> Status {
    let way = match kind {
        0 => Way::Request,
        1 => Way::Response,
        _ => return Status::BAD_ARGUMENT,
    };
    let state = guest.data_mut();
    if let Some((stream, place)) = state.stream_id() {
        state.deferred.push(Deferred::Continue(stream, place, way));
        // Whichever direction goes on, the request is closed to the filter from here.
        if let Some(side) = state.side(Way::Request) {
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
            if let Some((stream, place)) = state.stream_id() {
                state.deferred.push(Deferred::Reply(stream, place, reply));
            }
            state.stop_next = true;
            Ok(Status::OK)
        }
    );
    Ok(())
}
