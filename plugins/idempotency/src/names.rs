//! Names of facts, counters and headers.

use policy_kit::{metrics, Plugin};

use crate::plugin::Idempotency;
use crate::Part;

/// The fact that holds the decision: `allow`, `replay`, `deny:<code>`, or `forward:<code>` where the
/// store failed and the rule lets calls pass.
pub const DECISION: &str = "pitboss.idempotency.decision";
/// The fact that holds the reason.
pub const EVIDENCE: &str = "pitboss.idempotency.evidence";
/// The fact that holds what became of the key when the call was over.
pub const OUTCOME: &str = "pitboss.idempotency.outcome";
/// What became of a key whose answer is stored.
pub const COMPLETED: &str = "completed";
/// Marks an answer that was told before.
pub const REPLAYED_HEADER: &str = "idempotent-replayed";
/// WasmX: the player, by the word of the filter that checked the login.
pub const PLAYER_HEADER: &str = "x-player-id";
/// WasmX: the partner, likewise.
pub const PARTNER_HEADER: &str = "x-partner-id";
/// WasmX: the brand, likewise.
pub const BRAND_HEADER: &str = "x-brand";

/// How the names of what is kept in shared data begin. The number is another where an update of the module
/// could not read what is there, or would look for it elsewhere.
pub(crate) const STORE: &str = "pitboss.idempotency.3";

/// The counter of a class, a decision and its code.
pub fn metric(class: &str, decision: &str, code: &str) -> String {
    metrics::requests(Idempotency::NAME, class, decision, code)
}

/// The gauge of what a part of the store holds.
pub fn gauge(what: &str, part: Part) -> String {
    format!("pitboss.{}.store.{what}.part={}", Idempotency::NAME, part.name())
}

/// The counter of a beginning of the store: one for each worker that was configured.
pub fn boot(id: &str, found: bool) -> String {
    let found = if found { "there" } else { "empty" };
    format!("pitboss.{}.store.boot={id}.found={found}", Idempotency::NAME)
}

/// The gauge of when the store began empty, in seconds since the epoch.
pub const SINCE: &str = "pitboss.idempotency.store.since_s";

/// The counter of calls for which the store had no slot.
pub fn full(part: Part) -> String {
    format!("pitboss.{}.full.part={}", Idempotency::NAME, part.name())
}

/// The counter of bets that could not be compared with those of the last seconds.
pub fn unseen(class: &str) -> String {
    format!("pitboss.{}.clicks_unseen.class={class}", Idempotency::NAME)
}

/// The counter of what became of keys.
pub fn outcome(class: &str, outcome: &str) -> String {
    format!("pitboss.{}.outcomes.class={class}.outcome={outcome}", Idempotency::NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::facts;

    #[test]
    fn names_are_those_that_every_plugin_has() {
        assert_eq!(DECISION, facts::decision(Idempotency::NAME));
        assert_eq!(EVIDENCE, facts::evidence(Idempotency::NAME));
    }
}
