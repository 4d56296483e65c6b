//! Names: the plugin's, and those of facts, headers and metrics.

pub(crate) use policy_kit::{MILLI, SECOND};

/// The plugin's name.
pub const NAME: &str = "idempotency";
/// The fact with the outcome of a key that was claimed.
pub const OUTCOME: &str = "pitboss.idempotency.outcome";
/// The outcome of a key whose answer is stored.
pub const COMPLETED: &str = "completed";
/// The header that marks a replay.
pub const REPLAYED_HEADER: &str = "idempotent-replayed";
/// WasmX: the player, as the filter reports that checked the login.
pub const PLAYER_HEADER: &str = "x-player-id";
/// WasmX: the partner, likewise.
pub const PARTNER_HEADER: &str = "x-partner-id";
/// WasmX: the brand, likewise.
pub const BRAND_HEADER: &str = "x-brand";
/// The gauge of when the store began empty, in seconds since the epoch.
pub const SINCE: &str = "pitboss.idempotency.store.since_s";
/// The prefix of all names in shared data. An update that cannot read older values, or looks for them under
/// other names, has another number.
pub(crate) const STORE: &str = "pitboss.idempotency.3";

/// The gauge of `what` a part of the store holds: `keys` or `bytes`.
pub fn gauge(what: &str, part: &str) -> String {
    format!("pitboss.{NAME}.store.{what}.part={part}")
}

/// The counter of configurations by the store's id, and whether the store was found or begun.
pub fn boot(id: &str, found: bool) -> String {
    let found = if found { "there" } else { "empty" };
    format!("pitboss.{NAME}.store.boot={id}.found={found}")
}

/// The counter of requests for which a part of the store had no slot.
pub fn full(part: &str) -> String {
    format!("pitboss.{NAME}.full.part={part}")
}

/// The counter of bets that could not be compared with those of the last seconds.
pub fn unseen(class: &str) -> String {
    format!("pitboss.{NAME}.clicks_unseen.class={class}")
}

/// The counter of outcomes of claimed keys.
pub fn outcome_metric(class: &str, outcome: &str) -> String {
    format!("pitboss.{NAME}.outcomes.class={class}.outcome={outcome}")
}
