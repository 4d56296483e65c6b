//! Walks one request: read the facts, ask the policy, apply the answer.

use std::rc::Rc;

use policy_kit::{
    address, facts, metrics, BodyFault, ConfigError, Denial, Details, Fault, Filter, Headers, Host,
    MapKind, Match, Plugin, Profile, Reply, Step, MAX_SELECTING_BODY,
};

use crate::config::{Config, Mode, OnError};
use crate::denials::{PRODUCT_UNLICENSED, UNLICENSED};
use crate::names::{CLASS_HEADER, JURISDICTION_HEADER};
use crate::policy::{Case, Facts, Policy, Ruling};

/// The plugin: a policy shared by the filters of a VM.
#[derive(Debug)]
pub struct GeoJurisdiction {
    policy: Rc<Policy>,
}

impl Plugin for GeoJurisdiction {
    const NAME: &'static str = "geo-jurisdiction";
    type Filter = Geo;

    fn configure(document: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        let policy = policy_kit::parse::<Config>(document).and_then(Policy::try_from)?;
        let version = if policy.version().is_empty() { "none" } else { policy.version() };
        let (name, catalogue) = (Self::NAME, policy.catalogue());
        let line = format!("{name}: configured, version {version}, catalogue {catalogue}");
        host.log(log::Level::Info, &line);
        host.count(&metrics::configured(name, version, catalogue));
        Ok(Self { policy: Rc::new(policy) })
    }

    fn profile(&self) -> Profile {
        self.policy.profile()
    }

    fn filter(&self) -> Geo {
        Geo { policy: Rc::clone(&self.policy), case: Case::default(), details: Details::NONE }
    }
}

/// One request's filter.
#[derive(Debug)]
pub struct Geo {
    policy: Rc<Policy>,
    case: Case,
    /// What a refusal repeats of the request.
    details: Details,
}

impl Filter for Geo {
    fn on_request_headers(&mut self, host: &mut dyn Host, _: bool) -> Step {
        let policy = Rc::clone(&self.policy);
        self.on_headers(&policy, host).unwrap_or_else(|fault| self.failed(host, fault))
    }

    fn on_request_body(&mut self, host: &mut dyn Host, body: Result<&[u8], BodyFault>) -> Step {
        let policy = Rc::clone(&self.policy);
        let endpoint = policy.classify(&self.case);
        let decided = match body {
            Ok(body) => {
                let endpoint = endpoint.with_body(body, self.case.json);
                let ruling = policy.rule(&endpoint, &self.case);
                self.apply(host, &endpoint, &ruling)
            }
            Err(BodyFault::Unreadable(fault)) => Err(fault),
            Err(fault @ BodyFault::TooLarge) => {
                let ruling = Ruling { refusal: Some(fault.denial()), rule: "body".to_owned() };
                self.apply(host, &endpoint, &ruling)
            }
        };
        decided.unwrap_or_else(|fault| self.failed(host, fault))
    }
}

impl Geo {
    fn on_headers(&mut self, policy: &Policy, host: &mut dyn Host) -> Result<Step, Fault> {
        let headers = host.headers(MapKind::Request)?;
        self.details = Details::read(&headers);
        let peer = host.property(&["source", "address"])?;
        let peer = peer.as_deref().and_then(address);
        let now = if policy.needs_clock() { host.now()? } else { 0 };
        self.case = policy.weigh(&Facts { headers: &headers, peer, now });
        self.strip(host, &headers)?;
        let endpoint = policy.classify(&self.case);
        if endpoint.needs_body() {
            // Until the body is known the call counts as the strictest that it may be, and headers
            // cannot be written any more once it is.
            self.tell_upstream(host, &endpoint)?;
            host.publish(facts::CLASS, endpoint.class.as_str())?;
            return Ok(Step::Body { limit: MAX_SELECTING_BODY });
        }
        let ruling = policy.rule(&endpoint, &self.case);
        let step = self.apply(host, &endpoint, &ruling)?;
        if step == Step::Continue {
            self.tell_upstream(host, &endpoint)?;
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
        host.publish(facts::JURISDICTION, self.place().unwrap_or("unknown"))?;
        host.publish(&facts::evidence(GeoJurisdiction::NAME), &self.evidence(ruling))?;
        let decision = code.map_or(word.to_owned(), |code| format!("{word}:{code}"));
        host.publish(&facts::decision(GeoJurisdiction::NAME), &decision)?;
        match ruling.refusal {
            Some(denial) if mode == Mode::Enforce => Ok(Step::Deny(self.reply(denial, endpoint))),
            _ => Ok(Step::Continue),
        }
    }

    fn place(&self) -> Option<&str> {
        self.case.located.place.as_ref().map(|place| place.as_str())
    }

    /// What a regulator asks of a decision: where, by whose word, by which rule of which document.
    fn evidence(&self, ruling: &Ruling) -> String {
        let located = &self.case.located;
        let place = self.place().unwrap_or("unknown");
        let other = located.other.as_ref().map(|p| format!(" other={}", p.as_str()));
        let other = other.unwrap_or_default();
        let (source, rule, version) = (located.source, &ruling.rule, self.policy.version());
        format!("place={place}{other} source={source} rule={rule} version={version}")
    }

    fn tell_upstream(&self, host: &mut dyn Host, endpoint: &Match<'_>) -> Result<(), Fault> {
        let class = endpoint.class.as_str();
        host.set_header(MapKind::Request, CLASS_HEADER, class.as_bytes())?;
        match self.place() {
            Some(place) => host.set_header(MapKind::Request, JURISDICTION_HEADER, place.as_bytes()),
            None => Ok(()),
        }
    }

    fn reply(&self, denial: Denial, endpoint: &Match<'_>) -> Reply {
        let reply = self.policy.envelopes().reply(endpoint.envelope, denial, &self.details);
        let legal = denial == UNLICENSED || denial == PRODUCT_UNLICENSED;
        if legal && reply.status == denial.status {
            let link = format!("<{}>; rel=\"blocked-by\"", self.policy.blocked_by());
            return reply.with_header("link", link);
        }
        reply
    }

    fn failed(&self, host: &mut dyn Host, fault: Fault) -> Step {
        host.log(log::Level::Error, &format!("{}: {fault}", GeoJurisdiction::NAME));
        let denial = Denial::POLICY_UNAVAILABLE;
        // A policy that is only watching does not stop traffic, whatever fails.
        let forward =
            self.policy.on_error() == OnError::Forward || self.policy.mode() == Mode::Shadow;
        let word = if forward { "forward" } else { "deny" };
        host.count(&metric("unknown", word, denial.code));
        let decision = facts::decision(GeoJurisdiction::NAME);
        if let Err(fault) = host.publish(&decision, &format!("{word}:{}", denial.code)) {
            host.log(log::Level::Error, &format!("{}: {fault}", GeoJurisdiction::NAME));
        }
        if forward {
            return Step::Continue;
        }
        Step::Deny(self.reply(denial, &self.policy.classify(&self.case)))
    }
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
