//! The phases of a request, and which requests have keys.

use std::rc::Rc;

use policy_kit::{
    BodyFault, BodyFormat, CallReply, Content, Denial, Effect, EndpointClass, Fault, Filter, Host,
    HttpCall, MapKind, Match, Profile, ResponseStep, Step, Unclassified, Unread, RETRIES_HEADER,
};

use crate::config::document::RequestHold;
use crate::config::rule::Treat;
use crate::denials::{of_body, BRAND_UNKNOWN, OWNER_UNKNOWN, STREAM};
use crate::filter::facts::{Caller, CallerCheck, Request};
use crate::filter::state::{IdempotencyFilter, KeyedRequest, PendingClaim, Stage};
use crate::filter::worker::WorkerState;
use crate::policy::identity::{Fingerprint, Scope};
use crate::policy::key::{Key, KeyIssuer};
use crate::policy::rule::Rule;

impl Filter for IdempotencyFilter {
    fn on_request_headers(&mut self, host: &mut dyn Host, _: bool) -> Step {
        let worker = Rc::clone(&self.worker);
        self.decide_headers(&worker, host).unwrap_or_else(|fault| self.fail(host, fault))
    }

    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        let worker = Rc::clone(&self.worker);
        if !matches!(self.stage, Stage::Body) {
            // It got an early answer: the rest of it is not carried out.
            return self.fail(host, Fault { call: "proxy_on_request_body", status: None });
        }
        let decided = match body {
            Ok(body) => self.decide_body(&worker, host, body),
            Err(BodyFault::Unreadable(fault)) => Err(fault),
            Err(fault @ BodyFault::TooLarge) => {
                let endpoint = self.request.endpoint(&worker.policy);
                self.refuse(host, &endpoint, fault.denial(), ("none", "body_too_long"))
            }
        };
        decided.unwrap_or_else(|fault| self.fail(host, fault))
    }

    fn on_call(&mut self, host: &mut dyn Host, reply: CallReply) -> Step {
        let resumed = match self.take_pending() {
            Some(pending) => self.resume(host, pending, &reply),
            None => Err(Fault { call: "proxy_http_call", status: None }),
        };
        resumed.unwrap_or_else(|fault| self.fail(host, fault))
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, reply: &CallReply) -> Step {
        let resumed = match self.take_pending() {
            Some(pending) => self.resolve(host, pending, reply),
            None => Err(Fault { call: "proxy_http_call", status: None }),
        };
        resumed.unwrap_or_else(|fault| self.fail(host, fault))
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Step {
        let claimed = match self.take_pending() {
            Some(pending) => self.claim(host, pending),
            None => Err(Fault { call: "proxy_on_tick", status: None }),
        };
        claimed.unwrap_or_else(|fault| self.fail(host, fault))
    }

    fn on_response_headers(&mut self, host: &mut dyn Host, end_of_stream: bool) -> ResponseStep {
        match (self.take_claim(), &self.stage) {
            (Some(claim), _) => self.read_answer_headers(host, claim, end_of_stream),
            (None, Stage::Body | Stage::Claiming(_)) => self.replace_early_answer(host),
            (None, _) => ResponseStep::Continue,
        }
    }

    fn on_response_body(
        &mut self,
        host: &mut dyn Host,
        body: Result<&[u8], BodyFault>,
    ) -> ResponseStep {
        match self.take_claim() {
            Some(claim) => self.read_answer_body(host, claim, body),
            None => ResponseStep::Continue,
        }
    }

    fn on_response_call(&mut self, host: &mut dyn Host, reply: CallReply) -> ResponseStep {
        match self.take_claim() {
            Some(claim) => self.resume_settlement(host, claim, &reply),
            None => ResponseStep::Continue,
        }
    }

    fn on_log(&mut self, host: &mut dyn Host) -> Vec<HttpCall> {
        if let Some(claim) = self.take_claim() {
            self.settle_ended_stream(host, claim);
        }
        Vec::new()
    }
}

impl IdempotencyFilter {
    fn decide_headers(&mut self, worker: &WorkerState, host: &mut dyn Host) -> Result<Step, Fault> {
        let (policy, headers) = (&worker.policy, host.headers(MapKind::Request)?);
        self.request = Request::read(policy, Rc::clone(&headers));
        let endpoint = self.request.endpoint(policy);
        let method = self.request.method();
        let any_rule = |is: fn(&Rule) -> bool| {
            policy.any_rule(endpoint.candidates(), endpoint.endpoint, method, is)
        };
        let keyed = any_rule(Rule::uses_keys);
        let stripped = if keyed { &worker.stripped_if_keyed } else { &worker.stripped };
        policy_kit::strip(host, &headers, stripped)?;
        if is_refused(worker, &endpoint) {
            return self.refuse(host, &endpoint, Denial::UNCLASSIFIED, ("none", "no_endpoint"));
        }
        if !keyed {
            return self.pass(host, endpoint.class, None);
        }
        if self.request.is_stream() {
            return self.refuse(host, &endpoint, STREAM, ("none", "stream"));
        }
        // A compressed code cannot be read.
        if any_rule(|rule| rule.outcome.code.is_some()) {
            host.remove_header(MapKind::Request, "accept-encoding")?;
        }
        // The gateway must not retry: the result of a later attempt does not show that the first had no
        // effect, and a retry that was due while the gateway stood still would go out after a report that
        // nothing was done.
        if policy.profile == Profile::Envoy {
            host.set_header(MapKind::Request, RETRIES_HEADER, b"0")?;
        }
        self.stage = Stage::Body;
        let limit = policy.max_request;
        Ok(match policy.hold {
            RequestHold::Body => Step::Body { limit },
            RequestHold::Headers => Step::HeldBody { limit },
        })
    }

