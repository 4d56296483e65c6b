//! Walks one request: reads the facts, asks the policy, applies the decision.

use std::cell::RefCell;
use std::rc::Rc;

use policy_kit::{
    facts, peer, BodyFault, CallReply, Content, Fault, Filter, Headers, Host, MapKind, Match,
    Permit, Step, MAX_SELECTING_BODY,
};

use crate::location::check::{check, LocationInput, TokenCheck};
use crate::location::presented::PresentedLocation;
use crate::location::rules::LocationRules;
use crate::location::worker::WorkerState;
use crate::policy::case::{Case, Facts};
use crate::policy::compile::Policy;
use crate::policy::decision::Decision;

/// One request's filter.
#[derive(Debug)]
pub struct GeoFilter {
    pub(super) policy: Rc<Policy>,
    state: Option<Rc<RefCell<WorkerState>>>,
    pub(super) case: Case,
    /// The request's headers, for a refusal's document; `None` once the request has gone on.
    pub(super) headers: Option<Rc<Headers>>,
    /// The location token, while its provider's keys are fetched.
    presented: PresentedLocation,
    /// The permit to wait for them.
    permit: Option<Permit>,
}

impl Filter for GeoFilter {
    fn on_request_headers(&mut self, host: &mut dyn Host, _: bool) -> Step {
        let policy = Rc::clone(&self.policy);
        self.on_headers(&policy, host).unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, reply: &CallReply) -> Step {
        let policy = Rc::clone(&self.policy);
        if let (Some(rules), CallReply::Failed(_)) = (&policy.location, reply) {
            // The call was not sent, so the plugin does not get its reply.
            if let Some(Ok(mut state)) = self.state.as_ref().map(|state| state.try_borrow_mut()) {
                state.take_keys(rules, host, reply);
            }
        }
        let presented = std::mem::take(&mut self.presented);
        self.permit = None;
        if let Some(rules) = &policy.location {
            self.case.location = match reply {
                // The fetch is pending. That is no outage, or a crowd could open what an outage does.
                CallReply::TooManyWaiting => TokenCheck::Unavailable { retry: 1, down: false },
                _ => self.check(host, rules, &presented, true),
            };
        }
        let endpoint = policy.endpoint(&self.case);
        self.on_facts(&policy, host, &endpoint).unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        let policy = Rc::clone(&self.policy);
        let endpoint = policy.endpoint(&self.case);
        let decided = match body {
            Ok(body) => {
                let content = Content::selecting(body, self.case.body_format);
                let endpoint = endpoint.with_body(&content);
                let learnt = self.learn_partner(&policy, host, &endpoint);
                learnt.and_then(|()| self.learn_player(&policy, host, &endpoint)).and_then(|()| {
                    let decision = policy.decide(&endpoint, &self.case);
                    self.apply(host, &endpoint, &decision)
                })
            }
            Err(BodyFault::Unreadable(fault)) => Err(fault),
            Err(fault @ BodyFault::TooLarge) => {
                self.apply(host, &endpoint, &Decision::deny(fault.denial(), "body"))
            }
        };
        let step = decided.unwrap_or_else(|fault| self.failed(host, fault));
        if step == Step::Continue {
            self.headers = None;
        }
        step
    }
}

impl GeoFilter {
    /// The filter of a new request.
    pub fn new(policy: Rc<Policy>, state: Option<Rc<RefCell<WorkerState>>>) -> Self {
        let (case, headers, presented) = (Case::default(), None, PresentedLocation::Nothing);
        Self { policy, state, case, headers, presented, permit: None }
    }

    fn on_headers(&mut self, policy: &Policy, host: &mut dyn Host) -> Result<Step, Fault> {
        let headers = host.headers(MapKind::Request)?;
        self.headers = Some(Rc::clone(&headers));
        let peer = peer(host)?;
        let now = if policy.needs_clock { host.now()? } else { 0 };
        self.case = policy.case(&Facts { headers: &headers, peer, now });
        self.strip(host, &headers)?;
        let endpoint = policy.endpoint(&self.case);
        self.learn_headers(policy, &headers, &endpoint);
        self.learn_partner(policy, host, &endpoint)?;
        let needed = policy.needs_location(&endpoint, &self.case);
        if let Some(rules) = policy.location.as_ref().filter(|_| needed) {
            let presented = PresentedLocation::read(&headers, &rules.header);
            self.case.location = self.check(host, rules, &presented, false);
            if let TokenCheck::FetchKeys(call) = &self.case.location {
                let call = call.clone();
                let state = self.state.as_ref().and_then(|state| state.try_borrow().ok());
                self.permit = state.and_then(|state| state.wait_for_keys(self.case.client));
                if self.permit.is_some() {
                    self.presented = presented;
                    return Ok(Step::Join(call));
                }
                self.case.location = TokenCheck::Unavailable { retry: 1, down: false };
            }
        }
        self.on_facts(policy, host, &endpoint)
    }

    fn check(
        &self,
        host: &mut dyn Host,
        rules: &LocationRules,
        presented: &PresentedLocation,
        keys_awaited: bool,
    ) -> TokenCheck {
        let (source, now) = (self.case.client, self.case.now);
        let input = LocationInput { presented, source, now, keys_awaited };
        match self.state.as_ref().map(|state| state.try_borrow_mut()) {
            Some(Ok(mut state)) => check(rules, &mut state, host, &input),
            _ => TokenCheck::Unavailable { retry: 1, down: false },
        }
    }

    /// Decides, now that all facts of the headers are known.
    fn on_facts(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
    ) -> Result<Step, Fault> {
        self.learn_player(policy, host, endpoint)?;
        let decision = policy.decide(endpoint, &self.case);
        if endpoint.needs_body() {
            // Until the body is known the request counts as the strictest that it may be, and headers
            // cannot be written any more once it is.
            self.set_headers(host, endpoint, &decision)?;
            host.publish(facts::CLASS, endpoint.class.as_str())?;
            return Ok(Step::Body { limit: MAX_SELECTING_BODY });
        }
        let step = self.apply(host, endpoint, &decision)?;
        if step == Step::Continue {
            self.set_headers(host, endpoint, &decision)?;
            self.headers = None;
        }
        Ok(step)
    }

    /// Strips, whatever is decided, the headers that only this plugin or the edge may set, and those that change
    /// the meaning of a request after it was classified.
    fn strip(&self, host: &mut dyn Host, headers: &Headers) -> Result<(), Fault> {
        policy_kit::strip(host, headers, &self.policy.ours)?;
        match self.case.trusted_peer {
            true => Ok(()),
            false => policy_kit::strip(host, headers, &self.policy.edge_headers),
        }
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "untrusted_tests.rs"]
mod untrusted_tests;

#[cfg(test)]
#[path = "locating_tests.rs"]
mod locating_tests;

#[cfg(test)]
#[path = "partner_tests.rs"]
mod partner_tests;
