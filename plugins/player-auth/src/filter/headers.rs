//! The header phase: credential, token, player and partner, and the decision.

use std::rc::Rc;

use policy_kit::{facts, CallReply, Fault, Host, MapKind, Match, Step};

use super::auth::AuthFilter;
use crate::names::SECOND;
use crate::policy::compile::Policy;
use crate::policy::decide::Decision;
use crate::policy::facts::Credential;

impl AuthFilter {
    pub(super) fn on_headers(
        &mut self,
        host: &mut dyn Host,
        bodiless: bool,
    ) -> Result<Step, Fault> {
        let policy = Rc::clone(&self.policy);
        let headers = host.headers(MapKind::Request)?;
        self.headers = Some(Rc::clone(&headers));
        self.now = host.now()?;
        self.facts = policy.facts(&headers, bodiless);
        self.strip(host, &headers)?;
        let endpoint = policy.endpoint(&self.facts);
        self.authenticate_partner(host, &policy, &endpoint, &headers)?;
        if policy.checks_credential(&endpoint, &self.facts) {
            self.removes_credential = !policy.forward_credential;
            match policy.credentials.find(&headers) {
                Ok(None) => {}
                Err(denial) => self.credential = Credential::Unreadable(denial),
                Ok(Some(token)) => {
                    let check = self.check_token(host, &policy, &headers, &token)?;
                    self.credential = Credential::Token(check);
                    if let Some(call) = self.call_to_wait_for() {
                        self.token = token.into_owned();
                        return Ok(Step::Join(call));
                    }
                }
            };
        }
        self.decide_headers(host, &policy, &endpoint)
    }

    /// Decides once the credential was checked as far as possible.
    pub(super) fn decide_headers(
        &mut self,
        host: &mut dyn Host,
        policy: &Policy,
        endpoint: &Match<'_>,
    ) -> Result<Step, Fault> {
        if let Some(call) = self.look_up_player(policy, endpoint) {
            if self.may_call_pam(host, policy, &call)? {
                return Ok(Step::Join(call));
            }
            self.on_pam_reply(host, policy, "", &CallReply::TooManyWaiting);
            self.look_up_player(policy, endpoint);
        }
        let selects = endpoint.needs_body() && !self.facts.preflight;
        let decision = match selects {
            true => Decision::default(),
            false => policy.decide(endpoint, &self.facts, &self.credential, self.now / SECOND),
        };
        let decision = self.with_partner(decision);
        let limit = self.partner.body_limit(policy.partners.as_ref(), selects);
        if let (None, Some(limit)) = (decision.denial, limit) {
            // Headers cannot be changed after the body was read. Until then the request counts as the
            // strictest of its candidate classes.
            self.forward(host)?;
            host.publish(facts::CLASS, endpoint.class.as_str())?;
            self.partner.publish(policy.partners.as_ref(), host)?;
            return Ok(Step::Body { limit });
        }
        let step = self.apply(host, endpoint, &decision)?;
        if step == Step::Continue {
            self.forward(host)?;
            self.headers = None;
        }
        Ok(step)
    }
}
