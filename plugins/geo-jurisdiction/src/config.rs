//! The JSON document exactly as the operator writes it. Only [`crate::policy`] reads it further.

use std::collections::BTreeMap;

use policy_kit::{Endpoint, EndpointClass, Profile};
use serde::Deserialize;

/// Deserialized, not yet believed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The gateway the module runs in.
    #[serde(default)]
    pub host: Profile,
    /// Whether refusals take effect.
    #[serde(default)]
    pub mode: Mode,
    /// Where the place comes from.
    pub source: Source,
    /// Hosts and the brands they belong to.
    pub brands: BTreeMap<String, String>,
    /// What each brand is licensed for. Required: an absent list must not mean "everywhere".
    pub licences: Vec<Licence>,
    /// Classes whose treatment differs from the catalogue's default.
    #[serde(default)]
    pub classes: BTreeMap<EndpointClass, Treatment>,
    /// Requests that match no endpoint.
    #[serde(default)]
    pub unclassified: Unclassified,
    /// What happens when the gateway fails the policy.
    #[serde(default)]
    pub on_error: OnError,
    /// Who blocks, as a URI: the `Link: rel="blocked-by"` of a 451 (RFC 7725 section 4).
    pub blocked_by: String,
    /// What kind of call each path is.
    pub endpoints: Vec<Endpoint>,
}

/// Headers that a trusted edge overwrites with what it knows of the client's place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Holds an ISO 3166-1 alpha-2 code or an ISO 3166-2 code.
    pub country_header: String,
    /// Holds an ISO 3166-2 code, with or without its country.
    pub region_header: Option<String>,
}

/// A brand and where it may operate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// A brand of `brands`.
    pub brand: String,
    /// ISO 3166-1 codes for whole countries, ISO 3166-2 codes for one subdivision.
    pub markets: Vec<String>,
    /// Classes the licence is for; every class when left out.
    pub classes: Option<Vec<EndpointClass>>,
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

/// Requests that match no endpoint.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Unclassified {
    /// Refused outright.
    #[default]
    Refuse,
    /// Treated as needing a licence.
    Forward,
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
