//! Refusals: what is counted and recorded of them, and in whose words they are told.

use policy_kit::{Denial, Details, EndpointClass, Fault, Host, Match, Reply, Step};

use crate::asking::Case;
use crate::denials::{
    told, ANSWER_UNAVAILABLE, DUPLICATE_BET, IN_PROGRESS, KEY_REUSED, OUTCOME_UNKNOWN, QUOTA,
    UNAVAILABLE, UNTIL_MENDED,
};
use crate::filter::{IdempotencyFilter, Stage};
use crate::rule::SECOND;

/// Who hears a refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hearer<'a> {
    /// In whose words.
    pub(crate) envelope: Option<&'a str>,
    pub(crate) class: EndpointClass,
    /// Whether it is a partner that is proven.
    pub(crate) is_partner: bool,
}

impl<'a> Hearer<'a> {
    /// The caller of a call whose key is not known yet. One that may be a settlement is told what one is.
    pub(crate) fn before(endpoint: &Match<'a>) -> Self {
        let class = if endpoint.may_settle() { EndpointClass::Settlement } else { endpoint.class };
        Self { envelope: endpoint.envelope, class, is_partner: false }
    }

    /// The caller of a call with a key.
    fn of(case: &'a Case) -> Self {
        let (envelope, is_partner) = (case.envelope.as_deref(), case.caller.is_partner);
        Self { envelope, class: case.class, is_partner }
    }
}

impl IdempotencyFilter {
    /// Refuses a call before its key is looked at: by which rule, and why.
    pub(crate) fn refuse(
        &mut self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        denial: Denial,
        (rule, why): (&str, &str),
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        let evidence = format!("rule={rule} why={why}{}", self.shared.tail);
        self.tell(host, endpoint.class, ("deny", Some(denial)), &evidence)?;
        let hearer = Hearer::before(endpoint);
        Ok(Step::Deny(self.reply(hearer, denial, UNTIL_MENDED, Vec::new())))
    }

    /// A refusal in the words of whoever hears it. `retry` is in how many seconds it may be otherwise.
    pub(crate) fn reply(
        &self,
        hearer: Hearer<'_>,
        denial: Denial,
        retry: u64,
        members: Vec<(&'static str, serde_json::Value)>,
    ) -> Reply {
        let mut details = Details { members, ..Details::read(self.request.headers()) };
        // Where the store has told what became of the first attempt, that is what the code says.
        let known = [IN_PROGRESS, KEY_REUSED, ANSWER_UNAVAILABLE, DUPLICATE_BET, QUOTA];
        details.keyed &= !known.iter().any(|known| known.code == denial.code);
        // Also where the key is none that the headers tell of.
        details.keyed |= [OUTCOME_UNKNOWN.code, UNAVAILABLE.code].contains(&denial.code);
        let heard = told(denial, hearer.class, hearer.is_partner);
        let reply = self.shared.policy.envelopes().reply(hearer.envelope, heard, &details);
        match heard.status {
            // Also in a partner's words: its own status may say less.
            429 | 503 => reply.with_header("retry-after", retry.to_string()),
            _ if denial == IN_PROGRESS => reply.with_header("retry-after", retry.to_string()),
            _ => reply,
        }
    }

    /// Refuses a call by what the store says of its key.
    pub(crate) fn deny(
        &mut self,
        host: &mut dyn Host,
        case: &Case,
        denial: Denial,
        evidence: &str,
        members: Vec<(&'static str, serde_json::Value)>,
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        self.tell(host, case.class, ("deny", Some(denial)), evidence)?;
        // Before its deadline it is too early to say that nothing was done.
        let lease = if denial == OUTCOME_UNKNOWN { case.rule.lease } else { 0 };
        Ok(Step::Deny(self.reply(Hearer::of(case), denial, seconds(lease), members)))
    }

    /// The same, where another call may be allowed after `pause` nanoseconds.
    pub(crate) fn deny_for(
        &mut self,
        host: &mut dyn Host,
        case: &Case,
        denial: Denial,
        evidence: &str,
        pause: u64,
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        self.tell(host, case.class, ("deny", Some(denial)), evidence)?;
        Ok(Step::Deny(self.reply(Hearer::of(case), denial, seconds(pause), Vec::new())))
    }
}

/// Whole seconds of a time in nanoseconds, one at least.
fn seconds(time: u64) -> u64 {
    time.div_ceil(SECOND).max(1)
}

#[cfg(test)]
#[path = "refused_tests.rs"]
mod tests;
