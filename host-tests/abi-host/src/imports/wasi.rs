//! The part of WASI preview 1 that gateways give to filters: time, randomness, environment, and
//! standard output as log. There are no files.

use wasmtime::Linker;

use crate::imports::host_call::{enter, host_call};
use crate::imports::names::id_of;
use crate::plugin::LogLevel;
use crate::status::Status;
use crate::vm::memory::{slice, split, write, write_u32, Guest};
use crate::vm::state::VmState;

const SUCCESS: Status = Status(0);
const BAD_DESCRIPTOR: Status = Status(8);
const FAULT: Status = Status(21);
const NO_ENTRY: Status = Status(44);
const NOT_IMPLEMENTED: Status = Status(52);
const NOT_SUPPORTED: Status = Status(58);

fn errno(done: bool) -> Status {
    if done {
        SUCCESS
    } else {
        FAULT
    }
}

fn fd_write(guest: &mut Guest<'_>, fd: u32, vectors: u32, count: u32, written_out: u32) -> Status {
    let level = match fd {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return BAD_DESCRIPTOR,
    };
    let (memory, state) = split(guest);
    let mut text = Vec::new();
    for index in 0..count {
        let Some(at) = index.checked_mul(8).and_then(|offset| vectors.checked_add(offset)) else {
            return FAULT;
        };
        let Some([p0, p1, p2, p3, s0, s1, s2, s3]) = slice(memory, at, 8) else { return FAULT };
        let pointer = u32::from_le_bytes([*p0, *p1, *p2, *p3]);
        let size = u32::from_le_bytes([*s0, *s1, *s2, *s3]);
        let Some(piece) = slice(memory, pointer, size) else { return FAULT };
        text.extend_from_slice(piece);
        // A guest may pass the same megabytes many times.
        if text.len() > memory.len() {
            return FAULT;
        }
    }
    let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if !text.is_empty() {
        state.log(level, text.strip_suffix(b"\n").unwrap_or(&text));
    }
    errno(write_u32(memory, written_out, size))
}

fn environ_get(guest: &mut Guest<'_>, mut pointers: u32, mut texts: u32) -> Status {
    let (memory, state) = split(guest);
    for (name, value) in &state.environment {
        let entry = format!("{name}={value}\0");
        if !write_u32(memory, pointers, texts) || !write(memory, texts, entry.as_bytes()) {
            return FAULT;
        }
        pointers = pointers.saturating_add(4);
        texts = texts.saturating_add(u32::try_from(entry.len()).unwrap_or(u32::MAX));
    }
    SUCCESS
}

fn environ_sizes_get(guest: &mut Guest<'_>, count_out: u32, size_out: u32) -> Status {
    let (memory, state) = split(guest);
    let size: usize =
        state.environment.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let count = u32::try_from(state.environment.len()).unwrap_or(u32::MAX);
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    errno(write_u32(memory, count_out, count) && write_u32(memory, size_out, size))
}

