//! One instance of a module, and calls into it.

use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use crate::error::HostError;
use crate::host::state::HostState;
use crate::plugin::PluginConfig;
use crate::report::diagnostics::Trap;
use crate::vm::engine::Module;
use crate::vm::state::VmState;

pub(crate) mod engine;
pub(crate) mod memory;
pub(crate) mod state;

macro_rules! exports {
    ($($field:ident: $name:literal, $params:ty => $results:ty;)*) => {
        /// The callbacks of a module, looked up once.
        #[derive(Default)]
        pub(crate) struct Exports {
            $(pub $field: Option<TypedFunc<$params, $results>>,)*
        }

        impl Exports {
            fn of(instance: &Instance, store: &mut Store<VmState>) -> Self {
                Self { $($field: instance.get_typed_func(&mut *store, $name).ok(),)* }
            }
        }
    };
}

exports! {
    context_create: "proxy_on_context_create", (u32, u32) => ();
    vm_start: "proxy_on_vm_start", (u32, u32) => u32;
    configure: "proxy_on_configure", (u32, u32) => u32;
    tick: "proxy_on_tick", u32 => ();
    queue_ready: "proxy_on_queue_ready", (u32, u32) => ();
    request_headers: "proxy_on_request_headers", (u32, u32, u32) => u32;
    old_request_headers: "proxy_on_request_headers", (u32, u32) => u32;
    request_body: "proxy_on_request_body", (u32, u32, u32) => u32;
    request_trailers: "proxy_on_request_trailers", (u32, u32) => u32;
    response_headers: "proxy_on_response_headers", (u32, u32, u32) => u32;
    old_response_headers: "proxy_on_response_headers", (u32, u32) => u32;
    response_body: "proxy_on_response_body", (u32, u32, u32) => u32;
    response_trailers: "proxy_on_response_trailers", (u32, u32) => u32;
    call_response: "proxy_on_http_call_response", (u32, u32, u32, u32, u32) => ();
    done: "proxy_on_done", u32 => u32;
    log: "proxy_on_log", u32 => ();
    delete: "proxy_on_delete", u32 => ();
}

/// What a callback returned.
pub(crate) struct Returned<T> {
    pub value: T,
    /// The host stops the iteration regardless of the value.
    pub stop: bool,
}

/// One instance of a module.
pub(crate) struct Vm {
    pub store: Store<VmState>,
    pub exports: Exports,
    pub failed: bool,
    pub module: Module,
    /// Equal for plugins that share one VM.
    pub key: VmKey,
    /// Callbacks made, and the most fuel one of them used.
    pub fuel: FuelUse,
    last_context: u32,
}

/// Plugins whose keys are equal share one VM.
pub(crate) type VmKey = (String, u64, Vec<u8>);

pub(crate) fn key_of(module: &Module, plugin: &PluginConfig) -> VmKey {
    (plugin.vm_id.clone(), module.digest(), plugin.vm_configuration.clone())
}

/// Fuel used by callbacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FuelUse {
    /// Callbacks made.
    pub callbacks: u64,
    /// Fuel of all of them.
    pub total: u64,
    /// Most fuel of one callback.
    pub most: u64,
}

impl Vm {
    /// Instantiates a module; its start function may trap.
    pub(crate) fn new(
        id: u64,
        module: &Module,
        plugin: &PluginConfig,
        host: &mut Box<HostState>,
    ) -> Result<Self, HostError> {
        let engine = module.engine();
        let mut store = Store::new(engine.wasmtime(), VmState::new(id, plugin));
        store.limiter(|state| &mut state.limits);
        if engine.options().fuel {
            store.set_fuel(u64::MAX).map_err(HostError::Engine)?;
        }
        store.data_mut().starting = true;
        std::mem::swap(host, &mut store.data_mut().host);
        let result = Self::instantiate(&mut store, module);
        std::mem::swap(host, &mut store.data_mut().host);
        store.data_mut().starting = false;
        let exports = result.map_err(HostError::Engine)?;
        let key = key_of(module, plugin);
        let fuel = FuelUse::default();
        Ok(Self {
            store,
            exports,
            failed: false,
            module: module.clone(),
            key,
            fuel,
            last_context: 0,
        })
    }

    fn instantiate(store: &mut Store<VmState>, module: &Module) -> wasmtime::Result<Exports> {
        let instance = module.pre().instantiate(&mut *store)?;
        store.data_mut().memory = instance.get_memory(&mut *store, "memory");
        let allocate = ["proxy_on_memory_allocate", "malloc"]
            .iter()
            .find_map(|name| instance.get_typed_func(&mut *store, name).ok());
        store.data_mut().allocate = allocate;
        for entry in ["_initialize", "_start"] {
            if let Ok(entry) = instance.get_typed_func::<(), ()>(&mut *store, entry) {
                entry.call(&mut *store, ())?;
                break;
            }
        }
        Ok(Exports::of(&instance, store))
    }

    /// Calls into the guest as `context`. `None` when the VM failed, now or before, or when the module does
    /// not export the callback.
    pub(crate) fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        host: &mut Box<HostState>,
        context: u32,
        callback: &'static str,
        function: impl FnOnce(&Exports) -> &Option<TypedFunc<P, R>>,
        params: P,
    ) -> Option<Returned<R>> {
        if self.failed {
            return None;
        }
        // Borrowed: cloning a function costs more than an empty callback.
        let function = function(&self.exports).as_ref()?;
        let before = refuel(&mut self.store, &self.module);
        let state = self.store.data_mut();
        state.current = context;
        state.effective = 0;
        state.stop_next = false;
        state.callback = callback;
        std::mem::swap(host, &mut state.host);
        let result = function.call(&mut self.store, params);
        let state = self.store.data_mut();
        std::mem::swap(host, &mut state.host);
        let stop = state.stop_next;
        state.stop_next = false;
        self.account(before);
        match result {
            Ok(value) => Some(Returned { value, stop }),
            Err(error) => {
                self.fail(host, context, callback, &error);
                None
            }
        }
    }

    fn account(&mut self, before: Option<u64>) {
        let Some(before) = before else { return };
        let used = before.saturating_sub(self.store.get_fuel().unwrap_or(0));
        self.fuel.callbacks += 1;
        self.fuel.total = self.fuel.total.saturating_add(used);
        self.fuel.most = self.fuel.most.max(used);
    }

    fn fail(
        &mut self,
        host: &mut Box<HostState>,
        context: u32,
        callback: &'static str,
        error: &wasmtime::Error,
    ) {
        self.failed = true;
        let state = self.store.data_mut();
        state.deferred.clear();
        state.timers.clear();
        let context = state.contexts.get(&context);
        let stream = state.stream_id().or_else(|| context.and_then(|context| context.stream));
        host.trap(Trap {
            plugin: context.map(|context| context.plugin.name.clone()).unwrap_or_default(),
            worker: host.worker,
            stream: stream.map(|(stream, _)| stream),
            callback,
            message: format!("{error:#}"),
        });
    }

    /// The next context id of this VM.
    pub(crate) fn next_context(&mut self) -> u32 {
        self.last_context = self.last_context.wrapping_add(1).max(1);
        self.last_context
    }

    /// Bytes of linear memory.
    pub(crate) fn memory_size(&self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }
}

/// Sets the fuel of the next callback, if fuel is counted.
fn refuel(store: &mut Store<VmState>, module: &Module) -> Option<u64> {
    let options = module.engine().options();
    if !options.fuel {
        return None;
    }
    let fuel = match options.fuel_per_callback {
        0 => u64::MAX,
        bound => bound,
    };
    store.set_fuel(fuel).ok()?;
    Some(fuel)
}
