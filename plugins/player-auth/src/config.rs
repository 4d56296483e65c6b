//! The JSON document exactly as the operator writes it. Only [`crate::policy`] reads it further.

use policy_kit::{
    Endpoint, EndpointClass, EnvelopeConfig, FailuresConfig, Profile, Secret, SortedMap,
    TrustConfig, Unclassified,
};
use policy_token::KeysConfig;
use serde::Deserialize;
use serde_json::Value;

use crate::revocation::config::RevocationsConfig;
use crate::standing::config::StandingConfig;

/// Deserialized, not yet believed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The gateway the module runs in.
    #[serde(default)]
    pub host: Profile,
    /// The operator's own name for this state of the document, told in metrics and logs.
    #[serde(default)]
    pub version: String,
    /// Whom to believe about the client's address, for the budget of failures.
    pub address: TrustConfig,
    /// Hosts and the brands they belong to.
    pub brands: SortedMap<String, String>,
    /// Whose tokens count.
    #[serde(default)]
    pub issuers: Vec<IssuerConfig>,
    /// Who is asked about tokens that are not JWTs.
    pub introspection: Option<IntrospectionConfig>,
    /// Whose state stops what.
    pub player_state: Option<StandingConfig>,
    /// The statement that no two players have one id, whatever their brands and issuers.
    #[serde(default)]
    pub players_unique: bool,
    /// The feed of players and sessions whose tokens are dead.
    pub revocations: Option<RevocationsConfig>,
    /// Where the token is; `Authorization: Bearer` when left out.
    pub credentials: Option<Vec<PlaceConfig>>,
    /// Whether the credential goes on to the upstream.
    #[serde(default)]
    pub forward_credential: bool,
    /// The `realm` of challenges (RFC 9110 section 11.5).
    #[serde(default = "default_realm")]
    pub realm: String,
    /// Classes whose rules differ from the catalogue's defaults.
    #[serde(default)]
    pub classes: SortedMap<EndpointClass, RuleConfig>,
    /// What becomes of a token that cannot be checked because keys or introspection are not to be
    /// had; refused with 503 where not named.
    #[serde(default)]
    pub on_error: SortedMap<EndpointClass, OnError>,
    /// Failed checks that one source may cause.
    #[serde(default)]
    pub failures: FailuresConfig,
    /// Verified tokens kept per worker.
    #[serde(default = "default_cache")]
    pub cache_tokens: usize,
    /// Requests that match no endpoint.
    #[serde(default)]
    pub unclassified: Unclassified,
    /// Who may make the calls of partners: [`crate::partner::read`] reads them. If absent, they are not
    /// asked who they are.
    pub partners: Option<Value>,
    /// What this gateway is to partners.
    pub environment: Option<Value>,
    /// What callers may cause that claim to be partners.
    pub unverified: Option<Value>,
    /// Refusals in a partner's own words, by the names that endpoints give.
    #[serde(default)]
    pub envelopes: SortedMap<String, EnvelopeConfig>,
    /// What kind of call each path is.
    pub endpoints: Vec<Endpoint>,
    /// Whether `HEAD` is what `GET` is, on each endpoint that takes `GET`.
    #[serde(default)]
    pub head_as_get: bool,
}

fn default_realm() -> String {
    "player".to_owned()
}

fn default_cache() -> usize {
    4096
}

/// One issuer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// `iss`, exactly.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audiences: Option<Vec<String>>,
    /// The explicit choice not to look at `aud`.
    #[serde(default)]
    pub any_audience: bool,
    /// Algorithms its keys may have: `ES256`, `ES384`, `RS256`, `RS384`, `RS512`, `PS256`, `EdDSA`,
    /// or `HS256` alone, with a `secret`.
    pub algorithms: Vec<String>,
    /// Where its keys are.
    pub keys: KeysConfig,
    /// Kinds of token (`typ`) that count, without `application/`; a token that names none does, too.
    #[serde(default = "default_types")]
    pub types: Vec<String>,
    /// One of these must be the client that the token was issued to: its `client_id` (RFC 9068 section 2.2)
    /// or its `azp` (OpenID Connect Core section 2), and each of them that is there.
    pub clients: Option<Vec<String>>,
    /// One of these must be the claim `typ` of the payload, which some issuers have besides the header's
    /// (Keycloak: `Bearer`, `ID`, `Refresh`).
    pub payload_types: Option<Vec<String>>,
    /// How far clocks may differ, in seconds.
    #[serde(default = "default_skew")]
    pub skew_s: u64,
    /// Most seconds from `iat` to `exp`; with it `iat` is required.
    pub max_lifetime_s: Option<u64>,
    /// What its tokens say of the player.
    #[serde(default)]
    pub claims: ClaimsConfig,
}

