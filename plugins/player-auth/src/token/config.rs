//! Issuers, introspection and credential sources as the operator writes them.

use policy_kit::{Secret, SortedMap};
use policy_token::KeysConfig;
use serde::Deserialize;

/// One issuer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// `iss`, exactly.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audiences: Option<Vec<String>>,
    /// The explicit choice not to check `aud`.
    #[serde(default)]
    pub any_audience: bool,
    /// Algorithms that its keys may have: `ES256`, `ES384`, `RS256`, `RS384`, `RS512`, `PS256`, `EdDSA`,
    /// or `HS256` alone, with a `secret`.
    pub algorithms: Vec<String>,
    /// Where its keys come from.
    pub keys: KeysConfig,
    /// Accepted values of the header's `typ`, without `application/`; a token without `typ` is accepted.
    #[serde(default = "default_types")]
    pub types: Vec<String>,
    /// Clients that the token may be issued to: its `client_id` (RFC 9068 section 2.2) or `azp` (OpenID
    /// Connect Core section 2) must be one, and both if both are present.
    pub clients: Option<Vec<String>>,
    /// Accepted values of the payload's `typ`, which some issuers write besides the header's (Keycloak:
    /// `Bearer`, `ID`, `Refresh`).
    pub payload_types: Option<Vec<String>>,
    /// Permitted clock skew, in seconds.
    #[serde(default = "default_skew")]
    pub skew_s: u64,
    /// Longest time from `iat` to `exp`, in seconds; makes `iat` required.
    pub max_lifetime_s: Option<u64>,
    /// Which claims its tokens use.
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
    /// The brand; `null` if the issuer's tokens lack it, which makes `fixed_brand` required.
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
    /// Envoy: the service's cluster. WasmX: `host:port`.
    pub cluster: String,
    /// `:authority` of the call; the cluster's name if absent.
    pub authority: Option<String>,
    /// `:path` of the call.
    pub path: String,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<Secret>,
    /// Further headers of the call, such as `user-agent`.
    #[serde(default)]
    pub headers: SortedMap<String, String>,
    /// One of these must be in `aud`.
    pub audiences: Option<Vec<String>>,
    /// The explicit choice not to check `aud`.
    #[serde(default)]
    pub any_audience: bool,
    /// Clients that the token may be issued to, as for issuers (RFC 7662 section 2.2).
    pub clients: Option<Vec<String>>,
    /// Accepted values of the response's `typ`, as for issuers.
    pub payload_types: Option<Vec<String>>,
    /// Longest that a request waits, in milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// Longest that an active token is cached, in seconds; never past its expiry.
    #[serde(default = "default_active")]
    pub active_s: u64,
    /// How long an inactive token is cached, in seconds.
    #[serde(default = "default_inactive")]
    pub inactive_s: u64,
    /// Which members of the response are used.
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

/// Where a request may carry the token: exactly one of the members.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialConfig {
    /// `true`: `Authorization: Bearer`.
    pub bearer: Option<bool>,
    /// A cookie's name.
    pub cookie: Option<String>,
    /// A header's name; the token is the whole value.
    pub header: Option<String>,
    /// A query parameter's name. Such tokens end up in logs and histories.
    pub query: Option<String>,
}
