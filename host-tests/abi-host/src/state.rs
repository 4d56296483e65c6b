//! What a VM's store holds.

/// Data of one VM.
#[derive(Default)]
pub(crate) struct VmState {}
