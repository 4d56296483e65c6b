//! The compiled configuration: which requests have keys, and by which rule.

use std::rc::Rc;

use policy_kit::{
    header_name, invalid, stripped_by, ConfigError, EndpointClass, Endpoints, Envelopes, Host,
    Profile, Unclassified,
};

use crate::config::checks::within;
use crate::config::document::{AnswersConfig, Config, RequestHold, RequestsConfig};
use crate::policy::answer::may_be_replayed;
use crate::policy::capacity::{Capacity, Demand};
use crate::policy::matching::{DoubleClickRule, RequestMatcher};
use crate::policy::rule::{check_commit, Rule};

/// Longest body of an answer that is kept: Envoy's buffers hold that much.
const MOST_ANSWER: u64 = 64 << 10;
/// Longest body of a request that is held.
const MOST_REQUEST: u64 = 1 << 20;
/// Always replayed: without it a compressed body cannot be read.
const ALWAYS_KEPT: &str = "content-encoding";
/// Always replayed: a redirection needs it.
const LOCATION: &str = "location";

/// A validated configuration. It never changes while the VM lives.
#[derive(Debug)]
pub struct Policy {
    /// The gateway that the operator named.
    pub profile: Profile,
    /// The operator's name for this version of the document; may be empty.
    pub version: String,
    /// What the store may hold, and one owner in it.
    pub capacity: Capacity,
    /// In the order in which they are tried; the catalogue's is the last.
    rules: Vec<(RequestMatcher, Rc<Rule>)>,
    /// Headers of answers that are replayed, in lower case.
    pub replayed_headers: Vec<String>,
    /// Longest body of an answer that is kept, in bytes.
    pub max_answer: usize,
    /// What is held until the key is claimed.
    pub hold: RequestHold,
    /// Longest body of a request with a key, in bytes.
    pub max_request: usize,
    /// How double clicks are treated; not at all if `None`.
    pub double_click: Option<DoubleClickRule>,
    /// What happens to requests that match no endpoint.
    pub unclassified: Unclassified,
    /// The envelopes of refusals.
    pub envelopes: Envelopes,
    /// The class of each path.
    pub endpoints: Endpoints,
}

