//! A licence.

use policy_kit::EndpointClass;
use serde::Deserialize;

/// A brand, and where, for what and when it is licensed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceConfig {
    /// A brand of `brands`.
    pub brand: String,
    /// ISO 3166-1 codes for whole countries, ISO 3166-2 codes for one subdivision.
    pub markets: Vec<String>,
    /// Products that it covers; every product when left out.
    pub products: Option<Vec<String>>,
    /// Classes that it covers; every class when left out.
    pub classes: Option<Vec<EndpointClass>>,
    /// First moment at which it holds, RFC 3339: `2026-01-01T00:00:00Z`.
    pub from: Option<String>,
    /// First moment at which it no longer holds.
    pub until: Option<String>,
}
