//! A validated configuration: which calls have a key, and what is done with it.

use std::rc::Rc;

use policy_kit::{
    header_name, invalid, stripped_by, ConfigError, EndpointClass, Endpoints, Envelopes, Host,
    Profile, Unclassified,
};

use crate::config::{AnswersConfig, Config, Hold, RequestsConfig};
use crate::policy_calls::Calls;
use crate::policy_promise::Promise;
use crate::record::may_be_told;
use crate::rule::{releases, within};
use crate::{ClickRule, Room, Rule};

/// Longest body of an answer that is kept: what Envoy's own buffers bear.
const MOST_ANSWER: u64 = 64 << 10;
/// Longest body of a request that is held.
const MOST_REQUEST: u64 = 1 << 20;
/// Without it nobody can read a body.
const ALWAYS_KEPT: &str = "content-encoding";
/// Without it a redirection tells nothing.
const LOCATION: &str = "location";

/// Immutable for the life of the VM.
#[derive(Debug)]
pub struct Policy {
    profile: Profile,
    version: String,
    room: Room,
    /// In the order in which they are asked; the catalogue's own is the last.
    rules: Vec<(Calls, Rc<Rule>)>,
    kept: Vec<String>,
    max_answer: usize,
    hold: Hold,
    max_request: usize,
    click: Option<ClickRule>,
    unclassified: Unclassified,
    envelopes: Envelopes,
    endpoints: Endpoints,
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
        releases(raw.commit, profile).map_err(|problem| invalid("commit", problem))?;
        let mut rules: Vec<(Calls, Rc<Rule>)> = Vec::new();
        for (i, rule) in raw.rules.into_iter().enumerate() {
            let at = format!("rules[{i}]");
            let calls = Calls::compile(&rule, &at, &raw.endpoints)?;
            if calls.are_covered_by(rules.iter().map(|(calls, _)| calls)) {
                return Err(invalid(at, "has no effect: earlier rules are for all of its calls"));
            }
            rules.push((calls, Rc::new(Rule::compile(rule, at, profile, raw.commit, host)?)));
        }
        rules.push((Calls::of_the_catalogue(), Rc::new(Rule::of_the_catalogue(raw.commit))));
        let max_answer = within(Some(raw.answers.max_bytes as u64), 0, (1, MOST_ANSWER), || {
            "answers.max_bytes".to_owned()
        })?;
        let max_answer = usize::try_from(max_answer).unwrap_or(usize::MAX);
        requests(&raw.requests, profile)?;
        let keyed = |class| {
            let mut of = rules.iter().filter(|(calls, _)| calls.classes.contains(&class));
            of.any(|(_, rule)| rule.asks_for_keys())
        };
        let promise = Promise::new(raw.store.rate, raw.store.slots, &rules)?;
        let rate = promise.players_rate();
        let click = raw.double_click.map(|raw| ClickRule::compile(raw, keyed, rate)).transpose()?;
        let click = click.flatten();
        let bets = click.as_ref().map_or(0, |click| click.bets);
        let envelopes = Envelopes::compile(raw.envelopes)?;
        let endpoints = Endpoints::compile_with(raw.endpoints, raw.head_as_get)?;
        envelopes.check(&endpoints)?;
        Ok(Self {
            profile,
            version: raw.version,
            room: Room::compile(raw.store, &raw.quota, &promise, profile, max_answer, bets)?,
            rules,
            kept: kept(raw.answers)?,
            max_answer,
            hold: raw.requests.hold,
            max_request: raw.requests.max_bytes,
            click,
            unclassified: raw.unclassified,
            envelopes,
            endpoints,
        })
    }

    /// The rule of a call to `endpoint` (as the operator wrote it), made by `partner` or by nobody who
    /// is one. `None` where it passes without a key.
    pub fn rule(
        &self,
        class: EndpointClass,
        endpoint: &str,
        method: &str,
        partner: Option<&str>,
    ) -> Option<&Rc<Rule>> {
        let mut of = self.rules_of(class, endpoint, method);
        let (_, rule) = of.find(|(calls, _)| calls.have_caller(partner))?;
        Some(rule).filter(|rule| rule.asks_for_keys())
    }

    /// Whether a call may turn out to be under a rule that is so, whoever makes it. While only the body
    /// tells its class, `candidates` are all those that it may have.
    pub fn may_be_ruled(
        &self,
        mut candidates: impl Iterator<Item = EndpointClass>,
        endpoint: &str,
        method: &str,
        so: impl Fn(&Rule) -> bool,
    ) -> bool {
        candidates.any(|class| {
            for (calls, rule) in self.rules_of(class, endpoint, method) {
                if so(rule) {
                    return true;
                }
                // A rule of some partners leaves others to the rules that follow; everybody's does not.
                if !calls.ask_who_calls() {
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
    ) -> impl Iterator<Item = &'p (Calls, Rc<Rule>)> + use<'p, 'a> {
        self.rules.iter().filter(move |(calls, _)| calls.have(class, endpoint, method))
    }

    /// The gateway the operator named.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The operator's name for this state of the document; may be empty.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The digest of the endpoint catalogue.
    pub fn catalogue(&self) -> &str {
        self.endpoints.digest()
    }

    /// What kind of call each path is.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Refusals in partners' words.
    pub fn envelopes(&self) -> &Envelopes {
        &self.envelopes
    }

    /// What becomes of requests that match no endpoint.
    pub fn unclassified(&self) -> Unclassified {
        self.unclassified
    }

    /// What is held back until the key is claimed.
    pub fn hold(&self) -> Hold {
        self.hold
    }

    /// Longest body of a request with a key, in bytes.
    pub fn max_request(&self) -> usize {
        self.max_request
    }

    /// Longest body of an answer that is kept, in bytes.
    pub fn max_answer(&self) -> usize {
        self.max_answer
    }

    /// Headers of answers that are told again, in lower case.
    pub fn kept(&self) -> &[String] {
        &self.kept
    }

    /// What the store may hold, and one owner in it.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Whether any retry waits for the first attempt.
    pub fn waits(&self) -> bool {
        self.rules.iter().any(|(_, rule)| rule.wait.is_some())
    }

    /// What is done about the same bet under two keys; `None` if nothing.
    pub fn click(&self) -> Option<&ClickRule> {
        self.click.as_ref()
    }
}

fn requests(raw: &RequestsConfig, profile: Profile) -> Result<(), ConfigError> {
    if raw.hold == Hold::Headers && profile == Profile::Wasmx {
        return Err(invalid("requests.hold", "`headers` is for `envoy`"));
    }
    let at = || "requests.max_bytes".to_owned();
    within(Some(raw.max_bytes as u64), 0, (1, MOST_REQUEST), at).map(|_| ())
}

fn kept(raw: AnswersConfig) -> Result<Vec<String>, ConfigError> {
    let mut kept = vec![ALWAYS_KEPT.to_owned()];
    for (i, name) in raw.headers.iter().enumerate() {
        let at = format!("answers.headers[{i}]");
        let name = header_name(&at, name)?;
        if !may_be_told(&name) {
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
#[path = "policy_tests.rs"]
pub(crate) mod tests;
