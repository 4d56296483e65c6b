//! The host's functions, each wrapped so that no status and no pointer it answers is trusted.

use policy_kit::{Fault, HttpCall};

use crate::codes::status::{CAS_MISMATCH, NOT_FOUND, OK};
use crate::codes::{Buffer, Map, NO_GRPC_STATUS, REQUEST_STREAM, RESPONSE_STREAM};
use crate::raw;
use crate::wire;

/// Calls a function that returns a status and bytes, in memory it allocated through our allocator.
fn data(ask: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> (u32, *mut u8, usize) {
    let (mut bytes, mut size) = (std::ptr::null_mut(), 0usize);
    let status = ask(&mut bytes, &mut size);
    (status, bytes, size)
}

/// Takes the bytes over. Null with no size is an empty answer, null with a size is no answer.
fn take(call: &'static str, bytes: *mut u8, size: usize) -> Result<Vec<u8>, Fault> {
    if bytes.is_null() {
        return if size == 0 { Ok(Vec::new()) } else { Err(Fault { call, status: None }) };
    }
    // SAFETY: the host got this block of exactly `size` bytes from `proxy_on_memory_allocate`, whose
    // boxed slice of that length it is, and by the ABI it now belongs to us.
    Ok(unsafe { Vec::from_raw_parts(bytes, size, size) })
}

fn done(call: &'static str, status: u32) -> Result<(), Fault> {
    if status == OK {
        Ok(())
    } else {
        Err(Fault { call, status: Some(status) })
    }
}

pub(crate) fn log(level: log::Level, message: &str) {
    let level = crate::codes::level(level);
    // SAFETY: the pointer and the length are those of one live string. The status does not matter:
    // there is nowhere else to say that logging failed.
    unsafe { raw::proxy_log(level, message.as_ptr(), message.len()) };
}

pub(crate) fn now() -> Result<u64, Fault> {
    let mut time = 0;
    // SAFETY: `time` lives through the call.
    let status = unsafe { raw::proxy_get_current_time_nanoseconds(&mut time) };
    done("proxy_get_current_time_nanoseconds", status).map(|()| time)
}

pub(crate) fn tick_every(period: std::time::Duration) -> Result<(), Fault> {
    let millis = u32::try_from(period.as_millis()).unwrap_or(u32::MAX).max(1);
    // SAFETY: plain integers.
    let status = unsafe { raw::proxy_set_tick_period_milliseconds(millis) };
    done("proxy_set_tick_period_milliseconds", status)
}

pub(crate) fn buffer(which: Buffer, max: usize) -> Result<Vec<u8>, Fault> {
    const CALL: &str = "proxy_get_buffer_bytes";
    let (status, bytes, size) = data(|bytes, size| {
        // SAFETY: both out-pointers live through the call.
        unsafe { raw::proxy_get_buffer_bytes(which as u32, 0, max, bytes, size) }
    });
    match status {
        NOT_FOUND => Ok(Vec::new()),
        _ => done(CALL, status).and_then(|()| take(CALL, bytes, size)),
    }
}

/// Puts `data` in the place of the first `size` bytes.
pub(crate) fn set_buffer(which: Buffer, size: usize, data: &[u8]) -> Result<(), Fault> {
    // SAFETY: pointer and length are those of a live slice.
    let status =
        unsafe { raw::proxy_set_buffer_bytes(which as u32, 0, size, data.as_ptr(), data.len()) };
    done("proxy_set_buffer_bytes", status)
}

pub(crate) fn headers(map: Map) -> Result<Vec<u8>, Fault> {
    const CALL: &str = "proxy_get_header_map_pairs";
    let (status, bytes, size) = data(|bytes, size| {
        // SAFETY: both out-pointers live through the call.
        unsafe { raw::proxy_get_header_map_pairs(map as u32, bytes, size) }
    });
    done(CALL, status).and_then(|()| take(CALL, bytes, size))
}

pub(crate) fn add_header(map: Map, name: &str, value: &[u8]) -> Result<(), Fault> {
    // SAFETY: pointers and lengths are those of live slices.
    let status = unsafe {
        raw::proxy_add_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    };
    done("proxy_add_header_map_value", status)
}

pub(crate) fn remove_header(map: Map, name: &str) -> Result<(), Fault> {
    // SAFETY: pointer and length are those of a live slice.
    let status =
        unsafe { raw::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) };
    done("proxy_remove_header_map_value", status)
}

pub(crate) fn property(path: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    const CALL: &str = "proxy_get_property";
    let (status, bytes, size) = data(|bytes, size| {
        // SAFETY: the path is a live slice and both out-pointers live through the call.
        unsafe { raw::proxy_get_property(path.as_ptr(), path.len(), bytes, size) }
    });
    match status {
        NOT_FOUND => Ok(None),
        _ => done(CALL, status).and_then(|()| take(CALL, bytes, size)).map(Some),
    }
}

pub(crate) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Fault> {
    // SAFETY: pointers and lengths are those of live slices.
    let status =
        unsafe { raw::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) };
    done("proxy_set_property", status)
}

pub(crate) fn shared(key: &str) -> Result<Option<(Vec<u8>, u32)>, Fault> {
    const CALL: &str = "proxy_get_shared_data";
    let mut cas = 0;
    let (status, bytes, size) = data(|bytes, size| {
        // SAFETY: the key is a live slice and all out-pointers live through the call.
        unsafe { raw::proxy_get_shared_data(key.as_ptr(), key.len(), bytes, size, &mut cas) }
    });
    match status {
        NOT_FOUND => Ok(None),
        _ => done(CALL, status)
            .and_then(|()| take(CALL, bytes, size))
            .map(|value| Some((value, cas))),
    }
}

