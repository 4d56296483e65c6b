//! Asking the store about a key, until it is claimed, answered or refused.

use std::rc::Rc;

use policy_kit::{CallReply, Denial, EndpointClass, Fault, Host, Step};

use crate::answering::Claim;
use crate::bytes::number_at;
use crate::config::DoubleClickMode;
use crate::denials::{
    ANSWER_UNAVAILABLE, DUPLICATE_BET, IN_PROGRESS, KEY_REUSED, QUOTA, UNAVAILABLE,
};
use crate::double_click::Click;
use crate::filter::{IdempotencyFilter, Stage};
use crate::names::metric;
use crate::quota::Taken;
use crate::replay::{is_readable, reply, REPLAYED};
use crate::request::{now, Caller, Request};
use crate::store::{Ask, Asked, Said};
use crate::turn::Turn;
use crate::{Answer, Fence, Fingerprint, Key, Rule, Scope, StoreFault};

/// A call with a key.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) rule: Rc<Rule>,
    pub(crate) class: EndpointClass,
    pub(crate) envelope: Option<String>,
    pub(crate) key: Key,
    pub(crate) caller: Caller,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) scope: Scope,
    /// What makes it the same bet as another, if it is one.
    pub(crate) bet: Option<Fingerprint>,
}

/// A question that is under way.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) case: Case,
    pub(crate) about: About,
    /// Until when another's answer is waited for, in nanoseconds since the epoch.
    pub(crate) until: Option<u64>,
    /// Its place among those that wait.
    pub(crate) turn: Option<Box<Turn>>,
    /// Whether it was asked elsewhere what became of the first attempt: once is enough.
    pub(crate) reconciled: bool,
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum About {
    /// Nothing yet, or nothing before the next tick.
    Nothing,
    Claim(Ask),
    /// Giving back what is refused after it was granted, for so many nanoseconds if that is known.
    Release(Ask, Denial, u64),
    /// What became of this claim, asked at this time.
    Reconcile(Fence, u64),
    /// Writing down what became of it.
    Resolve(Ask),
}

impl About {
    /// What the store is asked, if it is.
    fn ask(&self) -> Option<&Ask> {
        match self {
            Self::Claim(ask) | Self::Release(ask, ..) | Self::Resolve(ask) => Some(ask),
            Self::Reconcile(..) | Self::Nothing => None,
        }
    }
}

impl Case {
    /// What the record says: which rule, which key (the first digits of its digest), and the news.
    fn evidence(&self, said: &str, tail: &str) -> String {
        let key = number_at(&self.scope.0, 0);
        // Written out: of each call with a key, and formatting costs a fiftieth of it.
        let digit = |shift: u32| {
            let digit = u32::try_from(key >> shift & 15).unwrap_or_default();
            char::from_digit(digit, 16).unwrap_or_default()
        };
        let mut text = String::with_capacity(64 + self.rule.name.len() + tail.len());
        for piece in ["rule=", &self.rule.name, " key="] {
            text.push_str(piece);
        }
        text.extend((0..16).rev().map(|place| digit(place * 4)));
        for piece in [" said=", said, tail] {
            text.push_str(piece);
        }
        text
    }
}

impl IdempotencyFilter {
    /// Claims the key of a call.
    pub(crate) fn ask(&mut self, host: &mut dyn Host, case: Case) -> Result<Step, Fault> {
        self.claim(
            host,
            Asking { case, about: About::Nothing, until: None, turn: None, reconciled: false },
        )
    }

    /// The same, also once another's answer has been waited for.
    pub(crate) fn claim(&mut self, host: &mut dyn Host, asking: Asking) -> Result<Step, Fault> {
        let (now, rule) = (now(host)?, &asking.case.rule);
        let retention = rule.retention.of(asking.case.scope.part());
        let ask = Ask::Claim {
            fingerprint: asking.case.fingerprint,
            deadline: now.saturating_add(rule.lease),
            expires: now.saturating_add(retention.kept),
        };
        self.put(host, Asking { about: About::Claim(ask), ..asking }, now)
    }

