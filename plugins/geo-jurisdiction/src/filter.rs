//! Walks one request: read the facts, ask the policy, apply the answer.

use std::cell::RefCell;
use std::rc::Rc;

use policy_kit::{
    facts, metrics, peer, BodyFault, CallReply, CallerKind, Denial, Details, EndpointClass, Fault,
    Filter, Headers, Host, Location as Needed, MapKind, Match, Permit, Place, Plugin, Profile,
    Reply, Step, MAX_SELECTING_BODY,
};

use crate::config::{Mode, OnError};
use crate::denials::{told, PRODUCT_UNLICENSED, UNLICENSED, UNTIL_MENDED};
use crate::location::check::{self, Question, State, Verdict};
use crate::location::{Location, Sent};
use crate::names::{
    CLASS_HEADER, DECISION, EVIDENCE, JURISDICTION_HEADER, LOCATION_AGE_HEADER, LOCATION_ID_HEADER,
    PARTNER_HEADER, PLAYER_HEADER, SESSION_HEADER,
};
use crate::plugin::GeoJurisdiction;
use crate::policy::{Case, Facts, Policy};
use crate::ruling::{Ruling, Told};

/// One request's filter.
#[derive(Debug)]
pub struct GeoFilter {
    policy: Rc<Policy>,
    state: Option<Rc<RefCell<State>>>,
    case: Case,
    /// What a refusal repeats of the request, until that goes on.
    headers: Option<Rc<Headers>>,
    /// The location token, while its provider's keys are fetched.
    sent: Sent,
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
        if let (Some(location), CallReply::Failed(_)) = (&policy.location, reply) {
            // It never took off, so nobody else hears of it.
            if let Some(Ok(mut state)) = self.state.as_ref().map(|state| state.try_borrow_mut()) {
                state.keys_landed(location, host, reply);
            }
        }
        let sent = std::mem::take(&mut self.sent);
        self.permit = None;
        if let Some(location) = &policy.location {
            self.case.location = match reply {
                // The keys are on their way. That is no outage, or a crowd could open what one does.
                CallReply::TooManyWaiting => Verdict::Unavailable { retry: 1, down: false },
                _ => self.check(host, location, &sent, true),
            };
        }
        let endpoint = policy.endpoint(&self.case);
        self.settle(&policy, host, &endpoint).unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        let policy = Rc::clone(&self.policy);
        let endpoint = policy.endpoint(&self.case);
        let decided = match body {
            Ok(body) => {
                let content = policy_kit::Content::selecting(body, self.case.sent);
                let endpoint = endpoint.with_body(&content);
                let learnt = self.learn_partner(&policy, host, &endpoint);
                learnt.and_then(|()| self.learn_facts(&policy, host, &endpoint)).and_then(|()| {
                    let ruling = policy.rule(&endpoint, &self.case);
                    self.apply(host, &endpoint, &ruling)
                })
            }
            Err(BodyFault::Unreadable(fault)) => Err(fault),
            Err(fault @ BodyFault::TooLarge) => {
                self.apply(host, &endpoint, &Ruling::refuse(fault.denial(), "body"))
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
    pub fn new(policy: Rc<Policy>, state: Option<Rc<RefCell<State>>>) -> Self {
        let (case, headers, sent) = (Case::default(), None, Sent::Nothing);
        Self { policy, state, case, headers, sent, permit: None }
    }

    fn on_headers(&mut self, policy: &Policy, host: &mut dyn Host) -> Result<Step, Fault> {
        let headers = host.headers(MapKind::Request)?;
        self.headers = Some(Rc::clone(&headers));
        let peer = peer(host)?;
        let now = if policy.needs_clock() { host.now()? } else { 0 };
        self.case = policy.weigh(&Facts { headers: &headers, peer, now });
        self.strip(host, &headers)?;
        let endpoint = policy.endpoint(&self.case);
        self.learn_headers(policy, &headers, &endpoint);
        self.learn_partner(policy, host, &endpoint)?;
        let asks = policy.asks(&endpoint, &self.case);
        if let Some(location) = policy.location.as_ref().filter(|_| asks) {
            let sent = location.sent(&headers);
            self.case.location = self.check(host, location, &sent, false);
            if let Verdict::Ask(flight) = &self.case.location {
                let flight = flight.clone();
                let state = self.state.as_ref().and_then(|state| state.try_borrow().ok());
                self.permit = state.and_then(|state| state.wait_for_keys(self.case.client));
                if self.permit.is_some() {
                    self.sent = sent;
                    return Ok(Step::Join(flight));
                }
                self.case.location = Verdict::Unavailable { retry: 1, down: false };
            }
        }
        self.settle(policy, host, &endpoint)
    }

    fn check(
        &self,
        host: &mut dyn Host,
        location: &Location,
        sent: &Sent,
        landed: bool,
    ) -> Verdict {
        let question = Question { sent, source: self.case.client, now: self.case.now, landed };
        match self.state.as_ref().map(|state| state.try_borrow_mut()) {
            Some(Ok(mut state)) => check::check(location, &mut state, host, &question),
            _ => Verdict::Unavailable { retry: 1, down: false },
        }
    }

    /// Where facts travel in headers: who calls, by the word of the filter before this one.
    fn learn_headers(&mut self, policy: &Policy, headers: &Headers, endpoint: &Match<'_>) {
        if policy.profile() != Profile::Wasmx {
            return;
        }
        let told = |name| headers.single(name);
        if policy.location.is_some() {
            self.case.player = told(PLAYER_HEADER).map(<[u8]>::to_vec);
            self.case.session = told(SESSION_HEADER).map(<[u8]>::to_vec);
        }
        if policy.knows_partners() {
            self.case.partner = told(PARTNER_HEADER).is_some_and(|name| endpoint.is_for(name));
        }
    }

    /// Elsewhere: whether a partner calls an endpoint of partners. One that only its body can prove is
    /// named before that, and the filter that named it lets nothing through unproven.
    fn learn_partner(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
    ) -> Result<(), Fault> {
        let partners =
            endpoint.caller == CallerKind::Partner && endpoint.candidates().any(is_asked);
        if partners && policy.profile() == Profile::Envoy {
            self.case.partner =
                host.fact(facts::PARTNER)?.is_some_and(|name| endpoint.is_for(&name));
        }
        Ok(())
    }

    /// Elsewhere: asked when it is needed, because who calls may be known no sooner than the body.
    fn learn_facts(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
    ) -> Result<(), Fault> {
        let genuine = matches!(self.case.location, Verdict::Genuine(_));
        if genuine && policy.profile() == Profile::Envoy && policy.asks(endpoint, &self.case) {
            self.case.player = host.fact(facts::PLAYER)?;
            self.case.session = host.fact(facts::SESSION)?;
        }
        Ok(())
    }

    /// All is known that headers can tell.
    fn settle(
        &mut self,
        policy: &Policy,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
    ) -> Result<Step, Fault> {
        self.learn_facts(policy, host, endpoint)?;
        let ruling = policy.rule(endpoint, &self.case);
        if endpoint.needs_body() {
            // Until the body is known the call counts as the strictest that it may be, and headers
            // cannot be written any more once it is.
            self.tell_upstream(host, endpoint, &ruling)?;
            host.publish(facts::CLASS, endpoint.class.as_str())?;
            return Ok(Step::Body { limit: MAX_SELECTING_BODY });
        }
        let step = self.apply(host, endpoint, &ruling)?;
        if step == Step::Continue {
            self.tell_upstream(host, endpoint, &ruling)?;
            self.headers = None;
        }
        Ok(step)
    }

    /// Whatever is decided: nothing a client sent may pass for what we or the edge say, or change
    /// what the call means after it was classified.
    fn strip(&self, host: &mut dyn Host, headers: &Headers) -> Result<(), Fault> {
        policy_kit::strip(host, headers, self.policy.ours())?;
        match self.case.trusted_peer {
            true => Ok(()),
            false => policy_kit::strip(host, headers, self.policy.edge_headers()),
        }
    }

    fn apply(
        &self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        ruling: &Ruling,
    ) -> Result<Step, Fault> {
        let class = endpoint.class.as_str();
        let mode = self.policy.mode();
        let (word, code) = match (ruling.refusal, mode) {
            (None, _) => ("allow", None),
            (Some(denial), Mode::Enforce) => ("deny", Some(denial.code)),
            (Some(denial), Mode::Shadow) => ("shadow", Some(denial.code)),
        };
        host.count(&metric(class, word, code.unwrap_or("none")));
        host.publish(facts::CLASS, class)?;
        if let Some(brand) = &self.case.brand {
            host.publish(facts::BRAND, brand)?;
        }
        host.publish(facts::JURISDICTION, self.place(ruling).unwrap_or("unknown"))?;
        if let Told::Fresh(_, age) = &ruling.told {
            host.publish(facts::LOCATION_AGE, &age.to_string())?;
        }
        host.publish(EVIDENCE, &self.evidence(ruling))?;
        let decision = code.map_or(word.to_owned(), |code| format!("{word}:{code}"));
        host.publish(DECISION, &decision)?;
        match ruling.refusal {
            Some(denial) if mode == Mode::Enforce => {
                Ok(Step::Deny(self.reply(denial, endpoint, ruling)))
            }
            _ => Ok(Step::Continue),
        }
    }

    /// The place that counts: the device's where it is proven, else the address's; none for a partner,
    /// whose server is no player.
    fn place<'a>(&'a self, ruling: &'a Ruling) -> Option<&'a str> {
        let by_address = self.case.located.place.as_ref().filter(|_| !ruling.partner);
        ruling.told.place().or(by_address).map(Place::as_str)
    }

    /// What a regulator asks of a decision: where, by whose word, by which rule of which document.
    fn evidence(&self, ruling: &Ruling) -> String {
        let located = &self.case.located;
        let place = ruling.told.place().or(located.place.as_ref()).map_or("unknown", Place::as_str);
        let (source, other) = match ruling.told.place() {
            Some(_) => ("location", located.place.as_ref().or(located.other.as_ref())),
            None => (located.source, located.other.as_ref()),
        };
        let other = other.map(|p| format!(" other={}", p.as_str())).unwrap_or_default();
        let why = match ruling.why {
            Some(why) => format!(" why={why}"),
            None if ruling.told.place().is_some() => String::new(),
            None => located.evidence(),
        };
        let (rule, told, version) = (&ruling.rule, ruling.told.evidence(), self.policy.version());
        format!("place={place}{other} source={source} rule={rule}{why}{told} version={version}")
    }

    fn tell_upstream(
        &self,
        host: &mut dyn Host,
        endpoint: &Match<'_>,
        ruling: &Ruling,
    ) -> Result<(), Fault> {
        let mut tell =
            |name, value: &str| host.set_header(MapKind::Request, name, value.as_bytes());
        tell(CLASS_HEADER, endpoint.class.as_str())?;
        if let Some(place) = self.place(ruling) {
            tell(JURISDICTION_HEADER, place)?;
        }
        if let Told::Fresh(fix, age) = &ruling.told {
            tell(LOCATION_AGE_HEADER, &age.to_string())?;
            if let Some(id) = &fix.id {
                tell(LOCATION_ID_HEADER, id)?;
            }
        }
        Ok(())
    }

    fn reply(&self, denial: Denial, endpoint: &Match<'_>, ruling: &Ruling) -> Reply {
        let headers = Headers::kept(&self.headers);
        let details = Details { members: ruling.members.clone(), ..Details::read(headers) };
        let heard = told(denial, endpoint.may_settle());
        let reply = self.policy.envelopes().reply(endpoint.envelope, heard, &details);
        let unlicensed = denial == UNLICENSED || denial == PRODUCT_UNLICENSED;
        if unlicensed && reply.status == denial.status {
            let link = format!("<{}>; rel=\"blocked-by\"", self.policy.blocked_by());
            return reply.with_header("link", link);
        }
        // Also in a partner's words: its own status may say less.
        match ruling.retry.or((heard != denial).then_some(UNTIL_MENDED)) {
            Some(seconds) => reply.with_header("retry-after", seconds.max(1).to_string()),
            None => reply,
        }
    }

    fn failed(&self, host: &mut dyn Host, fault: Fault) -> Step {
        host.log(log::Level::Error, &format!("{}: {fault}", GeoJurisdiction::NAME));
        let denial = Denial::POLICY_UNAVAILABLE;
        // A policy that is only watching does not stop traffic, whatever fails.
        let forward =
            self.policy.on_error() == OnError::Forward || self.policy.mode() == Mode::Shadow;
        let word = if forward { "forward" } else { "deny" };
        host.count(&metric("unknown", word, denial.code));
        if let Err(fault) = host.publish(DECISION, &format!("{word}:{}", denial.code)) {
            host.log(log::Level::Error, &format!("{}: {fault}", GeoJurisdiction::NAME));
        }
        if forward {
            return Step::Continue;
        }
        let endpoint = self.policy.endpoint(&self.case);
        Step::Deny(self.reply(denial, &endpoint, &Ruling::default()))
    }
}

/// Whether a call of a class is refused for its place at all.
fn is_asked(class: EndpointClass) -> bool {
    class.defaults().location != Needed::Never
}

fn metric(class: &str, decision: &str, code: &str) -> String {
    metrics::requests(GeoJurisdiction::NAME, class, decision, code)
}

#[cfg(test)]
#[path = "filter_tests.rs"]
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
