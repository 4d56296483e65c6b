//! A gateway behind the raw ABI, for native tests: the functions of `raw.rs`, over one gateway a thread. Each
//! function answers the status that [`Gateway::statuses`] has for it, and else does its work.
#![allow(clippy::too_many_arguments, clippy::unwrap_used, clippy::indexing_slicing)] // for tests

use std::cell::RefCell;
use std::collections::BTreeMap;

use policy_kit::Headers;

use crate::codes::status::{CAS_MISMATCH, NOT_FOUND, OK};
use crate::{callbacks, wire};

/// What the gateway has and what was done to it.
#[derive(Default)]
pub(crate) struct Gateway {
    /// Statuses that functions answer instead of doing anything, by name.
    pub(crate) statuses: BTreeMap<&'static str, u32>,
    /// Functions that answer Ok and a null pointer, with this size.
    pub(crate) nulls: BTreeMap<&'static str, usize>,
    /// Header maps by number.
    pub(crate) maps: BTreeMap<u32, Vec<(String, String)>>,
    /// Buffers by number.
    pub(crate) buffers: BTreeMap<u32, Vec<u8>>,
    /// Properties, by path joined with NUL.
    pub(crate) properties: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Shared data and versions.
    pub(crate) shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    /// Metrics: the name of each number, and its value.
    pub(crate) metrics: Vec<(String, u64)>,
    /// Entries of the environment.
    pub(crate) environment: Vec<&'static str>,
    /// HTTP calls sent: target, body and timeout.
    pub(crate) calls: Vec<(String, Vec<u8>, u32)>,
    /// Tokens that calls get; from 1 where there are none.
    pub(crate) tokens: Vec<u32>,
    /// Local replies: status, details, body.
    pub(crate) replies: Vec<(u32, String, String)>,
    /// Streams that were continued or closed, in order: `continue 0`, `close 0`.
    pub(crate) streams: Vec<String>,
    /// The contexts that were made effective.
    pub(crate) effective: Vec<u32>,
    /// Log lines.
    pub(crate) logs: Vec<String>,
    /// Periods of ticks, in milliseconds.
    pub(crate) ticks: Vec<u32>,
    /// Names of all functions that were called.
    pub(crate) called: Vec<&'static str>,
}

thread_local! {
    static GATEWAY: RefCell<Gateway> = RefCell::default();
}

/// Runs `act` on this thread's gateway.
pub(crate) fn on<T>(act: impl FnOnce(&mut Gateway) -> T) -> T {
    GATEWAY.with(|gateway| act(&mut gateway.borrow_mut()))
}

/// The status that is scripted for a function.
fn scripted(name: &'static str) -> Option<u32> {
    on(|gateway| {
        gateway.called.push(name);
        gateway.statuses.get(name).copied()
    })
}

/// # Safety
/// `bytes` points to `size` bytes, or is not read where `size` is 0.
unsafe fn slice<'a>(bytes: *const u8, size: usize) -> &'a [u8] {
    if size == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(bytes, size) }
}

/// # Safety
/// As [`slice`].
unsafe fn text(bytes: *const u8, size: usize) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8(unsafe { slice(bytes, size) }.to_vec()).unwrap()
}

/// Hands bytes over in memory that the module allocates, as gateways do.
///
/// # Safety
/// Both pointers can be written to.
unsafe fn give(name: &'static str, answer: &[u8], data: *mut *mut u8, size: *mut usize) -> u32 {
    let (block, length) = match on(|gateway| gateway.nulls.get(name).copied()) {
        Some(length) => (std::ptr::null_mut(), length),
        None => (callbacks::allocate(answer.len()), answer.len()),
    };
    // SAFETY: the module allocated `length` bytes; the out-pointers are the caller's promise.
    unsafe {
        if !block.is_null() {
            std::ptr::copy_nonoverlapping(answer.as_ptr(), block, length);
        }
        data.write(block);
        size.write(length);
    }
    OK
}

macro_rules! function {
    ($name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        /// # Safety
        /// Pointers and sizes are those of memory that lives through the call.
        #[allow(unused_unsafe)]
        pub(crate) unsafe fn $name($($argument: $type),*) -> u32 {
            if let Some(status) = scripted(stringify!($name)) {
                return status;
            }
            // SAFETY: the caller's promise.
            unsafe { $body }
        }
    };
}

