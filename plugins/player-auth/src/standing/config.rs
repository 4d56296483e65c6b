//! `player_state` exactly as the operator writes it.

use policy_kit::{EndpointClass, Secret, SortedMap};
use serde::Deserialize;

use super::lapse::Cell;
use super::matrix::Column;
use super::PlayerState;

/// Whose state stops what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingConfig {
    /// The player account management system that is asked.
    pub pam: Option<PamConfig>,
    /// Words of the operator's systems, and the states that they mean.
    #[serde(default)]
    pub names: SortedMap<String, PlayerState>,
    /// What becomes of a call while the player's state is not known.
    #[serde(default)]
    pub on_error: SortedMap<EndpointClass, Cell>,
    /// Where the matrix differs from the default. The first entry that speaks of a cell decides.
    #[serde(default)]
    pub overrides: Vec<OverrideConfig>,
    /// What takes no new rounds at all.
    #[serde(default)]
    pub closed: ClosedConfig,
}

/// How the PAM is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PamConfig {
    /// Envoy: the cluster that is asked. WasmX: `host:port`.
    pub cluster: String,
    /// `:authority` of the question; the cluster's name when left out.
    pub authority: Option<String>,
    /// `:path` of the question, with `{sub}` for the player's id.
    #[serde(default = "default_path")]
    pub path: String,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<Secret>,
    /// Further headers of the question, such as `user-agent`.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// Longest a stream waits, in milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// How long an answer is believed, in seconds.
    #[serde(default = "default_cache")]
    pub cache_s: u64,
    /// Players remembered per worker.
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
    /// Jurisdictions it is for, ISO 3166-1 or -2; a country is for all below it. All when left out.
    pub jurisdictions: Option<Vec<String>>,
    /// Brands it is for; all when left out.
    pub brands: Option<Vec<String>>,
    /// For each state, what becomes of which calls.
    pub states: SortedMap<PlayerState, SortedMap<Column, Cell>>,
}

/// Kill switches: no new wager and no new launch, while rounds in play go on.
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
