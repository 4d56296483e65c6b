//! Reading and writing the guest's memory. No pointer of a guest is trusted.

use wasmtime::Caller;

use crate::status::Status;
use crate::vm::state::VmState;

/// A guest during one of its host calls.
pub(crate) type Guest<'a> = Caller<'a, VmState>;

/// The guest's memory and the state beside it.
pub(crate) fn split<'a>(guest: &'a mut Guest<'_>) -> (&'a mut [u8], &'a mut VmState) {
    match guest.data().memory {
        Some(memory) => memory.data_and_store_mut(guest),
        None => (&mut [], guest.data_mut()),
    }
}

pub(crate) fn slice(memory: &[u8], pointer: u32, size: u32) -> Option<&[u8]> {
    let start = usize::try_from(pointer).ok()?;
    memory.get(start..start.checked_add(usize::try_from(size).ok()?)?)
}

#[must_use]
pub(crate) fn write(memory: &mut [u8], pointer: u32, bytes: &[u8]) -> bool {
    let Ok(start) = usize::try_from(pointer) else { return false };
    let Some(end) = start.checked_add(bytes.len()) else { return false };
    match memory.get_mut(start..end) {
        Some(target) => {
            target.copy_from_slice(bytes);
            true
        }
        None => false,
    }
}

#[must_use]
pub(crate) fn write_u32(memory: &mut [u8], pointer: u32, value: u32) -> bool {
    write(memory, pointer, &value.to_le_bytes())
}

/// The status of a host call by whether its results could be written.
pub(crate) fn written(done: bool) -> Status {
    if done {
        Status::OK
    } else {
        Status::INVALID_MEMORY_ACCESS
    }
}

/// Lets `fill` write a value, then copies it into memory that the guest allocates.
pub(crate) fn answer(
    guest: &mut Guest<'_>,
    pointer_out: u32,
    size_out: u32,
    fill: impl FnOnce(&mut [u8], &mut VmState, &mut Vec<u8>) -> Status,
) -> wasmtime::Result<Status> {
    let mut scratch = std::mem::take(&mut guest.data_mut().scratch);
    scratch.clear();
    let (memory, state) = split(guest);
    let status = fill(memory, state, &mut scratch);
    let result = match status {
        Status::OK => give(guest, &scratch, pointer_out, size_out),
        refused => Ok(refused),
    };
    guest.data_mut().scratch = scratch;
    result
}

/// Copies bytes into memory that the guest allocates. An empty value has a null pointer.
pub(crate) fn give(
    guest: &mut Guest<'_>,
    bytes: &[u8],
    pointer_out: u32,
    size_out: u32,
) -> wasmtime::Result<Status> {
    let Ok(size) = u32::try_from(bytes.len()) else { return Ok(Status::INVALID_MEMORY_ACCESS) };
    let given = &mut guest.data_mut().given;
    *given = given.saturating_add(u64::from(size));
    let mut pointer = 0;
    if size > 0 {
        let Some(allocate) = guest.data().allocate.clone() else {
            return Ok(Status::INVALID_MEMORY_ACCESS);
        };
        pointer = allocate.call(&mut *guest, size)?;
        let (memory, _) = split(guest);
        if pointer == 0 || !write(memory, pointer, bytes) {
            return Ok(Status::INVALID_MEMORY_ACCESS);
        }
    }
    let (memory, _) = split(guest);
    if write_u32(memory, pointer_out, pointer) && write_u32(memory, size_out, size) {
        Ok(Status::OK)
    } else {
        Ok(Status::INVALID_MEMORY_ACCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_outside_of_memory_fail() {
        let mut memory = vec![0u8; 16];
        let cases = [(0, 16, true), (16, 0, true), (17, 0, false), (15, 2, false)];
        for (pointer, size, inside) in cases {
            assert_eq!(slice(&memory, pointer, size).is_some(), inside, "{pointer}+{size}");
            let bytes = vec![1; usize::try_from(size).unwrap()];
            assert_eq!(write(&mut memory, pointer, &bytes), inside, "{pointer}+{size}");
        }
        assert!(slice(&memory, u32::MAX, u32::MAX).is_none());
        assert!(!write_u32(&mut memory, u32::MAX, 1));
    }
}
