//! Starts plugins: initially, after a failure, and with a new configuration.

use std::sync::Arc;

use crate::error::{HostError, StartError, StartFailure};
use crate::host::shared::lock;
use crate::plugin::{FailurePolicy, PluginConfig, Profile};
use crate::report::diagnostics::LogLine;
use crate::vm::engine::Module;
use crate::vm::{key_of, Vm};
use crate::worker::{Installed, Worker};

/// Envoy's base interval between two reloads of a failed VM.
const RELOAD_BACKOFF: u64 = 1_000_000_000;

impl Worker {
    /// Starts a plugin, in a new VM or in the VM of a plugin with the same key.
    pub(crate) fn install(
        &mut self,
        module: &Module,
        config: &Arc<PluginConfig>,
    ) -> Result<Installed, HostError> {
        let logged = lock(&self.host.shared.logs).len();
        self.install_unlogged(module, config).map_err(|error| match error {
            HostError::Start(mut error) => {
                let logs = lock(&self.host.shared.logs);
                error.logs = logs.get(logged..).map(<[LogLine]>::to_vec).unwrap_or_default();
                HostError::Start(error)
            }
            error => error,
        })
    }

    fn install_unlogged(
        &mut self,
        module: &Module,
        config: &Arc<PluginConfig>,
    ) -> Result<Installed, HostError> {
        let fatal = "proxy_get_log_level";
        let wasmx = self.host.shared.profile == Profile::Wasmx;
        if wasmx && module.host_calls().contains(&fatal) {
            // The real host crashes at start.
            return Err(HostError::UnknownImport(format!("env.{fatal}")));
        }
        let key = key_of(module, config);
        let shared = self.vms.iter().find(|(_, vm)| vm.key == key && !vm.failed);
        let vm = shared.map(|(id, _)| *id);
        let is_new = vm.is_none();
        let vm = match vm {
            Some(vm) => vm,
            None => {
                let id = self.next_vm;
                self.next_vm += 1;
                let vm = Vm::new(id, module, config, &mut self.host)?;
                self.vms.insert(id, vm);
                id
            }
        };
        self.set_configuring(vm, Some(config.clone()));
        let result = self.configure(vm, is_new, config);
        self.set_configuring(vm, None);
        if result.is_err() && is_new {
            self.vms.remove(&vm);
        }
        let root = result?;
        let loaded_at = self.host.clock.now();
        Ok(Installed { module: module.clone(), config: config.clone(), vm, root, loaded_at })
    }

    fn set_configuring(&mut self, vm: u64, config: Option<Arc<PluginConfig>>) {
        if let Some(vm) = self.vms.get_mut(&vm) {
            let state = vm.store.data_mut();
            state.starting = config.is_some();
            state.configuring = config;
        }
    }

    fn configure(
        &mut self,
        vm: u64,
        is_new: bool,
        config: &Arc<PluginConfig>,
    ) -> Result<u32, HostError> {
        let refuse = |reason| StartError { plugin: config.name.clone(), reason, logs: Vec::new() };
        let root = self.create_context(vm, 0, config, None).unwrap_or(0);
        self.check_trap(vm, config)?;
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if is_new {
            let size = size(&config.vm_configuration);
            let started = self.enter(vm, |vm, host| {
                vm.call(host, root, "proxy_on_vm_start", |e| &e.vm_start, (root, size))
            });
            self.check_trap(vm, config)?;
            if started.flatten().is_some_and(|returned| returned.value == 0) {
                return Err(refuse(StartFailure::VmStart).into());
            }
        }
        let size = size(&config.configuration);
        let configured = self.enter(vm, |vm, host| {
            vm.call(host, root, "proxy_on_configure", |e| &e.configure, (root, size))
        });
        self.check_trap(vm, config)?;
        if configured.flatten().is_some_and(|returned| returned.value == 0) {
            return Err(refuse(StartFailure::Configure).into());
        }
        Ok(root)
    }

    fn check_trap(&self, vm: u64, config: &PluginConfig) -> Result<(), HostError> {
        if !self.is_failed(vm) {
            return Ok(());
        }
        let trap = lock(&self.host.shared.traps).last().cloned();
        let (callback, message) = trap.map_or(("", String::new()), |t| (t.callback, t.message));
        let reason = StartFailure::Trap { callback, message };
        Err(StartError { plugin: config.name.clone(), reason, logs: Vec::new() }.into())
    }

    /// Restarts failed plugins where their failure policy and the backoff allow it.
    pub(crate) fn reload_failed(&mut self) {
        for index in 0..self.plugins.len() {
            let Some(plugin) = self.plugins.get(index) else { return };
            // WasmX has no failure policy: it replaces a failed instance at once.
            let wasmx = self.host.shared.profile == Profile::Wasmx;
            let reloads = wasmx || plugin.config.failure_policy == FailurePolicy::Reload;
            if !reloads || !self.is_failed(plugin.vm) {
                continue;
            }
            let now = self.host.clock.now();
            if !wasmx && now.saturating_sub(plugin.loaded_at) < RELOAD_BACKOFF {
                continue;
            }
            let (module, config, old) = (plugin.module.clone(), plugin.config.clone(), plugin.vm);
            let result = self.install(&module, &config);
            if let Some(plugin) = self.plugins.get_mut(index) {
                match result {
                    Ok(installed) => *plugin = installed,
                    Err(_) => plugin.loaded_at = now,
                }
            }
            self.drop_unused(old);
        }
    }

    /// Replaces the instance of a plugin; the old one ends with its last stream.
    pub(crate) fn replace(&mut self, index: usize, installed: Installed) {
        let Some(plugin) = self.plugins.get_mut(index) else { return };
        let old = std::mem::replace(plugin, installed);
        self.retired.push((old.vm, old.root));
        self.end_retired();
    }

    /// Ends retired root contexts without streams.
    pub(crate) fn end_retired(&mut self) {
        if self.retired.is_empty() {
            return;
        }
        let (busy, idle) = self.retired.iter().partition(|(vm, root)| self.has_streams(*vm, *root));
        self.retired = busy;
        let idle: Vec<(u64, u32)> = idle;
        for (vm, root) in idle {
            self.enter(vm, |vm, host| {
                vm.call(host, root, "proxy_on_done", |exports| &exports.done, root);
                vm.call(host, root, "proxy_on_delete", |exports| &exports.delete, root);
                vm.store.data_mut().contexts.remove(&root);
            });
            self.drop_timer(vm, root);
            self.drop_unused(vm);
        }
    }

    fn has_streams(&self, vm: u64, root: u32) -> bool {
        let Some(vm) = self.vms.get(&vm) else { return false };
        let mut contexts = vm.store.data().contexts.values();
        contexts.any(|context| context.root == root && context.stream.is_some())
    }

    /// Drops a VM that no plugin and no stream uses.
    pub(crate) fn drop_unused(&mut self, vm: u64) {
        let failed = self.is_failed(vm);
        let has_streams = self
            .vms
            .get(&vm)
            .is_some_and(|vm| vm.store.data().contexts.values().any(|c| c.stream.is_some()));
        let installed = self.plugins.iter().any(|plugin| plugin.vm == vm);
        if !installed && (failed || !has_streams) {
            self.vms.remove(&vm);
        }
    }
}
