//! A complete policy: refuses requests that lack a header. The README shows this file.

use policy_kit::{
    header_name, ConfigError, DecisionRecorder, Denial, Details, Effect, EndpointClass, Fault,
    Filter, Host, MapKind, Plugin, Profile, Step,
};
use std::rc::Rc;

const MISSING: Denial =
    Denial { status: 403, code: "header_missing", title: "This request lacks a header." };

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    header: String,
}

#[derive(Clone)]
struct HeaderGate(Rc<(String, DecisionRecorder)>);

impl Plugin for HeaderGate {
    const NAME: &'static str = "header-gate";
    type Filter = Self;
    fn configure(document: &[u8], _host: &mut dyn Host) -> Result<Self, ConfigError> {
        let config: Config = policy_kit::parse(document)?;
        let header = header_name("header", &config.header)?;
        Ok(Self(Rc::new((header, DecisionRecorder::new(Self::NAME)))))
    }
    fn profile(&self) -> Profile {
        Profile::Envoy
    }
    fn filter(&self) -> Self {
        self.clone()
    }
}

impl HeaderGate {
    fn decide(&self, host: &mut dyn Host) -> Result<Step, Fault> {
        let (header, recorder) = &*self.0;
        let headers = host.headers(MapKind::Request)?;
        let effect = if headers.has(header) { Effect::Allow } else { Effect::Deny(MISSING) };
        recorder.count(host, EndpointClass::Unclassified, effect);
        recorder.publish(host, effect, "rule=header")?;
        let refusal = Step::Deny(MISSING.problem(&Details::read(&headers)));
        Ok(if effect == Effect::Allow { Step::Continue } else { refusal })
    }
}

impl Filter for HeaderGate {
    fn on_request_headers(&mut self, host: &mut dyn Host, _end_of_stream: bool) -> Step {
        // Where the gateway fails a host call, nothing is decided and nothing passes.
        let unavailable = Denial::POLICY_UNAVAILABLE.problem(&Details::NONE);
        self.decide(host).unwrap_or(Step::Deny(unavailable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::fake::{run, FakeHost};

    #[test]
    fn refuses_requests_without_the_header() {
        let request = FakeHost::request(&[("x-other", "otter")]);
        let (_, host) = run::<HeaderGate>(r#"{"header": "x-tenant"}"#, request).unwrap();
        assert_eq!(host.replied.map(|reply| reply.code), Some("header_missing"));
    }
}

#[test]
fn the_readme_shows_this_policy() {
    let (readme, file) = (include_str!("../README.md"), include_str!("header_gate.rs"));
    let from = file.split_once("\n\n").map(|(_, rest)| rest).unwrap();
    let policy = from.split("\n#[test]\nfn the_readme").next().unwrap();
    assert!(readme.contains(policy), "README.md has another policy");
}
