//! The upstream's answer, and settling the key before the client has it.

use std::rc::Rc;

use policy_kit::{BodyFault, CallReply, Host, MapKind, ResponseStep};

use crate::config::rule::Commit;
use crate::filter::facts::{exchange, now};
use crate::filter::state::{Claim, IdempotencyFilter, KeyedRequest, Stage};
use crate::names::{outcome_metric, COMPLETED, OUTCOME};
use crate::policy::answer::Answer;
use crate::policy::outcome::{Exchange, Outcome};
use crate::store::port::{Command, Response, StoreStep};
use crate::store::quota::Failure;

impl IdempotencyFilter {
    /// The headers of the answer have arrived.
    pub(crate) fn read_answer_headers(
        &mut self,
        host: &mut dyn Host,
        claim: Claim,
        end_of_stream: bool,
    ) -> ResponseStep {
        let exchange = exchange(host, self.worker.policy.profile);
        let rule = Rc::clone(&claim.keyed.rule);
        let outcome = rule.outcome.outcome(exchange, None);
        let Exchange::Upstream { status, .. } = exchange else {
            return self.settle(host, claim, outcome.and_then(|()| Outcome::Unknown));
        };
        let awaited = outcome == Outcome::Completed(()) || rule.outcome.needs_body(status);
        let headers = host.headers(MapKind::Response);
        let Some(headers) = headers.ok().filter(|_| awaited) else {
            return self.settle(host, claim, outcome.and_then(|()| Outcome::Unknown));
        };
        let limit = self.worker.policy.max_answer;
        let length = headers.single("content-length").map(std::str::from_utf8);
        let length = length.and_then(|text| text.ok()?.parse::<u64>().ok());
        // Without a body (204, 304) it may be the length of another one.
        if length.is_some_and(|length| !end_of_stream && length > limit as u64) {
            return self.settle(host, claim, outcome.and_then(|()| Outcome::NotKept { status }));
        }
        let replayed = &self.worker.policy.replayed_headers;
        let head = Answer::new(status, &headers, replayed, Vec::new());
        self.stage = Stage::Claimed(Claim { head: Some((exchange, head)), ..claim });
        match rule.commit {
            Commit::BeforeReply => ResponseStep::Hold { limit },
            Commit::AfterReply => ResponseStep::Copy { limit },
        }
    }

    /// The body of the answer has arrived. One that is too long is settled before its first byte is
    /// released: later it would be unknown what was sent.
    pub(crate) fn read_answer_body(
        &mut self,
        host: &mut dyn Host,
        mut claim: Claim,
        body: Result<&[u8], BodyFault>,
    ) -> ResponseStep {
        let Some((exchange, head)) = claim.head.take() else {
            return self.settle(host, claim, Outcome::Unknown);
        };
        let rule = &claim.keyed.rule.outcome;
        let status = head.status;
        let outcome = match body {
            Ok(body) => {
                let answer = |()| Outcome::Completed(Answer { body: body.to_vec(), ..head });
                rule.outcome(exchange, Some(body)).and_then(answer)
            }
            Err(BodyFault::TooLarge) => {
                rule.outcome(exchange, None).and_then(|()| Outcome::NotKept { status })
            }
            Err(BodyFault::Unreadable(_)) => Outcome::Unknown,
        };
        self.settle(host, claim, outcome)
    }

    /// The stream is over and the key is not settled: the client left, or the answer broke off.
    pub(crate) fn settle_ended_stream(&mut self, host: &mut dyn Host, claim: Claim) {
        if claim.settling.is_some() {
            return;
        }
        let outcome = match (&claim.head, exchange(host, self.worker.policy.profile)) {
            (None, exchange @ (Exchange::Refused | Exchange::NotConnected(_))) => {
                let outcome = claim.keyed.rule.outcome.outcome(exchange, None);
                outcome.and_then(|()| Outcome::Unknown)
            }
            _ => Outcome::Unknown,
        };
        self.settle(host, claim, outcome);
    }

    fn settle(
        &mut self,
        host: &mut dyn Host,
        claim: Claim,
        outcome: Outcome<Answer>,
    ) -> ResponseStep {
        self.stage = Stage::Over;
        // A store needs the time to know what has expired. At the time of the claim, nothing that concerns
        // it has, and its fence shows whose the key is: the clock is not read again.
        let now = claim.claimed();
        if outcome == Outcome::NoEffect {
            self.forget_bet(host, &claim, now);
        }
        let expires = kept_until(&claim, &outcome, now);
        let command = Command::Commit { fence: claim.fence, outcome, expires };
        let step = self.worker.store.execute(host, &claim.keyed.scope, &command, now);
        self.finish_settlement(host, claim, command, step, now)
    }

    /// Goes on with a settlement whose call has ended.
    pub(crate) fn resume_settlement(
        &mut self,
        host: &mut dyn Host,
        mut claim: Claim,
        reply: &CallReply,
    ) -> ResponseStep {
        let (Some(command), Ok(now)) = (claim.settling.take(), now(host)) else {
            self.record_outcome(host, &claim.keyed, "commit_failed");
            return ResponseStep::Continue;
        };
        let step = self.worker.store.resume(host, &claim.keyed.scope, &command, reply, now);
        self.finish_settlement(host, claim, command, step, now)
    }

