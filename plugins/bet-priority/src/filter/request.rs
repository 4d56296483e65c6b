//! One request's filter: the phases.

use std::rc::Rc;

use policy_kit::{
    BodyFault, CallReply, Denial, Fault, Filter, Host, HttpCall, MapKind, Mode, ResponseStep, Step,
    MAX_SELECTING_BODY,
};

use crate::clock;
use crate::filter::state::PriorityFilter;
use crate::policy::compile::Policy;
use crate::rate::state::Phase;

impl Filter for PriorityFilter {
    fn on_request_headers(&mut self, host: &mut dyn Host, _: bool) -> Step {
        let policy = Rc::clone(&self.policy);
        self.on_headers(&policy, host).unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        let policy = Rc::clone(&self.policy);
        let decided = match body {
            Ok(body) => self.on_body(&policy, host, body),
            Err(BodyFault::Unreadable(fault)) => Err(fault),
            Err(fault @ BodyFault::TooLarge) => {
                let endpoint = policy.endpoint(&self.case);
                self.deny_first(host, &endpoint, fault.denial(), "body")
            }
        };
        decided.unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, reply: &CallReply) -> Step {
        let policy = Rc::clone(&self.policy);
        self.heard_of_tokens(&policy, host, reply);
        let body = self.body.take();
        let content = body.as_deref().map(|body| self.content(body));
        let endpoint = policy.endpoint(&self.case);
        let endpoint = content.as_ref().map_or(endpoint, |content| endpoint.with_body(content));
        let decided = self.charge_and_admit(&policy, host, &endpoint, content.as_ref());
        if let Ok(Step::Join(_)) = decided {
            // Others were faster: it waits once more.
            self.body = body;
        }
        decided.unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_release(&mut self, host: &mut dyn Host) -> Step {
        let policy = Rc::clone(&self.policy);
        self.on_turn(&policy, host).unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_response_headers(&mut self, host: &mut dyn Host, _: bool) -> ResponseStep {
        for (name, value) in &self.fields {
            // The response goes on whatever the gateway says to that.
            _ = host.set_header(MapKind::Response, name, value.as_bytes());
        }
        ResponseStep::Continue
    }

    fn on_log(&mut self, host: &mut dyn Host) -> Vec<HttpCall> {
        self.end(host);
        Vec::new()
    }
}

impl PriorityFilter {
    fn on_headers(&mut self, policy: &Policy, host: &mut dyn Host) -> Result<Step, Fault> {
        let headers = host.headers(MapKind::Request)?;
        self.headers = Some(Rc::clone(&headers));
        self.case = policy.case(&headers);
        self.case.arrived = clock::now(host)?;
        self.case.client = policy.client(host, &headers)?;
        policy_kit::strip(host, &headers, &policy.ours)?;
        let endpoint = policy.endpoint(&self.case);
        if policy.refuses(&endpoint) {
            return self.deny_first(host, &endpoint, Denial::UNCLASSIFIED, "endpoints");
        }
        self.learn_caller(host, &headers, &endpoint)?;
        self.set_headers(policy, host, &endpoint)?;
        if !self.case.is_exempt(&endpoint) && policy.needs_body(&endpoint, &self.case, &headers) {
            // Until the body is known the request counts as the strictest that it may be.
            let refused = match policy.mode {
                Mode::Enforce => self.charge(policy, host, &endpoint, None, Phase::Headers)?,
                // It would be counted twice.
                Mode::Shadow => None,
            };
            return Ok(refused.unwrap_or(Step::Body { limit: MAX_SELECTING_BODY }));
        }
        self.check(policy, host, &endpoint, None)
    }

    fn on_body(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        body: &[u8],
    ) -> Result<Step, Fault> {
        let content = self.content(body);
        let endpoint = policy.endpoint(&self.case).with_body(&content);
        if policy.refuses(&endpoint) {
            return self.deny_first(host, &endpoint, Denial::UNCLASSIFIED, "endpoints");
        }
        if self.case.partner.is_some() {
            self.learn_partner(host)?;
        }
        self.case.arrived = clock::now(host)?;
        let step = self.check(policy, host, &endpoint, Some(&content))?;
        if let Step::Join(_) = step {
            self.body = Some(body.to_vec());
        }
        Ok(step)
    }
}
