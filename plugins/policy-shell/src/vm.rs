//! What one VM holds: configurations, streams, and pending calls.

use std::cell::RefCell;

use policy_kit::{Action, CallReply, Fault, SortedMap, MAX_WAITING_STREAMS};

use crate::pending::PendingCalls;

/// Most streams that wait for ticks of one configuration. [`MAX_WAITING_STREAMS`] of them go on at each, those
/// that came first.
const MOST_QUEUED: usize = 1_024;

/// A configuration, whatever plugin it is for.
pub(crate) trait RootContext {
    fn configure(&mut self, size: usize) -> bool;
    fn tick(&mut self);
    /// The configuration ends; whether it waits for responses.
    fn drain(&mut self) -> bool;
    /// A shared call has completed: fetches its reply, and hands it to the plugin.
    fn shared_reply(&mut self, key: &str, headers: usize, body: usize, max: usize) -> CallReply;
    fn stream(&self, context: u32) -> Box<dyn StreamContext>;
}

/// A stream, whatever plugin it is for.
pub(crate) trait StreamContext {
    fn request_headers(&mut self, end_of_stream: bool) -> Action;
    fn request_body(&mut self, size: usize, end_of_stream: bool) -> Action;
    fn request_trailers(&mut self) -> Action;
    fn response_headers(&mut self, end_of_stream: bool) -> Action;
    fn response_body(&mut self, size: usize, end_of_stream: bool) -> Action;
    fn response_trailers(&mut self) -> Action;
    fn tick(&mut self);
    fn call_response(&mut self, token: u32, headers: usize, body: usize, ready: Result<(), Fault>);
    fn shared_reply(&mut self, reply: &CallReply);
    fn log(&mut self);
}

/// Calls a foreign function: its name and its argument.
pub(crate) type Foreign = fn(&str, &[u8]) -> Result<Vec<u8>, Fault>;

/// Makes the context of a configuration.
type NewRoot = fn(u32) -> Box<dyn RootContext>;

#[derive(Default)]
pub(crate) struct Vm {
    pub(crate) new_root: Option<NewRoot>,
    // By ids that only grow: what is new goes to the end. Taken out while it runs.
    roots: SortedMap<u32, Option<Box<dyn RootContext>>>,
    streams: SortedMap<u32, Option<Box<dyn StreamContext>>>,
    pub(crate) calls: PendingCalls,
    pub(crate) foreign: Option<Foreign>,
    /// Configurations that wait for the responses of what they sent at their end.
    draining: Vec<u32>,
    /// How the gateway hears that one of them is done, where the module has a callback for its end.
    pub(crate) end: Option<fn()>,
    /// `None` where the module does not hear of ticks, and a stream would wait for ever.
    ticks: Option<Ticks>,
}

#[derive(Default)]
struct Ticks {
    /// Configurations that have a timer.
    roots: Vec<u32>,
    /// Streams that wait for a tick, each with its configuration, in the order they came.
    waiting: Vec<(u32, u32)>,
}

thread_local! {
    static VM: RefCell<Vm> = RefCell::default();
}

/// Runs `f` on the VM's state. Nothing in `f` calls the host, so the state is never borrowed twice;
/// should a host manage it all the same, nothing is done.
pub(crate) fn with<T>(f: impl FnOnce(&mut Vm) -> T) -> Option<T> {
    VM.with(|vm| vm.try_borrow_mut().ok().map(|mut vm| f(&mut vm)))
}

/// A new configuration (`root` is 0) or a new stream of one.
pub(crate) fn create(context: u32, root: u32) {
    with(|vm| {
        if root == 0 {
            if let Some(new_root) = vm.new_root {
                vm.roots.insert(context, Some(new_root(context)));
            }
        } else if let Some(root) = vm.roots.get(&root).and_then(Option::as_ref) {
            vm.streams.insert(context, Some(root.stream(context)));
        }
    });
}

