//! Keys of unknown outcome: those of early answers, and asking a reconcile service about them.

use std::rc::Rc;

use policy_kit::{
    BodyFormat, CallReply, Content, Effect, Fault, Host, Match, Profile, ResponseStep, SharedCall,
    Step,
};

use crate::denials::{OUTCOME_UNKNOWN, UNTIL_MENDED};
use crate::filter::facts::{exchange, now, CallerCheck};
use crate::filter::reply::Recipient;
use crate::filter::state::{ClaimStep, IdempotencyFilter, PendingClaim, Stage};
use crate::names::outcome_metric;
use crate::policy::answer::Answer;
use crate::policy::identity::{Fingerprint, Scope};
use crate::policy::key::KeyIssuer;
use crate::policy::outcome::{Attempt, Exchange, Outcome, OutcomeRule};
use crate::policy::rule::Rule;
use crate::store::port::{Command, Fence, StoreStep};
use crate::store::quota::{Failure, QuotaCheck};
use crate::store::shares::{shared_call_key, subject};

impl IdempotencyFilter {
    /// An answer came before the key was claimed: the upstream did not wait for the body. It is unknown what
    /// the upstream did, so the key must not be free.
    pub(crate) fn replace_early_answer(&mut self, host: &mut dyn Host) -> ResponseStep {
        self.stage = Stage::Over;
        let worker = Rc::clone(&self.worker);
        let profile = worker.policy.profile;
        let exchange = exchange(host, profile);
        let endpoint = self.request.endpoint(&worker.policy);
        if profile == Profile::Wasmx {
            // WasmX does not report whose answer it is, and cannot replace it. An answer that frees a key
            // leaves it free.
            if OutcomeRule::default().outcome(exchange, None) != Outcome::NoEffect {
                self.mark_unknown(host, &endpoint);
            }
            return ResponseStep::Continue;
        }
        let is_upstreams = match exchange {
            // A reply of a filter or the gateway: the request did not reach the upstream.
            Exchange::Refused | Exchange::NotConnected(Attempt::Only) => {
                return ResponseStep::Continue;
            }
            Exchange::Upstream { .. } => true,
            Exchange::NotConnected(Attempt::Later) | Exchange::Other => false,
        };
        self.mark_unknown(host, &endpoint);
        if !is_upstreams {
            return ResponseStep::Continue;
        }
        let effect = Effect::Deny(OUTCOME_UNKNOWN);
        if let Err(fault) = self.record_decision(host, endpoint.class, effect, "said=early") {
            host.log(log::Level::Error, &format!("idempotency: {fault}"));
        }
        let recipient = Recipient::before_key(&endpoint);
        ResponseStep::Replace(self.reply(recipient, OUTCOME_UNKNOWN, UNTIL_MENDED, Vec::new()))
    }

    fn mark_unknown(&self, host: &mut dyn Host, endpoint: &Match<'_>) {
        if let Err(fault) = self.claim_as_unknown(host, endpoint) {
            host.log(log::Level::Error, &format!("idempotency: {fault}"));
        }
    }

    /// Makes the key unknown for every fingerprint, if the headers have it.
    fn claim_as_unknown(&self, host: &mut dyn Host, endpoint: &Match<'_>) -> Result<(), Fault> {
        let (worker, request) = (&self.worker, &self.request);
        let caller = request.caller(host, worker.policy.profile, endpoint)?;
        let CallerCheck::Known(caller) = caller else { return Ok(()) };
        if endpoint.needs_body() {
            return Ok(());
        }
        let partner = caller.is_partner.then_some(caller.name.as_str());
        let (class, method) = (endpoint.class, request.method());
        let rule = worker.policy.rule(class, endpoint.endpoint, method, partner);
        let issuer = if caller.is_partner { KeyIssuer::Partner } else { KeyIssuer::Client };
        let nothing = Content::new(&[], BodyFormat::default(), 0);
        let key = |rule: &Rule| rule.key.key(request.headers(), &nothing, issuer);
        let Some((rule, Ok(key))) = rule.map(|rule| (rule, key(rule))) else { return Ok(()) };
        let scope = Scope::new(&caller.owner, method.as_bytes(), endpoint.endpoint, &key);
        let now = now(host)?;
        let expires = now.saturating_add(rule.retention.of(scope.part()).kept);
        let quota = worker.quotas.of(scope.part());
        // An owner over its quota loses the protection of further keys; no other owner does.
        match quota.take(host, &caller.owner, expires, now) {
            Ok(QuotaCheck::Exhausted { .. }) => {
                host.count(&outcome_metric(class.as_str(), "early_over_quota"));
                return Ok(());
            }
            Ok(QuotaCheck::Granted) => {
                let (failure, until) = (Failure::Unknown, (expires, expires));
                let counted = quota.count_failure(host, &caller.owner, failure, until, now);
                if let Err(fault) = counted {
                    worker.report_quota_fault(host, fault, now);
                }
            }
            Err(fault) => worker.report_quota_fault(host, fault, now),
        }
        // A claim whose deadline is now has an unknown outcome now.
        let claim = Command::Claim { fingerprint: Fingerprint::ANY, deadline: now, expires };
        if let StoreStep::Done(Err(fault)) = worker.store.execute(host, &scope, &claim, now) {
            worker.report_store_fault(host, &scope, fault, now);
        }
        Ok(())
    }

