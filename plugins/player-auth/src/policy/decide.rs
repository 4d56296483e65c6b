//! The decision: rule after rule, in the order of the crate's documentation.

use policy_kit::{Denial, EndpointClass, Match, Unclassified};

use super::class_rules::ClassRule;
use super::compile::Policy;
use super::facts::{Credential, Facts};
use crate::config::{OnError, TokenRule};
use crate::denials::{
    BRAND, CLOSED, FAILURES, KEYS, MISSING, REVOCATIONS, REVOKED, STATE, UPGRADE,
};
use crate::player_state::rules::PlayerStateCheck;
use crate::revocation::mark::RevocationCheck;
use crate::token::identity::Identity;
use crate::token::result::TokenCheck;

/// A decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Why the request is denied; `None` if it passes.
    pub denial: Option<Denial>,
    /// The evidence for the operator; the code of the denial where there is no more to say.
    pub evidence: &'static str,
    /// Seconds after which to retry.
    pub retry: Option<u64>,
}

impl Decision {
    /// Denies a request, with the code as evidence.
    pub fn deny(denial: Denial) -> Self {
        Self { denial: Some(denial), evidence: denial.code, retry: None }
    }
}

impl Policy {
    /// Decides about a request to `endpoint` at `now`, in seconds since the epoch.
    pub fn decide(
        &self,
        endpoint: &Match<'_>,
        facts: &Facts,
        credential: &Credential,
        now: u64,
    ) -> Decision {
        let decision = self.decide_without_state(endpoint, facts, credential, now);
        let needs_token = self.rules.of(endpoint).is_some_and(|rule| rule.token != TokenRule::None);
        match (credential, &self.player_states) {
            (Credential::Token(TokenCheck::Valid(token)), Some(states))
                if decision.denial.is_none() && needs_token =>
            {
                match states.check(endpoint, token.identity.token_player(), facts.pam.as_ref()) {
                    PlayerStateCheck::Pass => decision,
                    PlayerStateCheck::PassUncertain => {
                        Decision { evidence: STATE.code, ..decision }
                    }
                    PlayerStateCheck::Stopped(denial) => Decision::deny(denial),
                    PlayerStateCheck::Unknown => {
                        Decision { retry: Some(1), ..Decision::deny(STATE) }
                    }
                }
            }
            _ => decision,
        }
    }

    /// Decides without the states of the player's account: if this denies the request, the PAM need not be
    /// asked.
    pub fn decide_without_state(
        &self,
        endpoint: &Match<'_>,
        facts: &Facts,
        credential: &Credential,
        now: u64,
    ) -> Decision {
        let unclassified = endpoint.class == EndpointClass::Unclassified;
        if unclassified && self.unclassified == Unclassified::Refuse {
            return Decision::deny(Denial::UNCLASSIFIED);
        }
        let Some(rule) = self.rules.of(endpoint) else {
            return Decision::deny(Denial::UNCLASSIFIED);
        };
        if facts.upgrade && !rule.upgrade {
            return Decision::deny(UPGRADE);
        }
        if facts.preflight {
            return Decision::default();
        }
        let closed = self.player_states.as_ref().map(|states| &states.closed);
        let brand = facts.brand.as_deref();
        if closed.is_some_and(|closed| closed.stops(endpoint.class, endpoint.product, brand)) {
            return Decision::deny(CLOSED);
        }
        if rule.token == TokenRule::None {
            return Decision::default();
        }
        match credential {
            Credential::Absent if rule.token == TokenRule::Optional => Decision::default(),
            Credential::Absent => Decision::deny(MISSING),
            Credential::Unreadable(denial) => Decision::deny(*denial),
            Credential::Token(TokenCheck::Refused(denial, evidence)) => {
                Decision { denial: Some(*denial), evidence, retry: None }
            }
            Credential::Token(TokenCheck::Unavailable(denial, wait)) => {
                unavailable(rule, *denial, *wait)
            }
            // Requests that wait are decided only after the reply.
            Credential::Token(TokenCheck::Pending(_)) => unavailable(rule, KEYS, 1),
            Credential::Token(TokenCheck::Valid(token)) => {
                let outage = match facts.revocation {
                    RevocationCheck::Clear => "",
                    RevocationCheck::Revoked => return Decision::deny(REVOKED),
                    RevocationCheck::Unknown(evidence) => evidence,
                };
                let feed = self.revocations.as_ref().filter(|_| !outage.is_empty());
                if feed.is_some_and(|feed| feed.fallback.refuses(endpoint.class)) {
                    let denied = Decision::deny(REVOCATIONS);
                    return Decision { evidence: outage, retry: Some(1), ..denied };
                }
                let decision = check_identity(rule, facts, &token.identity, now, token.skew);
                match decision.denial {
                    None if !outage.is_empty() => Decision { evidence: outage, ..decision },
                    _ => decision,
                }
            }
        }
    }
}

fn check_identity(
    rule: &ClassRule,
    facts: &Facts,
    identity: &Identity,
    now: u64,
    skew: u64,
) -> Decision {
    // A host without a brand belongs to no player's brand.
    if facts.brand.as_deref() != Some(&identity.brand) {
        return Decision::deny(BRAND);
    }
    // What is missing may be in a claim that is unreadable.
    match rule.check(identity, now, skew) {
        Ok(()) => {
            Decision { evidence: identity.unreadable.unwrap_or_default(), ..Decision::default() }
        }
        Err(denial) => Decision {
            evidence: identity.unreadable.unwrap_or(denial.code),
            ..Decision::deny(denial)
        },
    }
}

/// The decision about a token that could not be checked. A source over its budget of failures caused that
/// itself, and does not pass as anonymous either.
fn unavailable(rule: &ClassRule, denial: Denial, wait: u64) -> Decision {
    if rule.on_error == OnError::Anonymous && denial != FAILURES {
        return Decision { denial: None, evidence: denial.code, retry: None };
    }
    Decision { retry: Some(wait), ..Decision::deny(denial) }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
