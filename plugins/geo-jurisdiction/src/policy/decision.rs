//! A decision and the rule behind it.

use std::rc::Rc;

use policy_kit::{Denial, Place};
use serde_json::Value;

use crate::denials::UNKNOWN;
use crate::location::claims::LocationClaims;
use crate::location::evaluate::LocationRefusal;

/// Why a place is not known well enough: a part of it is blocked.
pub(crate) const BLOCKED_IN_PART: &str = "blocked_in_part";
/// Likewise: only a part of it is licensed.
pub(crate) const LICENSED_IN_PART: &str = "licensed_in_part";

/// Whether a request may pass, and the rule that decided it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Why it may not pass; `None` if it may.
    pub denial: Option<Denial>,
    /// The rule, for evidence: `licences[2]`, `class`, `blocked`, `anonymous:vpn`, ...
    pub rule: String,
    /// The doubt about the place, where that is the reason.
    pub why: Option<&'static str>,
    /// Whether a partner sent it, whose server's place is not the player's.
    pub partner: bool,
    /// The device's location, where the class needs one.
    pub device: DeviceLocation,
    /// `Retry-After`, in seconds.
    pub retry: Option<u64>,
    /// Further members of the problem document.
    pub members: Vec<(&'static str, Value)>,
}

/// The location of the player's device, as the location token reports it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum DeviceLocation {
    /// There is none, or none was needed.
    #[default]
    Unknown,
    /// It counts, and is so many seconds old.
    Fresh(Rc<LocationClaims>, u64),
    /// It is genuine, and does not count.
    Detected(Rc<LocationClaims>),
    /// The provider is down, and the class passes without.
    Unavailable,
}

impl Decision {
    /// The request may pass by `rule`.
    pub fn allow(rule: impl Into<String>) -> Self {
        Self { rule: rule.into(), ..Self::default() }
    }

    /// The request may not pass by `rule`.
    pub fn deny(denial: Denial, rule: impl Into<String>) -> Self {
        Self { denial: Some(denial), ..Self::allow(rule) }
    }

    /// The request may not pass by `rule`, because its place is not known well enough.
    pub fn in_doubt(rule: impl Into<String>, why: &'static str) -> Self {
        Self { why: Some(why), ..Self::deny(UNKNOWN, rule) }
    }

    /// The request may not pass because no location counts; a client may have it checked at `recheck`.
    pub fn without_location(refusal: LocationRefusal, recheck: Option<&str>) -> Self {
        let mut members = Vec::new();
        if let Some(seconds) = refusal.max_age {
            members.push(("max_age", seconds.into()));
        }
        // A new check changes what a check reported, not what the gateway could not find out.
        if let Some(recheck) = recheck.filter(|_| refusal.retry.is_none()) {
            members.push(("recheck", recheck.into()));
        }
        if !refusal.reasons.is_empty() {
            members.push(("reasons", refusal.reasons.into()));
        }
        let device = refusal.claims.map_or(DeviceLocation::Unknown, DeviceLocation::Detected);
        let retry = refusal.retry;
        Self { device, retry, members, ..Self::deny(refusal.denial, refusal.rule) }
    }

    /// The same decision, with the device's location.
    pub fn with_device(self, device: DeviceLocation) -> Self {
        Self { device, ..self }
    }
}

impl DeviceLocation {
    /// The device's place, where it counts before the place by address.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Fresh(claims, _) => claims.place.as_ref(),
            _ => None,
        }
    }

    /// The location as part of the evidence (GLI-19 v3.0 2.7.4(a)(ii)).
    pub fn evidence(&self) -> String {
        let id = |claims: &LocationClaims| claims.id.clone().unwrap_or_else(|| "-".to_owned());
        match self {
            Self::Unknown => String::new(),
            Self::Unavailable => " location=unavailable".to_owned(),
            Self::Fresh(claims, age) => format!(" location={} age={age}", id(claims)),
            Self::Detected(claims) => {
                let place = claims.place.as_ref().map_or("unknown", Place::as_str);
                format!(" location={} detected={place}", id(claims))
            }
        }
    }
}