impl Policy {
    /// Compiles a configuration. The host is asked for the environment only.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: Config, host: &mut dyn Host) -> Result<Self, ConfigError> {
        let profile = raw.host;
        policy_kit::version(&raw.version)?;
        let stripper = raw.facts.as_ref().map(|it| it.stripped_by.as_str());
        stripped_by(profile, ("facts", "stripped_by"), "players and partners", stripper)?;
        check_commit(raw.commit, profile, || "commit".to_owned())?;
        let mut rules: Vec<(RequestMatcher, Rc<Rule>)> = Vec::new();
        for (i, rule) in raw.rules.into_iter().enumerate() {
            let at = format!("rules[{i}]");
            let matcher = RequestMatcher::compile(&rule, &at, &raw.endpoints)?;
            if matcher.is_covered_by(rules.iter().map(|(matcher, _)| matcher)) {
                return Err(invalid(at, "has no effect: earlier rules match all of its requests"));
            }
            rules.push((matcher, Rc::new(Rule::compile(rule, at, profile, raw.commit, host)?)));
        }
        rules.push((RequestMatcher::catalogue(), Rc::new(Rule::catalogue(raw.commit))));
        let max_answer = within(Some(raw.answers.max_bytes as u64), 0, (1, MOST_ANSWER), || {
            "answers.max_bytes".to_owned()
        })?;
        let max_answer = usize::try_from(max_answer).unwrap_or(usize::MAX);
        check_requests(&raw.requests, profile)?;
        let keyed = |class| {
            let mut of = rules.iter().filter(|(matcher, _)| matcher.classes.contains(&class));
            of.any(|(_, rule)| rule.uses_keys())
        };
        let demand = Demand::new(raw.store.rate, raw.store.slots, &rules)?;
        let rate = demand.players_rate();
        let double_click =
            raw.double_click.map(|raw| DoubleClickRule::compile(raw, keyed, rate)).transpose()?;
        let double_click = double_click.flatten();
        let bets = double_click.as_ref().map_or(0, |rule| rule.bets);
        let envelopes = Envelopes::compile(raw.envelopes)?;
        let endpoints = Endpoints::compile_with(raw.endpoints, raw.head_as_get)?;
        envelopes.check(&endpoints)?;
        Ok(Self {
            profile,
            version: raw.version,
            capacity: Capacity::compile(raw.store, &raw.quota, &demand, profile, max_answer, bets)?,
            rules,
            replayed_headers: replayed_headers(raw.answers)?,
            max_answer,
            hold: raw.requests.hold,
            max_request: raw.requests.max_bytes,
            double_click,
            unclassified: raw.unclassified,
            envelopes,
            endpoints,
        })
    }

    /// The rule of a request to `endpoint` (as the operator wrote it). `partner` is `None` if the caller is
    /// no partner. `None` if the request passes without a key.
    pub fn rule(
        &self,
        class: EndpointClass,
        endpoint: &str,
        method: &str,
        partner: Option<&str>,
    ) -> Option<&Rc<Rule>> {
        let mut of = self.rules_of(class, endpoint, method);
        let (_, rule) = of.find(|(matcher, _)| matcher.matches_caller(partner))?;
        Some(rule).filter(|rule| rule.uses_keys())
    }

    /// Whether any rule that may apply to a request satisfies `is`, whatever its caller. If the class
    /// depends on the body, `candidates` are all classes that it may have.
    pub fn any_rule(
        &self,
        mut candidates: impl Iterator<Item = EndpointClass>,
        endpoint: &str,
        method: &str,
        is: impl Fn(&Rule) -> bool,
    ) -> bool {
        candidates.any(|class| {
            for (matcher, rule) in self.rules_of(class, endpoint, method) {
                if is(rule) {
                    return true;
                }
                // Only a rule for some partners leaves requests to the rules that follow.
                if !matcher.depends_on_caller() {
                    return false;
                }
            }
            false
        })
    }

    fn rules_of<'p, 'a>(
        &'p self,
        class: EndpointClass,
        endpoint: &'a str,
        method: &'a str,
    ) -> impl Iterator<Item = &'p (RequestMatcher, Rc<Rule>)> + use<'p, 'a> {
        self.rules.iter().filter(move |(matcher, _)| matcher.matches(class, endpoint, method))
    }

    /// The digest of the endpoint catalogue.
    pub fn catalogue(&self) -> &str {
        self.endpoints.digest()
    }

    /// Whether any retry waits for the first attempt.
    pub fn waits(&self) -> bool {
        self.rules.iter().any(|(_, rule)| rule.wait.is_some())
    }
}

fn check_requests(raw: &RequestsConfig, profile: Profile) -> Result<(), ConfigError> {
    if raw.hold == RequestHold::Headers && profile == Profile::Wasmx {
        return Err(invalid("requests.hold", "`headers` is for `envoy`"));
    }
    let at = || "requests.max_bytes".to_owned();
    within(Some(raw.max_bytes as u64), 0, (1, MOST_REQUEST), at).map(|_| ())
}

fn replayed_headers(raw: AnswersConfig) -> Result<Vec<String>, ConfigError> {
    let mut kept = vec![ALWAYS_KEPT.to_owned()];
    for (i, name) in raw.headers.iter().enumerate() {
        let at = format!("answers.headers[{i}]");
        let name = header_name(&at, name)?;
        if !may_be_replayed(&name) {
            return Err(invalid(at, "is of one transfer, one client or one moment"));
        }
        if kept.contains(&name) {
            return Err(invalid(at, "is kept already"));
        }
        kept.push(name);
    }
    if !kept.iter().any(|name| name == LOCATION) {
        kept.push(LOCATION.to_owned());
    }
    Ok(kept)
}

#[cfg(test)]
#[path = "compiled_tests.rs"]
pub(crate) mod tests;
