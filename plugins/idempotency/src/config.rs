//! The JSON document exactly as the operator writes it. Only [`crate::Policy`] reads it further.

use policy_kit::{Endpoint, EndpointClass, EnvelopeConfig, Profile, SortedMap, Unclassified};
use serde::Deserialize;

pub use crate::rule_config::{
    FingerprintConfig, KeyConfig, KeyPartConfig, OnStoreError, OutcomeConfig, ReconcileConfig,
    RuleConfig, Treat,
};

/// Deserialized, not yet believed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The gateway the module runs in.
    #[serde(default)]
    pub host: Profile,
    /// The operator's own name for this state of the document, told in metrics, logs and evidence.
    #[serde(default)]
    pub version: String,
    /// WasmX: who makes sure that no client tells who it is.
    pub facts: Option<FactsConfig>,
    /// Where keys and answers are kept, and how many of them.
    pub store: StoreConfig,
    /// How much of the store one player or partner may fill.
    #[serde(default)]
    pub quota: QuotaConfig,
    /// Calls whose treatment differs from the catalogue's; the first rule that matches counts.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
    /// When an answer is released, where a rule does not say; `after_reply` is required on WasmX.
    #[serde(default)]
    pub commit: Commit,
    /// What is kept of answers.
    #[serde(default)]
    pub answers: AnswersConfig,
    /// How requests wait for their key to be claimed.
    #[serde(default)]
    pub requests: RequestsConfig,
    /// The same bet under two keys; not looked for if absent.
    pub double_click: Option<DoubleClickConfig>,
    /// Requests that match no endpoint.
    #[serde(default)]
    pub unclassified: Unclassified,
    /// Refusals in a partner's own words, by the names that endpoints give.
    #[serde(default)]
    pub envelopes: SortedMap<String, EnvelopeConfig>,
    /// What kind of call each path is.
    pub endpoints: Vec<Endpoint>,
    /// Whether `HEAD` is what `GET` is, on each endpoint that takes `GET`.
    #[serde(default)]
    pub head_as_get: bool,
}

/// Who says who calls.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactsConfig {
    /// The filter before this one that strips `x-player-id` and `x-partner-id` from what clients send.
    pub stripped_by: String,
}

/// The embedded store.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// The statement that all calls of one key reach this node. The store is this node's alone: a
    /// second one would carry the same call out once more.
    #[serde(default)]
    pub single_node: bool,
    /// New keys a second that the store has room for; 500 of players and 20 of partners if neither this nor
    /// `slots` is given.
    pub rate: Option<RateConfig>,
    /// Keys that are held at once: three times their rate times their retention if absent.
    pub slots: Option<usize>,
    /// Bytes of answers in all; room for one of the longest for each 32 slots if absent, up to 2 GiB.
    pub bytes: Option<u64>,
    /// Tells two stores of one gateway apart; configurations that share a name share their keys.
    #[serde(default = "default_name")]
    pub name: String,
    /// WasmX: the size of the `nginx_wasm_shm_kv` zone in bytes.
    pub zone_bytes: Option<u64>,
}

/// New keys a second.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateConfig {
    /// Of all players, but for those under rules that have a rate of their own.
    #[serde(default = "default_players")]
    pub players: u32,
    /// Of all partners, likewise.
    #[serde(default = "default_partners")]
    pub partners: u32,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self { players: default_players(), partners: default_partners() }
    }
}

fn default_players() -> u32 {
    500
}

fn default_partners() -> u32 {
    20
}

fn default_name() -> String {
    "default".to_owned()
}

/// How many keys one owner may hold at once.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaConfig {
    /// A player's; one each two seconds of the longest retention, at least 1000, at most half the
    /// players' slots.
    pub player: Option<usize>,
    /// A partner's; half the partners' slots.
    pub partner: Option<usize>,
    /// Those of a player's whose calls the upstream refused, and as many of unknown outcome; 32.
    pub failed: Option<usize>,
    /// How many owners are told apart; as many as there are slots.
    pub owners: Option<usize>,
}

/// When an answer is released.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Commit {
    /// Once the store has it.
    #[default]
    BeforeReply,
    /// At once; the store has it a moment later.
    AfterReply,
}

/// What is kept of answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswersConfig {
    /// Headers that are told again; `content-encoding` always is.
    pub headers: Vec<String>,
    /// Longest body that is kept, in bytes.
    pub max_bytes: usize,
}

impl Default for AnswersConfig {
    fn default() -> Self {
        let headers = [
            "content-type",
            "content-language",
            "content-location",
            "location",
            "etag",
            "last-modified",
            "link",
            "cache-control",
            "vary",
        ];
        Self { headers: headers.map(str::to_owned).to_vec(), max_bytes: 64 << 10 }
    }
}

/// How requests wait.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestsConfig {
    /// What is held back until the key is claimed.
    pub hold: Hold,
    /// Longest body of a call with a key, in bytes.
    pub max_bytes: usize,
}

impl Default for RequestsConfig {
    fn default() -> Self {
        Self { hold: Hold::default(), max_bytes: 64 << 10 }
    }
}

/// What is held back until the key is claimed.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// The body. The headers may be sent on, unless a buffer filter stands last.
    #[default]
    Body,
    /// The headers, too, where the gateway has `allow_on_headers_stop_iteration`.
    Headers,
}

/// The same bet under two keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubleClickConfig {
    /// What becomes of the second.
    #[serde(default)]
    pub mode: DoubleClickMode,
    /// How long a bet is remembered, in milliseconds.
    #[serde(default = "default_window")]
    pub window_ms: u64,
    /// Classes whose calls are bets.
    #[serde(default = "default_bet_classes")]
    pub classes: Vec<EndpointClass>,
    /// JSON pointers to what makes two bets the same.
    pub same: Vec<String>,
    /// Members of the query that make two bets different, besides the path; none if absent.
    #[serde(default)]
    pub query: Vec<String>,
    /// Bets that are remembered at once; three times those of one window by the players' rate if absent,
    /// at least 131072.
    pub bets: Option<usize>,
}

fn default_window() -> u64 {
    2_000
}

fn default_bet_classes() -> Vec<EndpointClass> {
    vec![EndpointClass::Wager]
}

/// What becomes of the same bet under another key.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum DoubleClickMode {
    /// Nobody looks.
    #[default]
    Off,
    /// It passes, and is told.
    Shadow,
    /// Refused with 409 `duplicate_bet`.
    Enforce,
}
