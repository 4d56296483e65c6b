//! Local replies: how refusals are recorded, and in which form each recipient gets them.

use policy_kit::{Denial, Details, Effect, EndpointClass, Fault, Host, Match, Reply, Step};
use serde_json::Value;

use crate::config::rule::OnStoreError;
use crate::denials::{
    for_recipient, ANSWER_UNAVAILABLE, DUPLICATE_BET, IN_PROGRESS, KEY_REUSED, OUTCOME_UNKNOWN,
    QUOTA, UNAVAILABLE, UNTIL_MENDED,
};
use crate::filter::state::{IdempotencyFilter, KeyedRequest, Stage};
use crate::names::SECOND;

/// Who gets a refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipient<'a> {
    /// The name of the envelope in which refusals are sent.
    pub(crate) envelope: Option<&'a str>,
    pub(crate) class: EndpointClass,
    /// Whether it is a proven partner.
    pub(crate) is_partner: bool,
}

impl<'a> Recipient<'a> {
    /// The caller of a request whose key is not known yet. A request that may be a settlement is refused as
    /// one.
    pub(crate) fn before_key(endpoint: &Match<'a>) -> Self {
        let class = if endpoint.may_settle() { EndpointClass::Settlement } else { endpoint.class };
        Self { envelope: endpoint.envelope, class, is_partner: false }
    }
}

impl IdempotencyFilter {
    /// Counts a decision and publishes it with its evidence.
    pub(crate) fn record_decision(
        &self,
        host: &mut dyn Host,
        class: EndpointClass,
        effect: Effect,
        evidence: &str,
    ) -> Result<(), Fault> {
        self.worker.recorder.count(host, class, effect);
        self.worker.recorder.publish(host, effect, evidence)
    }

    /// Refuses a request before its key is looked up, with the rule and the cause for the record.
    pub(crate) fn refuse(
        &mut self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        denial: Denial,
        (rule, why): (&str, &str),
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        let evidence = format!("rule={rule} why={why}{}", self.worker.evidence_end);
        self.record_decision(host, endpoint.class, Effect::Deny(denial), &evidence)?;
        let recipient = Recipient::before_key(endpoint);
        Ok(Step::Deny(self.reply(recipient, denial, UNTIL_MENDED, Vec::new())))
    }

    /// Refuses a request because of the state of its key.
    pub(crate) fn deny(
        &mut self,
        host: &mut dyn Host,
        keyed: &KeyedRequest,
        denial: Denial,
        evidence: &str,
        members: Vec<(&'static str, Value)>,
    ) -> Result<Step, Fault> {
        // Before the deadline it is too early to report that nothing was done.
        let pause = if denial == OUTCOME_UNKNOWN { keyed.rule.lease } else { 0 };
        self.deny_for(host, keyed, denial, evidence, pause, members)
    }

    /// The same, where another request may be allowed after `pause` nanoseconds.
    pub(crate) fn deny_for(
        &mut self,
        host: &mut dyn Host,
        keyed: &KeyedRequest,
        denial: Denial,
        evidence: &str,
        pause: u64,
        members: Vec<(&'static str, Value)>,
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        self.record_decision(host, keyed.class, Effect::Deny(denial), evidence)?;
        let (envelope, is_partner) = (keyed.envelope.as_deref(), keyed.caller.is_partner);
        let recipient = Recipient { envelope, class: keyed.class, is_partner };
        let seconds = pause.div_ceil(SECOND).max(1);
        Ok(Step::Deny(self.reply(recipient, denial, seconds, members)))
    }

    /// The rule's fallback while the store is unavailable.
    pub(crate) fn fall_back(
        &mut self,
        host: &mut dyn Host,
        keyed: &KeyedRequest,
        evidence: &str,
    ) -> Result<Step, Fault> {
        match keyed.rule.on_store_error {
            OnStoreError::Refuse => self.deny(host, keyed, UNAVAILABLE, evidence, Vec::new()),
            OnStoreError::Forward => {
                self.stage = Stage::Over;
                let effect = Effect::Forward(UNAVAILABLE);
                self.record_decision(host, keyed.class, effect, evidence)?;
                self.request = Default::default();
                Ok(Step::Continue)
            }
        }
    }

    /// The gateway failed a host call: nothing is known, so nothing passes.
    pub(crate) fn fail(&mut self, host: &mut dyn Host, fault: Fault) -> Step {
        self.stage = Stage::Over;
        let denial = Denial::POLICY_UNAVAILABLE;
        let effect = Effect::Deny(denial);
        self.worker.recorder.fault(host, fault, "unclassified", effect, "fault");
        let endpoint = self.request.endpoint(&self.worker.policy);
        let (envelope, class) = (endpoint.envelope, endpoint.class);
        let recipient = Recipient { envelope, class, is_partner: false };
        Step::Deny(self.reply(recipient, denial, 1, Vec::new()))
    }

    /// The refusal for its recipient. `retry_after` is in seconds.
    pub(crate) fn reply(
        &self,
        recipient: Recipient<'_>,
        denial: Denial,
        retry_after: u64,
        members: Vec<(&'static str, Value)>,
    ) -> Reply {
        let mut details = Details { members, ..Details::read(self.request.headers()) };
        // These codes report what happened to the first attempt.
        let known = [IN_PROGRESS, KEY_REUSED, ANSWER_UNAVAILABLE, DUPLICATE_BET, QUOTA];
        details.keyed &= !known.iter().any(|known| known.code == denial.code);
        // These leave it open, also if the key is not in the headers.
        details.keyed |= [OUTCOME_UNKNOWN.code, UNAVAILABLE.code].contains(&denial.code);
        let adapted = for_recipient(denial, recipient.class, recipient.is_partner);
        let envelopes = &self.worker.policy.envelopes;
        let reply = envelopes.reply(recipient.envelope, adapted, &details);
        match adapted.status {
            // Also in an envelope: its status may not imply a retry.
            429 | 503 => reply.with_header("retry-after", retry_after.to_string()),
            _ if denial == IN_PROGRESS => reply.with_header("retry-after", retry_after.to_string()),
            _ => reply,
        }
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
