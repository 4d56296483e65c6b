//! The state in the store of a VM.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Memory, TypedFunc};

use crate::host::shared::lock;
use crate::host::state::HostState;
use crate::imports::names;
use crate::message::headers::Headers;
use crate::message::local_reply::LocalReply;
use crate::plugin::{LogLevel, PluginConfig};
use crate::report::stream_id::StreamId;
use crate::slot::{Direction, Side, Slot};
use crate::stream::Stream;

/// A context.
#[derive(Clone)]
pub(crate) struct Context {
    pub plugin: Arc<PluginConfig>,
    /// Id of its root context, its own for a root context.
    pub root: u32,
    /// The stream and the place in its chain; `None` for a root context.
    pub stream: Option<(StreamId, usize)>,
}

/// An action of a host call that waits until the guest returned.
#[derive(Debug)]
pub(crate) enum Deferred {
    Continue(StreamId, usize, Direction),
    Reply(StreamId, usize, LocalReply),
    Reset(StreamId),
}

/// The response that `proxy_on_http_call_response` reads.
#[derive(Debug, Default)]
pub(crate) struct CallResponse {
    pub headers: Headers,
    pub body: Vec<u8>,
    pub trailers: Headers,
}

/// Data of one VM.
pub(crate) struct VmState {
    pub host: Box<HostState>,
    pub vm: u64,
    pub memory: Option<Memory>,
    pub allocate: Option<TypedFunc<u32, u32>>,
    pub contexts: HashMap<u32, Context>,
    pub current: u32,
    pub effective: u32,
    /// The host stops the iteration regardless of the return value: a local reply was sent.
    pub stop_next: bool,
    pub deferred: Vec<Deferred>,
    /// New timer periods: root context and period.
    pub timers: Vec<(u32, Duration)>,
    pub next_token: u32,
    /// The plugin being configured; its configuration is readable only then.
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
            host: Box::default(),
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
            calls: vec![0; names::count()],
            given: 0,
            scratch: Vec::new(),
            // What V8 allows one VM under Envoy.
            limits: wasmtime::StoreLimitsBuilder::new().memory_size(1 << 30).build(),
        }
    }

    /// The effective context of host calls.
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
        self.host.streams.get_mut(&id)
    }

    pub(crate) fn slot(&mut self) -> Option<&mut Slot> {
        let (id, position) = self.stream_id()?;
        self.host.streams.get_mut(&id)?.slots.get_mut(position)
    }

    pub(crate) fn side(&mut self, direction: Direction) -> Option<&mut Side> {
        self.slot().map(|slot| slot.side(direction))
    }

    /// Records the use of a feature that this host does not emulate.
    pub(crate) fn not_emulated(&mut self, what: &'static str) {
        match self.stream() {
            Some(stream) => stream.not_emulated.push(what),
            None => lock(&self.host.shared.not_emulated).push(what),
        }
    }

    pub(crate) fn log(&mut self, level: LogLevel, message: &[u8]) {
        let Some(plugin) = self.plugin() else { return };
        if level < plugin.log_level {
            return;
        }
        let stream = self.stream_id().map(|(stream, _)| stream);
        self.host.log(&plugin.name, stream, level, message);
    }
}