fn random_get(guest: &mut Guest<'_>, pointer: u32, size: u32) -> Status {
    let (memory, state) = split(guest);
    if slice(memory, pointer, size).is_none() {
        return FAULT;
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    state.host.rng.fill(&mut bytes);
    errno(write(memory, pointer, &bytes))
}

/// Standard output and error may be written to; there is nothing else.
fn fd_fdstat_get(guest: &mut Guest<'_>, fd: u32, out: u32) -> Status {
    if fd != 1 && fd != 2 {
        return BAD_DESCRIPTOR;
    }
    const RIGHT_TO_WRITE: u8 = 64;
    let mut stat = [0u8; 24];
    if let Some(rights) = stat.get_mut(8) {
        *rights = RIGHT_TO_WRITE;
    }
    let (memory, _) = split(guest);
    errno(write(memory, out, &stat))
}

/// A call with a fixed status.
macro_rules! fixed {
    ($linker:ident, $module:literal, $name:literal, $answer:expr $(, $arg:ident: $type:ty)*) => {
        host_call!($linker, $module, $name, |guest $(, $arg: $type)*| {
            let _ = guest;
            Ok($answer)
        });
    };
}

macro_rules! link_wasi {
    ($linker:ident, $module:literal) => {
        host_call!($linker, $module, "fd_write",
            |guest, fd: u32, vectors: u32, count: u32, out: u32| {
            Ok(fd_write(guest, fd, vectors, count, out))
        });
        host_call!($linker, $module, "environ_get", |guest, pointers: u32, texts: u32| {
            Ok(environ_get(guest, pointers, texts))
        });
        host_call!($linker, $module, "environ_sizes_get", |guest, count: u32, size: u32| {
            Ok(environ_sizes_get(guest, count, size))
        });
        host_call!($linker, $module, "args_sizes_get", |guest, count: u32, size: u32| {
            let (memory, _) = split(guest);
            Ok(errno(write_u32(memory, count, 0) && write_u32(memory, size, 0)))
        });
        host_call!($linker, $module, "clock_time_get", |guest, id: u32, _precision: u64, out: u32| {
            // Real and monotonic time are the same on a virtual clock.
            if id > 1 {
                return Ok(NOT_SUPPORTED.0);
            }
            let (memory, state) = split(guest);
            Ok(errno(write(memory, out, &state.host.clock.now().to_le_bytes())))
        });
        host_call!($linker, $module, "random_get", |guest, pointer: u32, size: u32| {
            Ok(random_get(guest, pointer, size))
        });
        host_call!($linker, $module, "fd_fdstat_get", |guest, fd: u32, out: u32| {
            Ok(fd_fdstat_get(guest, fd, out))
        });
        fixed!($linker, $module, "args_get", SUCCESS, _a: u32, _b: u32);
        fixed!($linker, $module, "clock_res_get", NOT_IMPLEMENTED, _a: u32, _b: u32);
        fixed!($linker, $module, "fd_read", NOT_IMPLEMENTED, _a: u32, _b: u32, _c: u32, _d: u32);
        fixed!($linker, $module, "fd_seek", SUCCESS, _a: u32, _b: i64, _c: u32, _d: u32);
        fixed!($linker, $module, "fd_close", SUCCESS, _a: u32);
        fixed!($linker, $module, "fd_fdstat_set_flags", NOT_IMPLEMENTED, _a: u32, _b: u32);
        fixed!($linker, $module, "fd_prestat_get", BAD_DESCRIPTOR, _a: u32, _b: u32);
        fixed!($linker, $module, "fd_prestat_dir_name", NOT_IMPLEMENTED, _a: u32, _b: u32, _c: u32);
        fixed!($linker, $module, "fd_filestat_get", NOT_SUPPORTED, _a: u32, _b: u32);
        fixed!($linker, $module, "fd_readdir", NOT_SUPPORTED, _a: u32, _b: u32, _c: u32, _d: i64, _e: u32);
        fixed!($linker, $module, "path_open", NO_ENTRY, _a: u32, _b: u32, _c: u32, _d: u32, _e: u32, _f: i64, _g: i64, _h: u32, _i: u32);
        fixed!($linker, $module, "path_create_directory", NOT_SUPPORTED, _a: u32, _b: u32, _c: u32);
        fixed!($linker, $module, "path_filestat_get", NOT_SUPPORTED, _a: u32, _b: u32, _c: u32, _d: u32, _e: u32);
        fixed!($linker, $module, "path_remove_directory", NOT_SUPPORTED, _a: u32, _b: u32, _c: u32);
        fixed!($linker, $module, "path_rename", NOT_SUPPORTED, _a: u32, _b: u32, _c: u32, _d: u32, _e: u32, _f: u32);
        fixed!($linker, $module, "path_unlink_file", NOT_SUPPORTED, _a: u32, _b: u32, _c: u32);
        fixed!($linker, $module, "poll_oneoff", NOT_SUPPORTED, _a: u32, _b: u32, _c: u32, _d: u32);
        fixed!($linker, $module, "sched_yield", SUCCESS);
        let id = id_of("proc_exit");
        $linker.func_wrap($module, "proc_exit",
            move |mut guest: Guest<'_>, code: u32| -> wasmtime::Result<()> {
            enter(&mut guest, id, "proc_exit")?;
            Err(wasmtime::Error::msg(format!("the module ended itself with code {code}")))
        })?;
    };
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    link_wasi!(linker, "wasi_snapshot_preview1");
    link_wasi!(linker, "wasi_unstable");
    Ok(())
}
