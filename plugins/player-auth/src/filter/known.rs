//! What is known of a player beyond a good token: whether it still lives, and what state the player is in.

use policy_kit::{CallReply, Denial, Flight, Host, Match};

use super::Auth;
use crate::check::{Verdict, SECOND};
use crate::landing::pam_landed;
use crate::pam::Answer;
use crate::policy::{Policy, Who};
use crate::revocation::Status;
use crate::state::State;

impl Auth {
    /// Finds out what is known of the player beyond the token. Tells whom to ask first, where somebody
    /// has to be.
    pub(super) fn look_up(&mut self, policy: &Policy, endpoint: &Match<'_>) -> Option<Flight> {
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
        self.asks_pam = flight.is_some();
        self.states = standing.names(&known.identity, self.case.pam.as_ref());
        flight
    }

    /// The PAM has answered, or has not.
    pub(super) fn pam_landed(&mut self, host: &mut dyn Host, policy: &Policy, reply: &CallReply) {
        // Where nothing is known nothing is certain.
        self.case.pam = Some(Answer::default());
        let Who::Token(Verdict::Good(known)) = &self.who else { return };
        let pam = policy.standing.as_ref().and_then(|standing| standing.pam.as_ref());
        let Some(path) = pam.and_then(|pam| known.asked(pam)) else { return };
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        if let CallReply::Failed(_) = reply {
            // It never took off, so the plugin has not heard of it.
            pam_landed(policy, &mut state, host, path, reply);
        }
        self.case.pam = Some(match reply {
            CallReply::Crowded => state.pam.unheard(path, self.now),
            _ => state.pam.landed(path, self.now),
        });
    }
}
