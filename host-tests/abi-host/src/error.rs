//! Errors before the first request.

use crate::report::diagnostics::LogLine;

/// Why a module cannot be loaded or a chain cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The bytes are no module this engine can compile, or the engine's settings are bad.
    #[error("cannot load the module: {0:#}")]
    Engine(wasmtime::Error),
    /// The module needs an import that the host does not have.
    #[error("the module imports {0}, which this host does not have")]
    UnknownImport(String),
    /// The module is not written for an ABI that gateways have.
    #[error("the module exports none of proxy_abi_version_0_1_0, _0_2_0 and _0_2_1")]
    AbiVersion,
    /// The module lacks something every filter has.
    #[error("the module does not export {0}")]
    MissingExport(&'static str),
    /// A plugin refused its configuration or trapped while starting.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// A plugin that did not start.
#[derive(Debug, Clone, thiserror::Error)]
#[error("plugin {plugin} did not start: {reason}{}", last_line(.logs))]
pub struct StartError {
    /// Name of the plugin.
    pub plugin: String,
    /// Which step failed.
    pub reason: StartFailure,
    /// What it logged until then.
    pub logs: Vec<LogLine>,
}

/// The step at which a start failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartFailure {
    /// `on_vm_start` returned false.
    #[error("on_vm_start returned false")]
    VmStart,
    /// `on_configure` returned false.
    #[error("on_configure returned false")]
    Configure,
    /// It trapped.
    #[error("trap in {callback}: {message}")]
    Trap {
        /// The callback.
        callback: &'static str,
        /// The error of the engine.
        message: String,
    },
}

fn last_line(logs: &[LogLine]) -> String {
    logs.last().map(|line| format!(" ({})", line.message)).unwrap_or_default()
}
