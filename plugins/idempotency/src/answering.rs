//! What an answer means for its key, and settling it before the client has the answer.

use std::rc::Rc;

use policy_kit::{BodyFault, CallReply, Host, MapKind, ResponseStep};

use crate::asking::Case;
use crate::config::Commit;
use crate::ending;
use crate::filter::{IdempotencyFilter, Stage};
use crate::names::{outcome, COMPLETED, OUTCOME};
use crate::request::now;
use crate::store::{Ask, Asked, End, Said};
use crate::{judge, Answer, Ending, Fence, Judged, StoreFault};

/// A call that is carried out under our claim.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) case: Case,
    pub(crate) fence: Fence,
    /// Until when its key is kept.
    expires: u64,
    /// By what the bet is known to be the first of its kind, if double clicks are looked for.
    click: Option<Fence>,
    /// How it ended and the answer without its body, while that is awaited.
    head: Option<(Ending, Answer)>,
    /// What the store is asked, while it calls somebody.
    settling: Option<Ask>,
}

impl Claim {
    pub(crate) fn new(case: Case, fence: Fence, expires: u64, click: Option<Fence>) -> Self {
        Self { case, fence, expires, click, head: None, settling: None }
    }

    /// When it was claimed, in nanoseconds since the epoch.
    fn claimed(&self) -> u64 {
        let retention = self.case.rule.retention.of(self.case.scope.part());
        self.expires.saturating_sub(retention.kept)
    }
}

impl IdempotencyFilter {
    /// The headers of the answer are there.
    pub(crate) fn answered(
        &mut self,
        host: &mut dyn Host,
        claim: Claim,
        end_of_stream: bool,
    ) -> ResponseStep {
        let profile = self.shared.policy.profile();
        let ending = ending::read(host, profile);
        let rule = Rc::clone(&claim.case.rule);
        let Ending::Upstream { status, .. } = ending else {
            return self.settle(host, claim, judge(ending, None, &rule.outcome), None);
        };
        let judged = judge(ending, None, &rule.outcome);
        let awaited = judged == Judged::Completed || rule.outcome.needs_body(status);
        let headers = host.headers(MapKind::Response);
        let Some(headers) = headers.ok().filter(|_| awaited) else {
            let judged = if awaited { Judged::Unknown } else { judged };
            return self.settle(host, claim, judged, None);
        };
        let limit = self.shared.policy.max_answer();
        let length = headers.single("content-length").map(std::str::from_utf8);
        let length = length.and_then(|text| text.ok()?.parse::<u64>().ok());
        // Without a body (204, 304) it may still tell the length of another one.
        if length.is_some_and(|length| !end_of_stream && length > limit as u64) {
            return self.too_long(host, claim, judged, status);
        }
        let head = Answer::new(status, &headers, self.shared.policy.kept(), Vec::new());
        let commit = rule.commit;
        self.stage = Stage::Claimed(Claim { head: Some((ending, head)), ..claim });
        match commit {
            Commit::BeforeReply => ResponseStep::Hold { limit },
            Commit::AfterReply => ResponseStep::Copy { limit },
        }
    }

    /// The body of the answer is there.
    pub(crate) fn answered_with(
        &mut self,
        host: &mut dyn Host,
        mut claim: Claim,
        body: Result<&[u8], BodyFault>,
    ) -> ResponseStep {
        let Some((ending, head)) = claim.head.take() else {
            return self.settle(host, claim, Judged::Unknown, None);
        };
        let outcome = &claim.case.rule.outcome;
        match body {
            Ok(body) => {
                let judged = judge(ending, Some(body), outcome);
                let answer = Answer { body: body.to_vec(), ..head };
                self.settle(host, claim, judged, Some(End::Answered(answer)))
            }
            Err(BodyFault::TooLarge) => {
                let judged = judge(ending, None, outcome);
                self.too_long(host, claim, judged, head.status)
            }
            Err(BodyFault::Unreadable(_)) => self.settle(host, claim, Judged::Unknown, None),
        }
    }

    /// A tombstone before the first byte is released: later there is no telling what was said.
    fn too_long(
        &mut self,
        host: &mut dyn Host,
        claim: Claim,
        judged: Judged,
        status: u16,
    ) -> ResponseStep {
        self.settle(host, claim, judged, Some(End::Oversize { status }))
    }

    /// The stream is over, and the key is not settled: the client left, or the answer broke off.
    pub(crate) fn left_open(&mut self, host: &mut dyn Host, claim: Claim) {
        if claim.settling.is_some() {
            return;
        }
        let judged = match (&claim.head, ending::read(host, self.shared.policy.profile())) {
            (None, ending @ (Ending::Refused | Ending::NotConnected(_))) => {
                judge(ending, None, &claim.case.rule.outcome)
            }
            _ => Judged::Unknown,
        };
        self.settle(host, claim, judged, None);
    }

