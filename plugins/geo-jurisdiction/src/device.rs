//! Where the player's device is: which calls need to know, and what the answer means for the place by
//! address.

use std::rc::Rc;

use policy_kit::{CallerKind, EndpointClass, Match, Place, Relation, Unclassified};

use crate::config::Treatment;
use crate::denials::{CONFLICT, REQUIRED, STALE, UNKNOWN, UNLICENSED};
use crate::licence::anywhere;
use crate::location::check::SECOND;
use crate::location::config::OnDown;
use crate::location::judge::{Circumstances, Finding, Wanting};
use crate::location::Location;
use crate::policy::{treatment, Case, Policy, BLOCKED_IN_PART};
use crate::ruling::{Ruling, Told};

impl Policy {
    /// Whether a call to `endpoint`, or one that it may turn out to be, needs a location token.
    pub fn asks(&self, endpoint: &Match<'_>, case: &Case) -> bool {
        let open = endpoint.needs_body() && self.unclassified == Unclassified::Forward;
        let unknown = open.then_some(EndpointClass::Unclassified);
        let mut classes = endpoint.candidates().chain(unknown);
        classes.any(|class| self.locator(endpoint, class, case).is_some())
    }

    /// Who is asked about the location of a call of `class`; nobody where it needs none. A partner's
    /// server brings no player's token: where the player was is asked when the game is launched. That
    /// an endpoint is for partners does not make every caller one.
    pub(crate) fn locator(
        &self,
        endpoint: &Match<'_>,
        class: EndpointClass,
        case: &Case,
    ) -> Option<&Location> {
        let licensed = treatment(&self.treatments, class) == Treatment::Licensed;
        let refused =
            class == EndpointClass::Unclassified && self.unclassified == Unclassified::Refuse;
        let player = endpoint.caller == CallerKind::Player || !case.partner;
        self.location.as_ref().filter(|l| player && licensed && !refused && l.needed(class))
    }

    /// What the location token of a call to `endpoint` tells, where it may go on.
    pub(crate) fn locate(
        &self,
        location: &Location,
        endpoint: &Match<'_>,
        case: &Case,
    ) -> Result<Told, Box<Ruling>> {
        let at = Circumstances {
            player: case.player.as_deref(),
            session: case.session.as_deref(),
            brand: case.brand.as_deref(),
            client: case.client,
            place: case.located.place.as_ref(),
            now: case.now / SECOND,
        };
        let (fix, age) = match location.judge(&case.location, &at) {
            Finding::Fresh(fix, age) => (fix, age),
            Finding::Wanting(it) if it.down && location.on_down(endpoint.class) == OnDown::Pass => {
                return Ok(Told::Unavailable);
            }
            Finding::Wanting(wanting) => {
                if let Some(ruling) = self.forbidden(endpoint, case, &wanting) {
                    return Err(Box::new(ruling));
                }
                let recheck = location.recheck.as_deref();
                return Err(Box::new(Ruling::wanting(wanting, recheck)));
            }
        };
        let detected = fix.place.as_ref();
        // Within one country the device may be elsewhere than its address. A territory is within its.
        let here = |place: &Place| {
            let same = |it: &Place| it.same_country(place) || it.finer(place).is_some();
            detected.is_some_and(same)
        };
        // A second source that knows is heard also where the first knows no place.
        let mut by_address = case.located.place.iter().chain(&case.located.other);
        let elsewhere = by_address.any(|place| !here(place));
        let blocked = self.blocked.of(&case.located, detected);
        let told = Told::Fresh(Rc::clone(&fix), age);
        match blocked {
            Relation::Outside => {}
            Relation::MayBe => {
                return Err(Box::new(Ruling::doubt("blocked", BLOCKED_IN_PART).with(told)));
            }
            Relation::Inside => {
                return Err(Box::new(Ruling::refuse(UNLICENSED, "blocked").with(told)));
            }
        }
        // Where the operator has said which source counts, the device is believed before them all.
        if elsewhere && self.sources.refuses_conflicts() {
            return Err(Box::new(Ruling::refuse(CONFLICT, "place.on_conflict").with(told)));
        }
        Ok(told)
    }

    /// The refusal by law of a call for which no location counts, where no better check would help: the
    /// check itself found a place without a licence, or the address is in a country without one and
    /// nothing may contradict it.
    fn forbidden(&self, endpoint: &Match<'_>, case: &Case, wanting: &Wanting) -> Option<Ruling> {
        let fix = wanting.fix.as_ref();
        let detected = fix.filter(|_| wanting.telling).and_then(|fix| fix.place.as_ref());
        let ruling = match detected {
            Some(place) if self.blocked.relation(place) == Relation::Inside => {
                Ruling::refuse(UNLICENSED, "blocked")
            }
            Some(place) => self.licensed(endpoint, case, Some(place)),
            None => {
                let mends = wanting.telling || [REQUIRED, STALE].contains(&wanting.denial);
                let place = case.located.place.as_ref().filter(|_| mends);
                let place = place.filter(|_| self.sources.refuses_conflicts())?;
                if anywhere(&self.licences, &Self::call(endpoint, case), place) {
                    return None;
                }
                self.licensed(endpoint, case, Some(place))
            }
        };
        let told = fix.map_or(Told::Nothing, |fix| Told::Detected(Rc::clone(fix)));
        // What is only in doubt a better check would mend.
        ruling.refusal.filter(|denial| *denial != UNKNOWN).map(|_| ruling.with(told))
    }
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
