//! The callbacks of ABI 0.2.1. A stream that is not known is held, never let pass.

use policy_kit::{Action, MAX_WAITING_STREAMS};

use crate::codes::action::{CONTINUE, PAUSE};
use crate::pending::{Completed, WaitedFor};
use crate::{calls, foreign, sys, vm};

/// A `u32` of the ABI as a size; the two are equally wide here.
fn size(of: u32) -> usize {
    usize::try_from(of).unwrap_or(usize::MAX)
}

/// Lets streams go on that the configuration of a context holds.
///
/// Only from callbacks whose result the gateway ignores. A stream that is released may be refused, and after a local
/// reply to any stream Envoy (1.40) takes the result of the callback that runs for "stop": the request or response
/// whose callback it is would hang, and a piece of its body be lost.
fn release(context: u32) {
    if let Some(release) = vm::releases() {
        release(context);
    }
}

/// Releases the streams of a context's configuration that its plugin lets go on.
fn release_held(context: u32) {
    let Some(root) = vm::begin_release(context) else { return };
    let (mut left, mut acted) = (MAX_WAITING_STREAMS, false);
    // A stream that is refused, or whose client has left, makes room for another.
    while left > 0 {
        let tickets = vm::on_root(root, |root| root.released(left)).unwrap_or_default();
        if tickets.is_empty() {
            break;
        }
        left = left.saturating_sub(tickets.len());
        for ticket in tickets {
            // As with shared calls: a stream that cannot be acted on is left as it is, and held.
            let Some(stream) = vm::take_held(root, ticket) else { continue };
            acted = true;
            if sys::act_on(stream).is_ok() {
                vm::on_stream(stream, |s| s.release());
            }
        }
    }
    vm::end_release();
    // What the gateway does next is about this context again.
    if acted && sys::act_on(context).is_err() {
        sys::log(log::Level::Error, "after a release: proxy_set_effective_context");
    }
}

fn request_action(action: Option<Action>) -> u32 {
    match action {
        Some(Action::Continue) => CONTINUE,
        Some(Action::Pause) | None => PAUSE,
    }
}

fn response_action(action: Option<Action>) -> u32 {
    request_action(Some(action.unwrap_or(Action::Continue)))
}

/// Memory that a host may put an answer in; null where there is none.
pub(crate) fn allocate(size: usize) -> *mut u8 {
    let mut block: Vec<u8> = Vec::new();
    if block.try_reserve_exact(size).is_err() {
        return std::ptr::null_mut();
    }
    block.resize(size, 0);
    // Boxed, so that the block is exactly as long as `sys::take` will say it is.
    Box::into_raw(block.into_boxed_slice()).cast()
}

/// A new configuration (`root` is 0) or a new stream of one.
pub(crate) fn context_create(context: u32, root: u32) {
    vm::create(context, root);
}

/// A configuration has come; 1 where it is accepted.
pub(crate) fn configure(context: u32, length: u32) -> u32 {
    u32::from(vm::on_root(context, |root| root.configure(size(length))).unwrap_or(false))
}

/// A configuration or a stream is gone.
pub(crate) fn delete(context: u32) {
    let root = vm::root_of(context);
    vm::delete(context);
    release(root);
}

/// What every module exports; [`export!`](crate::export) adds the callbacks that a plugin uses.
#[cfg(target_arch = "wasm32")]
mod exports {
    /// Hosts look for the name: it says which ABI this is.
    #[no_mangle]
    extern "C" fn proxy_abi_version_0_2_1() {}

    #[no_mangle]
    extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
        super::allocate(size)
    }

    #[no_mangle]
    extern "C" fn proxy_on_context_create(context: u32, root: u32) {
        super::context_create(context, root);
    }

    #[no_mangle]
    extern "C" fn proxy_on_configure(context: u32, length: u32) -> u32 {
        super::configure(context, length)
    }

    #[no_mangle]
    extern "C" fn proxy_on_delete(context: u32) {
        super::delete(context);
    }
}

