//! The rate limits of a configuration.

use policy_kit::{invalid, ConfigError, EndpointClass, Match};

use crate::rate::caller::is_bodiless;
use crate::rate::config::limit::{LimitConfig, Scope};
use crate::rate::config::part::KeyPart;
use crate::rate::lease::fleet::Fleet;
use crate::rate::rule::{CompileContext, Rule};
use crate::rate::rule_set::{RuleSet, MOST_RULES};

/// The rate limits of a configuration, compiled.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    rules: Vec<Rule>,
    /// Rules by the class of requests: most requests match few.
    by_class: [RuleSet; EndpointClass::ALL.len()],
    /// Rules whose key is in the body.
    by_body: RuleSet,
    fleet: Option<Fleet>,
}

impl Limits {
    /// Compiles the configuration's `limits`.
    ///
    /// # Errors
    /// Names the field: a rate of zero, a rule that can never match, a key that nobody provides.
    pub fn compile(
        raw: Vec<LimitConfig>,
        context: &CompileContext<'_>,
    ) -> Result<Self, ConfigError> {
        if raw.len() > MOST_RULES {
            return Err(invalid("limits", "has more than 64 rules"));
        }
        let mut limits = Self { fleet: context.fleet.cloned(), ..Self::default() };
        for (position, raw) in (0_u8..).zip(raw) {
            let at = format!("limits[{position}]");
            let rule = Rule::compile(raw, &at, context)?;
            if limits.rules.iter().any(|other| other.name == rule.name) {
                return Err(invalid(format!("{at}.name"), "is another rule's name"));
            }
            for class in rule.matching.classes() {
                if let Some(rules) = limits.by_class.get_mut(*class as usize) {
                    rules.insert(position);
                }
            }
            if rule.needs_body() {
                limits.by_body.insert(position);
            }
            limits.rules.push(rule);
        }
        let used = limits.rules.iter().any(|rule| rule.scope == Scope::Fleet);
        if context.fleet.is_some() && !used {
            return Err(invalid("fleet", "has no effect: no limit has the scope `fleet`"));
        }
        Ok(limits)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Names of rules by position, for metrics and evidence.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The name of one rule.
    pub fn name(&self, rule: u8) -> &str {
        self.rule(rule).map_or("", |rule| &rule.name)
    }

    /// What the keys of the rules for a class are made of.
    pub(crate) fn key_parts(&self, class: EndpointClass) -> impl Iterator<Item = &KeyPart> {
        let rules = self.of_class(class).iter().filter_map(|rule| self.rule(rule));
        rules.flat_map(|rule| rule.key.iter())
    }

    /// Whether a rule for this request has its key in the body.
    pub fn needs_body(&self, endpoint: &Match<'_>, method: &[u8]) -> bool {
        !is_bodiless(method) && !self.of_body(self.possible(endpoint, method)).is_empty()
    }

    /// The rules of a request; of one whose class only the body tells, the rules of all of its candidates.
    #[inline]
    pub(crate) fn possible(&self, endpoint: &Match<'_>, method: &[u8]) -> RuleSet {
        let mut rules = self.of_class(endpoint.class);
        if endpoint.needs_body() {
            rules = endpoint.candidates().fold(rules, |all, class| all.or(self.of_class(class)));
        }
        let mut found = RuleSet::EMPTY;
        for position in rules.iter() {
            let takes = |rule: &Rule| rule.matching.takes(endpoint.endpoint, method);
            if self.rule(position).is_some_and(takes) {
                found.insert(position);
            }
        }
        found
    }

    /// Those of them whose key is in the body.
    pub(crate) fn of_body(&self, rules: RuleSet) -> RuleSet {
        rules.and(self.by_body)
    }

    pub(crate) fn rule(&self, position: u8) -> Option<&Rule> {
        self.rules.get(usize::from(position))
    }

    pub(crate) fn fleet(&self) -> Option<&Fleet> {
        self.fleet.as_ref()
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    fn of_class(&self, class: EndpointClass) -> RuleSet {
        self.by_class.get(class as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
