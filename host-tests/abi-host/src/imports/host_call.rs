//! The common part of all host calls: counting and fault injection.

use crate::vm::memory::Guest;

/// Defines a host call that returns a status. Counting and fault injection come before its body.
macro_rules! host_call {
    ($linker:ident, $module:literal, $name:literal,
     |$guest:ident $(, $arg:ident : $type:ty)* $(,)?| $body:expr) => {
        let id = $crate::imports::names::id_of($name);
        $linker.func_wrap(
            $module,
            $name,
            move |mut caller: $crate::vm::memory::Guest<'_> $(, $arg: $type)*| -> wasmtime::Result<u32> {
                if let Some(status) = $crate::imports::host_call::enter(&mut caller, id, $name)? {
                    return Ok(status);
                }
                let $guest = &mut caller;
                let status: wasmtime::Result<$crate::status::Status> = $body;
                status.map(|status| status.0)
            },
        )?;
    };
}
pub(crate) use host_call;

/// Counts a call. Returns the status of an injected fault; an error is a trap.
pub(super) fn enter(guest: &mut Guest<'_>, id: usize, name: &str) -> wasmtime::Result<Option<u32>> {
    let state = guest.data_mut();
    if let Some(count) = state.calls.get_mut(id) {
        *count += 1;
    }
    if !state.host.shared.faults.armed() {
        return Ok(None);
    }
    let plugin = state.plugin();
    let plugin = plugin.as_ref().map_or("", |plugin| &plugin.name);
    match state.host.shared.faults.answer(name, plugin, state.starting) {
        Some(None) => Err(wasmtime::Error::msg(format!("made to trap in {name}"))),
        injected => Ok(injected.flatten()),
    }
}