    fn settle(
        &mut self,
        host: &mut dyn Host,
        claim: Claim,
        judged: Judged,
        answered: Option<End>,
    ) -> ResponseStep {
        self.stage = Stage::Over;
        let (fence, expires) = (claim.fence, claim.expires);
        // A store asks for the time to tell what has expired. As of the claim nothing has that counts for it,
        // and its fence tells whose the key is: the clock is not read once more.
        let now = claim.claimed();
        let ask = match (judged, answered) {
            (Judged::Free, _) => Ask::Free { fence },
            (Judged::Completed, Some(end)) => {
                let expires = self.kept_until(&claim.case, &end, expires, now);
                Ask::Commit { fence, end, expires }
            }
            _ => Ask::Commit { fence, end: End::Unknown, expires },
        };
        if let Ask::Free { .. } = ask {
            self.forget_click(host, &claim, now);
        }
        let asked = Rc::clone(&self.shared).store.ask(host, &claim.case.scope, &ask, now);
        self.settled(host, claim, ask, asked, now)
    }

    /// A call that settling led to has ended.
    pub(crate) fn committed(
        &mut self,
        host: &mut dyn Host,
        mut claim: Claim,
        reply: &CallReply,
    ) -> ResponseStep {
        let (Some(ask), Ok(now)) = (claim.settling.take(), now(host)) else {
            self.outcome(host, &claim, "commit_failed");
            return ResponseStep::Continue;
        };
        let shared = Rc::clone(&self.shared);
        let asked = shared.store.heard(host, &claim.case.scope, &ask, reply, now);
        self.settled(host, claim, ask, asked, now)
    }

    fn settled(
        &mut self,
        host: &mut dyn Host,
        claim: Claim,
        ask: Ask,
        asked: Asked,
        now: u64,
    ) -> ResponseStep {
        let said = match asked {
            Asked::Call(call) => {
                self.stage = Stage::Claimed(Claim { settling: Some(ask), ..claim });
                return ResponseStep::Call(call);
            }
            Asked::Said(said) => said,
        };
        let word = match (&ask, said) {
            (Ask::Free { .. }, Ok(Said::Done)) => {
                self.give_back(host, &claim, now);
                "freed"
            }
            (Ask::Commit { end: End::Answered(_), .. }, Ok(Said::Done)) => COMPLETED,
            (Ask::Commit { end: End::Oversize { .. }, .. }, Ok(Said::Done)) => "oversize",
            (_, Ok(Said::Done)) => "unknown",
            // Nobody hears of the answer again: the key had been taken for unknown, and resolved.
            (_, Ok(Said::Stale)) => "stale",
            (_, other) => {
                self.log_fault(host, other);
                self.give_up(host, &claim, &ask, now);
                "commit_failed"
            }
        };
        if [COMPLETED, "oversize", "unknown"].contains(&word) {
            self.count_failure(host, &claim.case, &ask, claim.expires, now);
        }
        self.outcome(host, &claim, word);
        ResponseStep::Continue
    }

    /// What could not be written is unknown; if that cannot be written either, its deadline will tell.
    fn give_up(&mut self, host: &mut dyn Host, claim: &Claim, ask: &Ask, now: u64) {
        if !matches!(ask, Ask::Commit { end: End::Unknown, .. }) {
            let (fence, expires) = (claim.fence, claim.expires);
            let ask = Ask::Commit { fence, end: End::Unknown, expires };
            Rc::clone(&self.shared).store.ask(host, &claim.case.scope, &ask, now);
        }
    }

    fn log_fault(&self, host: &mut dyn Host, said: Result<Said, StoreFault>) {
        host.log(log::Level::Error, &format!("idempotency: commit: {said:?}"));
    }

    /// One key less for its owner. A count that cannot be written is right again once the key would
    /// have expired.
    pub(crate) fn give_back(&self, host: &mut dyn Host, claim: &Claim, now: u64) {
        let owner = &claim.case.caller.owner;
        let quota = self.shared.quotas.of(owner.part());
        if let Err(fault) = quota.give_back(host, owner, claim.expires, now) {
            self.quota_fails(host, fault, now);
        }
    }

    /// A bet that came to nothing is no first click. Forgotten before its key is free: whoever claims that
    /// next is to be remembered.
    pub(crate) fn forget_click(&self, host: &mut dyn Host, claim: &Claim, now: u64) {
        let known = self.shared.click.as_ref().zip(claim.case.bet.as_ref()).zip(claim.click);
        let Some(((click, bet), fence)) = known else { return };
        if let Err(fault) = click.forget(host, &claim.case.caller.owner, bet, fence, now) {
            self.click_fails(host, &claim.case, fault, now);
        }
    }

    fn outcome(&self, host: &mut dyn Host, claim: &Claim, word: &str) {
        match word {
            COMPLETED => host.count(self.shared.completed.of(claim.case.class)),
            _ => host.count(&outcome(claim.case.class.as_str(), word)),
        }
        // For the record only: the answer goes on without it.
        if let Err(fault) = host.publish(OUTCOME, word) {
            host.log(log::Level::Warn, &format!("idempotency: {fault}"));
        }
    }
}

#[cfg(test)]
#[path = "answering_tests.rs"]
mod tests;
