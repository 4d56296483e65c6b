//! The local reply to a request that is denied.

use policy_kit::{Denial, Details, Match, Reply};

use super::compile::Policy;
use super::decide::Decision;
use crate::denials;

impl Policy {
    /// The reply to a denied request, in the endpoint's envelope or with a challenge.
    pub fn reply(
        &self,
        endpoint: &Match<'_>,
        decision: &Decision,
        denial: Denial,
        details: &Details,
    ) -> Reply {
        let sent = denials::as_sent(denial, endpoint.may_settle());
        let retry = decision.retry.or((sent != denial).then_some(denials::CONFIGURATION_RETRY));
        let mut reply = self.envelopes.reply(endpoint.envelope, sent, details);
        // An envelope is a partner's own contract, which has no challenges.
        if endpoint.envelope.is_none() {
            if let Some(challenge) = self.challenge(endpoint, sent) {
                reply = reply.with_header("www-authenticate", challenge);
            }
        }
        // In an envelope, too: its status may be less specific.
        match retry {
            Some(seconds) => reply.with_header("retry-after", seconds.max(1).to_string()),
            None => reply,
        }
    }

    /// The challenge of a denial (RFC 9110 section 11.6.1), if it has one.
    fn challenge(&self, endpoint: &Match<'_>, denial: Denial) -> Option<String> {
        let realm = &self.realm;
        if endpoint.is_partners() {
            // A 401 must have a challenge, and no registered scheme fits partners' credentials.
            return (denial.status == 401).then(|| format!("Partner realm=\"{realm}\""));
        }
        let error = denials::error(denial)?;
        let rule = self.rules.of(endpoint);
        let parameters = rule.map(|rule| rule.challenge(denial)).unwrap_or_default();
        Some(format!("Bearer realm=\"{realm}\", error=\"{error}\"{parameters}"))
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
