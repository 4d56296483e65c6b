//! Applies a decision: counters, facts, and the reply to a denied request.

use policy_kit::{facts, Denial, Details, Effect, Fault, Headers, Host, Match, Reply, Step};

use super::auth::AuthFilter;
use crate::policy::decide::Decision;

impl AuthFilter {
    pub(super) fn apply(
        &self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        decision: &Decision,
    ) -> Result<Step, Fault> {
        let class = endpoint.class.as_str();
        let effect = decision.denial.map_or(Effect::Allow, Effect::Deny);
        self.policy.recorder.count(host, endpoint.class, effect);
        let partners = self.policy.partners.as_ref();
        self.partner.count(partners, effect.code().unwrap_or(effect.word()), host);
        host.publish(facts::CLASS, class)?;
        self.partner.publish(partners, host)?;
        if let Some(identity) = self.identity() {
            host.publish(facts::PLAYER, &identity.player)?;
            host.publish(facts::BRAND, &identity.brand)?;
            if let Some(session) = &identity.session {
                host.publish(facts::SESSION, session)?;
            }
            if let Some(kyc) = &identity.kyc {
                host.publish(facts::KYC, kyc)?;
            }
            if let Some(states) = &self.states {
                host.publish(facts::STATE, states)?;
            }
        } else if let Some(brand) = &self.facts.brand {
            host.publish(facts::BRAND, brand)?;
        }
        self.policy.recorder.publish(host, effect, decision.evidence)?;
        match decision.denial {
            Some(denial) => Ok(Step::Deny(self.reply(denial, endpoint, decision))),
            None => Ok(Step::Continue),
        }
    }

    fn reply(&self, denial: Denial, endpoint: &Match<'_>, decision: &Decision) -> Reply {
        let mut endpoint = *endpoint;
        let of_partner = || self.partner.envelope(self.policy.partners.as_ref());
        endpoint.envelope = endpoint.envelope.or_else(of_partner);
        let details = Details::read(Headers::kept(&self.headers));
        self.policy.reply(&endpoint, decision, denial, &details)
    }

    /// Denies a request after a failed host call: nothing could be decided.
    pub(super) fn fail(&self, host: &mut dyn Host, fault: Fault) -> Step {
        let denial = Denial::POLICY_UNAVAILABLE;
        self.policy.recorder.fault(host, fault, "unknown", Effect::Deny(denial), "");
        let endpoint = self.policy.endpoint(&self.facts);
        Step::Deny(self.reply(denial, &endpoint, &Decision::default()))
    }
}
