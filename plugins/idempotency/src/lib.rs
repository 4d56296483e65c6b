//! Lets every request that moves money take effect once, and answers every retry with the first answer.
//!
//! 1. A request that moves money carries a [key](policy::key::Key). The [scope](policy::identity::Scope)
//!    of a key is its owner, brand, method and endpoint: the same key in another scope is another key.
//! 2. The [fingerprint](policy::identity::Fingerprint) is what a request asks for. A second request under
//!    the same key is refused unless its fingerprint is the same.
//! 3. A key is absent, in progress, or settled with an [outcome](policy::outcome::Outcome). The request
//!    that claims it first is carried out. [`transition`](store::machine::transition) is the whole state
//!    machine, and every store runs it.
//! 4. After its deadline a claim counts as unknown, never as absent: the request may have taken effect.
//! 5. [`OutcomeRule::outcome`](policy::outcome::OutcomeRule::outcome) maps how the exchange with the
//!    upstream ended to an outcome. What cannot be mapped is unknown, too.
//! 6. Each claim has a fencing token ([`Fence`](store::port::Fence)). A claim that was superseded cannot
//!    settle the key.
//! 7. The embedded store ([`Slots`](store::slots::Slots)) has a fixed number of slots in the gateway's
//!    shared data. It evicts expired keys only, a [`Quota`](store::quota::Quota) limits the keys of one
//!    owner, and players and partners have separate [parts](policy::identity::Part).
//! 8. The same bet under two keys within seconds is a double click
//!    ([`RecentBets`](store::recent_bets::RecentBets)).
#![warn(missing_docs)]

pub mod denials;
pub mod names;
pub mod plugin;

/// The configuration as the operator writes it.
pub mod config {
    pub(crate) mod checks;
    pub mod document;
    pub mod rule;
}

/// The compiled configuration and its rules. Nothing here reads a clock, a store or the gateway.
pub mod policy {
    pub mod answer;
    pub mod capacity;
    pub mod compiled;
    pub mod identity;
    pub mod key;
    pub mod matching;
    pub mod outcome;
    pub mod rule;
}

/// Where keys, answers, quotas and recent bets are kept.
pub mod store {
    pub mod boot;
    pub(crate) mod bucket;
    pub(crate) mod level;
    pub mod machine;
    pub mod port;
    pub mod quota;
    pub mod recent_bets;
    pub(crate) mod record;
    pub(crate) mod shares;
    pub mod slots;
}

/// The phases of one request.
pub mod filter {
    pub(crate) mod claim;
    pub(crate) mod facts;
    pub(crate) mod phases;
    pub(crate) mod reply;
    pub(crate) mod response;
    pub mod state;
    pub(crate) mod unknown_outcome;
    pub(crate) mod worker;
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod simulation_tests;
#[cfg(test)]
mod starvation_tests;

#[cfg(all(target_arch = "wasm32", feature = "module"))]
policy_shell::export!(
    crate::plugin::IdempotencyPlugin:
    request_headers, request_body, call, response_headers, response_body, tick, log
);
