//! Location tokens.

use policy_kit::{EndpointClass, FailuresConfig, IdentityConfig, SortedMap};
use policy_token::KeysConfig;
use serde::Deserialize;

/// Signed location tokens: who signs them, what their claims are, and which classes need one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocationConfig {
    /// The header with the token; stripped from every request.
    #[serde(default = "default_header")]
    pub header: String,
    /// `iss`, exactly.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audiences: Option<Vec<String>>,
    /// The explicit choice not to check `aud`.
    #[serde(default)]
    pub any_audience: bool,
    /// Algorithms of the provider's keys.
    pub algorithms: Vec<String>,
    /// The provider's keys.
    pub keys: KeysConfig,
    /// Types (`typ`) that count, without `application/`; a token without a type counts, too.
    #[serde(default = "default_types")]
    pub types: Vec<String>,
    /// How far clocks may differ, in seconds.
    #[serde(default = "default_skew")]
    pub skew_s: u64,
    /// The claims of its tokens.
    #[serde(default)]
    pub claims: ClaimsConfig,
    /// Reasons of a failed check that clients may read; others are kept from them.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Where a client has its location checked again, for refusals: a URI or a path.
    pub recheck: Option<String>,
    /// How long a check counts, in seconds.
    #[serde(default = "default_interval")]
    pub interval_s: u64,
    /// The same by place, `US-ME` or `US`; the closer one counts.
    #[serde(default)]
    pub intervals: SortedMap<String, u64>,
    /// Distance within which a border is near, in metres; 0 for none.
    #[serde(default = "default_border")]
    pub border_m: u32,
    /// How long a check counts near a border, in seconds.
    #[serde(default = "default_border_interval")]
    pub border_interval_s: u64,
    /// Classes that differ from the catalogue's default.
    #[serde(default)]
    pub classes: SortedMap<EndpointClass, Need>,
    /// What happens to a class while the provider's keys are unavailable.
    #[serde(default)]
    pub on_error: SortedMap<EndpointClass, OnDown>,
    /// WasmX: the filter that strips identity headers from what clients send.
    pub identity: Option<IdentityConfig>,
    /// Failed checks that one source may cause.
    #[serde(default)]
    pub failures: FailuresConfig,
    /// Verified tokens kept per worker.
    #[serde(default = "default_cache")]
    pub cache_tokens: usize,
}

fn default_header() -> String {
    "x-geolocation".to_owned()
}

fn default_types() -> Vec<String> {
    vec!["JWT".to_owned(), "location+jwt".to_owned()]
}

fn default_skew() -> u64 {
    60
}

/// GLI-19 v3.0 2.7.4(a).
fn default_interval() -> u64 {
    1_800
}

/// One mile (Maine 16-633 ch. 62).
fn default_border() -> u32 {
    1_609
}

/// Maine 16-633 ch. 62.
fn default_border_interval() -> u64 {
    300
}

fn default_cache() -> usize {
    4096
}

/// JSON pointers to claims.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimsConfig {
    /// Whether the check passed: `true`, or the text in `passed_word`.
    pub passed: String,
    /// The text that means passed, where the claim is no boolean.
    pub passed_word: Option<String>,
    /// Why it did not, an array of texts.
    pub reasons: Option<String>,
    /// Where the device is, ISO 3166-2 or ISO 3166-1.
    pub region: String,
    /// Whether the confidence radius lies entirely inside the market (GLI-19 v3.0 2.7.4(b)); `null` states that
    /// the provider passes no other check.
    pub confident: Option<String>,
    /// When the location was checked, in seconds since the epoch.
    pub checked_at: String,
    /// When the token expires, in seconds since the epoch.
    pub expires_at: String,
    /// When the provider wants the next check, in seconds since the epoch.
    pub next_check_at: Option<String>,
    /// The same, in seconds from the check on.
    pub next_check_in: Option<String>,
    /// The player's id.
    pub player: String,
    /// The session's id; `null` where tokens have none.
    pub session: Option<String>,
    /// The player's brand; required where there are several and players' ids are not unique.
    pub brand: Option<String>,
    /// The client's address.
    pub ip: String,
    /// Metres to the nearest border.
    pub border: Option<String>,
    /// The provider's own id of the check.
    pub id: Option<String>,
}

impl Default for ClaimsConfig {
    fn default() -> Self {
        let at = |pointer: &str| Some(pointer.to_owned());
        Self {
            passed: "/passed".to_owned(),
            passed_word: None,
            reasons: at("/reasons"),
            region: "/region".to_owned(),
            confident: at("/confident"),
            checked_at: "/iat".to_owned(),
            expires_at: "/exp".to_owned(),
            next_check_at: at("/next_check_at"),
            next_check_in: at("/next_check_in"),
            player: "/sub".to_owned(),
            session: at("/sid"),
            brand: None,
            ip: "/ip".to_owned(),
            border: at("/border_m"),
            id: at("/jti"),
        }
    }
}

/// Whether a class needs a fresh location.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// It needs one.
    Fresh,
    /// The place by address is enough.
    None,
}

/// What happens to a class while the provider's keys are unavailable.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnDown {
    /// Refused with 503 `geo_unavailable`.
    Refuse,
    /// Decided by the place by address alone.
    Pass,
}
