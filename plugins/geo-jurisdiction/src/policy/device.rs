//! The device's location: which requests need it, and what it means beside the place by address.

use std::rc::Rc;

use policy_kit::{CallerKind, EndpointClass, Match, Place, Relation, Unclassified, SECOND};

use crate::config::classes::Treatment;
use crate::config::location::OnDown;
use crate::denials::{CONFLICT, REQUIRED, STALE, UNKNOWN, UNLICENSED};
use crate::location::evaluate::{LocationCheck, LocationContext, LocationRefusal};
use crate::location::rules::LocationRules;
use crate::policy::case::Case;
use crate::policy::compile::Policy;
use crate::policy::decision::{Decision, DeviceLocation, BLOCKED_IN_PART};
use crate::policy::licence::is_licensed_in_country;

impl Policy {
    /// Whether a request to `endpoint`, of any class that it may turn out to have, needs a location token.
    pub fn needs_location(&self, endpoint: &Match<'_>, case: &Case) -> bool {
        let open = endpoint.needs_body() && self.unclassified == Unclassified::Forward;
        let unclassified = open.then_some(EndpointClass::Unclassified);
        let mut classes = endpoint.candidates().chain(unclassified);
        classes.any(|class| self.location_rules(endpoint, class, case).is_some())
    }

    /// The rules for the location of a request of `class`; `None` where it needs no location. A partner's server
    /// has no player's device: the player's location is checked when the game is launched. That an endpoint is
    /// for partners does not make every caller one.
    pub(super) fn location_rules(
        &self,
        endpoint: &Match<'_>,
        class: EndpointClass,
        case: &Case,
    ) -> Option<&LocationRules> {
        let licensed = Treatment::of(&self.treatments, class) == Treatment::Licensed;
        let refused =
            class == EndpointClass::Unclassified && self.unclassified == Unclassified::Refuse;
        let player = endpoint.caller == CallerKind::Player || !case.partner;
        self.location.as_ref().filter(|l| player && licensed && !refused && l.is_needed(class))
    }

    /// The device's location for a request to `endpoint`.
    ///
    /// # Errors
    /// The request may not pass.
    pub(super) fn device_location(
        &self,
        rules: &LocationRules,
        endpoint: &Match<'_>,
        case: &Case,
    ) -> Result<DeviceLocation, Box<Decision>> {
        let context = LocationContext {
            player: case.player.as_deref(),
            session: case.session.as_deref(),
            brand: case.brand.as_deref(),
            client: case.client,
            place: case.located.place.as_ref(),
            now: case.now / SECOND,
        };
        let (claims, age) = match rules.evaluate(&case.location, &context) {
            LocationCheck::Fresh(claims, age) => (claims, age),
            LocationCheck::Refused(it)
                if it.down && rules.on_down(endpoint.class) == OnDown::Pass =>
            {
                return Ok(DeviceLocation::Unavailable);
            }
            LocationCheck::Refused(refusal) => {
                if let Some(decision) = self.deny_by_law(endpoint, case, &refusal) {
                    return Err(Box::new(decision));
                }
                let recheck = rules.recheck.as_deref();
                return Err(Box::new(Decision::without_location(refusal, recheck)));
            }
        };
        let detected = claims.place.as_ref();
        // Within one country the device may be elsewhere than its address. A territory lies within its country.
        let agrees = |place: &Place| {
            let same = |it: &Place| it.same_country(place) || it.finer(place).is_some();
            detected.is_some_and(same)
        };
        // A second source counts here also where the first reports no place.
        let mut by_address = case.located.place.iter().chain(&case.located.other);
        let elsewhere = by_address.any(|place| !agrees(place));
        let blocked = self.blocked.of(&case.located, detected);
        let device = DeviceLocation::Fresh(Rc::clone(&claims), age);
        let denied = match blocked {
            Relation::MayBe => Decision::in_doubt("blocked", BLOCKED_IN_PART),
            Relation::Inside => Decision::deny(UNLICENSED, "blocked"),
            // Where the operator names the source that counts, the device counts before them both.
            Relation::Outside if elsewhere && self.sources.refuses_conflicts() => {
                Decision::deny(CONFLICT, "place.on_conflict")
            }
            Relation::Outside => return Ok(device),
        };
        Err(Box::new(denied.with_device(device)))
    }

    /// The refusal by law of a request for which no location counts, where no better check would help: the
    /// check itself reported a place without a licence, or the address is in a country without one and
    /// nothing may contradict it.
    fn deny_by_law(
        &self,
        endpoint: &Match<'_>,
        case: &Case,
        refusal: &LocationRefusal,
    ) -> Option<Decision> {
        let claims = refusal.claims.as_ref();
        let detected =
            claims.filter(|_| refusal.of_player).and_then(|claims| claims.place.as_ref());
        let decision = match detected {
            Some(place) if self.blocked.relation(place) == Relation::Inside => {
                Decision::deny(UNLICENSED, "blocked")
            }
            Some(place) => self.decide_licensed(endpoint, case, Some(place)),
            None => {
                let mends = refusal.of_player || [REQUIRED, STALE].contains(&refusal.denial);
                let place = case.located.place.as_ref().filter(|_| mends);
                let place = place.filter(|_| self.sources.refuses_conflicts())?;
                let query = Self::licence_query(endpoint, case);
                if is_licensed_in_country(&self.licences, &query, place) {
                    return None;
                }
                self.decide_licensed(endpoint, case, Some(place))
            }
        };
        let device =
            claims.map_or(DeviceLocation::Unknown, |it| DeviceLocation::Detected(Rc::clone(it)));
        // A better check may clear a doubt.
        decision.denial.filter(|denial| *denial != UNKNOWN).map(|_| decision.with_device(device))
    }
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
