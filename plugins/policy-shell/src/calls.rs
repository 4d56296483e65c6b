//! Calls that are under way, and who waits for each: one stream for a call of its own, several
//! of them for a flight. The host is never called while the VM's state is borrowed.

use policy_kit::{CallReply, Fault, HttpCall, SharedCall, MAX_WAITING_STREAMS};

use crate::abi::At;
use crate::{sys, vm};

/// Most flights in the air at once that streams of one VM sent. A plugin gives each of its purposes less
/// than that, so that none of them takes the room of another.
const MAX_SHARED_CALLS: usize = 640;

/// Sends a call and tells its token.
type Send = fn(&HttpCall) -> Result<u32, Fault>;

/// What is under way in a VM.
#[derive(Default)]
pub(crate) struct PendingCalls {
    /// Set where the module exports the callback that brings answers. A function, so that modules
    /// without it need not carry one.
    send: Option<Send>,
    /// Tokens, and the stream that waits for each. These are lists because they are short, and a
    /// module that makes no call should not carry a map's code.
    calls: Vec<(u32, u32)>,
    flights: Vec<Pending>,
}

struct Pending {
    token: u32,
    landed: CompletedCall,
}

/// A flight at its end.
pub(crate) struct CompletedCall {
    /// The configuration whose flight it is.
    pub(crate) root: u32,
    /// What it is about.
    pub(crate) key: String,
    /// Most bytes of body to read.
    pub(crate) max_reply: usize,
    /// Streams that wait for it, in the order they came.
    pub(crate) waiting: Vec<u32>,
}

/// Whose call has ended.
pub(crate) enum Ended {
    /// A stream's own.
    Call {
        /// The stream.
        stream: u32,
    },
    /// A flight.
    Shared(CompletedCall),
}

impl PendingCalls {
    fn flight(&mut self, root: u32, key: &str) -> Option<&mut Pending> {
        self.flights.iter_mut().find(|it| it.landed.root == root && it.landed.key == key)
    }

    /// Whether a shared call of a configuration is pending.
    pub(crate) fn is_pending(&self, root: u32) -> bool {
        self.flights.iter().any(|it| it.landed.root == root)
    }

    /// A context is gone: a stream waits for nothing any more, and nobody waits for the flights of a
    /// configuration.
    pub(crate) fn forget(&mut self, context: u32) {
        for flight in &mut self.flights {
            flight.landed.waiting.retain(|stream| *stream != context);
        }
        self.calls.retain(|(_, stream)| *stream != context);
        self.flights.retain(|flight| flight.landed.root != context);
    }
}

/// Lets the module make calls.
pub(crate) fn allow() {
    vm::with(|vm| vm.calls.send = Some(sys::call));
}

fn send(call: &HttpCall) -> Result<u32, Fault> {
    match vm::with(|vm| vm.calls.send).flatten() {
        Some(send) => send(call),
        // Nobody would hear the answer, and the stream would wait for ever.
        None => Err(Fault { call: "proxy_http_call", status: None }),
    }
}

/// Sends a stream's own call and tells its token.
pub(crate) fn dispatch(call: &HttpCall, stream: u32) -> Result<u32, Fault> {
    let token = send(call)?;
    vm::with(|vm| vm.calls.calls.push((token, stream)));
    Ok(token)
}

/// Sends a call in the name of the configuration: a stream that is over would take it along. Nothing waits
/// for its token.
pub(crate) fn notify(call: &HttpCall, at: At) -> Result<(), Fault> {
    sys::act_on(at.root)?;
    let sent = send(call).map(|_| ());
    // What the gateway does next is about the stream again.
    sys::act_on(at.context).and(sent)
}

/// Lets a stream wait for a flight, which takes off if it is not in the air.
pub(crate) fn join(flight: &SharedCall, at: At) -> Result<(), CallReply> {
    let full = |it: &mut Pending| it.landed.waiting.len() >= MAX_WAITING_STREAMS;
    if vm::with(|vm| vm.calls.flight(at.root, &flight.key).is_some_and(full)).unwrap_or(false) {
        return Err(CallReply::TooManyWaiting);
    }
    let aloft = || vm::with(|vm| vm.calls.flight(at.root, &flight.key).is_some());
    // A list, and strangers may be who makes it long.
    let crowded = || vm::with(|vm| vm.calls.flights.len() >= MAX_SHARED_CALLS);
    if !aloft().unwrap_or(false) && crowded().unwrap_or(true) {
        return Err(CallReply::Failed(Fault { call: "proxy_http_call", status: None }));
    }
    start(flight, at.root).map_err(CallReply::Failed)?;
    vm::with(|vm| {
        if let Some(in_air) = vm.calls.flight(at.root, &flight.key) {
            in_air.landed.waiting.push(at.context);
        }
    });
    Ok(())
}

/// Sends a flight unless one of its key is in the air. What the plugin itself asks on its tick always
/// has room: keys and revocations are for everybody.
pub(crate) fn start(flight: &SharedCall, root: u32) -> Result<(), Fault> {
    if vm::with(|vm| vm.calls.flight(root, &flight.key).is_some()).unwrap_or(false) {
        return Ok(());
    }
    let token = send(&flight.call)?;
    let (key, max_reply) = (flight.key.clone(), flight.call.max_reply);
    let landed = CompletedCall { root, key, max_reply, waiting: Vec::new() };
    vm::with(|vm| {
        // A token is told once. Should a host repeat itself, the older flight is lost to it, and must
        // not keep its key from ever taking off again; who waits for it stays held.
        vm.calls.flights.retain(|it| it.token != token);
        vm.calls.flights.push(Pending { token, landed });
    });
    Ok(())
}

/// Whose call this was, once. A token that nobody waits for is nobody's.
pub(crate) fn ended(token: u32) -> Option<Ended> {
    vm::with(|vm| {
        let calls = &mut vm.calls;
        if let Some(place) = calls.calls.iter().position(|(it, _)| *it == token) {
            return Some(Ended::Call { stream: calls.calls.swap_remove(place).1 });
        }
        let place = calls.flights.iter().position(|it| it.token == token)?;
        Some(Ended::Shared(calls.flights.swap_remove(place).landed))
    })
    .flatten()
}
