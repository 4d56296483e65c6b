//! The player of a valid token: whether the token is revoked, and the states of the account.

use policy_kit::{peer, CallReply, Denial, Fault, Host, Match, SharedCall, Source};

use super::auth::AuthFilter;
use crate::names::SECOND;
use crate::player_state::state::PamPlayer;
use crate::policy::compile::Policy;
use crate::policy::facts::Credential;
use crate::replies::on_pam_reply;
use crate::revocation::mark::RevocationCheck;
use crate::token::identity::Identity;
use crate::token::result::TokenCheck;
use crate::worker_state::WorkerState;

impl AuthFilter {
    /// The player of a valid token that is not revoked.
    pub(super) fn identity(&self) -> Option<&Identity> {
        match &self.credential {
            Credential::Token(TokenCheck::Valid(token))
                if self.facts.revocation != RevocationCheck::Revoked =>
            {
                Some(&token.identity)
            }
            _ => None,
        }
    }

    /// Looks up revocation and player states. Returns the call to the PAM, if the decision needs it.
    pub(super) fn look_up_player(
        &mut self,
        policy: &Policy,
        endpoint: &Match<'_>,
    ) -> Option<SharedCall> {
        let Credential::Token(TokenCheck::Valid(token)) = &self.credential else { return None };
        let seconds = self.now / SECOND;
        let mut state = self.state.try_borrow_mut().ok();
        if let Some(feed) = &policy.revocations {
            let check = |state: &WorkerState| state.revocations.check(feed, token.marks(), seconds);
            let unknown = RevocationCheck::Unknown(Denial::POLICY_UNAVAILABLE.code);
            self.facts.revocation = state.as_deref().map_or(unknown, check);
        }
        let states = policy.player_states.as_ref()?;
        let mut call = None;
        let pam = states.pam.as_ref().filter(|_| self.facts.pam.is_none());
        let player = pam.and_then(|pam| Some((pam, token.pam_path(&pam.path)?)));
        if let (Some((pam, path)), Some(state)) = (player, &mut state) {
            self.facts.pam = state.pam.get(path, self.now);
            let passes = || {
                let (facts, credential) = (&self.facts, &self.credential);
                let decision = policy.decide_without_state(endpoint, facts, credential, seconds);
                endpoint.needs_body() || decision.denial.is_none()
            };
            if self.facts.pam.is_none() && states.may_stop(endpoint) && passes() {
                call = Some(pam.call(path));
            }
        }
        self.pam_key = call.as_ref().map(|call| call.key.clone());
        self.states = states.names(token.identity.token_player(), self.facts.pam.as_ref());
        call
    }

    /// Whether the request may wait for the PAM: there are only so many calls, and only a part of them
    /// from one address.
    ///
    /// # Errors
    /// The host call for the address failed.
    pub(super) fn may_call_pam(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        call: &SharedCall,
    ) -> Result<bool, Fault> {
        if let (None, Some(headers)) = (self.facts.source, &self.headers) {
            self.facts.source = policy.source(headers, peer(host)?);
        }
        let source = Source::of(self.facts.source);
        let Ok(mut state) = self.state.try_borrow_mut() else { return Ok(false) };
        // The sender has a valid token, so the source counts as known.
        Ok(state.pam_calls.starts(&call.key, source, true, self.now))
    }

    /// Reads the player's states after the call to the PAM.
    pub(super) fn on_pam_reply(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        key: &str,
        reply: &CallReply,
    ) {
        self.facts.pam = Some(PamPlayer::default());
        let Credential::Token(TokenCheck::Valid(token)) = &self.credential else { return };
        let Some(states) = &policy.player_states else { return };
        let path = states.pam.as_ref().and_then(|pam| token.pam_path(&pam.path));
        let Some(path) = path else { return };
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        if let CallReply::Failed(_) = reply {
            // The call was never sent, so the plugin is not told of its end.
            state.pam_calls.ends(key);
            on_pam_reply(states, &mut state.pam, host, path, reply);
        }
        self.facts.pam = Some(match reply {
            CallReply::TooManyWaiting => state.pam.without_call(path, self.now),
            _ => state.pam.after_call(path, self.now),
        });
    }
}
