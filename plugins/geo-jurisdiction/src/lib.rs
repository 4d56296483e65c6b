//! Lets a call through only where the brand is licensed.
//!
//! The rules, in the order they are asked:
//!
//! 1. `x-jurisdiction`, `x-endpoint-class`, `x-location-age`, `x-location-id` and headers that would
//!    change the call's meaning are stripped from every request, whatever is decided.
//! 2. A request that matches no endpoint, or whose path two readers could read differently, is
//!    refused with 403 `endpoint_unclassified`, unless `unclassified` is `forward`.
//! 3. Where one URL carries many calls, the body is read first, up to 64 KiB; until then the call
//!    counts as the strictest it may be.
//! 4. `safer-gambling` and `settlement` always pass.
//! 5. The client's address is found by walking `X-Forwarded-For` from the right over trusted
//!    networks. What an untrusted peer says of address and place is ignored and stripped.
//!    A call of a partner that the filter before this one has named, to an endpoint of partners, is asked for
//!    no place, but for a launch: where a partner's server is says nothing of where the player is. It passes
//!    where any licence of the brand covers it, else 451 as in rule 13.
//! 6. A place in `blocked`, by either source, is refused with 451 `jurisdiction_unlicensed`; one that may
//!    lie in a blocked place with 403 `jurisdiction_unknown`, unless the other source or, by rule 10, the
//!    device tells it better.
//! 7. A kind of anonymous network that the class refuses: 403 `anonymous_network`.
//! 8. Classes whose location the catalogue does not ask for pass by default: `content`, `odds`,
//!    `account`, `history`, `withdrawal`, `session`, `round`.
//! 9. Sources that contradict each other: 403 `place_conflict`, unless `on_conflict` names the one
//!    that counts.
//!    Where no place is known because the edge says `T1` (Tor): 403 `jurisdiction_unknown` even with a
//!    good location token, unless `on_unknown` lets the class pass.
//! 10. With `location`, `wager`, `launch` and whatever else is named there need a signed location token
//!     of the player's device: none is 403 `geo_required`; one that is not the provider's, not of this
//!     player and session, or tells of a check that was not passed or not confident 403
//!     `geo_rejected`; one of another address, too old, expired or due 403 `geo_stale`. While the
//!     provider's keys are not to be had, `location.on_error` decides: 503 `geo_unavailable`, or the
//!     place by address alone. A call to an endpoint of partners needs none if the filter before this
//!     one has named the partner.
//! 11. The region of a token that counts is the place: 451 if it is `blocked`, and a conflict as in
//!     rule 9 if a place by address, by either source, lies in another country. What no better check
//!     would mend is 451 as well: a check of this player's, in time, that was not passed or not
//!     confident and found a place that is `blocked` or not licensed; and no token that counts from a
//!     country where nothing of the kind is licensed, if `on_conflict` is `deny`.
//! 12. No known place: 403 `jurisdiction_unknown`, unless `on_unknown` lets the class pass. A place is
//!     known if its header came exactly once and holds an assigned ISO 3166-1 code or an existing ISO 3166-2
//!     code, if the table has the client's network, or if a location token told it. Of a subdivision that
//!     cannot be read the country is known.
//! 13. No licence of the brand covers place, class and moment: 451 `jurisdiction_unlicensed`; one
//!     does, but not for this product: 451 `product_unlicensed` (RFC 7725). Never cacheable. One covers a part
//!     of the place, and that is all that is known of it: 403 `jurisdiction_unknown`, whatever `on_unknown`
//!     says.
//! 14. Everything else passes, with `x-jurisdiction`, `x-endpoint-class`, `x-location-age` and
//!     `x-location-id` set for the upstream.
//! 15. If the gateway fails a host call, `on_error` decides: 503 `policy_unavailable` by default.
//!
//! GLI-19 v3.0 section 2.7 is the source of rules 7, 10 and 12, Maine 16-633 ch. 62 that of the shorter
//! intervals.

pub mod anonymous;
mod blocked;
pub mod config;
pub mod denials;
mod device;
pub mod filter;
pub mod licence;
pub mod locate;
pub mod location;
pub mod names;
pub mod plugin;
pub mod policy;
pub mod ruling;
pub mod table;

#[cfg(target_arch = "wasm32")]
policy_shell::export!(
    crate::plugin::GeoJurisdiction: request_headers, request_body, call, tick, foreign
);
