//! Walks one request: read the facts, ask the policy, apply the answer.

use std::rc::Rc;

use policy_kit::{
    facts, request_id, ConfigError, Denial, Fault, Filter, Headers, Host, MapKind, One, Plugin,
    Profile, Reply, Step, MEANING_HEADERS,
};

use crate::config::{Config, Mode, OnError};
use crate::policy::{Facts, Policy, Verdict, UNLICENSED};

/// The place, told to the upstream.
const JURISDICTION_HEADER: &str = "x-jurisdiction";
/// The endpoint class, told to the upstream.
const CLASS_HEADER: &str = "x-endpoint-class";

/// The plugin: a policy shared by the filters of a VM.
#[derive(Debug)]
pub struct GeoJurisdiction {
    policy: Rc<Policy>,
}

impl Plugin for GeoJurisdiction {
    const NAME: &'static str = "geo-jurisdiction";
    type Filter = Geo;

    fn configure(document: &[u8], _: &mut dyn Host) -> Result<Self, ConfigError> {
        let policy = policy_kit::parse::<Config>(document).and_then(Policy::try_from)?;
        Ok(Self { policy: Rc::new(policy) })
    }

    fn profile(&self) -> Profile {
        self.policy.profile()
    }

    fn filter(&self) -> Geo {
        Geo { policy: Rc::clone(&self.policy) }
    }
}

/// One request's filter.
#[derive(Debug)]
pub struct Geo {
    policy: Rc<Policy>,
}

impl Filter for Geo {
    fn on_request_headers(&mut self, host: &mut dyn Host, _: bool) -> Step {
        match self.walk(host) {
            Ok(step) => step,
            Err(fault) => self.failed(host, fault),
        }
    }
}

impl Geo {
    fn walk(&self, host: &mut dyn Host) -> Result<Step, Fault> {
        let headers = host.headers(MapKind::Request)?;
        // Whatever is decided: nothing a client sent may pass for what we say, or change what the
        // call means after it was classified.
        for name in MEANING_HEADERS.into_iter().chain([JURISDICTION_HEADER, CLASS_HEADER]) {
            if headers.has(name) {
                host.remove_header(MapKind::Request, name)?;
            }
        }
        let verdict = self.policy.decide(&self.facts(&headers));
        self.tell_filters(host, &verdict)?;
        match verdict.refusal {
            Some(denial) if self.policy.mode() == Mode::Enforce => {
                Ok(Step::Deny(self.reply(denial, &headers)))
            }
            _ => self.tell_upstream(host, &verdict).map(|()| Step::Continue),
        }
    }

    fn facts<'a>(&'a self, headers: &'a Headers) -> Facts<'a> {
        let region = self.policy.region_header().map_or(One::Absent, |name| headers.one(name));
        Facts {
            method: headers.single(":method").unwrap_or_default(),
            target: headers.single(":path").unwrap_or_default(),
            authority: headers.single(":authority").unwrap_or_default(),
            country: headers.one(self.policy.country_header()),
            region,
        }
    }

    fn tell_filters(&self, host: &mut dyn Host, verdict: &Verdict<'_>) -> Result<(), Fault> {
        let class = verdict.endpoint.class.as_str();
        let (word, code) = match (verdict.refusal, self.policy.mode()) {
            (None, _) => ("allow", None),
            (Some(denial), Mode::Enforce) => ("deny", Some(denial.code)),
            (Some(denial), Mode::Shadow) => ("shadow", Some(denial.code)),
        };
        let decision = code.map_or(word.to_owned(), |code| format!("{word}:{code}"));
        host.count(&metric(class, word, code.unwrap_or("none")));
        host.publish(facts::CLASS, class)?;
        if let Some(brand) = verdict.brand {
            host.publish(facts::BRAND, brand)?;
        }
        let place = verdict.place.as_ref().map_or("unknown", |place| place.as_str());
        host.publish(facts::JURISDICTION, place)?;
        host.publish(&facts::decision(GeoJurisdiction::NAME), &decision)
    }

    fn tell_upstream(&self, host: &mut dyn Host, verdict: &Verdict<'_>) -> Result<(), Fault> {
        let class = verdict.endpoint.class.as_str();
        host.set_header(MapKind::Request, CLASS_HEADER, class.as_bytes())?;
        match &verdict.place {
            Some(place) => {
                let place = place.as_str().as_bytes();
                host.set_header(MapKind::Request, JURISDICTION_HEADER, place)
            }
            None => Ok(()),
        }
    }

    fn reply(&self, denial: Denial, headers: &Headers) -> Reply {
        let reply = denial.problem(request_id(headers));
        if denial == UNLICENSED {
            let link = format!("<{}>; rel=\"blocked-by\"", self.policy.blocked_by());
            return reply.with_header("link", link);
        }
        reply
    }

    fn failed(&self, host: &mut dyn Host, fault: Fault) -> Step {
        host.log(log::Level::Error, &format!("{}: {fault}", GeoJurisdiction::NAME));
        let denial = Denial::POLICY_UNAVAILABLE;
        match self.policy.on_error() {
            OnError::Refuse => {
                host.count(&metric("unknown", "deny", denial.code));
                Step::Deny(denial.problem(None))
            }
            OnError::Forward => {
                host.count(&metric("unknown", "forward", denial.code));
                Step::Continue
            }
        }
    }
}

fn metric(class: &str, decision: &str, code: &str) -> String {
    let name = GeoJurisdiction::NAME;
    format!("pitboss.{name}.requests.class={class}.decision={decision}.code={code}")
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