    /// Puts a question to the store.
    pub(crate) fn put(
        &mut self,
        host: &mut dyn Host,
        asking: Asking,
        now: u64,
    ) -> Result<Step, Fault> {
        let asked = match asking.about.ask() {
            Some(ask) => self.shared.store.ask(host, &asking.case.scope, ask, now),
            None => Asked::Said(Err(StoreFault::Damaged)),
        };
        self.take(host, asking, asked, now)
    }

    fn take(
        &mut self,
        host: &mut dyn Host,
        asking: Asking,
        asked: Asked,
        now: u64,
    ) -> Result<Step, Fault> {
        match asked {
            Asked::Call(call) => {
                self.stage = Stage::Asking(asking);
                Ok(Step::Call(call))
            }
            Asked::Said(said) => self.said(host, asking, said, now),
        }
    }

    /// A call that a question led to has ended.
    pub(crate) fn heard(
        &mut self,
        host: &mut dyn Host,
        asking: Asking,
        reply: &CallReply,
    ) -> Result<Step, Fault> {
        let now = now(host)?;
        let asked = match asking.about.ask() {
            Some(ask) => self.shared.store.heard(host, &asking.case.scope, ask, reply, now),
            None => Asked::Said(Err(StoreFault::Damaged)),
        };
        self.take(host, asking, asked, now)
    }

    fn said(
        &mut self,
        host: &mut dyn Host,
        asking: Asking,
        said: Result<Said, StoreFault>,
        now: u64,
    ) -> Result<Step, Fault> {
        // Once the store has told how a key stands, a call is not carried out because it fails later.
        let heard = asking.until.is_some() || asking.reconciled;
        let said = match (said, &asking.about) {
            (Ok(said), _) => said,
            // Whether its key could be given back or not.
            (Err(_), About::Release(..)) => Said::Stale,
            (Err(fault), _) => {
                self.store_fails(host, &asking.case.scope, fault, now);
                return self.not_said(host, &asking.case, heard, "fault");
            }
        };
        let Asking { case, about, until, mut turn, reconciled } = asking;
        match (about, said) {
            (About::Claim(ask), Said::Granted(fence)) => self.granted(host, case, &ask, fence, now),
            (About::Claim(_), Said::InProgress { .. }) => {
                let until = until.or(case.rule.wait.map(|wait| now.saturating_add(wait)));
                if until.is_some_and(|until| until > now) {
                    let owner = &case.caller.owner;
                    turn = turn.or_else(|| self.shared.places.take(owner, now));
                    if let Some(turn) = &mut turn {
                        turn.looked = now;
                    }
                    if turn.is_some() {
                        let about = About::Nothing;
                        let asking = Asking { case, about, until, turn, reconciled };
                        self.stage = Stage::Asking(asking);
                        return Ok(Step::Tick);
                    }
                }
                let evidence = self.evidence(&case, "in_progress");
                self.deny(host, &case, IN_PROGRESS, &evidence, Vec::new())
            }
            (About::Claim(_), Said::Answered(answer)) => self.replay(host, &case, answer),
            (About::Claim(_), Said::NotKept { status }) => {
                self.not_kept(host, &case, status, "not_kept")
            }
            (About::Claim(_), Said::Unknown(fence)) => {
                let about = About::Nothing;
                let asking = Asking { case, about, until, turn, reconciled };
                self.unknown(host, asking, fence, now)
            }
            (About::Claim(_), Said::Mismatch) => {
                let evidence = self.evidence(&case, "mismatch");
                self.deny(host, &case, KEY_REUSED, &evidence, Vec::new())
            }
            // Whether it is given back or not, the call is not carried out.
            (About::Release(_, denial, pause), _) => {
                let evidence = self.evidence(&case, "released");
                self.deny_for(host, &case, denial, &evidence, pause)
            }
            // Written by us, or by somebody who was faster: the store says how the key stands now.
            (About::Resolve(_), Said::Done | Said::Stale) => {
                let about = About::Nothing;
                self.claim(host, Asking { case, about, until, turn, reconciled })
            }
            _ => self.not_said(host, &case, heard, "nonsense"),
        }
    }

    /// The store did not say how a key stands: its rule decides, where it was not heard before.
    fn not_said(
        &mut self,
        host: &mut dyn Host,
        case: &Case,
        heard: bool,
        why: &str,
    ) -> Result<Step, Fault> {
        let evidence = self.evidence(case, why);
        match heard {
            true => self.deny(host, case, UNAVAILABLE, &evidence, Vec::new()),
            false => self.without_store(host, case, &evidence),
        }
    }

