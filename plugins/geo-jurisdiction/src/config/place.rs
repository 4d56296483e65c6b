//! The sources of the place by address.

use policy_kit::{EndpointClass, SortedMap};
use serde::Deserialize;

use crate::config::table::TableConfig;

/// The sources of the place, and which one counts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceConfig {
    /// The source that counts.
    pub first: SourceName,
    /// The other source, to compare with; it counts alone where the first reports nothing at all.
    pub second: Option<SourceName>,
    /// What happens when both report a place and disagree.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Headers that a trusted proxy overwrites with the client's place.
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

/// Which source counts where two disagree.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Neither: refused with `place_conflict`.
    #[default]
    Deny,
    /// The first counts.
    First,
    /// The second counts.
    Second,
}

/// Headers that hold a place.
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
    /// A trusted proxy's headers, each `true`/`1` or `false`/`0`, and the kind that each one reports:
    /// `{"x-geo-vpn": "vpn"}`.
    pub headers: SortedMap<String, String>,
    /// Kinds refused per class; a class that is not named and needs a licence refuses every kind.
    #[serde(default)]
    pub refuse: SortedMap<EndpointClass, Vec<String>>,
}
