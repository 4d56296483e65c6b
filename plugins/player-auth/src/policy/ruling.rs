//! The decision: rule after rule, in the order of the crate's documentation.

use policy_kit::{Denial, EndpointClass, Match, Unclassified};

use super::{Case, Policy, Ruling, Who};
use crate::check::Verdict;
use crate::config::{OnError, TokenRule};
use crate::denials::{
    BRAND, CLOSED, FAILURES, KEYS, MISSING, REVOCATIONS, REVOKED, STATE, UPGRADE,
};
use crate::identity::Identity;
use crate::revocation::Status;
use crate::rules::Rule;
use crate::standing::judge::Judgement;

impl Policy {
    /// Decides a case as a call to `endpoint` by `who`, at `now` in seconds since the epoch.
    pub fn rule(&self, endpoint: &Match<'_>, case: &Case, who: &Who, now: u64) -> Ruling {
        let ruling = self.rule_but_state(endpoint, case, who, now);
        let asked = self.rules.of(endpoint).is_some_and(|rule| rule.token != TokenRule::None);
        match (who, &self.standing) {
            (Who::Token(Verdict::Good(known)), Some(standing))
                if ruling.refusal.is_none() && asked =>
            {
                match standing.judge(endpoint, &known.identity, case.pam.as_ref()) {
                    Judgement::Pass => ruling,
                    Judgement::Unsure => Ruling { detail: STATE.code, ..ruling },
                    Judgement::Stopped(denial) => refuse(denial),
                    Judgement::Unknown => Ruling { retry: Some(1), ..refuse(STATE) },
                }
            }
            _ => ruling,
        }
    }

    /// The same but for the states of the player's account: whoever is refused anyway need not be
    /// asked about.
    pub fn rule_but_state(&self, endpoint: &Match<'_>, case: &Case, who: &Who, now: u64) -> Ruling {
        let unclassified = endpoint.class == EndpointClass::Unclassified;
        if unclassified && self.unclassified == Unclassified::Refuse {
            return refuse(Denial::UNCLASSIFIED);
        }
        let Some(rule) = self.rules.of(endpoint) else { return refuse(Denial::UNCLASSIFIED) };
        if case.upgrade && !rule.upgrade {
            return refuse(UPGRADE);
        }
        if case.preflight {
            return Ruling::default();
        }
        let closed = self.standing.as_ref().map(|standing| &standing.closed);
        let brand = case.brand.as_deref();
        if closed.is_some_and(|closed| closed.stops(endpoint.class, endpoint.product, brand)) {
            return refuse(CLOSED);
        }
        if rule.token == TokenRule::None {
            return Ruling::default();
        }
        match who {
            Who::Nobody if rule.token == TokenRule::Optional => Ruling::default(),
            Who::Nobody => refuse(MISSING),
            Who::Unreadable(denial) => refuse(*denial),
            Who::Token(Verdict::Bad(denial, detail)) => {
                Ruling { refusal: Some(*denial), detail, retry: None }
            }
            Who::Token(Verdict::Unknown(denial, wait)) => unknown(rule, *denial, *wait),
            // Nobody waits for an answer any more where this is asked.
            Who::Token(Verdict::Ask(_)) => unknown(rule, KEYS, 1),
            Who::Token(Verdict::Good(known)) => {
                let lapsed = match case.revocation {
                    Status::Clear => "",
                    Status::Revoked => return refuse(REVOKED),
                    Status::Unknown(why) => why,
                };
                let feed = self.revocations.as_ref().filter(|_| !lapsed.is_empty());
                if feed.is_some_and(|feed| feed.lapse.refuses(endpoint.class)) {
                    return Ruling { detail: lapsed, retry: Some(1), ..refuse(REVOCATIONS) };
                }
                let ruling = self.rule_known(rule, case, &known.identity, now, known.skew);
                match ruling.refusal {
                    None if !lapsed.is_empty() => Ruling { detail: lapsed, ..ruling },
                    _ => ruling,
                }
            }
        }
    }

    fn rule_known(&self, rule: &Rule, case: &Case, who: &Identity, now: u64, skew: u64) -> Ruling {
        // A host of no brand is no host of this player's brand either.
        if case.brand.as_deref() != Some(&who.brand) {
            return refuse(BRAND);
        }
        // What lacks may stand in a claim that nobody can read.
        match rule.check(who, now, skew) {
            Ok(()) => Ruling { detail: who.unreadable.unwrap_or_default(), ..Ruling::default() },
            Err(denial) => {
                Ruling { detail: who.unreadable.unwrap_or(denial.code), ..refuse(denial) }
            }
        }
    }
}

fn refuse(denial: Denial) -> Ruling {
    Ruling { refusal: Some(denial), detail: denial.code, retry: None }
}

/// A token that could not be checked. Too many failures are the source's own doing, and open no way
/// in as nobody either.
fn unknown(rule: &Rule, denial: Denial, wait: u64) -> Ruling {
    if rule.on_error == OnError::Anonymous && denial != FAILURES {
        return Ruling { refusal: None, detail: denial.code, retry: None };
    }
    Ruling { refusal: Some(denial), detail: denial.code, retry: Some(wait) }
}
