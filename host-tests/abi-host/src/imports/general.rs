//! Log, time, timers, contexts, foreign functions.

use std::time::Duration;

use wasmtime::Linker;

use crate::imports::host_call::host_call;
use crate::plugin::{LogLevel, Profile};
use crate::status::Status;
use crate::vm::memory::{answer, give, slice, split, write, write_u32, written};
use crate::vm::state::VmState;

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    host_call!(linker, "env", "proxy_log", |guest, level: u32, text: u32, size: u32| {
        let (memory, state) = split(guest);
        Ok(match (LogLevel::from_abi(level), slice(memory, text, size)) {
            (None, _) => Status::BAD_ARGUMENT,
            (_, None) => Status::INVALID_MEMORY_ACCESS,
            (Some(level), Some(text)) => {
                state.log(level, text);
                Status::OK
            }
        })
    });
    host_call!(linker, "env", "proxy_get_log_level", |guest, out: u32| {
        if guest.data().host.shared.profile == Profile::Wasmx {
            return Err(wasmtime::Error::msg("WasmX does not have proxy_get_log_level"));
        }
        let (memory, state) = split(guest);
        let level = state.plugin().map_or(LogLevel::default(), |plugin| plugin.log_level);
        Ok(written(write_u32(memory, out, level as u32)))
    });
    host_call!(linker, "env", "proxy_get_current_time_nanoseconds", |guest, out: u32| {
        let (memory, state) = split(guest);
        Ok(written(write(memory, out, &state.host.clock.now().to_le_bytes())))
    });
    host_call!(linker, "env", "proxy_set_tick_period_milliseconds", |guest, period: u32| {
        let state = guest.data_mut();
        let root = state.root();
        state.timers.push((root, Duration::from_millis(u64::from(period))));
        Ok(Status::OK)
    });
    host_call!(linker, "env", "proxy_get_configuration", |guest, out: u32, out_size: u32| {
        answer(guest, out, out_size, |_, state, value| {
            match &state.configuring {
                Some(plugin) => value.extend_from_slice(&plugin.configuration),
                None => value.extend_from_slice(&state.vm_configuration),
            }
            Status::OK
        })
    });
    host_call!(linker, "env", "proxy_get_status", |guest, code: u32, out: u32, out_size: u32| {
        let (memory, state) = split(guest);
        let (status, message) = state.status.clone();
        if !write_u32(memory, code, status) {
            return Ok(Status::INVALID_MEMORY_ACCESS.0);
        }
        give(guest, &message, out, out_size)
    });
    host_call!(linker, "env", "proxy_set_effective_context", |guest, id: u32| {
        let state = guest.data_mut();
        if !state.contexts.contains_key(&id) {
            return Ok(Status::BAD_ARGUMENT.0);
        }
        state.effective = id;
        Ok(Status::OK)
    });
    // It affects only a root context that delayed its end; streams end regardless.
    host_call!(linker, "env", "proxy_done", |guest| {
        let _ = guest;
        Ok(Status::NOT_FOUND)
    });
    host_call!(
        linker,
        "env",
        "proxy_call_foreign_function",
        |guest, name: u32, name_size: u32, args: u32, args_size: u32, out: u32, out_size: u32| {
            if guest.data().host.shared.profile == Profile::Wasmx {
                return Err(wasmtime::Error::msg("WasmX does not implement foreign functions"));
            }
            let (memory, state) = split(guest);
            let Some(name) = slice(memory, name, name_size) else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            let Some(args) = slice(memory, args, args_size) else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            let answer = match state.host.shared.foreign.get(name) {
                Some(function) => function(args),
                None => match crate::foreign::call(name, args) {
                    Ok(answer) => answer,
                    Err(what) => {
                        state.not_emulated(what);
                        Err(Status::INTERNAL_FAILURE)
                    }
                },
            };
            match answer {
                Ok(result) => give(guest, &result, out, out_size),
                Err(status) => Ok(status),
            }
        }
    );
    Ok(())
}
