//! The configuration's `revocations` as the operator writes it.

use policy_kit::{EndpointClass, Secret, SortedMap};
use serde::Deserialize;

use crate::player_state::fallback::Cell;

/// The feed of revoked players and sessions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationsConfig {
    /// Envoy: the cluster that serves the feed. WasmX: `host:port`.
    pub cluster: String,
    /// `:authority` of the call; the cluster's name if absent.
    pub authority: Option<String>,
    /// `:path` of the call, without a query.
    #[serde(default = "default_path")]
    pub path: String,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<Secret>,
    /// Further headers of the call, such as `user-agent`.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// How often the feed is polled, in seconds.
    #[serde(default = "default_poll")]
    pub poll_s: u64,
    /// Timeout of a poll, in milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// How long the feed counts as available after it was last read to its end, in seconds.
    #[serde(default = "default_stale")]
    pub max_stale_s: u64,
    /// Longest lifetime of a token, and so of a revocation, in seconds.
    #[serde(default = "default_lifetime")]
    pub max_lifetime_s: u64,
    /// Most revocations that are kept.
    #[serde(default = "default_entries")]
    pub max_entries: usize,
    /// The decision per class while the feed is unavailable.
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
