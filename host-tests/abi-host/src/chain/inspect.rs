//! Queries on a running chain.

use crate::chain::Chain;
use crate::clock::Clock;
use crate::host::shared::lock;
use crate::imports::names;
use crate::report::diagnostics::{LogLine, Misuse, Trap};
use crate::status::Status;
use crate::trace::Trace;
use crate::vm::{FuelUse, Vm};

impl Chain {
    /// A shared value and its cas.
    pub fn shared_data(&self, vm_id: &str, key: &str) -> Option<(Vec<u8>, u32)> {
        lock(&self.shared.data).get(vm_id, key.as_bytes()).map(|(value, cas)| (value.to_vec(), cas))
    }

    /// The keys under a VM id, in order.
    pub fn shared_keys(&self, vm_id: &str) -> Vec<Vec<u8>> {
        lock(&self.shared.data).keys(vm_id)
    }

    /// Puts a shared value if `cas` allows it, as another plugin would.
    pub fn set_shared_data(&self, vm_id: &str, key: &str, value: &[u8], cas: u32) -> Status {
        lock(&self.shared.data).set(self.shared.profile, vm_id, key.as_bytes(), value, cas)
    }

    /// The value of a counter or gauge, or the number of records of a histogram.
    pub fn metric(&self, name: &str) -> Option<u64> {
        lock(&self.shared.metrics).by_name(name)
    }

    /// All metrics.
    pub fn metrics(&self) -> Vec<(String, u64)> {
        lock(&self.shared.metrics).all()
    }

    /// All log lines so far, those of the start included.
    pub fn logs(&self) -> Vec<LogLine> {
        lock(&self.shared.logs).clone()
    }

    /// Takes all log lines so far.
    pub fn take_logs(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut *lock(&self.shared.logs))
    }

    /// All traps so far.
    pub fn traps(&self) -> Vec<Trap> {
        lock(&self.shared.traps).clone()
    }

    /// The first misuse of the ABI, after which the emulation no longer matches Envoy.
    pub fn misuse(&self) -> Option<Misuse> {
        lock(&self.shared.misuse).clone()
    }

    /// Features used outside of any stream that this host does not emulate.
    pub fn not_emulated(&self) -> Vec<&'static str> {
        lock(&self.shared.not_emulated).clone()
    }

    /// Host calls made so far by the present VM of one plugin, on all workers.
    pub fn trace(&self, plugin: &str) -> Trace {
        let mut trace = Trace::default();
        for vm in self.vms(plugin) {
            names::trace(&vm.store.data().calls, &mut trace);
            trace.bytes = trace.bytes.saturating_add(vm.store.data().given);
        }
        trace
    }

    /// Fuel used by the callbacks of one plugin's VMs, when the engine counts it.
    pub fn fuel(&self, plugin: &str) -> FuelUse {
        let mut all = FuelUse::default();
        for vm in self.vms(plugin) {
            all.callbacks += vm.fuel.callbacks;
            all.total = all.total.saturating_add(vm.fuel.total);
            all.most = all.most.max(vm.fuel.most);
        }
        all
    }

    /// Bytes of linear memory of the largest VM of one plugin.
    pub fn memory(&self, plugin: &str) -> usize {
        self.vms(plugin).map(|vm| vm.memory_size()).max().unwrap_or(0)
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn vms<'a>(&'a self, plugin: &'a str) -> impl Iterator<Item = &'a Vm> {
        self.all().flat_map(move |worker| {
            let mine = worker.plugins.iter().filter(move |one| one.config.name == plugin);
            mine.filter_map(|one| worker.vms.get(&one.vm))
        })
    }
}
