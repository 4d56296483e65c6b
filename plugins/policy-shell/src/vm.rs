//! What one VM holds: configurations, streams, and pending calls.

use std::cell::RefCell;

use policy_kit::{Action, CallReply, Fault, SortedMap, Ticket, MAX_WAITING_STREAMS};

use crate::pending::{At, PendingCalls};

/// Most streams that wait for ticks of one configuration. [`MAX_WAITING_STREAMS`] of them go on at each, those
/// that came first.
const MOST_QUEUED: usize = 1_024;

/// Most streams of one VM that plugins hold in queues of their own.
const MOST_HELD: usize = 1_024;

/// A configuration, whatever plugin it is for.
pub(crate) trait RootContext {
    fn configure(&mut self, size: usize) -> bool;
    fn tick(&mut self);
    /// The configuration ends; whether it waits for responses.
    fn drain(&mut self) -> bool;
    /// A shared call has completed: fetches its reply, and hands it to the plugin.
    fn shared_reply(&mut self, key: &str, headers: usize, body: usize, max: usize) -> CallReply;
    fn stream(&self, context: u32) -> Box<dyn StreamContext>;
    /// The tickets that the plugin releases.
    fn released(&mut self, most: usize) -> Vec<Ticket>;
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
    /// The plugin has released this stream.
    fn release(&mut self);
    /// The configuration that the stream belongs to.
    fn root(&self) -> u32;
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
    held: Held,
}

/// Streams that plugins hold in queues of their own.
#[derive(Default)]
struct Held {
    /// Releases those of a context's configuration; `None` where the module releases none.
    release: Option<fn(u32)>,
    /// Streams by configuration and ticket.
    streams: SortedMap<(u32, Ticket), u32>,
    /// Whether streams are being released: what that leads to releases no others.
    is_releasing: bool,
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
    let (mut f, mut out) = (Some(f), None);
    borrow(&mut |vm| out = f.take().map(|f| f(vm)));
    out
}

/// One function, where [`with`] is compiled for each of its fifty uses.
#[inline(never)]
fn borrow(f: &mut dyn FnMut(&mut Vm)) {
    VM.with(|vm| {
        if let Ok(mut vm) = vm.try_borrow_mut() {
            f(&mut vm);
        }
    });
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

/// Lets plugins hold streams; `release` lets those of a context's configuration go on.
pub(crate) fn allow_release(release: fn(u32)) {
    with(|vm| vm.held.release = Some(release));
}

/// How the streams are released that plugins hold.
pub(crate) fn releases() -> Option<fn(u32)> {
    with(|vm| vm.held.release).flatten()
}

/// Lets a stream wait until its plugin releases the ticket.
///
/// # Errors
/// The module releases none, too many are held, or the ticket is not new.
pub(crate) fn await_release(at: At, ticket: Ticket) -> Result<(), Fault> {
    let hold = |vm: &mut Vm| {
        let (held, key) = (&mut vm.held, (at.root, ticket));
        let has_room = held.release.is_some() && held.streams.len() < MOST_HELD;
        (has_room && held.streams.get(&key).is_none())
            .then(|| held.streams.insert(key, at.context))
            .map(|_| ())
    };
    with(hold).flatten().ok_or(Fault { call: "await_release", status: None })
}

/// Begins to release streams of a context's configuration, which it returns; `None` if some are being released.
pub(crate) fn begin_release(context: u32) -> Option<u32> {
    with(|vm| {
        let stream = vm.streams.get(&context).and_then(Option::as_ref);
        let root = stream.map_or(context, |stream| stream.root());
        let begins = !vm.held.is_releasing && vm.roots.get(&root).is_some();
        vm.held.is_releasing |= begins;
        begins.then_some(root)
    })
    .flatten()
}

/// The stream of a ticket, which is held no longer.
pub(crate) fn take_held(root: u32, ticket: Ticket) -> Option<u32> {
    with(|vm| vm.held.streams.remove(&(root, ticket))).flatten()
}

/// Ends what [`begin_release`] began.
pub(crate) fn end_release() {
    with(|vm| vm.held.is_releasing = false);
}

/// The configuration of a stream, or of itself.
pub(crate) fn root_of(context: u32) -> u32 {
    let stream = with(|vm| Some(vm.streams.get(&context)?.as_ref()?.root())).flatten();
    stream.unwrap_or(context)
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
    let mut root = take_root(context)?;
    let result = f(root.as_mut());
    put_root(context, root);
    Some(result)
}

#[inline(never)]
fn take_root(context: u32) -> Option<Box<dyn RootContext>> {
    with(|vm| vm.roots.get_mut(&context)?.take())?
}

#[inline(never)]
fn put_root(context: u32, root: Box<dyn RootContext>) {
    with(|vm| vm.roots.get_mut(&context).map(|place| *place = Some(root)));
}

/// Runs `f` on a stream's context, likewise. `None` where there is no such stream.
pub(crate) fn on_stream<T>(context: u32, f: impl FnOnce(&mut dyn StreamContext) -> T) -> Option<T> {
    let mut stream = take_stream(context)?;
    let result = f(stream.as_mut());
    put_stream(context, stream);
    Some(result)
}

#[inline(never)]
fn take_stream(context: u32) -> Option<Box<dyn StreamContext>> {
    with(|vm| vm.streams.get_mut(&context)?.take())?
}

#[inline(never)]
fn put_stream(context: u32, stream: Box<dyn StreamContext>) {
    with(|vm| vm.streams.get_mut(&context).map(|place| *place = Some(stream)));
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
        vm.held.streams.retain(|(root, _), stream| *root != context && *stream != context);
        (vm.streams.remove(&context), vm.roots.remove(&context))
    });
    drop(gone);
}
