//! Claiming a key, until the request is carried out, replayed, held or refused.

use std::rc::Rc;

use policy_kit::{CallReply, Denial, Effect, Fault, Host, Step};

use crate::config::document::DoubleClickMode;
use crate::denials::{
    ANSWER_UNAVAILABLE, DUPLICATE_BET, IN_PROGRESS, KEY_REUSED, QUOTA, UNAVAILABLE,
};
use crate::filter::facts::{now, Request};
use crate::filter::state::{
    Claim, ClaimStep, IdempotencyFilter, KeyedRequest, PendingClaim, Stage,
};
use crate::policy::answer::{Answer, REPLAYED};
use crate::policy::outcome::Outcome;
use crate::store::port::{Command, Fence, Response, StoreFault, StoreStep};
use crate::store::quota::QuotaCheck;
use crate::store::recent_bets::BetCheck;

impl IdempotencyFilter {
    /// Claims the key, for the first time or after waiting for the first attempt.
    pub(crate) fn claim(
        &mut self,
        host: &mut dyn Host,
        pending: PendingClaim,
    ) -> Result<Step, Fault> {
        let (now, rule) = (now(host)?, &pending.keyed.rule);
        let retention = rule.retention.of(pending.keyed.scope.part());
        let command = Command::Claim {
            fingerprint: pending.keyed.fingerprint,
            deadline: now.saturating_add(rule.lease),
            expires: now.saturating_add(retention.kept),
        };
        self.execute(host, PendingClaim { step: ClaimStep::Claim(command), ..pending }, now)
    }

    /// Has the store execute the command of a pending claim.
    pub(crate) fn execute(
        &mut self,
        host: &mut dyn Host,
        pending: PendingClaim,
        now: u64,
    ) -> Result<Step, Fault> {
        let step = match pending.step.command() {
            Some(command) => self.worker.store.execute(host, &pending.keyed.scope, command, now),
            None => StoreStep::Done(Err(StoreFault::Damaged)),
        };
        self.advance(host, pending, step, now)
    }

    /// Goes on with a command whose call has ended.
    pub(crate) fn resume(
        &mut self,
        host: &mut dyn Host,
        pending: PendingClaim,
        reply: &CallReply,
    ) -> Result<Step, Fault> {
        let now = now(host)?;
        let scope = &pending.keyed.scope;
        let step = match pending.step.command() {
            Some(command) => self.worker.store.resume(host, scope, command, reply, now),
            None => StoreStep::Done(Err(StoreFault::Damaged)),
        };
        self.advance(host, pending, step, now)
    }

    fn advance(
        &mut self,
        host: &mut dyn Host,
        pending: PendingClaim,
        step: StoreStep,
        now: u64,
    ) -> Result<Step, Fault> {
        match step {
            StoreStep::Call(call) => {
                self.stage = Stage::Claiming(pending);
                Ok(Step::Call(call))
            }
            StoreStep::Done(response) => self.handle_response(host, pending, response, now),
        }
    }

    fn handle_response(
        &mut self,
        host: &mut dyn Host,
        mut pending: PendingClaim,
        response: Result<Response<Answer>, StoreFault>,
        now: u64,
    ) -> Result<Step, Fault> {
        // Once the store has reported the state of the key, a later fault does not let the request pass.
        let reported = pending.waits_until.is_some() || pending.reconciled;
        let response = match (response, &pending.step) {
            (Ok(response), _) => response,
            // The request is refused, whether its key could be freed or not.
            (Err(_), ClaimStep::Release(..)) => Response::Stale,
            (Err(fault), _) => {
                self.worker.report_store_fault(host, &pending.keyed.scope, fault, now);
                return self.handle_fault(host, &pending.keyed, reported, "fault");
            }
        };
        let step = std::mem::replace(&mut pending.step, ClaimStep::Idle);
        match (step, response) {
            (ClaimStep::Claim(command), Response::Granted(fence)) => {
                self.handle_granted(host, pending.keyed, &command, fence, now)
            }
            (ClaimStep::Claim(_), Response::InProgress { .. }) => {
                self.wait_or_refuse(host, pending, now)
            }
            (ClaimStep::Claim(_), Response::Settled(fence, Outcome::Unknown)) => {
                self.reconcile(host, pending, fence, now)
            }
            (ClaimStep::Claim(_), Response::Settled(_, Outcome::Completed(answer))) => {
                self.replay(host, &pending.keyed, answer)
            }
            (ClaimStep::Claim(_), Response::Settled(_, Outcome::NotKept { status })) => {
                self.refuse_replay(host, &pending.keyed, status, "not_kept")
            }
            (ClaimStep::Claim(_), Response::Mismatch) => {
                let evidence = self.evidence(&pending.keyed, "mismatch");
                self.deny(host, &pending.keyed, KEY_REUSED, &evidence, Vec::new())
            }
            (ClaimStep::Release(_, denial, pause), _) => {
                let evidence = self.evidence(&pending.keyed, "released");
                self.deny_for(host, &pending.keyed, denial, &evidence, pause, Vec::new())
            }
            // Written by this request or by a faster one: the key is claimed again.
            (ClaimStep::Resolve(_), Response::Done | Response::Stale) => self.claim(host, pending),
            _ => self.handle_fault(host, &pending.keyed, reported, "nonsense"),
        }
    }

    /// The store did not report the state of the key. The rule decides, unless it was reported before.
    fn handle_fault(
        &mut self,
        host: &mut dyn Host,
        keyed: &KeyedRequest,
        reported: bool,
        result: &str,
    ) -> Result<Step, Fault> {
        let evidence = self.evidence(keyed, result);
        match reported {
            true => self.deny(host, keyed, UNAVAILABLE, &evidence, Vec::new()),
            false => self.fall_back(host, keyed, &evidence),
        }
    }