    fn finish_settlement(
        &mut self,
        host: &mut dyn Host,
        claim: Claim,
        command: Command<Answer>,
        step: StoreStep,
        now: u64,
    ) -> ResponseStep {
        let response = match step {
            StoreStep::Call(call) => {
                self.stage = Stage::Claimed(Claim { settling: Some(command), ..claim });
                return ResponseStep::Call(call);
            }
            StoreStep::Done(response) => response,
        };
        let Command::Commit { outcome, expires, .. } = &command else {
            return ResponseStep::Continue;
        };
        let word = match (outcome, response) {
            (Outcome::NoEffect, Ok(Response::Done)) => {
                self.return_quota(host, &claim, now);
                "freed"
            }
            (outcome, Ok(Response::Done)) => {
                self.count_failure(host, &claim, outcome, *expires, now);
                match outcome {
                    Outcome::Completed(_) => COMPLETED,
                    Outcome::NotKept { .. } => "oversize",
                    Outcome::NoEffect | Outcome::Unknown => "unknown",
                }
            }
            // The answer is never replayed: the key counted as unknown and was resolved.
            (_, Ok(Response::Stale)) => "stale",
            (_, response) => {
                host.log(log::Level::Error, &format!("idempotency: commit: {response:?}"));
                self.commit_unknown(host, &claim, outcome, now);
                "commit_failed"
            }
        };
        self.record_outcome(host, &claim.keyed, word);
        ResponseStep::Continue
    }

    /// What could not be written is unknown. If that cannot be written either, it is after the deadline.
    fn commit_unknown(
        &self,
        host: &mut dyn Host,
        claim: &Claim,
        outcome: &Outcome<Answer>,
        now: u64,
    ) {
        if *outcome != Outcome::Unknown {
            let (fence, outcome, expires) = (claim.fence, Outcome::Unknown, claim.expires);
            let command = Command::Commit { fence, outcome, expires };
            self.worker.store.execute(host, &claim.keyed.scope, &command, now);
        }
    }

    /// Counts one key less for its owner. A count that cannot be written is right again once the key would
    /// have expired.
    pub(crate) fn return_quota(&self, host: &mut dyn Host, claim: &Claim, now: u64) {
        let owner = &claim.keyed.caller.owner;
        let quota = self.worker.quotas.of(owner.part());
        if let Err(fault) = quota.give_back(host, owner, claim.expires, now) {
            self.worker.report_quota_fault(host, fault, now);
        }
    }

    /// Forgets a bet that had no effect, before its key is free: the next claim is to be remembered.
    pub(crate) fn forget_bet(&self, host: &mut dyn Host, claim: &Claim, now: u64) {
        let keyed = &claim.keyed;
        let known = self.worker.recent_bets.as_ref().zip(keyed.bet.as_ref()).zip(claim.bet);
        let Some(((bets, bet), fence)) = known else { return };
        if let Err(fault) = bets.forget(host, &keyed.caller.owner, bet, fence, now) {
            self.worker.report_click_fault(host, keyed.class, fault, now);
        }
    }

    /// Charges a request that failed to its owner. Its key is kept until `expires`.
    fn count_failure(
        &self,
        host: &mut dyn Host,
        claim: &Claim,
        outcome: &Outcome<Answer>,
        expires: u64,
        now: u64,
    ) {
        let failure = match outcome {
            Outcome::Unknown => Failure::Unknown,
            outcome if is_refusal(outcome) => Failure::Refused,
            _ => return,
        };
        let keyed = &claim.keyed;
        let quota = self.worker.quotas.of(keyed.scope.part());
        // Partners have no such limit: their requests are owed money.
        if quota.allowance.failed.is_none() && expires == claim.expires {
            return;
        }
        let (owner, until) = (&keyed.caller.owner, (claim.expires, expires));
        if let Err(fault) = quota.count_failure(host, owner, failure, until, now) {
            self.worker.report_quota_fault(host, fault, now);
        }
    }

    fn record_outcome(&self, host: &mut dyn Host, keyed: &KeyedRequest, word: &str) {
        match word {
            COMPLETED => host.count(self.worker.completed.of(keyed.class)),
            _ => host.count(&outcome_metric(keyed.class.as_str(), word)),
        }
        // For the record only: the answer goes on without it.
        if let Err(fault) = host.publish(OUTCOME, word) {
            host.log(log::Level::Warn, &format!("idempotency: {fault}"));
        }
    }
}

/// Until when the key of a request with this outcome is kept. Refused requests cost their owner nothing, so
/// their keys are kept for a shorter time.
fn kept_until(claim: &Claim, outcome: &Outcome<Answer>, now: u64) -> u64 {
    if !is_refusal(outcome) {
        return claim.expires;
    }
    let retention = claim.keyed.rule.retention.of(claim.keyed.scope.part());
    claim.expires.min(now.saturating_add(retention.refused))
}

/// Whether the upstream refused the request.
fn is_refusal(outcome: &Outcome<Answer>) -> bool {
    let status = match outcome {
        Outcome::Completed(answer) => answer.status,
        Outcome::NotKept { status } => *status,
        Outcome::NoEffect | Outcome::Unknown => return false,
    };
    (400..=499).contains(&status)
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "limits_tests.rs"]
mod limits_tests;
