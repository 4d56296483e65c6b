//! The host calls.

use wasmtime::Linker;

use crate::state::VmState;

pub(crate) fn link(_linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    Ok(())
}

pub(crate) fn is_known(_module: &str, _name: &str) -> bool {
    true
}