pub(crate) fn set_shared(key: &str, value: &[u8], cas: u32) -> Result<bool, Fault> {
    // SAFETY: pointers and lengths are those of live slices.
    let status = unsafe {
        raw::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
    };
    match status {
        CAS_MISMATCH => Ok(false),
        _ => done("proxy_set_shared_data", status).map(|()| true),
    }
}

pub(crate) fn continue_request() -> Result<(), Fault> {
    // SAFETY: plain integers.
    done("proxy_continue_stream", unsafe { raw::proxy_continue_stream(REQUEST_STREAM) })
}

pub(crate) fn continue_response() -> Result<(), Fault> {
    // SAFETY: plain integers.
    done("proxy_continue_stream", unsafe { raw::proxy_continue_stream(RESPONSE_STREAM) })
}

pub(crate) fn close_request() {
    // SAFETY: plain integers. This is the last resort; a host that refuses it keeps the stream held
    // until its idle timeout, which is still no pass.
    unsafe { raw::proxy_close_stream(REQUEST_STREAM) };
}

pub(crate) fn reply(status: u16, details: &str, headers: &[u8], body: &[u8]) -> Result<(), Fault> {
    // SAFETY: pointers and lengths are those of live slices.
    let status = unsafe {
        raw::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    };
    done("proxy_send_local_response", status)
}

/// Defines a metric of a kind of `codes`.
pub(crate) fn define_metric(kind: u32, name: &str) -> Option<u32> {
    // What stays where a host says Ok and tells no id: another metric's would be taken for it, and WasmX
    // traps where a counter is set.
    const NONE: u32 = u32::MAX;
    let mut id = NONE;
    // SAFETY: the name is a live slice and `id` lives through the call.
    let status = unsafe { raw::proxy_define_metric(kind, name.as_ptr(), name.len(), &mut id) };
    (status == OK && id != NONE).then_some(id)
}

pub(crate) fn record(id: u32, value: u64) {
    // SAFETY: plain integers. A gauge that cannot be set changes no decision.
    unsafe { raw::proxy_record_metric(id, value) };
}

/// Bytes that no client can guess.
pub(crate) fn random() -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    // SAFETY: the array lives through the call and is as long as it says.
    let status = unsafe { raw::random_get(bytes.as_mut_ptr(), bytes.len()) };
    (status == OK).then_some(bytes)
}

pub(crate) fn increment(id: u32, offset: i64) {
    // SAFETY: plain integers. A counter that cannot be counted changes no decision.
    unsafe { raw::proxy_increment_metric(id, offset) };
}

pub(crate) fn foreign(function: &str, argument: &[u8]) -> Result<Vec<u8>, Fault> {
    const CALL: &str = "proxy_call_foreign_function";
    let (status, bytes, size) = data(|bytes, size| {
        // SAFETY: name and argument are live slices and both out-pointers live through the call.
        unsafe {
            raw::proxy_call_foreign_function(
                function.as_ptr(),
                function.len(),
                argument.as_ptr(),
                argument.len(),
                bytes,
                size,
            )
        }
    });
    done(CALL, status).and_then(|()| take(CALL, bytes, size))
}

/// The VM's environment. Not the standard library's, which ends the VM where the gateway does not
/// let a module read its environment.
pub(crate) fn environment() -> Option<Vec<u8>> {
    let (mut count, mut size) = (0, 0);
    // SAFETY: both out-pointers live through the call.
    if unsafe { raw::environ_sizes_get(&mut count, &mut size) } != OK {
        return None;
    }
    let (mut entries, mut bytes) = (Vec::new(), Vec::new());
    entries.try_reserve_exact(count).ok()?;
    bytes.try_reserve_exact(size).ok()?;
    entries.resize(count, std::ptr::null_mut());
    bytes.resize(size, 0);
    // SAFETY: by WASI the host writes as many pointers and bytes as it has just reported, and both lists
    // are that long. The pointers are not followed.
    let status = unsafe { raw::environ_get(entries.as_mut_ptr(), bytes.as_mut_ptr()) };
    (status == OK).then_some(bytes)
}

/// The effective context, which delayed its end, is done.
pub(crate) fn end() {
    // SAFETY: no arguments. A gateway that does not wait for it does not mind.
    unsafe { raw::proxy_done() };
}

/// Makes host calls act on this context.
pub(crate) fn act_on(context: u32) -> Result<(), Fault> {
    // SAFETY: plain integers.
    done("proxy_set_effective_context", unsafe { raw::proxy_set_effective_context(context) })
}

pub(crate) fn call(call: &HttpCall) -> Result<u32, Fault> {
    let headers = wire::headers(call.headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())));
    let trailers = wire::headers(std::iter::empty());
    // 0 would be no timeout, and hold the stream for ever.
    let timeout = u32::try_from(call.timeout.as_millis()).unwrap_or(u32::MAX).max(1);
    let mut token = 0;
    // SAFETY: pointers and lengths are those of live slices, and `token` lives through the call.
    let status = unsafe {
        raw::proxy_http_call(
            call.target.as_ptr(),
            call.target.len(),
            headers.as_ptr(),
            headers.len(),
            call.body.as_ptr(),
            call.body.len(),
            trailers.as_ptr(),
            trailers.len(),
            timeout,
            &mut token,
        )
    };
    done("proxy_http_call", status).map(|()| token)
}