    /// The first attempt is being carried out: waits for it if the rule says so and a permit is free.
    fn wait_or_refuse(
        &mut self,
        host: &mut dyn Host,
        mut pending: PendingClaim,
        now: u64,
    ) -> Result<Step, Fault> {
        let wait = pending.keyed.rule.wait;
        let until = pending.waits_until.or(wait.map(|wait| now.saturating_add(wait)));
        if until.is_some_and(|until| until > now) {
            let owner = &pending.keyed.caller.owner;
            let permit = pending.permit.take();
            if let Some(mut permit) = permit.or_else(|| self.worker.wait_permits.take(owner, now)) {
                permit.last_try = now;
                let (waits_until, permit) = (until, Some(permit));
                self.stage = Stage::Claiming(PendingClaim { waits_until, permit, ..pending });
                return Ok(Step::Tick);
            }
        }
        let evidence = self.evidence(&pending.keyed, "in_progress");
        self.deny(host, &pending.keyed, IN_PROGRESS, &evidence, Vec::new())
    }

    /// The key is claimed. It is released again if its owner's quota is exhausted, or the bet a duplicate.
    fn handle_granted(
        &mut self,
        host: &mut dyn Host,
        keyed: KeyedRequest,
        command: &Command<Answer>,
        fence: Fence,
        now: u64,
    ) -> Result<Step, Fault> {
        let expires = match command {
            Command::Claim { expires, .. } => *expires,
            _ => now,
        };
        let worker = Rc::clone(&self.worker);
        worker.levels.of(keyed.scope.part()).count_claim();
        let (quota, mut pause) = (worker.quotas.of(keyed.scope.part()), 0);
        let refusal = match quota.take(host, &keyed.caller.owner, expires, now) {
            Ok(QuotaCheck::Granted) => None,
            Ok(QuotaCheck::Exhausted { wait }) => {
                pause = wait;
                Some(QUOTA)
            }
            Err(fault) => {
                worker.report_quota_fault(host, fault, now);
                None
            }
        };
        let (refusal, bet) = match refusal {
            None => self.check_bet(host, &keyed, now),
            refusal => (refusal, None),
        };
        let claim = Claim { keyed, fence, expires, bet, head: None, settling: None };
        let free = Command::Commit { fence, outcome: Outcome::NoEffect, expires };
        let Some(denial) = refusal else {
            let evidence = self.evidence(&claim.keyed, "granted");
            let recorded = self.record_decision(host, claim.keyed.class, Effect::Allow, &evidence);
            if recorded.is_err() {
                // Refused because it cannot be recorded: nothing was done under this key.
                self.stage = Stage::Over;
                self.forget_bet(host, &claim, now);
                worker.store.execute(host, &claim.keyed.scope, &free, now);
                self.return_quota(host, &claim, now);
            } else {
                // Its headers are not needed while the upstream works.
                self.request = Request::default();
                self.stage = Stage::Claimed(claim);
            }
            return recorded.map(|()| Step::Continue);
        };
        if denial != QUOTA {
            self.return_quota(host, &claim, now);
        }
        let step = ClaimStep::Release(free, denial, pause);
        let pending = PendingClaim { step, reconciled: true, ..PendingClaim::new(claim.keyed) };
        self.execute(host, pending, now)
    }

    /// The refusal of a bet that its player has just made under another key; otherwise the bet's fence, if
    /// it is remembered.
    fn check_bet(
        &self,
        host: &mut dyn Host,
        keyed: &KeyedRequest,
        now: u64,
    ) -> (Option<Denial>, Option<Fence>) {
        let worker = &self.worker;
        let checked = worker.recent_bets.as_ref().zip(worker.policy.double_click.as_ref());
        let Some(((bets, rule), bet)) = checked.zip(keyed.bet.as_ref()) else {
            return (None, None);
        };
        match bets.remember(host, &keyed.caller.owner, bet, &keyed.scope, now) {
            Ok(BetCheck::First(fence)) => (None, Some(fence)),
            Ok(BetCheck::Duplicate) if rule.mode == DoubleClickMode::Shadow => {
                self.worker.recorder.count(host, keyed.class, Effect::Shadow(DUPLICATE_BET));
                (None, None)
            }
            Ok(BetCheck::Duplicate) => (Some(DUPLICATE_BET), None),
            Err(fault) => {
                worker.report_click_fault(host, keyed.class, fault, now);
                (None, None)
            }
        }
    }

    fn replay(
        &mut self,
        host: &mut dyn Host,
        keyed: &KeyedRequest,
        answer: Answer,
    ) -> Result<Step, Fault> {
        if !answer.is_readable_by(self.request.headers()) {
            return self.refuse_replay(host, keyed, answer.status, "encoded");
        }
        self.stage = Stage::Over;
        let evidence = self.evidence(keyed, REPLAYED);
        self.record_decision(host, keyed.class, Effect::Replay, &evidence)?;
        Ok(Step::Deny(answer.into_reply()))
    }

    fn refuse_replay(
        &mut self,
        host: &mut dyn Host,
        keyed: &KeyedRequest,
        status: u16,
        result: &str,
    ) -> Result<Step, Fault> {
        let evidence = self.evidence(keyed, result);
        let members = vec![("first_status", status.into())];
        self.deny(host, keyed, ANSWER_UNAVAILABLE, &evidence, members)
    }
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "double_click_tests.rs"]
mod double_click_tests;