fn default_types() -> Vec<String> {
    vec!["JWT".to_owned(), "at+jwt".to_owned()]
}

fn default_skew() -> u64 {
    60
}

/// JSON pointers to claims.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimsConfig {
    /// The player's id.
    #[serde(default = "default_player")]
    pub player: String,
    /// The brand; `null` where the issuer's tokens do not tell it, and then `fixed_brand` must.
    #[serde(default = "default_brand")]
    pub brand: Option<String>,
    /// The brand of all tokens of this issuer.
    pub fixed_brand: Option<String>,
    /// The session's id.
    #[serde(default = "default_session")]
    pub session: Option<String>,
    /// The level of identity verification.
    #[serde(default = "default_kyc")]
    pub kyc: Option<String>,
    /// The states of the player's account: a text or a list of texts.
    pub state: Option<String>,
    /// Where the player is licensed to play.
    #[serde(default = "default_jurisdiction")]
    pub jurisdiction: Option<String>,
    /// Scopes: text with spaces (RFC 8693 section 4.2) or an array.
    #[serde(default = "default_scope")]
    pub scope: String,
    /// Headers for the upstream, each with a pointer: `{"x-player-currency": "/currency"}`.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
}

impl Default for ClaimsConfig {
    fn default() -> Self {
        Self {
            player: default_player(),
            brand: default_brand(),
            fixed_brand: None,
            session: default_session(),
            kyc: default_kyc(),
            state: None,
            jurisdiction: default_jurisdiction(),
            scope: default_scope(),
            headers: SortedMap::default(),
        }
    }
}

fn default_player() -> String {
    "/sub".to_owned()
}

fn default_brand() -> Option<String> {
    Some("/brand".to_owned())
}

fn default_session() -> Option<String> {
    Some("/sid".to_owned())
}

fn default_kyc() -> Option<String> {
    Some("/kyc_level".to_owned())
}

fn default_jurisdiction() -> Option<String> {
    Some("/jurisdiction".to_owned())
}

fn default_scope() -> String {
    "/scope".to_owned()
}

/// OAuth 2.0 token introspection (RFC 7662).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionConfig {
    /// Envoy: the cluster that is asked. WasmX: `host:port`.
    pub cluster: String,
    /// `:authority` of the question; the cluster's name when left out.
    pub authority: Option<String>,
    /// `:path` of the question.
    pub path: String,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<Secret>,
    /// Further headers of the question, such as `user-agent`.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// One of these must be in `aud`.
    pub audiences: Option<Vec<String>>,
    /// The explicit choice not to look at `aud`.
    #[serde(default)]
    pub any_audience: bool,
    /// One of these must be the client that the token was issued to, as for issuers (RFC 7662 section 2.2).
    pub clients: Option<Vec<String>>,
    /// One of these must be the member `typ` of an answer, as for issuers.
    pub payload_types: Option<Vec<String>>,
    /// Longest a stream waits, in milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// Longest an answer "active" is believed, in seconds; never past the token's expiry.
    #[serde(default = "default_active")]
    pub active_s: u64,
    /// Longest an answer "not active" is believed, in seconds.
    #[serde(default = "default_inactive")]
    pub inactive_s: u64,
    /// What the answers say of the player.
    #[serde(default)]
    pub claims: ClaimsConfig,
}

fn default_timeout() -> u64 {
    500
}

fn default_active() -> u64 {
    60
}

fn default_inactive() -> u64 {
    5
}

/// Where a token may be: exactly one of the members.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceConfig {
    /// `true`: `Authorization: Bearer`.
    pub bearer: Option<bool>,
    /// A cookie's name.
    pub cookie: Option<String>,
    /// A header's name; the token is the whole value.
    pub header: Option<String>,
    /// A query parameter's name. Such tokens end up in logs and histories; only by explicit choice.
    pub query: Option<String>,
}

/// What a class needs. What is left out stays as the catalogue has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Whether a token is needed.
    pub token: Option<TokenRule>,
    /// Scopes that the token must all have.
    pub scopes: Option<Vec<String>>,
    /// One of these must be the token's `acr`.
    pub acr: Option<Vec<String>>,
    /// All of these must be in the token's `amr`.
    pub amr: Option<Vec<String>>,
    /// Most seconds since `auth_time`; 0 asks for none.
    pub max_auth_age_s: Option<u64>,
    /// Whether an upgrade (WebSocket) may be asked for.
    pub upgrade: Option<bool>,
}

/// Whether a token is needed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum TokenRule {
    /// Not looked at, and left where it is.
    None,
    /// Absent is anonymous; bad is still refused.
    Optional,
    /// Must be there and good.
    Required,
}

/// What becomes of a token that cannot be checked.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Refused with 503.
    Refuse,
    /// The request goes on as that of nobody.
    Anonymous,
}
