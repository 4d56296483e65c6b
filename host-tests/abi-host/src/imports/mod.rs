//! The host calls: the ABI and the part of WASI that gateways allow.

mod buffers;
mod calls;
mod general;
mod headers;
mod host_call;
pub(crate) mod names;
mod properties;
mod shared;
mod streams;
mod wasi;

use wasmtime::Linker;

use crate::vm::state::VmState;

pub(crate) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    general::link(linker)?;
    buffers::link(linker)?;
    headers::link(linker)?;
    properties::link(linker)?;
    shared::link(linker)?;
    streams::link(linker)?;
    calls::link(linker)?;
    wasi::link(linker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linked_calls_match_the_list() {
        let engine = wasmtime::Engine::default();
        let mut linker = Linker::new(&engine);
        link(&mut linker).unwrap();
        let state = VmState::new(0, &crate::plugin::PluginConfig::new("p", ""));
        let mut store = wasmtime::Store::new(&engine, state);
        let linked: Vec<(String, String)> = linker
            .iter(&mut store)
            .map(|(module, name, _)| (module.to_owned(), name.to_owned()))
            .collect();
        for (module, name) in &linked {
            assert!(names::is_known(module, name), "{module}.{name} is linked but not in the list");
        }
        for call in names::CALLS {
            assert!(linked.iter().any(|(_, name)| name == call), "{call} is listed but not linked");
        }
    }
}
