//! Walks one request: its key is claimed before it goes on, and settled before its answer does.

use std::rc::Rc;

use policy_kit::{
    BodyFault, BodyFormat, CallReply, Content, Denial, EndpointClass, Fault, Filter, Host,
    HttpCall, MapKind, Match, Plugin, Profile, ResponseStep, Step, Unclassified, Unread,
    RETRIES_HEADER,
};

use crate::answering::Claim;
use crate::asking::{Asking, Case};
use crate::config::{Hold, OnStoreError, Treat};
use crate::denials::{of_body, BRAND_UNKNOWN, OWNER_UNKNOWN, STREAM, UNAVAILABLE};
use crate::names::{metric, DECISION, EVIDENCE};
use crate::plugin::{Idempotency, Shared};
use crate::refusing::Hearer;
use crate::request::{Request, Who};
use crate::{Fingerprint, Namer, Rule, Scope};

/// One request's filter: it lets the call take effect once.
#[derive(Debug)]
pub struct IdempotencyFilter {
    pub(crate) shared: Rc<Shared>,
    pub(crate) request: Request,
    pub(crate) stage: Stage,
}

/// How far a request has come.
#[derive(Debug, Default)]
pub(crate) enum Stage {
    /// It has no key, or nothing was seen of it yet.
    #[default]
    Idle,
    /// Its body is awaited.
    Body,
    /// Its key is asked about.
    Asking(Asking),
    /// It is carried out.
    Claimed(Claim),
    /// It was answered in the upstream's place, or its key is settled.
    Over,
}

