//! What a decision leaves behind: counters, facts, headers for the upstream, the reply to the client.

use std::rc::Rc;

use policy_kit::{
    facts, Denial, Details, Effect, EndpointClass, Fault, Headers, Host, MapKind, Match, Mode,
    Reply, Step, SECOND,
};

use crate::denials::{as_sent, CAPACITY, UNTIL_MENDED};
use crate::filter::facts::caller;
use crate::filter::state::PriorityFilter;
use crate::names::{urgency, CLASS_HEADER, PRIORITY_HEADER};
use crate::policy::compile::Policy;
use crate::queue::admission::Shed;

/// Problem type of draft-ietf-httpapi-ratelimit-headers for a server that has less capacity than usual.
const REDUCED: &str = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";

impl PriorityFilter {
    /// Sets the headers for the upstream and for the gateway's routes. In the header phase: later Envoy writes none.
    pub(super) fn set_headers(
        &self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
    ) -> Result<(), Fault> {
        let mut set = |name, value: &str| host.set_header(MapKind::Request, name, value.as_bytes());
        set(CLASS_HEADER, endpoint.class.as_str())?;
        // It cannot be changed once the body is known, and what may be owed must get through.
        let may_settle = endpoint.may_settle();
        let most = if may_settle { EndpointClass::Settlement } else { endpoint.class };
        set(PRIORITY_HEADER, urgency(most))?;
        if !policy.descriptors.is_empty() {
            let caller = caller(&self.case, Headers::kept(&self.headers), None);
            for (header, value) in policy.descriptors.values(endpoint, &caller) {
                set(header, &value)?;
            }
        }
        Ok(())
    }

    /// Notes a refusal that is only watched: the request goes on, and is reported once, by the first of them.
    pub(super) fn watch(&mut self, denial: Denial, rule: String) {
        self.shadowed.get_or_insert((denial, rule));
    }

    /// The request goes on.
    pub(super) fn allow(
        &mut self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        rule: &str,
    ) -> Result<Step, Fault> {
        let (effect, rule) = match &self.shadowed {
            Some((denial, rule)) => (Effect::Shadow(*denial), rule.as_str()),
            None => (Effect::Allow, rule),
        };
        let recorder = &self.policy.recorder;
        recorder.count(host, endpoint.class, effect);
        host.publish(facts::CLASS, endpoint.class.as_str())?;
        recorder.publish(host, effect, &["rule=", rule].concat())?;
        (self.headers, self.went_on) = (None, true);
        Ok(Step::Continue)
    }

    /// The request is refused before it is checked for anything else, unless the plugin only watches.
    pub(super) fn deny_first(
        &mut self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        denial: Denial,
        rule: &str,
    ) -> Result<Step, Fault> {
        match self.deny(host, endpoint, denial, rule)? {
            Step::Continue => self.allow(host, endpoint, rule),
            step => Ok(step),
        }
    }

    /// The request is refused; `Continue`, and not reported yet, where the plugin only watches.
    pub(super) fn deny(
        &mut self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        denial: Denial,
        rule: &str,
    ) -> Result<Step, Fault> {
        self.refuse(host, endpoint, denial, rule, |details| details)
    }

    /// The request is shed, and may come again in a while.
    pub(super) fn shed(
        &mut self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        shed: Shed,
        rule: &str,
    ) -> Result<Step, Fault> {
        // A request that is refused does not count.
        let receipt = std::mem::take(&mut self.receipt);
        let mut worker = self.worker()?;
        worker.limits.give_back(host, &receipt);
        worker.shed(&self.policy);
        drop(worker);
        let rule = [rule, " why=", shed.reason.as_str()].concat();
        let step = self.refuse(host, endpoint, CAPACITY, &rule, |details| Details {
            kind: Some(REDUCED),
            ..details
        })?;
        Ok(with_retry(step, shed.retry_ns.div_ceil(SECOND)))
    }

    /// Refuses with a problem document that `more` completes; `Continue` where the plugin only watches.
    pub(super) fn refuse(
        &mut self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        denial: Denial,
        rule: &str,
        more: impl FnOnce(Details) -> Details,
    ) -> Result<Step, Fault> {
        if self.policy.mode == Mode::Shadow {
            self.watch(denial, rule.to_owned());
            return Ok(Step::Continue);
        }
        let recorder = &self.policy.recorder;
        let effect = Effect::Deny(denial);
        recorder.count(host, endpoint.class, effect);
        host.publish(facts::CLASS, endpoint.class.as_str())?;
        recorder.publish(host, effect, &["rule=", rule].concat())?;
        let details = more(Details::read(Headers::kept(&self.headers)));
        Ok(Step::Deny(self.reply(endpoint, denial, &details)))
    }

    pub(super) fn reply(&self, endpoint: &Match<'_>, denial: Denial, details: &Details) -> Reply {
        let sent = as_sent(denial, endpoint.may_settle());
        let reply = self.policy.envelopes.reply(endpoint.envelope, sent, details);
        match sent == denial {
            true => reply,
            // In an envelope, too, whose own status may differ.
            false => reply.with_header("retry-after", UNTIL_MENDED.to_string()),
        }
    }

    /// The gateway failed a host call, so nothing is decided. Settlements and safer gambling pass: their money is
    /// owed, and a player's protection must not depend on a limit. What moves money is refused, and may come again.
    pub(super) fn failed(&mut self, host: &mut dyn Host, fault: Fault) -> Step {
        let denial = Denial::POLICY_UNAVAILABLE;
        let policy = Rc::clone(&self.policy);
        let endpoint = policy.endpoint(&self.case);
        let forward = policy.passes_unchecked(&endpoint);
        self.abandon(host, forward);
        let effect = if forward { Effect::Forward(denial) } else { Effect::Deny(denial) };
        self.policy.recorder.fault(host, fault, endpoint.class.as_str(), effect, "");
        if forward {
            self.went_on = true;
            return Step::Continue;
        }
        let details = Details::read(Headers::kept(&self.headers));
        Step::Deny(retry_in(self.reply(&endpoint, denial, &details), 1))
    }
}

/// The same step; a refusal with this `Retry-After`, in seconds.
pub(super) fn with_retry(step: Step, seconds: u64) -> Step {
    match step {
        Step::Deny(reply) => Step::Deny(retry_in(reply, seconds)),
        step => step,
    }
}

/// The same refusal with this `Retry-After`, in seconds.
pub(super) fn retry_in(mut reply: Reply, seconds: u64) -> Reply {
    reply.headers.retain(|(name, _)| name != "retry-after");
    reply.with_header("retry-after", seconds.max(1).to_string())
}
