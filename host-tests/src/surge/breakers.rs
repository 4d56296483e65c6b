//! Envoy's circuit breakers, and the routes that choose among them.
use serde_json::{json, Value};

/// Which circuit breakers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breakers {
    /// Envoy's defaults: 1024 connections, pending and concurrent requests.
    Defaults,
    /// Two sets: one for wagers, cash-outs and settlements, one for the rest.
    ByPriority,
}

/// Connections to the casino and requests that may wait for one.
struct Set {
    priority: &'static str,
    connections: u32,
    pending: u32,
}

/// The best that was found by trying, for this casino and this surge.
const SETS: [Set; 2] = [
    Set { priority: "DEFAULT", connections: 4, pending: 4 },
    Set { priority: "HIGH", connections: 8, pending: 32 },
];

/// Paths of wagers and cash-outs, and of settlements.
const MONEY: [&str; 2] = ["/api/bets", "/psp/callback"];

/// The routes to the casino.
pub(super) fn routes(breakers: Breakers) -> Vec<Value> {
    let money = match breakers {
        Breakers::Defaults => &[][..],
        Breakers::ByPriority => &MONEY,
    };
    let route = |prefix: &str, priority: &str| {
        json!({"match": {"prefix": prefix},
            "route": {"cluster": "casino", "timeout": "25s", "priority": priority}})
    };
    let high = money.iter().map(|prefix| route(prefix, "HIGH"));
    high.chain([route("/", "DEFAULT")]).collect()
}

/// The field `circuit_breakers` of the cluster.
pub(super) fn thresholds(breakers: Breakers) -> Option<Value> {
    let set = |it: &Set| {
        json!({"priority": it.priority, "max_connections": it.connections,
            "max_pending_requests": it.pending})
    };
    match breakers {
        Breakers::Defaults => None,
        Breakers::ByPriority => {
            Some(json!({"thresholds": SETS.iter().map(set).collect::<Vec<_>>()}))
        }
    }
}
