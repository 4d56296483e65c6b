//! `revocations` exactly as the operator writes it.

use policy_kit::{EndpointClass, Secret, SortedMap};
use serde::Deserialize;

use crate::standing::lapse::Cell;

/// The feed of revoked players and sessions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationsConfig {
    /// Envoy: the cluster that serves the feed. WasmX: `host:port`.
    pub cluster: String,
    /// `:authority` of the question; the cluster's name when left out.
    pub authority: Option<String>,
    /// `:path` of the question, without a query.
    #[serde(default = "default_path")]
    pub path: String,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<Secret>,
    /// Further headers of the question, such as `user-agent`.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// How often it is asked for news, in seconds.
    #[serde(default = "default_poll")]
    pub poll_s: u64,
    /// Longest a question waits, in milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// How long the feed counts as known after it was last read to its end, in seconds.
    #[serde(default = "default_stale")]
    pub max_stale_s: u64,
    /// How long the longest-lived token lives, and therefore a revocation, in seconds.
    #[serde(default = "default_lifetime")]
    pub max_lifetime_s: u64,
    /// Most players and sessions that are remembered.
    #[serde(default = "default_entries")]
    pub max_entries: usize,
    /// What becomes of a token while the feed is not known.
    #[serde(default)]
    pub on_error: SortedMap<EndpointClass, Cell>,
}

fn default_path() -> String {
    "/revocations".to_owned()
}

fn default_poll() -> u64 {
    1
}

fn default_timeout() -> u64 {
    500
}

fn default_stale() -> u64 {
    60
}

fn default_lifetime() -> u64 {
    86_400
}

fn default_entries() -> usize {
    50_000
}
