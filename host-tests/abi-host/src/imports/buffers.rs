//! Bodies, configurations and the bodies of call responses.

use wasmtime::Linker;

use crate::imports::host_call::host_call;
use crate::slot::Direction;
use crate::status::Status;
use crate::vm::memory::{answer, slice, split, write_u32, written};
use crate::vm::state::VmState;

const LAST_BUFFER_TYPE: u32 = 8;

/// A buffer as a callback finds it.
enum Buffer<'a> {
    /// The buffer is absent: NotFound.
    Missing,
    /// The buffer is empty, since no body callback runs.
    Null,
    Fixed(&'a [u8]),
    Body(&'a mut Vec<u8>),
}

impl Buffer<'_> {
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Missing => None,
            Self::Null => Some(&[]),
            Self::Fixed(bytes) => Some(bytes),
            Self::Body(bytes) => Some(bytes),
        }
    }
}

fn buffer(state: &mut VmState, kind: u32) -> Buffer<'_> {
    match kind {
        0 | 1 => {
            let direction = if kind == 0 { Direction::Request } else { Direction::Response };
            if direction == Direction::Request
                && state.stream().is_some_and(|stream| stream.body_hidden)
            {
                return Buffer::Null;
            }
            match state.side(direction).and_then(|side| side.body()) {
                Some(body) => Buffer::Body(body),
                None => Buffer::Null,
            }
        }
        4 => match &state.call_response {
            Some(response) => Buffer::Fixed(&response.body),
            None => Buffer::Missing,
        },
        6 => Buffer::Fixed(&state.vm_configuration),
        7 => match &state.configuring {
            Some(plugin) => Buffer::Fixed(&plugin.configuration),
            None => Buffer::Missing,
        },
        2 | 3 | 5 | 8 => Buffer::Null,
        _ => Buffer::Missing,
    }
}

/// A body can be replaced, prepended to or appended to; other ranges are a BadArgument.
fn set(body: &mut Vec<u8>, start: usize, size: usize, data: &[u8]) -> Status {
    if start == 0 && size == 0 {
        body.splice(0..0, data.iter().copied());
    } else if start == 0 && size >= body.len() {
        body.clear();
        body.extend_from_slice(data);
    } else if start > 0 && start >= body.len() {
        body.extend_from_slice(data);
    } else {
        return Status::BAD_ARGUMENT;
    }
    Status::OK
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    host_call!(
        linker,
        "env",
        "proxy_get_buffer_bytes",
        |guest, kind: u32, start: u32, size: u32, out: u32, out_size: u32| {
            if kind > LAST_BUFFER_TYPE || start.checked_add(size).is_none() {
                return Ok(Status::BAD_ARGUMENT.0);
            }
            let mut nothing = false;
            let status = answer(guest, out, out_size, |_, state, value| {
                let buffer = buffer(state, kind);
                let Some(bytes) = buffer.bytes() else { return Status::NOT_FOUND };
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let Some(rest) = bytes.get(start..) else { return Status::BAD_ARGUMENT };
                let piece = rest.get(..size).unwrap_or(rest);
                nothing = piece.is_empty();
                if nothing {
                    return Status::EMPTY;
                }
                value.extend_from_slice(piece);
                Status::OK
            });
            // No bytes: Ok, and the guest's variables stay unchanged.
            if nothing {
                Ok(Status::OK)
            } else {
                status
            }
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_get_buffer_status",
        |guest, kind: u32, size_out: u32, flags_out: u32| {
            if kind > LAST_BUFFER_TYPE {
                return Ok(Status::BAD_ARGUMENT.0);
            }
            let (memory, state) = split(guest);
            let Some(size) = buffer(state, kind).bytes().map(<[u8]>::len) else {
                return Ok(Status::NOT_FOUND.0);
            };
            let size = u32::try_from(size).unwrap_or(u32::MAX);
            Ok(written(write_u32(memory, size_out, size) && write_u32(memory, flags_out, 0)))
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_set_buffer_bytes",
        |guest, kind: u32, start: u32, size: u32, data: u32, data_size: u32| {
            if kind > LAST_BUFFER_TYPE {
                return Ok(Status::BAD_ARGUMENT.0);
            }
            let (memory, state) = split(guest);
            let Some(data) = slice(memory, data, data_size) else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            let start = usize::try_from(start).unwrap_or(usize::MAX);
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            Ok(match buffer(state, kind) {
                Buffer::Missing => Status::NOT_FOUND,
                Buffer::Null | Buffer::Fixed(_) => Status::BAD_ARGUMENT,
                Buffer::Body(body) => set(body, start, size, data),
            })
        }
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_replaced_prepended_or_appended() {
        let cases: [(usize, usize, Option<&[u8]>); 7] = [
            (0, 0, Some(b"XYabcd")),
            (0, 4, Some(b"XY")),
            (0, 99, Some(b"XY")),
            (0, 3, None),
            (4, 0, Some(b"abcdXY")),
            (99, 5, Some(b"abcdXY")),
            (2, 1, None),
        ];
        for (start, size, expected) in cases {
            let mut body = b"abcd".to_vec();
            let status = set(&mut body, start, size, b"XY");
            match expected {
                Some(expected) => assert_eq!((status, &*body), (Status::OK, expected)),
                None => assert_eq!((status, &*body), (Status::BAD_ARGUMENT, &b"abcd"[..])),
            }
        }
    }
}
