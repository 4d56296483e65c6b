//! The configuration as the operator writes it. [`crate::policy`] compiles it.

use policy_kit::{
    Endpoint, EndpointClass, EnvelopeConfig, FailuresConfig, Profile, SortedMap, TrustConfig,
    Unclassified,
};
use serde::Deserialize;
use serde_json::Value;

use crate::player_state::config::PlayerStateConfig;
use crate::revocation::config::RevocationsConfig;
use crate::token::config::{CredentialConfig, IntrospectionConfig, IssuerConfig};

/// The document, parsed but not validated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The gateway the module runs in.
    #[serde(default)]
    pub host: Profile,
    /// The operator's name for this version of the document, for metrics and logs.
    #[serde(default)]
    pub version: String,
    /// Which proxies are trusted to report the client's address, for the budget of failures.
    pub address: TrustConfig,
    /// Hosts and the brands they belong to.
    pub brands: SortedMap<String, String>,
    /// Issuers whose tokens are accepted.
    #[serde(default)]
    pub issuers: Vec<IssuerConfig>,
    /// The introspection service for tokens that are not JWTs.
    pub introspection: Option<IntrospectionConfig>,
    /// Which states of a player's account stop which requests.
    pub player_state: Option<PlayerStateConfig>,
    /// Whether no two players have the same id, whatever their brands and issuers.
    #[serde(default)]
    pub players_unique: bool,
    /// The feed of players and sessions whose tokens are revoked.
    pub revocations: Option<RevocationsConfig>,
    /// Where requests carry the token; `Authorization: Bearer` if absent.
    pub credentials: Option<Vec<CredentialConfig>>,
    /// Whether the credential is forwarded to the upstream.
    #[serde(default)]
    pub forward_credential: bool,
    /// The `realm` of challenges (RFC 9110 section 11.5).
    #[serde(default = "default_realm")]
    pub realm: String,
    /// Classes whose rules differ from the catalogue's defaults.
    #[serde(default)]
    pub classes: SortedMap<EndpointClass, RuleConfig>,
    /// The decision about a token that cannot be checked while keys or introspection are unavailable;
    /// denied with 503 where not named.
    #[serde(default)]
    pub on_error: SortedMap<EndpointClass, OnError>,
    /// The budget of failed checks of one source.
    #[serde(default)]
    pub failures: FailuresConfig,
    /// Verified tokens kept per worker.
    #[serde(default = "default_cache")]
    pub cache_tokens: usize,
    /// The decision about requests that match no endpoint.
    #[serde(default)]
    pub unclassified: Unclassified,
    /// The partners, read by [`crate::partner::read_config`]. If absent, partners are not authenticated.
    pub partners: Option<Value>,
    /// Whether this gateway is production or a sandbox for partners.
    pub environment: Option<Value>,
    /// Limits for callers that are not yet authenticated as partners.
    pub unverified: Option<Value>,
    /// Formats of refusals for partners, by the names that endpoints give.
    #[serde(default)]
    pub envelopes: SortedMap<String, EnvelopeConfig>,
    /// The class of each path.
    pub endpoints: Vec<Endpoint>,
    /// Whether each endpoint that takes `GET` takes `HEAD` as well.
    #[serde(default)]
    pub head_as_get: bool,
}

fn default_realm() -> String {
    "player".to_owned()
}

fn default_cache() -> usize {
    4096
}

/// What a class requires. Members that are absent keep the catalogue's default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Whether a token is required.
    pub token: Option<TokenRule>,
    /// Scopes of which the token must have all.
    pub scopes: Option<Vec<String>>,
    /// Values of which one must be the token's `acr`.
    pub acr: Option<Vec<String>>,
    /// Values that must all be in the token's `amr`.
    pub amr: Option<Vec<String>>,
    /// Most seconds since `auth_time`; 0 for no limit.
    pub max_auth_age_s: Option<u64>,
    /// Whether an upgrade (WebSocket) is allowed.
    pub upgrade: Option<bool>,
}

/// Whether a token is required.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum TokenRule {
    /// The token is neither checked nor removed.
    None,
    /// Without a token the request is anonymous; an invalid token is denied.
    Optional,
    /// A valid token is required.
    Required,
}

/// The decision about a token that cannot be checked.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Denied with 503.
    Refuse,
    /// The request passes as anonymous.
    Anonymous,
}
