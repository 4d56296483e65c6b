//! The configuration of a plugin, and the host to emulate.

/// Which host is emulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Envoy, and what is built on it.
    #[default]
    Envoy,
    /// The Wasm module of Kong 3.4 to 3.10.
    Wasmx,
}

/// What happens to requests after a trap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Every further request of that worker gets 503.
    #[default]
    Closed,
    /// The VM is restarted, at most once per backoff interval; requests get 503 until then.
    Reload,
    /// The filter is left out.
    Open,
}

/// Log levels of the ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// 0
    Trace,
    /// 1
    Debug,
    /// 2
    #[default]
    Info,
    /// 3
    Warn,
    /// 4
    Error,
    /// 5
    Critical,
}

impl LogLevel {
    pub(crate) fn from_abi(level: u32) -> Option<Self> {
        Some(match level {
            0 => Self::Trace,
            1 => Self::Debug,
            2 => Self::Info,
            3 => Self::Warn,
            4 => Self::Error,
            5 => Self::Critical,
            _ => return None,
        })
    }
}

/// The settings of one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginConfig {
    /// Name in the chain (`plugin_name`), in reports and in logs.
    pub name: String,
    /// `plugin_root_id`.
    pub root_id: String,
    /// `plugin_vm_id`: plugins with the same one share a shared-data namespace.
    pub vm_id: String,
    /// What `on_configure` reads.
    pub configuration: Vec<u8>,
    /// What `on_vm_start` reads.
    pub vm_configuration: Vec<u8>,
    /// Environment of the VM.
    pub environment: Vec<(String, String)>,
    /// What happens after a trap.
    pub failure_policy: FailurePolicy,
    /// Envoy's setting of the same name: Pause in request headers holds only the headers.
    pub allow_on_headers_stop_iteration: bool,
    /// Lines below this level are not kept.
    pub log_level: LogLevel,
}

impl PluginConfig {
    /// A plugin with this name and configuration and everything else as the host defaults it,
    /// except that every level is logged.
    pub fn new(name: &str, configuration: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.to_owned(),
            root_id: String::new(),
            vm_id: String::new(),
            configuration: configuration.as_ref().to_vec(),
            vm_configuration: Vec::new(),
            environment: Vec::new(),
            failure_policy: FailurePolicy::Closed,
            allow_on_headers_stop_iteration: false,
            log_level: LogLevel::Trace,
        }
    }

    /// Sets the root id.
    #[must_use]
    pub fn root_id(mut self, root_id: &str) -> Self {
        self.root_id = root_id.to_owned();
        self
    }

    /// Sets the VM id.
    #[must_use]
    pub fn vm_id(mut self, vm_id: &str) -> Self {
        self.vm_id = vm_id.to_owned();
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets what happens after a trap.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = policy;
        self
    }

    /// Lets Pause in request headers hold only the headers.
    #[must_use]
    pub fn allow_stop_iteration(mut self) -> Self {
        self.allow_on_headers_stop_iteration = true;
        self
    }
}
