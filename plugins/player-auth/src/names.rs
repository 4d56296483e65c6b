//! Names of counters and facts. Most requests pass, so what tells of one that does is made once.

use policy_kit::{metrics, EndpointClass, Plugin, SortedMap};

use crate::plugin::PlayerAuth;

/// The fact that holds the decision.
pub const DECISION: &str = "pitboss.player-auth.decision";
/// The fact that holds the reason.
pub const EVIDENCE: &str = "pitboss.player-auth.evidence";

/// Counters of requests that pass, by class.
#[derive(Debug)]
pub struct Passes(SortedMap<EndpointClass, String>);

impl Default for Passes {
    fn default() -> Self {
        let name = |class: EndpointClass| (class, metric(class.as_str(), "allow", "none"));
        Self(EndpointClass::ALL.into_iter().map(name).collect())
    }
}

impl Passes {
    /// The counter of a class.
    pub fn of(&self, class: EndpointClass) -> &str {
        self.0.get(&class).map(String::as_str).unwrap_or_default()
    }
}

/// The counter of a class, a decision and its code.
pub fn metric(class: &str, decision: &str, code: &str) -> String {
    metrics::requests(PlayerAuth::NAME, class, decision, code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::facts;

    #[test]
    fn names_are_those_that_every_plugin_has() {
        assert_eq!(DECISION, facts::decision(PlayerAuth::NAME));
        assert_eq!(EVIDENCE, facts::evidence(PlayerAuth::NAME));
        let passes = Passes::default();
        for class in EndpointClass::ALL {
            assert_eq!(passes.of(class), metric(class.as_str(), "allow", "none"));
        }
    }
}
