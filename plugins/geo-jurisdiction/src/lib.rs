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
//! 6. A place in `blocked`, by either source, is refused with 451 `jurisdiction_unlicensed`.
//! 7. A kind of anonymous network that the class refuses: 403 `anonymous_network`.
//! 8. Classes whose location the catalogue does not ask for pass by default: `content`, `odds`,
//!    `account`, `history`, `withdrawal`, `session`, `round`.
//! 9. Sources that contradict each other: 403 `place_conflict`, unless `on_conflict` names the one
//!    that counts.
//! 10. No known place: 403 `jurisdiction_unknown`, unless `on_unknown` lets the class pass. A place is
//!     known if its header came exactly once and holds an assigned ISO 3166-1 or an ISO 3166-2 code
//!     in upper case, or if the table has the client's network.
//! 11. No licence of the brand covers place, class and moment: 451 `jurisdiction_unlicensed`; one
//!     does, but not for this product: 451 `product_unlicensed` (RFC 7725). Never cacheable.
//! 12. Everything else passes, with `x-jurisdiction` and `x-endpoint-class` set for the upstream.
//! 13. If the gateway fails a host call, `on_error` decides: 503 `policy_unavailable` by default.
//!
//! GLI-19 v3.0 section 2.7 is the source of rules 7 and 10.

pub mod anonymous;
pub mod config;
pub mod denials;
pub mod filter;
pub mod licence;
pub mod locate;
pub mod names;
pub mod place;
pub mod policy;
pub mod table;

#[cfg(target_arch = "wasm32")]
policy_shell::export!(crate::filter::GeoJurisdiction: request_headers, request_body);
