//! What one VM holds: configurations, streams, and whose call is whose.

use std::cell::RefCell;
use std::collections::BTreeMap;

use policy_kit::Plugin;

use crate::contexts::{Root, RootContext, StreamContext};

/// Makes the context of a configuration.
type NewRoot = fn() -> Box<dyn RootContext>;

#[derive(Default)]
struct Vm {
    new_root: Option<NewRoot>,
    roots: BTreeMap<u32, Box<dyn RootContext>>,
    streams: BTreeMap<u32, Box<dyn StreamContext>>,
    /// The stream that waits for each call.
    calls: BTreeMap<u32, u32>,
}

thread_local! {
    static VM: RefCell<Vm> = RefCell::default();
}

/// Registers the plugin; called by [`export!`](crate::export) before anything else.
pub fn start<P: Plugin>() {
    with(|vm| vm.new_root = Some(|| Box::new(Root::<P>::new())));
}

/// Runs `f` on the VM's state. Nothing in `f` calls the host, so the state is never borrowed twice;
/// should a host manage it all the same, nothing is done.
fn with<T>(f: impl FnOnce(&mut Vm) -> T) -> Option<T> {
    VM.with(|vm| vm.try_borrow_mut().ok().map(|mut vm| f(&mut vm)))
}

/// A new configuration (`root` is 0) or a new stream of one.
pub(crate) fn create(context: u32, root: u32) {
    with(|vm| {
        if root == 0 {
            if let Some(new_root) = vm.new_root {
                vm.roots.insert(context, new_root());
            }
        } else if let Some(stream) = vm.roots.get(&root).map(|root| root.stream()) {
            vm.streams.insert(context, stream);
        }
    });
}

/// Runs `f` on a configuration's context, taken out meanwhile: host calls may lead back here.
pub(crate) fn on_root<T>(context: u32, f: impl FnOnce(&mut dyn RootContext) -> T) -> Option<T> {
    let mut root = with(|vm| vm.roots.remove(&context))??;
    let result = f(root.as_mut());
    with(|vm| vm.roots.insert(context, root));
    Some(result)
}

/// Runs `f` on a stream's context, likewise. `None` where there is no such stream.
pub(crate) fn on_stream<T>(context: u32, f: impl FnOnce(&mut dyn StreamContext) -> T) -> Option<T> {
    let mut stream = with(|vm| vm.streams.remove(&context))??;
    let result = f(stream.as_mut());
    if let Some(token) = stream.sent() {
        with(|vm| vm.calls.insert(token, context));
    }
    with(|vm| vm.streams.insert(context, stream));
    Some(result)
}

/// The stream that waits for a call, once.
pub(crate) fn waiting_for(token: u32) -> Option<u32> {
    with(|vm| vm.calls.remove(&token)).flatten()
}

/// A configuration or a stream is gone.
pub(crate) fn delete(context: u32) {
    // Taken out first and dropped after: a drop must not find the state borrowed.
    let gone = with(|vm| (vm.streams.remove(&context), vm.roots.remove(&context)));
    drop(gone);
}
