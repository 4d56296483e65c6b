//! The JSON document as the operator writes it. [`Policy::compile`](crate::policy::compiled::Policy::compile)
//! validates it.

use policy_kit::{Endpoint, EndpointClass, EnvelopeConfig, Profile, SortedMap, Unclassified};
use serde::Deserialize;

use crate::config::rule::{Commit, RuleConfig};

/// The whole document, deserialized and not validated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The gateway the module runs in.
    #[serde(default)]
    pub host: Profile,
    /// The operator's name for this version of the document; in metrics, logs and evidence.
    #[serde(default)]
    pub version: String,
    /// WasmX: which filter strips the headers that name the caller.
    pub facts: Option<FactsConfig>,
    /// Where keys and answers are kept, and how many of them.
    pub store: StoreConfig,
    /// How many keys one player or partner may hold.
    #[serde(default)]
    pub quota: QuotaConfig,
    /// Requests that are treated differently from the catalogue; the first rule that matches applies.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
    /// The default of [`RuleConfig::commit`]; `after_reply` is required on WasmX.
    #[serde(default)]
    pub commit: Commit,
    /// Which answers are kept.
    #[serde(default)]
    pub answers: AnswersConfig,
    /// How requests are held until their key is claimed.
    #[serde(default)]
    pub requests: RequestsConfig,
    /// How double clicks are treated; off if absent.
    pub double_click: Option<DoubleClickConfig>,
    /// What happens to requests that match no endpoint.
    #[serde(default)]
    pub unclassified: Unclassified,
    /// Envelopes of refusals, by the names that endpoints give.
    #[serde(default)]
    pub envelopes: SortedMap<String, EnvelopeConfig>,
    /// The class of each path.
    pub endpoints: Vec<Endpoint>,
    /// Whether `HEAD` is treated as `GET` on each endpoint that has `GET`.
    #[serde(default)]
    pub head_as_get: bool,
}

/// Where the facts about the caller come from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactsConfig {
    /// The filter before this one that strips `x-player-id` and `x-partner-id` from clients' requests.
    pub stripped_by: String,
}

/// The embedded store.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// Must be `true`: confirms that all requests of one key reach this node. A second node would carry
    /// the same request out once more.
    #[serde(default)]
    pub single_node: bool,
    /// New keys a second that the store has room for. Without it and `slots`: 500 of players and 20 of
    /// partners.
    pub rate: Option<RateConfig>,
    /// Keys that are held at once: three times their rate times their retention if absent.
    pub slots: Option<usize>,
    /// Bytes of answers in all; by default one of the longest answers for each 32 slots, up to 2 GiB.
    pub bytes: Option<u64>,
    /// The store's name. Configurations with the same name share their keys.
    #[serde(default = "default_name")]
    pub name: String,
    /// WasmX: the size of the `nginx_wasm_shm_kv` zone in bytes.
    pub zone_bytes: Option<u64>,
}

/// New keys a second.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateConfig {
    /// Of all players, without rules that have a rate of their own.
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
    /// Keys of a player; by default one each two seconds of the longest retention, at least 1000, at most
    /// half the players' slots.
    pub player: Option<usize>,
    /// Keys of a partner; half the partners' slots by default.
    pub partner: Option<usize>,
    /// A player's keys of refused requests, and as many of unknown outcome; 32 by default.
    pub failed: Option<usize>,
    /// Owners that are counted separately; as many as slots by default.
    pub owners: Option<usize>,
}

/// Which answers are kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswersConfig {
    /// Headers that are replayed; `content-encoding` and `location` always are.
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

/// How requests are held.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestsConfig {
    /// What is held until the key is claimed.
    pub hold: RequestHold,
    /// Longest body of a request that may have a key, in bytes.
    pub max_bytes: usize,
}

impl Default for RequestsConfig {
    fn default() -> Self {
        Self { hold: RequestHold::default(), max_bytes: 64 << 10 }
    }
}

/// What is held until the key is claimed.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RequestHold {
    /// The body. The headers may go on, unless a buffer filter is last in the chain.
    #[default]
    Body,
    /// The headers, too; needs `allow_on_headers_stop_iteration`.
    Headers,
}

/// How double clicks are found and treated: the same bet under two keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubleClickConfig {
    /// How the second bet is treated.
    #[serde(default)]
    pub mode: DoubleClickMode,
    /// How long a bet is remembered, in milliseconds.
    #[serde(default = "default_window")]
    pub window_ms: u64,
    /// Classes whose requests are bets.
    #[serde(default = "default_bet_classes")]
    pub classes: Vec<EndpointClass>,
    /// JSON pointers to the members that make two bets the same.
    pub same: Vec<String>,
    /// Query parameters that make two bets different, besides the path; none by default.
    #[serde(default)]
    pub query: Vec<String>,
    /// Bets that are remembered at once; by default three times those of one window at the players' rate,
    /// at least 131072.
    pub bets: Option<usize>,
}

fn default_window() -> u64 {
    2_000
}

fn default_bet_classes() -> Vec<EndpointClass> {
    vec![EndpointClass::Wager]
}

/// How the same bet under another key is treated.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum DoubleClickMode {
    /// Bets are not compared.
    #[default]
    Off,
    /// It passes and is counted.
    Shadow,
    /// It is refused with 409 `duplicate_bet`.
    Enforce,
}
