//! What a VM's store holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Memory, TypedFunc};

use crate::imports;
use crate::stream::{Side, Slot, Stream, Way};
use crate::world::World;
use crate::{Headers, LocalReply, PluginConfig, StreamId};

/// What a context id stands for.
#[derive(Clone)]
pub(crate) struct Context {
    pub plugin: Arc<PluginConfig>,
    /// Id of its root context, its own for a root context.
    pub root: u32,
    /// The stream and the place in its chain; `None` for a root context.
    pub stream: Option<(StreamId, usize)>,
}

/// What a host call asks for that must wait until the guest has returned.
#[derive(Debug)]
pub(crate) enum Deferred {
    Continue(StreamId, usize, Way),
    Reply(StreamId, usize, LocalReply),
    Reset(StreamId),
}

/// The answer that a call-response callback is about.
#[derive(Debug, Default)]
pub(crate) struct CallResponse {
    pub headers: Headers,
    pub body: Vec<u8>,
    pub trailers: Headers,
}

/// Data of one VM.
pub(crate) struct VmState {
    pub world: Box<World>,
    pub vm: u64,
    pub memory: Option<Memory>,
    pub allocate: Option<TypedFunc<u32, u32>>,
    pub contexts: HashMap<u32, Context>,
    pub current: u32,
    pub effective: u32,
    /// The host stops the iteration whatever the callback returns: it was answered locally.
    pub stop_next: bool,
    pub deferred: Vec<Deferred>,
    /// New timer periods: root context and period.
    pub timers: Vec<(u32, Duration)>,
    pub next_token: u32,
    /// The plugin being configured: its configuration is readable only then.
    pub configuring: Option<Arc<PluginConfig>>,
    pub starting: bool,
    pub vm_configuration: Vec<u8>,
    pub environment: Vec<(String, String)>,
    pub call_response: Option<CallResponse>,
    /// `proxy_get_status`.
    pub status: (u32, Vec<u8>),
    pub callback: &'static str,
    pub calls: Vec<u64>,
    /// Bytes that host calls put into memory the guest allocated for them.
    pub given: u64,
    /// Reused for every value that goes into the guest.
    pub scratch: Vec<u8>,
    pub limits: wasmtime::StoreLimits,
}

impl VmState {
    pub(crate) fn new(vm: u64, plugin: &PluginConfig) -> Self {
        Self {
            world: Box::default(),
            vm,
            memory: None,
            allocate: None,
            contexts: HashMap::new(),
            current: 0,
            effective: 0,
            stop_next: false,
            deferred: Vec::new(),
            timers: Vec::new(),
            next_token: 0,
            configuring: None,
            starting: false,
            vm_configuration: plugin.vm_configuration.clone(),
            environment: plugin.environment.clone(),
            call_response: None,
            status: (0, Vec::new()),
            callback: "",
            calls: vec![0; imports::count()],
            given: 0,
            scratch: Vec::new(),
            // What V8 allows one VM under Envoy.
            limits: wasmtime::StoreLimitsBuilder::new().memory_size(1 << 30).build(),
        }
    }

    /// The context that host calls are about.
    pub(crate) fn context(&self) -> Option<&Context> {
        if self.effective != 0 {
            if let Some(context) = self.contexts.get(&self.effective) {
                return Some(context);
            }
        }
        self.contexts.get(&self.current)
    }

    pub(crate) fn plugin(&self) -> Option<Arc<PluginConfig>> {
        self.context().map(|context| context.plugin.clone()).or_else(|| self.configuring.clone())
    }

    pub(crate) fn root(&self) -> u32 {
        self.context().map_or(0, |context| context.root)
    }

    pub(crate) fn stream_id(&self) -> Option<(StreamId, usize)> {
        self.context().and_then(|context| context.stream)
    }

    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        let (id, _) = self.stream_id()?;
        self.world.streams.get_mut(&id)
    }

    pub(crate) fn slot(&mut self) -> Option<&mut Slot> {
        let (id, place) = self.stream_id()?;
        self.world.streams.get_mut(&id)?.slots.get_mut(place)
    }

    pub(crate) fn side(&mut self, way: Way) -> Option<&mut Side> {
        self.slot().map(|slot| slot.side(way))
    }

    /// Notes that the guest asked for something that Envoy has and this host does not.
    pub(crate) fn not_emulated(&mut self, what: &'static str) {
        match self.stream() {
            Some(stream) => stream.not_emulated.push(what),
            None => crate::world::lock(&self.world.shared.not_emulated).push(what),
        }
    }

    pub(crate) fn log(&mut self, level: crate::LogLevel, message: &[u8]) {
        let Some(plugin) = self.plugin() else { return };
        if level < plugin.log_level {
            return;
        }
        let stream = self.stream_id().map(|(stream, _)| stream);
        self.world.log(&plugin.name, stream, level, message);
    }
}
