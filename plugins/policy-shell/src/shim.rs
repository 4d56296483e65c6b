//! Stands between the SDK's dispatcher and the two host functions it calls by itself.
//!
//! The SDK insists on two things: a call's token must be registered by its own
//! `dispatch_http_call`, which panics on any status but three, and an answer is preceded by
//! `set_effective_context`, whose every failure it unwraps. Both import plain symbols, so defining
//! those symbols here gives the SDK statuses it can bear, and gives us the true ones.

use std::cell::Cell;
use std::time::Duration;

use policy_kit::{Call, Fault};

mod raw {
    #[link(wasm_import_module = "env")]
    extern "C" {
        pub(super) fn proxy_set_effective_context(context: u32) -> u32;
        pub(super) fn proxy_http_call(
            target: *const u8,
            target_size: usize,
            headers: *const u8,
            headers_size: usize,
            body: *const u8,
            body_size: usize,
            trailers: *const u8,
            trailers_size: usize,
            timeout: u32,
            token: *mut u32,
        ) -> u32;
    }
}

const OK: u32 = 0;
/// A status that the SDK turns into an error instead of a panic.
const INTERNAL_FAILURE: u32 = 10;

thread_local! {
    static LAST_CALL: Cell<u32> = const { Cell::new(OK) };
    static LAST_CONTEXT: Cell<u32> = const { Cell::new(OK) };
}

/// Called by the SDK in place of the host's function of that name.
#[no_mangle]
extern "C" fn proxy_set_effective_context(context: u32) -> u32 {
    // SAFETY: plain integers.
    LAST_CONTEXT.set(unsafe { raw::proxy_set_effective_context(context) });
    OK
}

/// Called by the SDK in place of the host's function of that name.
#[no_mangle]
#[allow(clippy::too_many_arguments)] // The ABI's signature.
extern "C" fn proxy_http_call(
    target: *const u8,
    target_size: usize,
    headers: *const u8,
    headers_size: usize,
    body: *const u8,
    body_size: usize,
    trailers: *const u8,
    trailers_size: usize,
    timeout: u32,
    token: *mut u32,
) -> u32 {
    // SAFETY: the arguments are the SDK's own, passed on unchanged.
    let status = unsafe {
        raw::proxy_http_call(
            target,
            target_size,
            headers,
            headers_size,
            body,
            body_size,
            trailers,
            trailers_size,
            timeout,
            token,
        )
    };
    LAST_CALL.set(status);
    if status == OK {
        OK
    } else {
        INTERNAL_FAILURE
    }
}

/// Sends a call and has the SDK route its answer to the current context.
pub(crate) fn dispatch(call: &Call) -> Result<u32, Fault> {
    let headers = call.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let body = (!call.body.is_empty()).then_some(call.body.as_slice());
    // No timeout would hold the stream for ever.
    let timeout = call.timeout.max(Duration::from_millis(1));
    proxy_wasm::hostcalls::dispatch_http_call(&call.target, headers, body, vec![], timeout)
        .map_err(|_| Fault { call: "proxy_http_call", status: Some(LAST_CALL.get()) })
}

/// Whether the context of the answer now being delivered is the one that calls will act on.
pub(crate) fn context_is_effective() -> Result<(), Fault> {
    match LAST_CONTEXT.get() {
        OK => Ok(()),
        status => Err(Fault { call: "proxy_set_effective_context", status: Some(status) }),
    }
}
