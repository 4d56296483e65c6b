//! Walks one request: its key is claimed before it goes on, and settled before its answer does.

use std::rc::Rc;

use policy_kit::{
    Answering, BodyFault, CallReply, Denial, Details, EndpointClass, Fault, Filter, Host, MapKind,
    Match, Plugin, Profile, Reply, Step, Unclassified,
};

use crate::answering::Claim;
use crate::asking::{Asking, Case};
use crate::config::{Hold, OnStoreError, Treat};
use crate::denials::{
    ANSWER_UNAVAILABLE, BODY_UNREADABLE, DUPLICATE_BET, IN_PROGRESS, KEY_MALFORMED, KEY_MISSING,
    KEY_REUSED, OUTCOME_UNKNOWN, OWNER_UNKNOWN, QUOTA, STREAM, UNAVAILABLE,
};
use crate::names::{metric, DECISION, EVIDENCE};
use crate::plugin::{Idempotency, Shared};
use crate::request::Request;
use crate::{Fingerprint, KeyFault, Rule, Scope};

/// How often Envoy's router may try once more, in place of what a `retry_policy` says. It takes the header
/// away.
const RETRIES: &str = "x-envoy-max-retries";

/// One request's filter: it lets the call take effect once.
#[derive(Debug)]
pub struct Once {
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

impl Filter for Once {
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
                self.refuse(host, &endpoint, fault.denial())
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

    fn on_landed(&mut self, host: &mut dyn Host, reply: &CallReply) -> Step {
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

    fn on_response_headers(&mut self, host: &mut dyn Host, _: bool) -> Answering {
        match (self.take_claim(), &self.stage) {
            (Some(claim), _) => self.answered(host, claim),
            (None, Stage::Body | Stage::Asking(_)) => self.answered_early(host),
            (None, _) => Answering::Continue,
        }
    }

    fn on_response_body(
        &mut self,
        host: &mut dyn Host,
        body: Result<&[u8], BodyFault>,
    ) -> Answering {
        match self.take_claim() {
            Some(claim) => self.answered_with(host, claim, body),
            None => Answering::Continue,
        }
    }

    fn on_answer_call(&mut self, host: &mut dyn Host, reply: CallReply) -> Answering {
        match self.take_claim() {
            Some(claim) => self.committed(host, claim, &reply),
            None => Answering::Continue,
        }
    }

    fn on_log(&mut self, host: &mut dyn Host) {
        if let Some(claim) = self.take_claim() {
            self.left_open(host, claim);
        }
    }
}

impl Once {
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
        policy_kit::strip(host, &headers, &shared.strips)?;
        let endpoint = self.request.endpoint(policy);
        if is_refused(shared, &endpoint) {
            return self.refuse(host, &endpoint, Denial::UNCLASSIFIED);
        }
        let method = self.request.method();
        let may_be_ruled = |so: fn(&Rule) -> bool| {
            policy.may_be_ruled(endpoint.candidates(), endpoint.endpoint, method, so)
        };
        if !may_be_ruled(Rule::asks_for_keys) {
            return self.pass(host, endpoint.class, None);
        }
        if self.request.streams() {
            return self.refuse(host, &endpoint, STREAM);
        }
        // What has to be read may not be compressed.
        if may_be_ruled(|rule| rule.outcome.code.is_some()) {
            host.remove_header(MapKind::Request, "accept-encoding")?;
        }
        // Where somebody is asked what became of a call, nobody may send it once more later: a retry that
        // was due while the gateway stood still would go out after the word that nothing was done.
        if policy.profile() == Profile::Envoy && may_be_ruled(|rule| rule.reconcile.is_some()) {
            host.set_header(MapKind::Request, RETRIES, b"0")?;
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
        let endpoint = request.endpoint(policy).with_body(body, request.headers().is_json());
        if is_refused(shared, &endpoint) {
            return self.refuse(host, &endpoint, Denial::UNCLASSIFIED);
        }
        let caller = request.caller(host, policy.profile(), &endpoint)?;
        let partner = caller.as_ref().filter(|caller| caller.is_partner);
        let partner = partner.map(|caller| caller.name.as_str());
        let method = request.method();
        let Some(rule) = policy.rule(endpoint.class, endpoint.endpoint, method, partner) else {
            return self.pass(host, endpoint.class, None);
        };
        let key = match (rule.key.key(request.headers(), body), rule.treat) {
            (Ok(key), _) => key,
            (Err(KeyFault::Missing), Treat::Optional) => {
                return self.pass(host, endpoint.class, Some(&rule.name))
            }
            (Err(KeyFault::Missing), _) => return self.refuse(host, &endpoint, KEY_MISSING),
            (Err(_), _) => return self.refuse(host, &endpoint, KEY_MALFORMED),
        };
        let Some(caller) = caller else { return self.refuse(host, &endpoint, OWNER_UNKNOWN) };
        let (verb, target) = (method.as_bytes(), request.target());
        let print = Fingerprint::new(verb, target, body, &rule.selection);
        let Some(fingerprint) = print else {
            return self.refuse(host, &endpoint, BODY_UNREADABLE);
        };
        let click = policy.click().filter(|click| click.classes.contains(&endpoint.class));
        let scope = Scope::new(&caller.owner, verb, endpoint.endpoint, &key);
        let case = Case {
            rule: Rc::clone(rule),
            class: endpoint.class,
            envelope: endpoint.envelope.map(str::to_owned),
            bet: click.and_then(|click| click.bet(verb, target, body)),
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

    /// Refuses a call before its key is looked at.
    fn refuse(
        &mut self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        denial: Denial,
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        let evidence = format!("rule=none{}", self.shared.tail);
        self.tell(host, endpoint.class, ("deny", Some(denial)), &evidence)?;
        Ok(Step::Deny(self.reply(endpoint.envelope, denial, Vec::new())))
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

    pub(crate) fn reply(
        &self,
        envelope: Option<&str>,
        denial: Denial,
        members: Vec<(&'static str, serde_json::Value)>,
    ) -> Reply {
        let mut details = Details { members, ..Details::read(self.request.headers()) };
        // Where the store has told what became of the first attempt, that is what the code says.
        let told = [IN_PROGRESS, KEY_REUSED, ANSWER_UNAVAILABLE, DUPLICATE_BET, QUOTA];
        details.keyed &= !told.contains(&denial);
        // Also where the key is none that the headers tell of.
        details.keyed |= [OUTCOME_UNKNOWN, UNAVAILABLE].contains(&denial);
        let reply = self.shared.policy.envelopes().reply(envelope, denial, &details);
        match denial {
            IN_PROGRESS | UNAVAILABLE | QUOTA if reply.status == denial.status => {
                reply.with_header("retry-after", "1")
            }
            _ => reply,
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
        Step::Deny(self.reply(endpoint.envelope, denial, Vec::new()))
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

    /// Refuses a call by what the store says of its key.
    pub(crate) fn deny(
        &mut self,
        host: &mut dyn Host,
        case: &Case,
        denial: Denial,
        evidence: &str,
        members: Vec<(&'static str, serde_json::Value)>,
    ) -> Result<Step, Fault> {
        self.stage = Stage::Over;
        self.tell(host, case.class, ("deny", Some(denial)), evidence)?;
        Ok(Step::Deny(self.reply(case.envelope.as_deref(), denial, members)))
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
