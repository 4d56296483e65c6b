//! Shared data, shared queues, metrics.

use wasmtime::Linker;

use crate::event::Event;
use crate::host::shared::lock;
use crate::imports::host_call::host_call;
use crate::plugin::Profile;
use crate::status::Status;
use crate::store::metrics::Metrics;
use crate::store::shared_queues::QueueOwner;
use crate::vm::memory::{answer, slice, split, write, write_u32, written};
use crate::vm::state::VmState;

fn vm_id(state: &VmState) -> String {
    state.plugin().map(|plugin| plugin.vm_id.clone()).unwrap_or_default()
}

fn unless_wasmx(state: &VmState, call: &str) -> wasmtime::Result<()> {
    match state.host.shared.profile {
        Profile::Envoy => Ok(()),
        Profile::Wasmx => Err(wasmtime::Error::msg(format!("WasmX does not implement {call}"))),
    }
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    shared_data(linker)?;
    queues(linker)?;
    metrics(linker)
}

fn shared_data(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    host_call!(
        linker,
        "env",
        "proxy_get_shared_data",
        |guest, key: u32, key_size: u32, out: u32, out_size: u32, cas_out: u32| {
            guest.data_mut().host.yield_point();
            let mut cas = 0;
            let status = answer(guest, out, out_size, |memory, state, value| {
                let Some(key) = slice(memory, key, key_size) else {
                    return Status::INVALID_MEMORY_ACCESS;
                };
                match lock(&state.host.shared.data).get(&vm_id(state), key) {
                    None => Status::NOT_FOUND,
                    Some((found, found_cas)) => {
                        value.extend_from_slice(found);
                        cas = found_cas;
                        Status::OK
                    }
                }
            })?;
            if status != Status::OK {
                return Ok(status.0);
            }
            let (memory, _) = split(guest);
            Ok(written(write_u32(memory, cas_out, cas)))
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_set_shared_data",
        |guest, key: u32, key_size: u32, value: u32, value_size: u32, cas: u32| {
            guest.data_mut().host.yield_point();
            let (memory, state) = split(guest);
            let (Some(key), Some(value)) =
                (slice(memory, key, key_size), slice(memory, value, value_size))
            else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            let shared = &state.host.shared;
            Ok(lock(&shared.data).set(shared.profile, &vm_id(state), key, value, cas))
        }
    );
    Ok(())
}

fn queues(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    host_call!(
        linker,
        "env",
        "proxy_register_shared_queue",
        |guest, name: u32, name_size: u32, out: u32| {
            unless_wasmx(guest.data(), "proxy_register_shared_queue")?;
            let (memory, state) = split(guest);
            let Some(name) = slice(memory, name, name_size) else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            let owner = QueueOwner { worker: state.host.worker, vm: state.vm, root: state.root() };
            let token = lock(&state.host.shared.queues).register(&vm_id(state), name, owner);
            Ok(written(write_u32(memory, out, token)))
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_resolve_shared_queue",
        |guest, id: u32, id_size: u32, name: u32, name_size: u32, out: u32| {
            unless_wasmx(guest.data(), "proxy_resolve_shared_queue")?;
            let (memory, state) = split(guest);
            let (Some(id), Some(name)) =
                (slice(memory, id, id_size), slice(memory, name, name_size))
            else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            let id = match id {
                [] => vm_id(state),
                id => String::from_utf8_lossy(id).into_owned(),
            };
            let token = lock(&state.host.shared.queues).resolve(&id, name);
            Ok(match token {
                None => Status::NOT_FOUND,
                Some(token) => written(write_u32(memory, out, token)),
            })
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_enqueue_shared_queue",
        |guest, token: u32, value: u32, value_size: u32| {
            unless_wasmx(guest.data(), "proxy_enqueue_shared_queue")?;
            let (memory, state) = split(guest);
            let Some(value) = slice(memory, value, value_size) else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            let owner = lock(&state.host.shared.queues).enqueue(token, value);
            let Some(owner) = owner else { return Ok(Status::NOT_FOUND.0) };
            let now = state.host.clock.now();
            let event = Event::QueueReady { vm: owner.vm, root: owner.root, token };
            state.host.outbox.push((now, owner.worker, event));
            Ok(Status::OK)
        }
    );
    host_call!(
        linker,
        "env",
        "proxy_dequeue_shared_queue",
        |guest, token: u32, out: u32, out_size: u32| {
            unless_wasmx(guest.data(), "proxy_dequeue_shared_queue")?;
            answer(guest, out, out_size, |_, state, value| {
                match lock(&state.host.shared.queues).dequeue(token) {
                    Ok(found) => {
                        value.extend_from_slice(&found);
                        Status::OK
                    }
                    Err(status) => status,
                }
            })
        }
    );
    Ok(())
}

fn metrics(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    host_call!(
        linker,
        "env",
        "proxy_define_metric",
        |guest, kind: u32, name: u32, name_size: u32, out: u32| {
            let (memory, state) = split(guest);
            let Some(name) = slice(memory, name, name_size) else {
                return Ok(Status::INVALID_MEMORY_ACCESS.0);
            };
            let id = lock(&state.host.shared.metrics).define(kind, name);
            Ok(match id {
                Ok(id) => written(write_u32(memory, out, id)),
                Err(status) => status,
            })
        }
    );
    host_call!(linker, "env", "proxy_increment_metric", |guest, id: u32, offset: i64| {
        let state = guest.data_mut();
        if Metrics::is_gauge(id) {
            unless_wasmx(state, "proxy_increment_metric on a gauge")?;
        }
        let status = lock(&state.host.shared.metrics).increment(id, offset);
        Ok(status)
    });
    host_call!(linker, "env", "proxy_record_metric", |guest, id: u32, value: u64| {
        let state = guest.data_mut();
        if Metrics::is_counter(id) {
            unless_wasmx(state, "proxy_record_metric on a counter")?;
        }
        let status = lock(&state.host.shared.metrics).record(id, value);
        Ok(status)
    });
    host_call!(linker, "env", "proxy_get_metric", |guest, id: u32, out: u32| {
        let (memory, state) = split(guest);
        let value = lock(&state.host.shared.metrics).get(id);
        Ok(match value {
            Ok(value) => written(write(memory, out, &value.to_le_bytes())),
            Err(status) => status,
        })
    });
    Ok(())
}
