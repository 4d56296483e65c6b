//! The decision: rule after rule, in the order of the crate's documentation.

use policy_kit::{
    CallerKind, Denial, EndpointClass, Location, Match, Place, Relation, Unclassified,
};

use crate::config::classes::{OnUnknown, Treatment};
use crate::denials::{ANONYMOUS, CONFLICT, PRODUCT_UNLICENSED, UNKNOWN, UNLICENSED};
use crate::policy::case::Case;
use crate::policy::compile::Policy;
use crate::policy::decision::{Decision, DeviceLocation, BLOCKED_IN_PART, LICENSED_IN_PART};
use crate::policy::licence::{lookup, lookup_anywhere, LicenceMatch, LicenceQuery};

impl Policy {
    /// Decides a request to `endpoint`.
    pub fn decide(&self, endpoint: &Match<'_>, case: &Case) -> Decision {
        let class = endpoint.class;
        if class == EndpointClass::Unclassified && self.unclassified == Unclassified::Refuse {
            return Decision::deny(Denial::UNCLASSIFIED, "unclassified");
        }
        if class.defaults().location == Location::Never {
            return Decision::allow("class");
        }
        if is_partner_request(endpoint, class, case) {
            return Decision { partner: true, ..self.decide_partner(endpoint, case) };
        }
        let blocked = self.blocked.of(&case.located, None);
        if blocked == Relation::Inside {
            return Decision::deny(UNLICENSED, "blocked");
        }
        let rules = self.location_rules(endpoint, class, case);
        // The device's location may clear the doubt.
        if blocked == Relation::MayBe && rules.is_none() {
            return Decision::in_doubt("blocked", BLOCKED_IN_PART);
        }
        let licensed = Treatment::of(&self.treatments, class) == Treatment::Licensed;
        let hidden = case.anonymous.iter().find(|k| self.anonymous.refuses(class, k, licensed));
        if let Some(kind) = hidden {
            return Decision::deny(ANONYMOUS, format!("anonymous:{kind}"));
        }
        if !licensed {
            return Decision::allow("class");
        }
        if case.located.conflict {
            return Decision::deny(CONFLICT, "place.on_conflict");
        }
        // A client that hides its place may forge a device's location as well.
        if case.located.hidden && !self.passes_unknown(class) {
            return Decision::deny(UNKNOWN, "on_unknown");
        }
        let device = match rules.map(|rules| self.device_location(rules, endpoint, case)) {
            None => DeviceLocation::Unknown,
            Some(Ok(device)) => device,
            Some(Err(decision)) => return *decision,
        };
        self.decide_licensed(endpoint, case, device.place().or(case.located.place.as_ref()))
            .with_device(device.clone())
    }

    fn passes_unknown(&self, class: EndpointClass) -> bool {
        self.on_unknown.get(&class) == Some(&OnUnknown::Pass)
    }

    /// A request to `endpoint`, to look up in the licences.
    pub(super) fn licence_query<'a>(endpoint: &Match<'a>, case: &'a Case) -> LicenceQuery<'a> {
        let (class, product) = (endpoint.class, endpoint.product);
        LicenceQuery { brand: case.brand.as_deref(), class, product, now: case.now }
    }

    /// Decides a request from `place` by the licences.
    pub(super) fn decide_licensed(
        &self,
        endpoint: &Match<'_>,
        case: &Case,
        place: Option<&Place>,
    ) -> Decision {
        let Some(place) = place else {
            return match self.passes_unknown(endpoint.class) {
                true => Decision::allow("on_unknown"),
                false => Decision::deny(UNKNOWN, "on_unknown"),
            };
        };
        if case.brand.is_none() {
            // A host of no known brand holds no licence anywhere.
            return Decision::deny(UNLICENSED, "brands");
        }
        match lookup(&self.licences, &Self::licence_query(endpoint, case), place) {
            LicenceMatch::Covered(i) => Decision::allow(format!("licences[{i}]")),
            LicenceMatch::InPart => Decision::in_doubt("licences", LICENSED_IN_PART),
            LicenceMatch::OtherProduct => Decision::deny(PRODUCT_UNLICENSED, "licences"),
            LicenceMatch::Uncovered => Decision::deny(UNLICENSED, "licences"),
        }
    }

    /// Decides a partner's request: the place of its server is not the player's, so any licence of the brand
    /// counts, wherever it holds.
    fn decide_partner(&self, endpoint: &Match<'_>, case: &Case) -> Decision {
        if Treatment::of(&self.treatments, endpoint.class) == Treatment::Pass {
            return Decision::allow("class");
        }
        if case.brand.is_none() {
            return Decision::deny(UNLICENSED, "brands");
        }
        match lookup_anywhere(&self.licences, &Self::licence_query(endpoint, case)) {
            LicenceMatch::Covered(_) => Decision::allow("partner"),
            LicenceMatch::OtherProduct => Decision::deny(PRODUCT_UNLICENSED, "licences"),
            LicenceMatch::Uncovered | LicenceMatch::InPart => {
                Decision::deny(UNLICENSED, "licences")
            }
        }
    }
}

/// Whether a partner sends the request, so that the place of its server does not matter. At a launch the
/// player's own place is checked, and an unclassified request may be one.
fn is_partner_request(endpoint: &Match<'_>, class: EndpointClass, case: &Case) -> bool {
    let located = matches!(class, EndpointClass::Launch | EndpointClass::Unclassified);
    endpoint.caller == CallerKind::Partner && case.partner && !located
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "doubt_tests.rs"]
mod doubt_tests;