/// Lets streams wait for ticks.
pub(crate) fn allow_ticks() {
    with(|vm| vm.ticks = Some(Ticks::default()));
}

/// A configuration has a timer.
pub(crate) fn ticks(root: u32) {
    let add = |ticks: &mut Ticks| {
        // It may be configured again.
        ticks.roots.retain(|known| *known != root);
        ticks.roots.push(root);
    };
    with(|vm| vm.ticks.as_mut().map(add));
}

/// Lets a stream wait for a tick of its configuration: the next, unless [`MAX_WAITING_STREAMS`] others came before.
///
/// # Errors
/// None will come, or too many wait already.
pub(crate) fn await_tick(root: u32, stream: u32) -> Result<(), Fault> {
    let wait = |vm: &mut Vm| {
        let ticks = vm.ticks.as_mut().filter(|ticks| ticks.roots.contains(&root))?;
        let waiting = ticks.waiting.iter().filter(|(of, _)| *of == root).count();
        (waiting < MOST_QUEUED).then(|| ticks.waiting.push((root, stream)))
    };
    with(wait).flatten().ok_or(Fault { call: "proxy_set_tick_period_milliseconds", status: None })
}

/// Takes the streams whose turn it is at this tick of their configuration, in the order they came.
pub(crate) fn awaiting_tick(root: u32) -> Vec<u32> {
    let take = |ticks: &mut Ticks| {
        let mut places = MAX_WAITING_STREAMS;
        let (due, rest): (Vec<_>, Vec<_>) = ticks.waiting.drain(..).partition(|(of, _)| {
            let due = *of == root && places > 0;
            places -= usize::from(due);
            due
        });
        ticks.waiting = rest;
        due.into_iter().map(|(_, stream)| stream).collect()
    };
    with(|vm| vm.ticks.as_mut().map(take)).flatten().unwrap_or_default()
}

/// A configuration waits for responses before it ends.
pub(crate) fn drain(root: u32) {
    with(|vm| vm.draining.push(root));
}

/// How to say that a configuration is done, if it waited for nothing but what has come now.
pub(crate) fn drained(root: u32) -> Option<fn()> {
    with(|vm| {
        let is_draining = vm.draining.contains(&root) && !vm.calls.is_pending(root);
        vm.draining.retain(|waiting| *waiting != root || !is_draining);
        vm.end.filter(|_| is_draining)
    })
    .flatten()
}

/// Runs `f` on a configuration's context, taken out meanwhile: host calls may lead back here.
pub(crate) fn on_root<T>(context: u32, f: impl FnOnce(&mut dyn RootContext) -> T) -> Option<T> {
    let mut root = with(|vm| vm.roots.get_mut(&context)?.take())??;
    let result = f(root.as_mut());
    with(|vm| vm.roots.get_mut(&context).map(|place| *place = Some(root)));
    Some(result)
}

/// Runs `f` on a stream's context, likewise. `None` where there is no such stream.
pub(crate) fn on_stream<T>(context: u32, f: impl FnOnce(&mut dyn StreamContext) -> T) -> Option<T> {
    let mut stream = with(|vm| vm.streams.get_mut(&context)?.take())??;
    let result = f(stream.as_mut());
    with(|vm| vm.streams.get_mut(&context).map(|place| *place = Some(stream)));
    Some(result)
}

/// A configuration or a stream is gone.
pub(crate) fn delete(context: u32) {
    // Taken out first and dropped after: a drop must not find the state borrowed.
    let gone = with(|vm| {
        vm.calls.forget(context);
        vm.draining.retain(|root| *root != context);
        if let Some(ticks) = &mut vm.ticks {
            ticks.roots.retain(|root| *root != context);
            ticks.waiting.retain(|(root, stream)| *root != context && *stream != context);
        }
        (vm.streams.remove(&context), vm.roots.remove(&context))
    });
    drop(gone);
}
