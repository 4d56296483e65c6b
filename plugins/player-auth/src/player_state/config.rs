//! The configuration's `player_state` as the operator writes it.

use policy_kit::{EndpointClass, Secret, SortedMap};
use serde::Deserialize;

use super::column::Column;
use super::fallback::Cell;
use super::state::PlayerState;

/// Which player states stop which requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayerStateConfig {
    /// The player account management system (PAM) that reports states.
    pub pam: Option<PamConfig>,
    /// Names that the operator's systems have for states.
    #[serde(default)]
    pub names: SortedMap<String, PlayerState>,
    /// The decision per class while the player's state is unknown.
    #[serde(default)]
    pub on_error: SortedMap<EndpointClass, Cell>,
    /// Differences from the default matrix. The first entry that names a cell decides.
    #[serde(default)]
    pub overrides: Vec<OverrideConfig>,
    /// What takes no new rounds.
    #[serde(default)]
    pub closed: ClosedConfig,
}

/// How to ask the PAM.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PamConfig {
    /// Envoy: the PAM's cluster. WasmX: `host:port`.
    pub cluster: String,
    /// `:authority` of the call; the cluster's name if absent.
    pub authority: Option<String>,
    /// `:path` of the call, with `{sub}` for the player's id.
    #[serde(default = "default_path")]
    pub path: String,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<Secret>,
    /// Further headers of the call, such as `user-agent`.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// Longest that a request waits, in milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// How long a response is cached, in seconds.
    #[serde(default = "default_cache")]
    pub cache_s: u64,
    /// Players cached per worker.
    #[serde(default = "default_players")]
    pub max_players: usize,
    /// JSON pointer to the state: a text or a list of texts.
    #[serde(default = "default_state")]
    pub state: String,
    /// JSON pointer to the player's jurisdiction.
    #[serde(default = "default_jurisdiction")]
    pub jurisdiction: Option<String>,
}

fn default_path() -> String {
    "/players/{sub}/status".to_owned()
}

fn default_timeout() -> u64 {
    300
}

fn default_cache() -> u64 {
    5
}

fn default_players() -> usize {
    10_000
}

fn default_state() -> String {
    "/state".to_owned()
}

fn default_jurisdiction() -> Option<String> {
    Some("/jurisdiction".to_owned())
}

/// One difference from the default matrix.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideConfig {
    /// Jurisdictions it applies to, ISO 3166-1 or -2; a country includes its subdivisions. All if absent.
    pub jurisdictions: Option<Vec<String>>,
    /// Brands it applies to; all if absent.
    pub brands: Option<Vec<String>>,
    /// For each state, which classes are allowed or refused.
    pub states: SortedMap<PlayerState, SortedMap<Column, Cell>>,
}

/// Kill switches: no new wagers and launches, while rounds in play go on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedConfig {
    /// Brands.
    #[serde(default)]
    pub brands: Vec<String>,
    /// Products, as endpoints name them.
    #[serde(default)]
    pub products: Vec<String>,
}
