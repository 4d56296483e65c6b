//! Lets a request through only where the brand is licensed.
//!
//! The rules, in the order in which they apply:
//!
//! 1. `x-jurisdiction`, `x-endpoint-class`, `x-location-age`, `x-location-id` and headers that change the
//!    meaning of a request are stripped from every request, whatever is decided.
//! 2. A request that matches no endpoint, or whose path two readers could read differently, is refused with
//!    403 `endpoint_unclassified`, unless `unclassified` is `forward`.
//! 3. Where one URL carries requests of several classes, the body is read first, up to 64 KiB; until then the
//!    request counts as the strictest class that it may have.
//! 4. `safer-gambling` and `settlement` always pass.
//! 5. The client's address is found by walking `X-Forwarded-For` from the right over trusted networks. Headers
//!    of an untrusted peer about address and place are ignored and stripped.
//!    For a partner's request to an endpoint of partners no place is required, except at a launch: the place of
//!    a partner's server is not the player's. It passes if any licence of the brand covers it, else 451 as in
//!    rule 13. A partner is who the filter before this one reports.
//! 6. A place in `blocked`, by either source, is refused with 451 `jurisdiction_unlicensed`; a place that may lie
//!    in a blocked one with 403 `jurisdiction_unknown`, unless the other source or, by rule 10, the device
//!    reports a finer place.
//! 7. A kind of anonymous network that the class refuses: 403 `anonymous_network`.
//! 8. Classes for which the catalogue requires no location pass by default: `content`, `odds`, `account`,
//!    `history`, `withdrawal`, `session`, `round`.
//! 9. Sources that contradict each other: 403 `place_conflict`, unless `on_conflict` names the one that counts.
//!    Where no place is known because the edge reports `T1` (Tor): 403 `jurisdiction_unknown` even with a
//!    valid location token, unless `on_unknown` lets the class pass.
//! 10. With `location`, `wager`, `launch` and every class that is named there need a signed location token of
//!     the player's device. No token is 403 `geo_required`. A token that is not the provider's, not of this player
//!     and session, or of a check that did not pass or was not confident, is 403 `geo_rejected`. A token of
//!     another address, too old, expired or due for a new check is 403 `geo_stale`. While the provider's keys are
//!     unavailable, `location.on_error` decides: 503 `geo_unavailable`, or the place by address alone. A partner's
//!     request to an endpoint of partners needs no token.
//! 11. The region of a token that counts is the place: 451 if it is `blocked`, and a conflict as in rule 9 if a
//!     place by address, by either source, lies in another country. Where no better check would help, the refusal
//!     is 451 as well: a check of this player, in time, that did not pass or was not confident and found a place
//!     that is `blocked` or not licensed; and no token that counts from a country without any licence for the
//!     request, if `on_conflict` is `deny`.
//! 12. No known place: 403 `jurisdiction_unknown`, unless `on_unknown` lets the class pass. A place is known if
//!     its header came exactly once and holds an assigned ISO 3166-1 code or an existing ISO 3166-2 code, if the
//!     table has the client's network, or if a location token reports it. An unreadable subdivision leaves the
//!     country known.
//! 13. No licence of the brand covers place, class and moment: 451 `jurisdiction_unlicensed`; one does, but not
//!     for this product: 451 `product_unlicensed` (RFC 7725). Not cacheable. One covers a part of the place, and
//!     no more of the place is known: 403 `jurisdiction_unknown`, also where `on_unknown` is `pass`.
//! 14. Every other request passes, with `x-jurisdiction`, `x-endpoint-class`, `x-location-age` and
//!     `x-location-id` set for the upstream.
//! 15. If the gateway fails a host call, `on_error` decides: 503 `policy_unavailable` by default.
//!
//! GLI-19 v3.0 section 2.7 is the source of rules 7, 10 and 12, Maine 16-633 ch. 62 that of the shorter
//! intervals.

pub mod config;
pub mod denials;
pub mod filter;
pub mod location;
pub mod names;
pub mod place;
pub mod plugin;
pub mod policy;

#[cfg(target_arch = "wasm32")]
policy_shell::export!(
    crate::plugin::GeoJurisdiction: request_headers, request_body, call, tick, foreign
);
