//! The plugin's name, and the headers that it reads and sets.

use policy_kit::EndpointClass;

/// The plugin's name in metrics, facts and logs.
pub const NAME: &str = "bet-priority";

/// How urgent a request is, for the upstream and for the gateway's routes: see [`urgency`].
pub const PRIORITY_HEADER: &str = "x-request-priority";
/// The endpoint class.
pub const CLASS_HEADER: &str = "x-endpoint-class";

/// WasmX: the player, set by the filter that authenticates requests.
pub const PLAYER_HEADER: &str = "x-player-id";
/// WasmX: the session, likewise.
pub const SESSION_HEADER: &str = "x-session-id";
/// WasmX: the partner, likewise.
pub const PARTNER_HEADER: &str = "x-partner-id";

/// The value of [`PRIORITY_HEADER`]: a word that a route can match exactly.
pub const fn urgency(class: EndpointClass) -> &'static str {
    use EndpointClass as C;
    match class {
        C::Settlement | C::SaferGambling => "critical",
        C::Wager | C::Round | C::Cashout => "high",
        C::Account | C::Launch | C::Deposit | C::Withdrawal | C::Session => "normal",
        C::Content | C::History | C::Odds | C::Unclassified => "low",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A class that is kept longer is never less urgent.
    #[test]
    fn urgency_follows_the_shedding_order() {
        let order = ["low", "normal", "high", "critical"];
        let rank = |class| order.iter().position(|word| *word == urgency(class));
        // Odds are kept longer than history, and both are low; unclassified requests are shed first.
        let ranks: Vec<_> = EndpointClass::ALL.into_iter().map(rank).collect();
        assert_eq!(ranks, [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 0].map(Some));
    }
}
