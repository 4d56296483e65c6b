//! What is known of a player beyond a good token: whether it still lives, and what state the player is in.

use std::rc::Rc;

use policy_kit::{peer, CallReply, Denial, Fault, Host, Match, SharedCall, Source};

use super::AuthFilter;
use crate::check::{self, issuer_of, Question, Verdict, SECOND};
use crate::denials::KEYS;
use crate::landing::{keys_landed, pam_landed};
use crate::pam::Answer;
use crate::policy::{Policy, Who};
use crate::revocation::Status;
use crate::state::State;

impl AuthFilter {
    /// What the token has to wait for, if it may. So many wait for keys, and of one address a part of
    /// them; whom to ask about a token, and how often, was decided when it was looked at.
    pub(super) fn waits(&mut self) -> Option<SharedCall> {
        let Who::Token(Verdict::Ask(flight)) = &self.who else { return None };
        let flight = flight.clone();
        if let Some(issuer) = issuer_of(&flight.key) {
            let state = self.state.try_borrow().ok();
            self.permit = state.and_then(|state| state.wait_for_keys(issuer, self.case.source));
            if self.permit.is_none() {
                self.who = Who::Token(Verdict::Unknown(KEYS, 1));
                return None;
            }
        }
        Some(flight)
    }

    /// What the token waited for has landed, or has not.
    pub(super) fn token_landed(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        reply: &CallReply,
    ) -> Verdict {
        let token = std::mem::take(&mut self.token);
        self.permit = None;
        let state = Rc::clone(&self.state);
        let Ok(mut state) = state.try_borrow_mut() else {
            return Verdict::Unknown(Denial::POLICY_UNAVAILABLE, 1);
        };
        let q = Question { token: &token, source: self.case.source, now: self.now };
        let key = match &self.who {
            Who::Token(Verdict::Ask(flight)) => flight.key.as_str(),
            _ => "",
        };
        match (issuer_of(key), reply) {
            (None, _) => {
                if let CallReply::Failed(_) = reply {
                    // It never took off, so the plugin has not heard of it.
                    state.asked.ends(key);
                }
                check::answered(policy, &mut state, host, &q, reply)
            }
            // The keys are on their way, and nothing is known of this one before.
            (Some(_), CallReply::TooManyWaiting) => Verdict::Unknown(KEYS, 1),
            (Some(i), CallReply::Failed(_)) => {
                keys_landed(policy, &mut state, host, i, reply);
                check::check_landed(policy, &mut state, host, &q)
            }
            (Some(_), _) => check::check_landed(policy, &mut state, host, &q),
        }
    }

    /// Whether the PAM may be asked: so many players may be asked about at once, and of one address a
    /// part of them.
    ///
    /// # Errors
    /// The gateway did not tell the address.
    pub(super) fn may_ask_pam(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        flight: &SharedCall,
    ) -> Result<bool, Fault> {
        if let (None, Some(headers)) = (self.case.source, &self.headers) {
            self.case.source = policy.source(headers, peer(host)?);
        }
        let source = Source::of(self.case.source);
        let Ok(mut state) = self.state.try_borrow_mut() else { return Ok(false) };
        // Whoever has a good token is known; that one address has many of them is another matter.
        Ok(state.pam_asked.starts(&flight.key, source, true, self.now))
    }

    /// Finds out what is known of the player beyond the token. Tells whom to ask first, where somebody
    /// has to be.
    pub(super) fn look_up(&mut self, policy: &Policy, endpoint: &Match<'_>) -> Option<SharedCall> {
        let Who::Token(Verdict::Good(known)) = &self.who else { return None };
        let seconds = self.now / SECOND;
        let mut state = self.state.try_borrow_mut().ok();
        if let Some(feed) = &policy.revocations {
            let status = |state: &State| state.revocations.status(feed, known.marks(), seconds);
            let unknown = Status::Unknown(Denial::POLICY_UNAVAILABLE.code);
            self.case.revocation = state.as_deref().map_or(unknown, status);
        }
        let standing = policy.standing.as_ref()?;
        let mut flight = None;
        let pam = standing.pam.as_ref().filter(|_| self.case.pam.is_none());
        let asked = pam.and_then(|pam| Some((pam, known.asked(pam)?)));
        if let (Some((pam, path)), Some(state)) = (asked, &mut state) {
            self.case.pam = state.pam.known(path, self.now);
            let passes = || {
                let ruling = policy.rule_but_state(endpoint, &self.case, &self.who, seconds);
                endpoint.needs_body() || ruling.refusal.is_none()
            };
            if self.case.pam.is_none() && standing.matters(endpoint) && passes() {
                flight = Some(pam.question(path));
            }
        }
        self.asks_pam = flight.as_ref().map(|flight| flight.key.clone());
        self.states = standing.names(&known.identity, self.case.pam.as_ref());
        flight
    }

    /// The PAM has answered, or has not.
    pub(super) fn pam_landed(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        key: &str,
        reply: &CallReply,
    ) {
        // Where nothing is known nothing is certain.
        self.case.pam = Some(Answer::default());
        let Who::Token(Verdict::Good(known)) = &self.who else { return };
        let pam = policy.standing.as_ref().and_then(|standing| standing.pam.as_ref());
        let Some(path) = pam.and_then(|pam| known.asked(pam)) else { return };
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        if let CallReply::Failed(_) = reply {
            // It never took off, so the plugin has not heard of it.
            state.pam_asked.ends(key);
            pam_landed(policy, &mut state, host, path, reply);
        }
        self.case.pam = Some(match reply {
            CallReply::TooManyWaiting => state.pam.unheard(path, self.now),
            _ => state.pam.landed(path, self.now),
        });
    }
}
