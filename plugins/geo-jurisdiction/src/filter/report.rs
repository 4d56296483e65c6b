//! What a decision leaves behind: counters, facts, headers for the upstream, the reply to the client.

use policy_kit::{
    facts, Denial, Details, Effect, Fault, Headers, Host, MapKind, Match, Mode, Place, Reply, Step,
};

use crate::config::document::OnError;
use crate::denials::{as_sent, PRODUCT_UNLICENSED, UNLICENSED, UNTIL_MENDED};
use crate::filter::request::GeoFilter;
use crate::names::{CLASS_HEADER, JURISDICTION_HEADER, LOCATION_AGE_HEADER, LOCATION_ID_HEADER};
use crate::policy::decision::{Decision, DeviceLocation};

impl GeoFilter {
    /// Reports the decision, and returns the step that enforces it.
    pub(super) fn apply(
        &self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        decision: &Decision,
    ) -> Result<Step, Fault> {
        let effect = match (decision.denial, self.policy.mode) {
            (None, _) => Effect::Allow,
            (Some(denial), Mode::Enforce) => Effect::Deny(denial),
            (Some(denial), Mode::Shadow) => Effect::Shadow(denial),
        };
        let recorder = &self.policy.recorder;
        recorder.count(host, endpoint.class, effect);
        host.publish(facts::CLASS, endpoint.class.as_str())?;
        if let Some(brand) = &self.case.brand {
            host.publish(facts::BRAND, brand)?;
        }
        host.publish(facts::JURISDICTION, self.place(decision).unwrap_or("unknown"))?;
        if let DeviceLocation::Fresh(_, age) = &decision.device {
            host.publish(facts::LOCATION_AGE, &age.to_string())?;
        }
        recorder.publish(host, effect, &self.evidence(decision))?;
        match effect {
            Effect::Deny(denial) => Ok(Step::Deny(self.reply(denial, endpoint, decision))),
            _ => Ok(Step::Continue),
        }
    }

    /// The place that counts: the device's where it is proven, else the place by address; none for a partner,
    /// whose server is not the player.
    fn place<'a>(&'a self, decision: &'a Decision) -> Option<&'a str> {
        let by_address = self.case.located.place.as_ref().filter(|_| !decision.partner);
        decision.device.place().or(by_address).map(Place::as_str)
    }

    /// What a regulator asks about a decision: the place, its source, the rule, and the version of the document.
    fn evidence(&self, decision: &Decision) -> String {
        let located = &self.case.located;
        let device = decision.device.place();
        let place = device.or(located.place.as_ref()).map_or("unknown", Place::as_str);
        let (source, other) = match device {
            Some(_) => ("location", located.place.as_ref().or(located.other.as_ref())),
            None => (located.source, located.other.as_ref()),
        };
        let other = other.map(|p| format!(" other={}", p.as_str())).unwrap_or_default();
        let why = match decision.why {
            Some(why) => format!(" why={why}"),
            None if device.is_some() => String::new(),
            None => located.evidence(),
        };
        let (rule, device) = (&decision.rule, decision.device.evidence());
        let version = &self.policy.version;
        format!("place={place}{other} source={source} rule={rule}{why}{device} version={version}")
    }

    /// Sets the headers for the upstream.
    pub(super) fn set_headers(
        &self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        decision: &Decision,
    ) -> Result<(), Fault> {
        let mut set = |name, value: &str| host.set_header(MapKind::Request, name, value.as_bytes());
        set(CLASS_HEADER, endpoint.class.as_str())?;
        if let Some(place) = self.place(decision) {
            set(JURISDICTION_HEADER, place)?;
        }
        if let DeviceLocation::Fresh(claims, age) = &decision.device {
            set(LOCATION_AGE_HEADER, &age.to_string())?;
            if let Some(id) = &claims.id {
                set(LOCATION_ID_HEADER, id)?;
            }
        }
        Ok(())
    }

    fn reply(&self, denial: Denial, endpoint: &Match<'_>, decision: &Decision) -> Reply {
        let headers = Headers::kept(&self.headers);
        let details = Details { members: decision.members.clone(), ..Details::read(headers) };
        let sent = as_sent(denial, endpoint.may_settle());
        let reply = self.policy.envelopes.reply(endpoint.envelope, sent, &details);
        let unlicensed = denial == UNLICENSED || denial == PRODUCT_UNLICENSED;
        if unlicensed && reply.status == denial.status {
            let link = format!("<{}>; rel=\"blocked-by\"", self.policy.blocked_by);
            return reply.with_header("link", link);
        }
        // In an envelope, too, whose own status may differ.
        match decision.retry.or((sent != denial).then_some(UNTIL_MENDED)) {
            Some(seconds) => reply.with_header("retry-after", seconds.max(1).to_string()),
            None => reply,
        }
    }

    /// The gateway failed a host call, so nothing is decided.
    pub(super) fn failed(&self, host: &mut dyn Host, fault: Fault) -> Step {
        let denial = Denial::POLICY_UNAVAILABLE;
        // In shadow mode nothing is refused, whatever fails.
        let forward = self.policy.on_error == OnError::Forward || self.policy.mode == Mode::Shadow;
        let effect = if forward { Effect::Forward(denial) } else { Effect::Deny(denial) };
        self.policy.recorder.fault(host, fault, "unknown", effect, "");
        if forward {
            return Step::Continue;
        }
        let endpoint = self.policy.endpoint(&self.case);
        Step::Deny(self.reply(denial, &endpoint, &Decision::default()))
    }
}