/// Request headers have arrived.
pub fn request_headers(context: u32, end_of_stream: u32) -> u32 {
    request_action(vm::on_stream(context, |stream| stream.request_headers(end_of_stream != 0)))
}

/// A part of the request body has arrived; `length` is what is there so far.
pub fn request_body(context: u32, length: u32, end_of_stream: u32) -> u32 {
    request_action(vm::on_stream(context, |s| s.request_body(size(length), end_of_stream != 0)))
}

/// Request trailers have arrived.
pub fn request_trailers(context: u32) -> u32 {
    request_action(vm::on_stream(context, |stream| stream.request_trailers()))
}

/// Response headers have arrived. What a stream that is not known gets is the gateway's business: the
/// upstream has acted, and its answer goes on.
pub fn response_headers(context: u32, end_of_stream: u32) -> u32 {
    response_action(vm::on_stream(context, |stream| stream.response_headers(end_of_stream != 0)))
}

/// A part of the response body has arrived; `length` is what is held so far, or this part.
pub fn response_body(context: u32, length: u32, end_of_stream: u32) -> u32 {
    response_action(vm::on_stream(context, |s| s.response_body(size(length), end_of_stream != 0)))
}

/// Response trailers have arrived.
pub fn response_trailers(context: u32) -> u32 {
    response_action(vm::on_stream(context, |stream| stream.response_trailers()))
}

/// The answer to a call. It comes in the name of the configuration, so a stream that waits for it
/// has to be made the one that host calls act on.
pub fn call_response(token: u32, headers: u32, body: u32) {
    let (headers, body) = (size(headers), size(body));
    match calls::complete(token) {
        Some(Completed::Own { stream }) => {
            let ready = sys::act_on(stream);
            vm::on_stream(stream, |s| s.call_response(token, headers, body, ready));
            release(stream);
        }
        Some(Completed::Shared(call)) => complete_shared(call, headers, body),
        None => {}
    }
}

fn complete_shared(call: WaitedFor, headers: usize, body: usize) {
    let WaitedFor { root, key, max_reply, waiting } = call;
    let read = vm::on_root(root, |root| root.shared_reply(&key, headers, body, max_reply));
    let Some(reply) = read else { return };
    for stream in waiting {
        // Without this the host would act on the context that ran last. A stream that cannot be acted on is
        // left as it is: its driver waits for a shared call, so whatever arrives of it is held.
        if sys::act_on(stream).is_ok() {
            vm::on_stream(stream, |s| s.shared_reply(&reply));
        }
    }
    release(root);
    if let Some(end) = vm::drained(root) {
        if sys::act_on(root).is_ok() {
            end();
        }
    }
}

/// Lets the module make calls, now that it hears their answers.
pub fn allow_calls() {
    calls::allow();
}

/// Lets the module use foreign functions.
pub fn allow_foreign() {
    foreign::allow();
}

/// Lets streams wait for ticks.
pub fn allow_ticks() {
    vm::allow_ticks();
}

/// The timer of a configuration: the plugin first, then the streams that wait for it.
pub fn tick(context: u32) {
    vm::on_root(context, |root| root.tick());
    for stream in vm::awaiting_tick(context) {
        // As with shared calls: a stream that cannot be acted on is left as it is, and held.
        if sys::act_on(stream).is_ok() {
            vm::on_stream(stream, |s| s.tick());
        }
    }
    release(context);
}

/// Lets plugins hold streams and release them.
pub fn allow_release() {
    vm::allow_release(release_held);
}

/// Lets a configuration delay its end.
pub fn allow_drain() {
    vm::with(|vm| vm.end = Some(sys::end));
}

/// A configuration or a stream ends; 0 where a configuration waits for responses first.
pub fn done(context: u32) -> u32 {
    let waits = vm::on_root(context, |root| root.drain()).unwrap_or(false);
    if waits {
        vm::drain(context);
    }
    u32::from(!waits)
}

/// A stream is over.
pub fn log(context: u32) {
    vm::on_stream(context, |stream| stream.log());
    release(context);
}
