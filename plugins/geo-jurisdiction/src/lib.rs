//! Lets a call through only where the brand is licensed.
//!
//! The rules, in the order they are asked:
//!
//! 1. `x-jurisdiction`, `x-endpoint-class` and headers that would change the call's meaning are
//!    stripped from every request, whatever is decided.
//! 2. A request that matches no endpoint, or whose path two readers could read differently, is
//!    refused with 403 `endpoint_unclassified`, unless `unclassified` is `forward`.
//! 3. `safer-gambling` and `settlement` always pass. So do, by default, all classes whose location
//!    the catalogue does not ask for: `content`, `odds`, `account`, `history`, `withdrawal`,
//!    `session`, `round`.
//! 4. Without a known place the rest is refused with 403 `jurisdiction_unknown`. A place is known if
//!    the trusted header came exactly once and holds an assigned ISO 3166-1 or an ISO 3166-2 code in
//!    upper case.
//! 5. A place where the brand has no licence for the class is refused with 451
//!    `jurisdiction_unlicensed` (RFC 7725), never cacheable.
//! 6. Everything else passes, with `x-jurisdiction` and `x-endpoint-class` set for the upstream.
//! 7. If the gateway fails a host call, `on_error` decides: 503 `policy_unavailable` by default.
//!
//! GLI-19 v3.0 section 2.7 is the source of rule 4's "cannot be located, shall not start".

pub mod config;
pub mod filter;
pub mod place;
pub mod policy;

#[cfg(target_arch = "wasm32")]
policy_shell::export!(crate::filter::GeoJurisdiction);
