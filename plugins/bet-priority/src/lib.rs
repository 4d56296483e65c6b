//! Decides what gets through when there is more traffic than the upstream can take.
//!
//! The rules, in the order in which they apply:
//!
//! 1. `x-request-priority`, `x-endpoint-class`, the headers of `descriptors` and headers that change the meaning of a
//!    request are stripped from every request, whatever is decided.
//! 2. A request that matches no endpoint, or whose path two readers could read differently, is refused with 403
//!    `endpoint_unclassified`, unless `unclassified` is `forward`. Then it counts as `content`.
//! 3. The client's address is found by walking `X-Forwarded-For` from the right over trusted networks. Player,
//!    session, partner and the partner's proof are those that the filter before this one reports.
//! 4. `x-request-priority`, `x-endpoint-class` and the headers of `descriptors` are set for the upstream and for the
//!    gateway's routes.
//! 5. `safer-gambling`, and `settlement` of a partner that is proven by its certificate or network, take a permit at
//!    once, also beyond the limit. No other rule applies to them.
//! 6. Where the class, the login's account, a market or a limit's key is in the body, and where a partner is
//!    proven by the body, the body is read first, up to 64 KiB: a longer one is 413 `body_too_large`. Limits that do
//!    not need it refuse before; nothing is charged yet. Until its class is known, a request counts as the strictest
//!    that it may have.
//! 7. A login to a locked account, or from a locked address, is answered with `abuse.login.reply` after as long as the
//!    upstream takes to refuse a password.
//! 8. A deposit of a player of whom as many failed as may is refused: 403 `deposits_blocked`.
//! 9. A request of a suspended market is refused: 409 `market_suspended`. One that hides its market is, too, while any
//!    is suspended. A market with `in_flight` requests takes no more: 503 `market_busy`.
//! 10. Rate limits: a request is charged to all that match it, or, if one that is enforced refuses it, to none: 429
//!     `quota_exceeded`. A bad score of a bot detection multiplies what it costs.
//! 11. A request of a class without a group passes. Others need a permit of their group. While the upstream fails,
//!     `health` sheds a growing part of the classes that are shed first.
//! 12. A request takes a permit at once if there are more free ones than requests that wait. Otherwise it waits, as far as
//!     its class's queue can be served in time. In a full queue it displaces one of a class that is shed before its
//!     own; a retry displaces one of its own class that is none. Everything else is shed: 503 `capacity_reduced`. What was
//!     charged by rule 10 is given back.
//! 13. A permit that comes free goes to unproven settlement below its share, then to classes below their reserve, then to
//!     unproven settlement below twice its share, then to all others, each time to the class that is kept longest; within a
//!     class to retries, then to who came first. One in `fairness` goes to who has waited the largest part of
//!     the class's longest wait.
//! 14. Who has waited that long is shed: 503 `capacity_reduced`. Who leaves makes room. A permit whose client left is kept
//!     for as long as the upstream usually takes.
//! 15. While the surge profile is on, by schedule, switch or shedding, rule 13 uses its reserves, and its `shed_first`
//!     stand before all other classes in the shedding order.
//! 16. Every refusal of what may be a settlement is 503 with `Retry-After`.
//! 17. If the gateway fails a host call, settlement and `safer-gambling` pass, what moves money is refused with 503
//!     `policy_unavailable`, and for the rest `on_error` decides. Rate limits go on with this worker's share, or refuse.
//!
//! In `shadow` nothing is refused or held: what would be takes a permit beyond the limit.
//!
//! GLI-19 v3.0 section 2.5.3(d) is the source of rule 7, A.3.6(b) that of rule 8,
//! draft-ietf-httpapi-ratelimit-headers that of the fields and problem types of rules 10 and 12.
#![warn(missing_docs)]

pub mod abuse;
#[cfg(test)]
mod ask;
mod clock;
pub mod config;
pub mod denials;
pub mod filter;
#[cfg(test)]
mod fixture;
pub mod limit;
pub mod market;
pub mod names;
pub mod plugin;
pub mod policy;
pub mod queue;
pub mod rate;
#[cfg(test)]
mod rival;
pub(crate) mod steady;
pub mod surge;
pub mod worker;

#[cfg(target_arch = "wasm32")]
policy_shell::export!(
    crate::plugin::BetPriority: request_headers, request_body, response_headers, call, tick, log, drain, release
);
