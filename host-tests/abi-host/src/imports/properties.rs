//! `proxy_get_property` and `proxy_set_property`.

use wasmtime::Linker;

use crate::imports::host_call::host_call;
use crate::plugin::Profile;
use crate::properties;
use crate::status::Status;
use crate::vm::memory::{answer, slice, split};
use crate::vm::state::VmState;

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    host_call!(
        linker,
        "env",
        "proxy_get_property",
        |guest, path: u32, path_size: u32, out: u32, out_size: u32| {
            if guest.data().starting && guest.data().host.shared.profile == Profile::Wasmx {
                return Err(wasmtime::Error::msg(
                    "WasmX crashes when asked for properties at start",
                ));
            }
            answer(guest, out, out_size, |memory, state, value| {
                match slice(memory, path, path_size) {
                    Some(path) => properties::get(state, path, value),
                    None => Status::INVALID_MEMORY_ACCESS,
                }
            })
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_set_property",
        |guest, path: u32, path_size: u32, value: u32, value_size: u32| {
            let (memory, state) = split(guest);
            let (Some(path), Some(value)) =
                (slice(memory, path, path_size), slice(memory, value, value_size))
            else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            if state.host.shared.profile == Profile::Wasmx {
                return Ok(Status::NOT_FOUND.0);
            }
            Ok(match state.stream() {
                Some(stream) => {
                    stream.filter_state.insert(path.to_vec(), value.to_vec());
                    Status::OK
                }
                None => Status::NOT_FOUND,
            })
        }
    );
    Ok(())
}