    /// The key is ours; what is left is whether its owner may hold one more, and whether the bet is new.
    fn granted(
        &mut self,
        host: &mut dyn Host,
        case: Case,
        ask: &Ask,
        fence: Fence,
        now: u64,
    ) -> Result<Step, Fault> {
        let expires = match ask {
            Ask::Claim { expires, .. } => *expires,
            _ => now,
        };
        let shared = Rc::clone(&self.shared);
        shared.levels.of(case.scope.part()).claimed();
        let (quota, mut pause) = (shared.quotas.of(case.scope.part()), 0);
        let refusal = match quota.take(host, &case.caller.owner, expires, now) {
            Ok(Taken::Yes) => None,
            Ok(Taken::No { wait }) => {
                pause = wait;
                Some(QUOTA)
            }
            Err(fault) => {
                self.quota_fails(host, fault, now);
                None
            }
        };
        let (refusal, click) = match refusal {
            None => self.look_for_click(host, &case, now),
            refusal => (refusal, None),
        };
        let claim = Claim::new(case, fence, expires, click);
        let Some(denial) = refusal else {
            let evidence = self.evidence(&claim.case, "granted");
            let told = self.tell(host, claim.case.class, ("allow", None), &evidence);
            if told.is_err() {
                // Refused for want of a record: nothing was done under this key.
                self.stage = Stage::Over;
                self.forget_click(host, &claim, now);
                shared.store.ask(host, &claim.case.scope, &Ask::Free { fence }, now);
                self.give_back(host, &claim, now);
            } else {
                // Its headers are not needed while the upstream works.
                self.request = Request::default();
                self.stage = Stage::Claimed(claim);
            }
            return told.map(|()| Step::Continue);
        };
        if denial != QUOTA {
            self.give_back(host, &claim, now);
        }
        let about = About::Release(Ask::Free { fence }, denial, pause);
        self.put(
            host,
            Asking { case: claim.case, about, until: None, turn: None, reconciled: true },
            now,
        )
    }

    /// Refuses a bet that its player has just made under another key; else tells by what it is known.
    fn look_for_click(
        &self,
        host: &mut dyn Host,
        case: &Case,
        now: u64,
    ) -> (Option<Denial>, Option<Fence>) {
        let shared = Rc::clone(&self.shared);
        let looked = shared.click.as_ref().zip(shared.policy.click()).zip(case.bet.as_ref());
        let Some(((click, rule), bet)) = looked else { return (None, None) };
        match click.remember(host, &case.caller.owner, bet, &case.scope, now) {
            Ok(Click::First(fence)) => (None, Some(fence)),
            Ok(Click::Second) if rule.mode == DoubleClickMode::Shadow => {
                host.count(&metric(case.class.as_str(), "shadow", DUPLICATE_BET.code));
                (None, None)
            }
            Ok(Click::Second) => (Some(DUPLICATE_BET), None),
            Err(fault) => {
                self.click_fails(host, case, fault, now);
                (None, None)
            }
        }
    }

    fn replay(&mut self, host: &mut dyn Host, case: &Case, answer: Answer) -> Result<Step, Fault> {
        if !is_readable(&answer, self.request.headers()) {
            return self.not_kept(host, case, answer.status, "encoded");
        }
        self.stage = Stage::Over;
        let evidence = self.evidence(case, REPLAYED);
        self.tell(host, case.class, ("replay", None), &evidence)?;
        Ok(Step::Deny(reply(answer)))
    }

    fn not_kept(
        &mut self,
        host: &mut dyn Host,
        case: &Case,
        status: u16,
        said: &str,
    ) -> Result<Step, Fault> {
        let evidence = self.evidence(case, said);
        let members = vec![("first_status", status.into())];
        self.deny(host, case, ANSWER_UNAVAILABLE, &evidence, members)
    }

    pub(crate) fn evidence(&self, case: &Case, said: &str) -> String {
        case.evidence(said, &self.shared.tail)
    }
}

#[cfg(test)]
#[path = "asking_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "clicks_tests.rs"]
mod clicks;