    /// The outcome of the first attempt is unknown here: calls the reconcile service, once for all retries.
    pub(crate) fn reconcile(
        &mut self,
        host: &mut dyn Host,
        pending: PendingClaim,
        fence: Fence,
        now: u64,
    ) -> Result<Step, Fault> {
        let (keyed, calls) = (&pending.keyed, &self.worker.reconcile_calls);
        if let Some(reconcile) = &keyed.rule.reconcile {
            let subject = subject(&keyed.scope, fence);
            let (caller, patience) = (&keyed.caller, reconcile.patience());
            if pending.reconciled {
                // The reported outcome was not accepted: the next retry need not call at once.
                calls.remember_unknown(&subject, now);
            } else if let Some(started) = calls.join(&subject, &caller.owner, patience, now) {
                let call = reconcile.call(&keyed.key, &caller.name, &caller.brand);
                let shared = SharedCall { key: shared_call_key(&subject, started), call };
                let step = ClaimStep::Reconcile(fence, started);
                let pending = PendingClaim { step, reconciled: true, ..pending };
                self.stage = Stage::Claiming(pending);
                return Ok(Step::Join(shared));
            }
        }
        let evidence = self.evidence(keyed, "unknown");
        self.deny(host, keyed, OUTCOME_UNKNOWN, &evidence, Vec::new())
    }

    /// The reconcile call has completed. Its result holds for the time at which it was started: a report that
    /// nothing was done may have become untrue since.
    pub(crate) fn resolve(
        &mut self,
        host: &mut dyn Host,
        pending: PendingClaim,
        reply: &CallReply,
    ) -> Result<Step, Fault> {
        let now = now(host)?;
        let ClaimStep::Reconcile(fence, started) = pending.step else {
            return Err(Fault { call: "proxy_http_call", status: None });
        };
        let subject = subject(&pending.keyed.scope, fence);
        if let CallReply::Failed(_) = reply {
            // It was never sent, or the plugin has completed it already.
            self.worker.reconcile_calls.complete(&shared_call_key(&subject, started), now);
        }
        let reported = pending.keyed.rule.reconcile.as_ref().map(|it| it.outcome(reply));
        let outcome = match (reported, reply) {
            (Some(Outcome::NoEffect), _) => Outcome::NoEffect,
            (Some(Outcome::Completed(())), CallReply::Response { status, headers, body, .. }) => {
                let replayed = &self.worker.policy.replayed_headers;
                Outcome::Completed(Answer::new(*status, headers, replayed, body.clone()))
            }
            _ => {
                if !matches!(reply, CallReply::TooManyWaiting) {
                    self.worker.reconcile_calls.remember_unknown(&subject, now);
                }
                let evidence = self.evidence(&pending.keyed, "unknown_still");
                let keyed = &pending.keyed;
                return self.deny(host, keyed, OUTCOME_UNKNOWN, &evidence, Vec::new());
            }
        };
        let step = ClaimStep::Resolve(Command::Resolve { fence, outcome });
        self.execute(host, PendingClaim { step, ..pending }, started)
    }
}

#[cfg(test)]
#[path = "early_response_tests.rs"]
mod tests;
