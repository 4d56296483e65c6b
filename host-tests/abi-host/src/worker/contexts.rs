//! The contexts of filters, and calls into them.

use std::sync::Arc;

use crate::plugin::PluginConfig;
use crate::report::stream_id::StreamId;
use crate::slot::{Slot, SlotFilter};
use crate::vm::state::Context;
use crate::worker::Worker;

/// The context to call.
pub(super) struct Target {
    pub vm: u64,
    pub context: u32,
    pub plugin: Arc<PluginConfig>,
}

impl Worker {
    pub(crate) fn slot(&mut self, id: StreamId, position: usize) -> Option<&mut Slot> {
        self.host.streams.get_mut(&id)?.slots.get_mut(position)
    }

    /// The context of a filter for a stream, created on first use. `None` when the VM failed.
    pub(super) fn target(&mut self, id: StreamId, position: usize) -> Option<Target> {
        let slot = self.slot(id, position)?;
        let SlotFilter::Wasm { vm, root, plugin, context, .. } = &slot.filter else { return None };
        let (vm, root, plugin, context) = (*vm, *root, plugin.clone(), *context);
        if self.is_failed(vm) {
            return None;
        }
        if let Some(context) = context {
            return Some(Target { vm, context, plugin });
        }
        let context = self.create_context(vm, root, &plugin, Some((id, position)))?;
        if let Some(slot) = self.slot(id, position) {
            if let SlotFilter::Wasm { context: known, .. } = &mut slot.filter {
                *known = Some(context);
            }
        }
        (!self.is_failed(vm)).then_some(Target { vm, context, plugin })
    }

    /// Creates a context in a VM. `root` is 0 for a root context.
    pub(crate) fn create_context(
        &mut self,
        vm: u64,
        root: u32,
        plugin: &Arc<PluginConfig>,
        stream: Option<(StreamId, usize)>,
    ) -> Option<u32> {
        self.enter(vm, |vm, host| {
            let id = vm.next_context();
            let own_root = if root == 0 { id } else { root };
            let context = Context { plugin: plugin.clone(), root: own_root, stream };
            vm.store.data_mut().contexts.insert(id, context);
            let create = "proxy_on_context_create";
            vm.call(host, id, create, |exports| &exports.context_create, (id, root));
            id
        })
    }

    /// The context of a filter for `on_log`, created if the filter never saw the request.
    pub(crate) fn context_for_log(&mut self, id: StreamId, position: usize) -> Option<(u64, u32)> {
        let target = self.target(id, position)?;
        Some((target.vm, target.context))
    }
}
