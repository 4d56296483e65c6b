//! Names of counters and facts.

use policy_kit::{metrics, Plugin};

use crate::plugin::PlayerAuth;

/// The fact that holds the decision.
pub const DECISION: &str = "pitboss.player-auth.decision";
/// The fact that holds the reason.
pub const EVIDENCE: &str = "pitboss.player-auth.evidence";

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
    }
}
