//! The JSON document exactly as the operator writes it. Only [`crate::policy`] reads it further.

use policy_kit::{
    Endpoint, EndpointClass, EnvelopeConfig, Profile, SortedMap, TrustConfig, Unclassified,
};
use serde::Deserialize;

use crate::location::config::{IdentityConfig, LocationConfig};
use crate::table::TableConfig;

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
    /// Whether refusals take effect.
    #[serde(default)]
    pub mode: Mode,
    /// Whom to believe about the client's address and place.
    pub address: TrustConfig,
    /// Where the place comes from.
    pub place: PlaceConfig,
    /// Which kinds of anonymous network are told, and where they are refused.
    pub anonymous: Option<AnonymousConfig>,
    /// Hosts and the brands they belong to.
    pub brands: SortedMap<String, String>,
    /// What each brand is licensed for. Required: an absent list must not mean "everywhere".
    pub licences: Vec<LicenceConfig>,
    /// Places from where nothing passes but `safer-gambling` and `settlement`.
    #[serde(default)]
    pub blocked: Vec<String>,
    /// Classes whose treatment differs from the catalogue's default.
    #[serde(default)]
    pub classes: SortedMap<EndpointClass, Treatment>,
    /// WasmX: who makes sure that no client says that it is a partner, where no `location` names it.
    pub identity: Option<IdentityConfig>,
    /// Signed location tokens, where the players' devices bring them.
    pub location: Option<LocationConfig>,
    /// What an unknown place means for a class that needs a licence; refused where not named.
    #[serde(default)]
    pub on_unknown: SortedMap<EndpointClass, OnUnknown>,
    /// Requests that match no endpoint.
    #[serde(default)]
    pub unclassified: Unclassified,
    /// What happens when the gateway fails the policy.
    #[serde(default)]
    pub on_error: OnError,
    /// Who blocks, as a URI: the `Link: rel="blocked-by"` of a 451 (RFC 7725 section 4).
    pub blocked_by: String,
    /// Refusals in a partner's own words, by the names that endpoints give.
    #[serde(default)]
    pub envelopes: SortedMap<String, EnvelopeConfig>,
    /// What kind of call each path is.
    pub endpoints: Vec<Endpoint>,
}

/// Where the place comes from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceConfig {
    /// The source that counts.
    pub first: SourceName,
    /// A second opinion; it also counts where the first says nothing at all.
    pub second: Option<SourceName>,
    /// What happens when both know and do not agree.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Headers that a trusted proxy overwrites with what it knows of the client's place.
    pub header: Option<HeaderConfig>,
    /// Networks of each place: `{"MT": ["203.0.113.0/24"]}`. The longest prefix wins.
    pub table: Option<TableConfig>,
}

/// A source of the place.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SourceName {
    /// The headers of a trusted proxy.
    Header,
    /// The table, by the client's address.
    Table,
}

/// Two sources that do not agree.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Refused with `place_conflict`.
    #[default]
    Deny,
    /// The first counts.
    First,
    /// The second counts.
    Second,
}

/// Headers with a place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderConfig {
    /// Holds an ISO 3166-1 alpha-2 code or an ISO 3166-2 code.
    pub country: String,
    /// Holds an ISO 3166-2 code, with or without its country.
    pub region: Option<String>,
}

/// Anonymous networks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnonymousConfig {
    /// A trusted proxy's headers, each `true`/`1` or `false`/`0`, and the kind that each one tells:
    /// `{"x-geo-vpn": "vpn"}`.
    pub headers: SortedMap<String, String>,
    /// Kinds refused per class; every kind for a class that needs a licence and is not named.
    #[serde(default)]
    pub refuse: SortedMap<EndpointClass, Vec<String>>,
}

/// A brand and where it may operate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceConfig {
    /// A brand of `brands`.
    pub brand: String,
    /// ISO 3166-1 codes for whole countries, ISO 3166-2 codes for one subdivision.
    pub markets: Vec<String>,
    /// Products the licence is for; every product when left out.
    pub products: Option<Vec<String>>,
    /// Classes the licence is for; every class when left out.
    pub classes: Option<Vec<EndpointClass>>,
    /// First moment it holds, RFC 3339: `2026-01-01T00:00:00Z`.
    pub from: Option<String>,
    /// First moment it no longer holds.
    pub until: Option<String>,
}

/// Whether refusals take effect.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Refuse.
    #[default]
    Enforce,
    /// Record what would have been refused, and let it pass.
    Shadow,
}

/// What a class needs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// Passes from anywhere.
    Pass,
    /// Passes only from a known place where the brand is licensed.
    Licensed,
}

/// What an unknown place means.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// Refused with `jurisdiction_unknown`.
    Refuse,
    /// Passes.
    Pass,
}

/// What happens when a host call fails.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Refused with 503 `policy_unavailable`.
    #[default]
    Refuse,
    /// Let pass as it stands, forged headers included. For lines of business where an outage costs
    /// more than a wrong decision.
    Forward,
}
