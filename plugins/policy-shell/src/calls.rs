//! Sends calls, and finds who waits for a reply. The host is never called while the VM's state is borrowed.

use policy_kit::{CallReply, Fault, HttpCall, SharedCall, MAX_WAITING_STREAMS};

use crate::pending::{At, Completed, PendingShared, WaitedFor};
use crate::{sys, vm};

/// Most pending shared calls that streams of one VM started. A plugin gives each of its purposes less than
/// that, so that one purpose does not use up what another needs.
const MAX_SHARED_CALLS: usize = 640;

/// Lets the module make calls.
pub(crate) fn allow() {
    vm::with(|vm| vm.calls.send = Some(sys::call));
}

fn send(call: &HttpCall) -> Result<u32, Fault> {
    match vm::with(|vm| vm.calls.send).flatten() {
        Some(send) => send(call),
        // The reply would not arrive, and the stream would wait for ever.
        None => Err(Fault { call: "proxy_http_call", status: None }),
    }
}

/// Sends a stream's own call and returns its token.
pub(crate) fn dispatch(call: &HttpCall, stream: u32) -> Result<u32, Fault> {
    let token = send(call)?;
    vm::with(|vm| vm.calls.own.push((token, stream)));
    Ok(token)
}

/// Sends a call in the name of the configuration: the gateway cancels the calls of a stream that is over.
/// Nothing waits for its token.
pub(crate) fn notify(call: &HttpCall, at: At) -> Result<(), Fault> {
    sys::act_on(at.root)?;
    let sent = send(call).map(|_| ());
    // What the gateway does next is about the stream again.
    sys::act_on(at.context).and(sent)
}

/// Lets a stream wait for a shared call, which is sent if it is not pending.
pub(crate) fn join(call: &SharedCall, at: At) -> Result<(), CallReply> {
    let waiting = vm::with(|vm| vm.calls.find(at.root, &call.key).map(|it| it.waiting.len()));
    match waiting.flatten() {
        Some(waiting) if waiting >= MAX_WAITING_STREAMS => return Err(CallReply::TooManyWaiting),
        Some(_) => {}
        // The list is searched for each reply, and clients decide how long it is.
        None => {
            let full = vm::with(|vm| vm.calls.shared.len() >= MAX_SHARED_CALLS);
            if full.unwrap_or(true) {
                return Err(CallReply::Failed(Fault { call: "proxy_http_call", status: None }));
            }
        }
    }
    start(call, at.root).map_err(CallReply::Failed)?;
    vm::with(|vm| {
        if let Some(pending) = vm.calls.find(at.root, &call.key) {
            pending.waiting.push(at.context);
        }
    });
    Ok(())
}

/// Sends a shared call unless one of its key is pending. Calls of the plugin's own tick are not counted
/// against [`MAX_SHARED_CALLS`]: every request depends on keys and revocations.
pub(crate) fn start(call: &SharedCall, root: u32) -> Result<(), Fault> {
    if vm::with(|vm| vm.calls.find(root, &call.key).is_some()).unwrap_or(false) {
        return Ok(());
    }
    let token = send(&call.call)?;
    let (key, max_reply) = (call.key.clone(), call.call.max_reply);
    let call = WaitedFor { root, key, max_reply, waiting: Vec::new() };
    vm::with(|vm| {
        // Hosts give each token once. Should one repeat a token, the older call cannot be found any more: it
        // must not keep its key pending for ever. The streams that wait for it stay held.
        vm.calls.shared.retain(|it| it.token != token);
        vm.calls.shared.push(PendingShared { token, call });
    });
    Ok(())
}

/// The call that a reply belongs to.
pub(crate) fn complete(token: u32) -> Option<Completed> {
    vm::with(|vm| vm.calls.complete(token)).flatten()
}