    fn decide_body(
        &mut self,
        worker: &WorkerState,
        host: &mut dyn Host,
        body: &[u8],
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        let (policy, request) = (&worker.policy, &self.request);
        let content = Content::new(body, BodyFormat::by(request.headers()), policy.max_request);
        let endpoint = request.endpoint(policy).with_body(&content);
        if is_refused(worker, &endpoint) {
            let why = content.fault().map_or("no_class", Unread::as_str);
            return self.refuse(host, &endpoint, Denial::UNCLASSIFIED, ("none", why));
        }
        let caller = request.caller(host, policy.profile, &endpoint)?;
        let (partner, method) = (caller.partner(), request.method());
        let Some(rule) = policy.rule(endpoint.class, endpoint.endpoint, method, partner) else {
            return self.pass(host, endpoint.class, None);
        };
        let issuer = if partner.is_some() { KeyIssuer::Partner } else { KeyIssuer::Client };
        let key = match rule.key.key(request.headers(), &content, issuer) {
            Ok(key) => key,
            Err(fault) if fault.is_missing() && rule.treat == Treat::Optional => {
                return self.pass(host, endpoint.class, Some(&rule.name))
            }
            Err(fault) => {
                let cause = (&*rule.name, fault.as_str());
                return self.refuse(host, &endpoint, fault.denial(), cause);
            }
        };
        let (denial, why) = match caller {
            CallerCheck::Known(caller) => {
                return self.claim_key(host, worker, &endpoint, &content, (rule, key, caller));
            }
            CallerCheck::NoBrand { is_partner: true, .. } => (BRAND_UNKNOWN, "brand_unknown"),
            CallerCheck::NoBrand { .. } => (OWNER_UNKNOWN, "brand_unknown"),
            CallerCheck::Unknown if endpoint.is_partners() => (OWNER_UNKNOWN, "partner_unproven"),
            CallerCheck::Unknown => (OWNER_UNKNOWN, "player_unknown"),
        };
        self.refuse(host, &endpoint, denial, (&rule.name, why))
    }

    fn claim_key(
        &mut self,
        host: &mut dyn Host,
        worker: &WorkerState,
        endpoint: &Match<'_>,
        content: &Content<'_>,
        (rule, key, caller): (&Rc<Rule>, Key, Caller),
    ) -> Result<Step, Fault> {
        let (verb, target) = (self.request.method().as_bytes(), self.request.target());
        let fingerprint = match Fingerprint::new(verb, target, content, &rule.selection) {
            Ok(fingerprint) => fingerprint,
            Err(unread) => {
                let cause = (&*rule.name, unread.as_str());
                return self.refuse(host, endpoint, of_body(unread), cause);
            }
        };
        let click = worker.policy.double_click.as_ref();
        let click = click.filter(|click| click.classes.contains(&endpoint.class));
        let scope = Scope::new(&caller.owner, verb, endpoint.endpoint, &key);
        let keyed = KeyedRequest {
            rule: Rc::clone(rule),
            class: endpoint.class,
            envelope: endpoint.envelope.map(str::to_owned),
            bet: click.and_then(|click| click.bet(verb, target, content)),
            key,
            caller,
            fingerprint,
            scope,
        };
        self.claim(host, PendingClaim::new(keyed))
    }

    /// Lets a request without a key pass.
    fn pass(
        &mut self,
        host: &mut dyn Host,
        class: EndpointClass,
        rule: Option<&str>,
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        let evidence = rule.map(|rule| format!("rule={rule}{}", self.worker.evidence_end));
        self.record_decision(host, class, Effect::Allow, &evidence.unwrap_or_default())?;
        self.request = Request::default();
        Ok(Step::Continue)
    }
}

/// Whether a request is refused because it matches no endpoint.
fn is_refused(worker: &WorkerState, endpoint: &Match<'_>) -> bool {
    endpoint.class == EndpointClass::Unclassified
        && worker.policy.unclassified == Unclassified::Refuse
}

#[cfg(test)]
#[path = "phases_tests.rs"]
mod tests;