function!(proxy_log(level: u32, message: *const u8, size: usize) {
    let line = format!("{level} {}", text(message, size));
    on(|gateway| gateway.logs.push(line));
    OK
});
function!(proxy_get_current_time_nanoseconds(time: *mut u64) {
    time.write(1_000);
    OK
});
function!(proxy_set_tick_period_milliseconds(period: u32) {
    on(|gateway| gateway.ticks.push(period));
    OK
});
function!(proxy_get_buffer_bytes(
    buffer: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize,
) {
    let Some(bytes) = on(|gateway| gateway.buffers.get(&buffer).cloned()) else { return NOT_FOUND };
    let end = bytes.len().min(start.saturating_add(max));
    give("proxy_get_buffer_bytes", &bytes[start.min(end)..end], data, size)
});
function!(proxy_set_buffer_bytes(
    buffer: u32, start: usize, size: usize, data: *const u8, data_size: usize,
) {
    let new = slice(data, data_size).to_vec();
    on(|gateway| gateway.buffers.entry(buffer).or_default().splice(start..start + size, new).count());
    OK
});
function!(proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) {
    let pairs = on(|gateway| gateway.maps.get(&map).cloned().unwrap_or_default());
    let bytes = wire::headers(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    give("proxy_get_header_map_pairs", &bytes, data, size)
});
function!(proxy_add_header_map_value(
    map: u32, key: *const u8, key_size: usize, value: *const u8, value_size: usize,
) {
    let pair = (text(key, key_size), text(value, value_size));
    on(|gateway| gateway.maps.entry(map).or_default().push(pair));
    OK
});
function!(proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) {
    let name = text(key, key_size);
    on(|gateway| gateway.maps.entry(map).or_default().retain(|(known, _)| *known != name));
    OK
});
function!(proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) {
    let path = slice(path, path_size);
    let Some(value) = on(|gateway| gateway.properties.get(path).cloned()) else { return NOT_FOUND };
    give("proxy_get_property", &value, data, size)
});
function!(proxy_set_property(
    path: *const u8, path_size: usize, value: *const u8, value_size: usize,
) {
    let (path, value) = (slice(path, path_size).to_vec(), slice(value, value_size).to_vec());
    on(|gateway| gateway.properties.insert(path, value));
    OK
});
function!(proxy_get_shared_data(
    key: *const u8, key_size: usize, data: *mut *mut u8, size: *mut usize, cas: *mut u32,
) {
    let key = slice(key, key_size);
    let Some((value, version)) = on(|gateway| gateway.shared.get(key).cloned()) else { return NOT_FOUND };
    cas.write(version);
    give("proxy_get_shared_data", &value, data, size)
});
function!(proxy_set_shared_data(
    key: *const u8, key_size: usize, value: *const u8, value_size: usize, cas: u32,
) {
    let (key, value) = (slice(key, key_size).to_vec(), slice(value, value_size).to_vec());
    on(|gateway| {
        let version = gateway.shared.get(&key).map(|(_, version)| *version);
        let free = if cas == u32::MAX { version.is_none() } else { version == Some(cas) };
        if free {
            gateway.shared.insert(key, (value, version.unwrap_or_default() + 1));
        }
        if free { OK } else { CAS_MISMATCH }
    })
});
function!(proxy_done() {
    on(|gateway| gateway.streams.push("done".to_owned()));
    OK
});
function!(proxy_continue_stream(stream: u32) {
    on(|gateway| gateway.streams.push(format!("continue {stream}")));
    OK
});
function!(proxy_close_stream(stream: u32) {
    on(|gateway| gateway.streams.push(format!("close {stream}")));
    OK
});
function!(proxy_send_local_response(
    status: u32, details: *const u8, details_size: usize, body: *const u8, body_size: usize,
    headers: *const u8, headers_size: usize, grpc_status: i32,
) {
    assert!(Headers::parse(slice(headers, headers_size).to_vec()).is_some() && grpc_status == -1);
    let reply = (status, text(details, details_size), text(body, body_size));
    on(|gateway| gateway.replies.push(reply));
    OK
});
function!(proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) {
    let name = format!("{kind} {}", text(name, name_size));
    let number = on(|gateway| {
        gateway.metrics.push((name, 0));
        gateway.metrics.len() - 1
    });
    id.write(u32::try_from(number).unwrap());
    OK
});
function!(proxy_increment_metric(id: u32, offset: i64) {
    on(|gateway| gateway.metrics[id as usize].1 += u64::try_from(offset).unwrap());
    OK
});
function!(proxy_record_metric(id: u32, value: u64) {
    on(|gateway| gateway.metrics[id as usize].1 = value);
    OK
});
function!(proxy_set_effective_context(context: u32) {
    on(|gateway| gateway.effective.push(context));
    OK
});
function!(proxy_call_foreign_function(
    function: *const u8, function_size: usize, argument: *const u8, argument_size: usize,
    data: *mut *mut u8, size: *mut usize,
) {
    let answer = [slice(function, function_size), b"(", slice(argument, argument_size), b")"].concat();
    give("proxy_call_foreign_function", &answer, data, size)
});
function!(proxy_http_call(
    target: *const u8, target_size: usize, headers: *const u8, headers_size: usize,
    body: *const u8, body_size: usize, trailers: *const u8, trailers_size: usize,
    timeout: u32, token: *mut u32,
) {
    for map in [slice(headers, headers_size), slice(trailers, trailers_size)] {
        assert!(Headers::parse(map.to_vec()).is_some());
    }
    let call = (text(target, target_size), slice(body, body_size).to_vec(), timeout);
    let given = on(|gateway| {
        gateway.calls.push(call);
        match gateway.tokens.is_empty() {
            true => u32::try_from(gateway.calls.len()).unwrap(),
            false => gateway.tokens.remove(0),
        }
    });
    token.write(given);
    OK
});
function!(environ_sizes_get(count: *mut usize, size: *mut usize) {
    let entries = on(|gateway| gateway.environment.clone());
    count.write(entries.len());
    size.write(entries.iter().map(|entry| entry.len() + 1).sum());
    OK
});
function!(environ_get(entries: *mut *mut u8, bytes: *mut u8) {
    let mut at = 0;
    for (index, entry) in on(|gateway| gateway.environment.clone()).into_iter().enumerate() {
        entries.add(index).write(bytes.add(at));
        std::ptr::copy_nonoverlapping(entry.as_ptr(), bytes.add(at), entry.len());
        bytes.add(at + entry.len()).write(0);
        at += entry.len() + 1;
    }
    OK
});
function!(random_get(bytes: *mut u8, size: usize) {
    std::ptr::write_bytes(bytes, 7, size);
    OK
});
