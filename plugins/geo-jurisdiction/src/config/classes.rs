//! What a class needs of the place.

use policy_kit::{EndpointClass, Location, SortedMap};
use serde::Deserialize;

/// Whether a class needs a licence.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// It passes from anywhere.
    Pass,
    /// It passes only from a known place where the brand is licensed.
    Licensed,
}

impl Treatment {
    /// The treatment of `class`: the operator's `classes`, else the catalogue's default.
    pub(crate) fn of(classes: &SortedMap<EndpointClass, Self>, class: EndpointClass) -> Self {
        let default = match class.defaults().location {
            Location::Fresh | Location::Configurable => Self::Licensed,
            Location::NotNeeded | Location::Never => Self::Pass,
        };
        classes.get(&class).copied().unwrap_or(default)
    }
}

/// What happens to a class that needs a licence where the place is unknown.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// Refused with `jurisdiction_unknown`.
    Refuse,
    /// Passes.
    Pass,
}
