//! The filter and its phases.

use std::cell::RefCell;
use std::rc::Rc;

use policy_kit::{BodyFault, CallReply, Content, Filter, Headers, Host, Permit, Step};

use crate::names::SECOND;
use crate::partner::auth::PartnerAuth;
use crate::policy::compile::Policy;
use crate::policy::decide::Decision;
use crate::policy::facts::{Credential, Facts};
use crate::worker_state::WorkerState;

/// One request's filter.
#[derive(Debug)]
pub struct AuthFilter {
    pub(super) policy: Rc<Policy>,
    pub(super) state: Rc<RefCell<WorkerState>>,
    pub(super) facts: Facts,
    pub(super) credential: Credential,
    /// The authentication of the partner, if the request must be one's.
    pub(super) partner: PartnerAuth,
    /// The token, while the request waits for a call about it.
    pub(super) token: Vec<u8>,
    /// The permit of a request that waits for keys.
    pub(super) permit: Option<Permit>,
    /// The key of the PAM's call, while the request waits for it.
    pub(super) pam_key: Option<String>,
    /// The names of the player's states, for headers and facts.
    pub(super) states: Option<String>,
    /// Whether players' credentials are removed.
    pub(super) removes_credential: bool,
    /// When the request came, in nanoseconds since the epoch.
    pub(super) now: u64,
    /// The request's headers, for refusals; until the request is forwarded.
    pub(super) headers: Option<Rc<Headers>>,
}

impl AuthFilter {
    /// The filter of a new request.
    pub fn new(policy: Rc<Policy>, state: Rc<RefCell<WorkerState>>) -> Self {
        Self {
            policy,
            state,
            facts: Facts::default(),
            credential: Credential::default(),
            partner: PartnerAuth::default(),
            token: Vec::new(),
            permit: None,
            pam_key: None,
            states: None,
            removes_credential: false,
            now: 0,
            headers: None,
        }
    }
}

impl Filter for AuthFilter {
    fn on_request_headers(&mut self, host: &mut dyn Host, end_of_stream: bool) -> Step {
        self.on_headers(host, end_of_stream).unwrap_or_else(|fault| self.fail(host, fault))
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, reply: &CallReply) -> Step {
        let policy = Rc::clone(&self.policy);
        match self.pam_key.take() {
            Some(key) => self.on_pam_reply(host, &policy, &key, reply),
            None => {
                let check = self.on_token_reply(host, &policy, reply);
                self.credential = Credential::Token(check);
            }
        }
        let endpoint = policy.endpoint(&self.facts);
        let step = self.decide_headers(host, &policy, &endpoint);
        step.unwrap_or_else(|fault| self.fail(host, fault))
    }

    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        let policy = Rc::clone(&self.policy);
        let endpoint = policy.endpoint(&self.facts);
        let applied = match body {
            Ok(body) => {
                let content = Content::selecting(body, self.facts.body_format);
                let endpoint = endpoint.with_body(&content);
                let seconds = self.now / SECOND;
                let decision = policy.decide(&endpoint, &self.facts, &self.credential, seconds);
                if decision.denial.is_none() {
                    self.verify_partner_body(host, &policy, &endpoint, body);
                }
                self.apply(host, &endpoint, &self.with_partner(decision))
            }
            Err(BodyFault::Unreadable(fault)) => Err(fault),
            Err(fault @ BodyFault::TooLarge) => {
                let denial = Some(fault.denial());
                self.apply(host, &endpoint, &Decision { denial, ..Decision::default() })
            }
        };
        let step = applied.unwrap_or_else(|fault| self.fail(host, fault));
        if step == Step::Continue {
            self.headers = None;
        }
        step
    }
}