impl Filter for IdempotencyFilter {
    fn on_request_headers(&mut self, host: &mut dyn Host, _: bool) -> Step {
        let shared = Rc::clone(&self.shared);
        self.on_headers(&shared, host).unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        let shared = Rc::clone(&self.shared);
        if !matches!(self.stage, Stage::Body) {
            // It was answered meanwhile: whatever still comes of it is not carried out.
            return self.failed(host, Fault { call: "proxy_on_request_body", status: None });
        }
        let decided = match body {
            Ok(body) => self.on_body(&shared, host, body),
            Err(BodyFault::Unreadable(fault)) => Err(fault),
            Err(fault @ BodyFault::TooLarge) => {
                let endpoint = self.request.endpoint(&shared.policy);
                self.refuse(host, &endpoint, fault.denial(), ("none", "body_too_long"))
            }
        };
        decided.unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_call(&mut self, host: &mut dyn Host, reply: CallReply) -> Step {
        let heard = match self.take_asking() {
            Some(asking) => self.heard(host, asking, &reply),
            None => Err(Fault { call: "proxy_http_call", status: None }),
        };
        heard.unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_shared_reply(&mut self, host: &mut dyn Host, reply: &CallReply) -> Step {
        let heard = match self.take_asking() {
            Some(asking) => self.landed(host, asking, reply),
            None => Err(Fault { call: "proxy_http_call", status: None }),
        };
        heard.unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Step {
        let asked = match self.take_asking() {
            Some(asking) => self.claim(host, asking),
            None => Err(Fault { call: "proxy_on_tick", status: None }),
        };
        asked.unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_response_headers(&mut self, host: &mut dyn Host, end_of_stream: bool) -> ResponseStep {
        match (self.take_claim(), &self.stage) {
            (Some(claim), _) => self.answered(host, claim, end_of_stream),
            (None, Stage::Body | Stage::Asking(_)) => self.answered_early(host),
            (None, _) => ResponseStep::Continue,
        }
    }

    fn on_response_body(
        &mut self,
        host: &mut dyn Host,
        body: Result<&[u8], BodyFault>,
    ) -> ResponseStep {
        match self.take_claim() {
            Some(claim) => self.answered_with(host, claim, body),
            None => ResponseStep::Continue,
        }
    }

    fn on_response_call(&mut self, host: &mut dyn Host, reply: CallReply) -> ResponseStep {
        match self.take_claim() {
            Some(claim) => self.committed(host, claim, &reply),
            None => ResponseStep::Continue,
        }
    }

    fn on_log(&mut self, host: &mut dyn Host) -> Vec<HttpCall> {
        if let Some(claim) = self.take_claim() {
            self.left_open(host, claim);
        }
        Vec::new()
    }
}

impl IdempotencyFilter {
    /// The filter of a new request.
    pub(crate) fn new(shared: Rc<Shared>) -> Self {
        Self { shared, request: Request::default(), stage: Stage::Idle }
    }

    fn take_asking(&mut self) -> Option<Asking> {
        match std::mem::take(&mut self.stage) {
            Stage::Asking(asking) => Some(asking),
            stage => {
                self.stage = stage;
                None
            }
        }
    }

    fn take_claim(&mut self) -> Option<Claim> {
        match std::mem::take(&mut self.stage) {
            Stage::Claimed(claim) => Some(claim),
            stage => {
                self.stage = stage;
                None
            }
        }
    }

    fn on_headers(&mut self, shared: &Shared, host: &mut dyn Host) -> Result<Step, Fault> {
        let (policy, headers) = (&shared.policy, host.headers(MapKind::Request)?);
        self.request = Request::read(policy, Rc::clone(&headers));
        let endpoint = self.request.endpoint(policy);
        let method = self.request.method();
        let may_be_ruled = |so: fn(&Rule) -> bool| {
            policy.may_be_ruled(endpoint.candidates(), endpoint.endpoint, method, so)
        };
        let keyed = may_be_ruled(Rule::asks_for_keys);
        let strips = if keyed { &shared.strips_of_keyed } else { &shared.strips };
        policy_kit::strip(host, &headers, strips)?;
        if is_refused(shared, &endpoint) {
            return self.refuse(host, &endpoint, Denial::UNCLASSIFIED, ("none", "no_endpoint"));
        }
        if !keyed {
            return self.pass(host, endpoint.class, None);
        }
        if self.request.streams() {
            return self.refuse(host, &endpoint, STREAM, ("none", "stream"));
        }
        // What has to be read may not be compressed.
        if may_be_ruled(|rule| rule.outcome.code.is_some()) {
            host.remove_header(MapKind::Request, "accept-encoding")?;
        }
        // Nobody sends such a call once more by himself: what a second try is told says nothing of the
        // first, and one that was due while the gateway stood still would go out after the word that
        // nothing was done.
        if policy.profile() == Profile::Envoy {
            host.set_header(MapKind::Request, RETRIES_HEADER, b"0")?;
        }
        self.stage = Stage::Body;
        let limit = policy.max_request();
        Ok(match policy.hold() {
            Hold::Body => Step::Body { limit },
            Hold::Headers => Step::HeldBody { limit },
        })
    }

    fn on_body(
        &mut self,
        shared: &Shared,
        host: &mut dyn Host,
        body: &[u8],
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        let (policy, request) = (&shared.policy, &self.request);
        let content = Content::new(body, BodyFormat::by(request.headers()), policy.max_request());
        let endpoint = request.endpoint(policy).with_body(&content);
        if is_refused(shared, &endpoint) {
            let why = content.fault().map_or("no_class", Unread::as_str);
            return self.refuse(host, &endpoint, Denial::UNCLASSIFIED, ("none", why));
        }
        let who = request.caller(host, policy.profile(), &endpoint)?;
        let (partner, method) = (who.partner(), request.method());
        let Some(rule) = policy.rule(endpoint.class, endpoint.endpoint, method, partner) else {
            return self.pass(host, endpoint.class, None);
        };
        let namer = if partner.is_some() { Namer::Partner } else { Namer::Client };
        let key = match rule.key.key(request.headers(), &content, namer) {
            Ok(key) => key,
            Err(fault) if fault.is_missing() && rule.treat == Treat::Optional => {
                return self.pass(host, endpoint.class, Some(&rule.name))
            }
            Err(fault) => {
                let said = (&*rule.name, fault.as_str());
                return self.refuse(host, &endpoint, fault.denial(), said);
            }
        };
        let caller = match who {
            Who::Known(caller) => caller,
            Who::Brandless { is_partner: true, .. } => {
                return self.refuse(host, &endpoint, BRAND_UNKNOWN, (&rule.name, "brand_unknown"))
            }
            Who::Brandless { .. } => {
                return self.refuse(host, &endpoint, OWNER_UNKNOWN, (&rule.name, "brand_unknown"))
            }
            Who::Nobody => {
                let why =
                    if endpoint.is_partners() { "partner_unproven" } else { "player_unknown" };
                return self.refuse(host, &endpoint, OWNER_UNKNOWN, (&rule.name, why));
            }
        };
        let (verb, target) = (method.as_bytes(), request.target());
        let fingerprint = match Fingerprint::new(verb, target, &content, &rule.selection) {
            Ok(fingerprint) => fingerprint,
            Err(unread) => {
                let said = (&*rule.name, unread.as_str());
                return self.refuse(host, &endpoint, of_body(unread), said);
            }
        };
        let click = policy.click().filter(|click| click.classes.contains(&endpoint.class));
        let scope = Scope::new(&caller.owner, verb, endpoint.endpoint, &key);
        let case = Case {
            rule: Rc::clone(rule),
            class: endpoint.class,
            envelope: endpoint.envelope.map(str::to_owned),
            bet: click.and_then(|click| click.bet(verb, target, &content)),
            key,
            caller,
            fingerprint,
            scope,
        };
        self.ask(host, case)
    }

    /// Lets a call go on that has no key.
    fn pass(
        &mut self,
        host: &mut dyn Host,
        class: EndpointClass,
        rule: Option<&str>,
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        host.count(self.shared.passes.of(class));
        if let Some(rule) = rule {
            let evidence = format!("rule={rule}{}", self.shared.tail);
            host.publish(EVIDENCE, &evidence)?;
        }
        host.publish(DECISION, "allow")?;
        self.request = Request::default();
        Ok(Step::Continue)
    }

    /// Counts a decision and leaves it for the record.
    pub(crate) fn tell(
        &self,
        host: &mut dyn Host,
        class: EndpointClass,
        (word, denial): (&str, Option<Denial>),
        evidence: &str,
    ) -> Result<(), Fault> {
        match (word, denial) {
            ("allow", _) => host.count(self.shared.passes.of(class)),
            ("replay", _) => host.count(self.shared.replays.of(class)),
            (_, None) => host.count(&metric(class.as_str(), word, "none")),
            (_, Some(denial)) => host.count(&metric(class.as_str(), word, denial.code)),
        }
        host.publish(EVIDENCE, evidence)?;
        match denial {
            None => host.publish(DECISION, word),
            Some(denial) => host.publish(DECISION, &format!("{word}:{}", denial.code)),
        }
    }

    /// The gateway failed a host call: nothing is known, so nothing passes.
    fn failed(&mut self, host: &mut dyn Host, fault: Fault) -> Step {
        self.stage = Stage::Over;
        host.log(log::Level::Error, &format!("{}: {fault}", Idempotency::NAME));
        let denial = Denial::POLICY_UNAVAILABLE;
        let told = self.tell(host, EndpointClass::Unclassified, ("deny", Some(denial)), "fault");
        if let Err(fault) = told {
            host.log(log::Level::Error, &format!("{}: {fault}", Idempotency::NAME));
        }
        let endpoint = self.request.endpoint(&self.shared.policy);
        let hearer =
            Hearer { envelope: endpoint.envelope, class: endpoint.class, is_partner: false };
        Step::Deny(self.reply(hearer, denial, 1, Vec::new()))
    }

    /// What a rule says for when the store cannot be used.
    pub(crate) fn without_store(
        &mut self,
        host: &mut dyn Host,
        case: &Case,
        evidence: &str,
    ) -> Result<Step, Fault> {
        match case.rule.on_store_error {
            OnStoreError::Refuse => self.deny(host, case, UNAVAILABLE, evidence, Vec::new()),
            OnStoreError::Forward => {
                self.stage = Stage::Over;
                self.tell(host, case.class, ("forward", Some(UNAVAILABLE)), evidence)?;
                self.request = Request::default();
                Ok(Step::Continue)
            }
        }
    }
}

/// Whether a call is refused because no endpoint tells what it is.
fn is_refused(shared: &Shared, endpoint: &Match<'_>) -> bool {
    endpoint.class == EndpointClass::Unclassified
        && shared.policy.unclassified() == Unclassified::Refuse
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
