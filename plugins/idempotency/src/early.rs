//! Answers that come before the key is claimed: an upstream that did not wait for the body.

use std::rc::Rc;

use policy_kit::{BodyFormat, Content, Fault, Host, Match, Profile, ResponseStep};

use crate::denials::{OUTCOME_UNKNOWN, UNTIL_MENDED};
use crate::ending;
use crate::filter::{IdempotencyFilter, Stage};
use crate::names::outcome;
use crate::quota::{Failure, Taken};
use crate::refusing::Hearer;
use crate::request::{now, Who};
use crate::store::{Ask, Asked};
use crate::{judge, Attempt, Ending, Fingerprint, Judged, Namer, OutcomeRule, Scope};

impl IdempotencyFilter {
    /// An answer came while the key was not ours yet: the upstream did not wait for the body. What it did
    /// nobody can tell, so the key must not be free.
    pub(crate) fn answered_early(&mut self, host: &mut dyn Host) -> ResponseStep {
        self.stage = Stage::Over;
        let shared = Rc::clone(&self.shared);
        let profile = shared.policy.profile();
        let ending = ending::read(host, profile);
        let endpoint = self.request.endpoint(&shared.policy);
        if profile == Profile::Wasmx {
            // Nobody tells whose it is, and none can be given in its place. What frees a key leaves it free.
            if judge(ending, None, &OutcomeRule::default()) != Judged::Free {
                self.mark(host, &endpoint);
            }
            return ResponseStep::Continue;
        }
        let genuine = match ending {
            // A filter's or the gateway's own: the upstream has not heard of the call.
            Ending::Refused | Ending::NotConnected(Attempt::Only) => return ResponseStep::Continue,
            Ending::Upstream { .. } => true,
            Ending::NotConnected(Attempt::Later) | Ending::Other => false,
        };
        self.mark(host, &endpoint);
        if !genuine {
            return ResponseStep::Continue;
        }
        let told = self.tell(host, endpoint.class, ("deny", Some(OUTCOME_UNKNOWN)), "said=early");
        if let Err(fault) = told {
            host.log(log::Level::Error, &format!("idempotency: {fault}"));
        }
        let hearer = Hearer::before(&endpoint);
        ResponseStep::Replace(self.reply(hearer, OUTCOME_UNKNOWN, UNTIL_MENDED, Vec::new()))
    }

    fn mark(&mut self, host: &mut dyn Host, endpoint: &Match<'_>) {
        if let Err(fault) = self.mark_unknown(host, endpoint) {
            host.log(log::Level::Error, &format!("idempotency: {fault}"));
        }
    }

    /// Makes the key unknown whatever its body would have been, where the headers tell it.
    fn mark_unknown(&mut self, host: &mut dyn Host, endpoint: &Match<'_>) -> Result<(), Fault> {
        let shared = Rc::clone(&self.shared);
        let (policy, request) = (&shared.policy, &self.request);
        let caller = request.caller(host, policy.profile(), endpoint)?;
        let Who::Known(caller) = caller else { return Ok(()) };
        if endpoint.needs_body() {
            return Ok(());
        }
        let partner = caller.is_partner.then_some(caller.name.as_str());
        let rule = policy.rule(endpoint.class, endpoint.endpoint, request.method(), partner);
        let namer = if caller.is_partner { Namer::Partner } else { Namer::Client };
        let nothing = Content::new(&[], BodyFormat::default(), 0);
        let key = |rule: &crate::Rule| rule.key.key(request.headers(), &nothing, namer);
        let Some((rule, Ok(key))) = rule.map(|rule| (rule, key(rule))) else { return Ok(()) };
        let scope = Scope::new(&caller.owner, request.method().as_bytes(), endpoint.endpoint, &key);
        let now = now(host)?;
        let expires = now.saturating_add(rule.retention.of(scope.part()).kept);
        let quota = shared.quotas.of(scope.part());
        // Whoever has as many as one may loses the protection of further ones, and nobody else does.
        match quota.take(host, &caller.owner, expires, now) {
            Ok(Taken::No { .. }) => {
                host.count(&outcome(endpoint.class.as_str(), "early_over_quota"));
                return Ok(());
            }
            Ok(Taken::Yes) => {
                let both = (expires, expires);
                let told = quota.failed(host, &caller.owner, Failure::Unknown, both, now);
                told.err().into_iter().for_each(|fault| self.quota_fails(host, fault, now));
            }
            Err(fault) => self.quota_fails(host, fault, now),
        }
        let claim = Ask::Claim { fingerprint: Fingerprint::ANY, deadline: now, expires };
        // A deadline that is now is an outcome that is unknown now.
        if let Asked::Said(Err(fault)) = shared.store.ask(host, &scope, &claim, now) {
            self.store_fails(host, &scope, fault, now);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "early_tests.rs"]
mod tests;
