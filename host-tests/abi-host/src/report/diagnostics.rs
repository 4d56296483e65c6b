//! What plugins logged, and what went wrong in them.

use crate::plugin::LogLevel;
use crate::report::stream_id::StreamId;

/// One log line of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Nanoseconds since the epoch.
    pub at: u64,
    /// Name of the plugin.
    pub plugin: String,
    /// Worker; `None` is the main thread.
    pub worker: Option<usize>,
    /// The stream being worked on, if any.
    pub stream: Option<StreamId>,
    /// Its level.
    pub level: LogLevel,
    /// Its text, with replacement characters where it is not UTF-8.
    pub message: String,
}

/// A VM that trapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Name of the plugin.
    pub plugin: String,
    /// Worker; `None` is the main thread.
    pub worker: Option<usize>,
    /// The stream being worked on, if any.
    pub stream: Option<StreamId>,
    /// The callback that trapped.
    pub callback: &'static str,
    /// The error of the engine.
    pub message: String,
}

/// A call of a module that crashes Envoy or makes it send a message twice. The host cannot emulate what
/// follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misuse {
    /// Name of the plugin.
    pub plugin: String,
    /// What it did, and the effect in Envoy.
    pub what: &'static str,
}
