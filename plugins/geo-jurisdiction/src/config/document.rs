//! The whole document.

use policy_kit::{
    Endpoint, EndpointClass, EnvelopeConfig, IdentityConfig, Mode, Profile, SortedMap, TrustConfig,
    Unclassified,
};
use serde::Deserialize;

use crate::config::classes::{OnUnknown, Treatment};
use crate::config::licence::LicenceConfig;
use crate::config::location::LocationConfig;
use crate::config::place::{AnonymousConfig, PlaceConfig};

/// The document, deserialized and not yet checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The gateway the module runs in.
    #[serde(default)]
    pub host: Profile,
    /// The operator's name for this document, for metrics, logs and evidence.
    #[serde(default)]
    pub version: String,
    /// Whether refusals take effect.
    #[serde(default)]
    pub mode: Mode,
    /// Which proxies to trust about the client's address and place.
    pub address: TrustConfig,
    /// The sources of the place.
    pub place: PlaceConfig,
    /// Headers that report anonymous networks, and the classes that refuse them.
    pub anonymous: Option<AnonymousConfig>,
    /// Hosts and the brands they belong to.
    pub brands: SortedMap<String, String>,
    /// The licences of each brand. Required: an absent list must not mean "everywhere".
    pub licences: Vec<LicenceConfig>,
    /// Places from which only `safer-gambling` and `settlement` pass.
    #[serde(default)]
    pub blocked: Vec<String>,
    /// Classes whose treatment differs from the catalogue's default.
    #[serde(default)]
    pub classes: SortedMap<EndpointClass, Treatment>,
    /// WasmX: the filter that strips partner headers, where no `location` names it.
    pub identity: Option<IdentityConfig>,
    /// Signed location tokens of the players' devices.
    pub location: Option<LocationConfig>,
    /// What an unknown place means for a class that needs a licence; a class not named refuses.
    #[serde(default)]
    pub on_unknown: SortedMap<EndpointClass, OnUnknown>,
    /// Requests that match no endpoint.
    #[serde(default)]
    pub unclassified: Unclassified,
    /// What happens when the gateway fails a host call.
    #[serde(default)]
    pub on_error: OnError,
    /// The entity that blocks, as a URI: the `Link: rel="blocked-by"` of a 451 (RFC 7725 section 4).
    pub blocked_by: String,
    /// Refusals in a partner's contract, by the names that endpoints give.
    #[serde(default)]
    pub envelopes: SortedMap<String, EnvelopeConfig>,
    /// The class of each path.
    pub endpoints: Vec<Endpoint>,
    /// The operator's statement that players' ids are unique across brands.
    #[serde(default)]
    pub players_unique: bool,
    /// Whether endpoints for `GET` match `HEAD`, too.
    #[serde(default)]
    pub head_as_get: bool,
}

/// What happens when a host call fails.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Refused with 503 `policy_unavailable`.
    #[default]
    Refuse,
    /// Let the request pass unchecked, forged headers included: where an outage costs more than a wrong
    /// decision.
    Forward,
}
