//! The player's token: its check, and the call that the request may have to wait for.

use std::rc::Rc;

use policy_kit::{peer, CallReply, Denial, Fault, Headers, Host, SharedCall};

use super::auth::AuthFilter;
use crate::denials::KEYS;
use crate::names::SECOND;
use crate::policy::compile::Policy;
use crate::policy::facts::Credential;
use crate::replies::on_keys_reply;
use crate::token::check::{
    check, check_after_fetch, check_introspected, issuer_in_key, TokenInput,
};
use crate::token::result::TokenCheck;

impl AuthFilter {
    pub(super) fn check_token(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        headers: &Headers,
        token: &[u8],
    ) -> Result<TokenCheck, Fault> {
        let Ok(mut state) = self.state.try_borrow_mut() else {
            return Ok(TokenCheck::Unavailable(Denial::POLICY_UNAVAILABLE, 1));
        };
        if let Some(verified) = state.tokens.valid(token, self.now / SECOND) {
            return Ok(TokenCheck::Valid(verified));
        }
        self.facts.source = policy.source(headers, peer(host)?);
        let input = TokenInput { token, source: self.facts.source, now: self.now };
        Ok(check(&policy.tokens, &mut state.tokens, host, &input))
    }

    /// The call that the token's check waits for. Only so many requests may wait for keys, and only a part
    /// of them from one address; the check has limited introspection calls already.
    pub(super) fn call_to_wait_for(&mut self) -> Option<SharedCall> {
        let Credential::Token(TokenCheck::Pending(call)) = &self.credential else { return None };
        let call = call.clone();
        if let Some(issuer) = issuer_in_key(&call.key) {
            let state = self.state.try_borrow().ok();
            let source = self.facts.source;
            self.permit = state.and_then(|state| state.tokens.wait_for_keys(issuer, source));
            if self.permit.is_none() {
                self.credential = Credential::Token(TokenCheck::Unavailable(KEYS, 1));
                return None;
            }
        }
        Some(call)
    }

    /// Checks the token after the call that it waited for.
    pub(super) fn on_token_reply(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        reply: &CallReply,
    ) -> TokenCheck {
        let token = std::mem::take(&mut self.token);
        self.permit = None;
        let state = Rc::clone(&self.state);
        let Ok(mut state) = state.try_borrow_mut() else {
            return TokenCheck::Unavailable(Denial::POLICY_UNAVAILABLE, 1);
        };
        let (rules, memory) = (&policy.tokens, &mut state.tokens);
        let input = TokenInput { token: &token, source: self.facts.source, now: self.now };
        let key = match &self.credential {
            Credential::Token(TokenCheck::Pending(call)) => call.key.as_str(),
            _ => "",
        };
        match (issuer_in_key(key), reply) {
            (None, _) => {
                if let CallReply::Failed(_) = reply {
                    // The call was never sent, so the plugin is not told of its end.
                    memory.introspection_calls.ends(key);
                }
                check_introspected(rules, memory, host, &input, reply)
            }
            // Other requests wait for the keys already.
            (Some(_), CallReply::TooManyWaiting) => TokenCheck::Unavailable(KEYS, 1),
            (Some(issuer), CallReply::Failed(_)) => {
                on_keys_reply(rules, memory, host, issuer, reply);
                check_after_fetch(rules, memory, host, &input)
            }
            (Some(_), _) => check_after_fetch(rules, memory, host, &input),
        }
    }
}
