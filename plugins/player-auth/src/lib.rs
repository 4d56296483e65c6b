//! Authenticates players and partners, and decides whether they may make a request now.
//!
//! The rules, in the order in which they are checked:
//!
//! 1. `x-player-id`, `x-brand`, `x-session-id`, `x-kyc-level`, `x-player-state`, `x-partner-id`,
//!    `x-partner-tier`, the headers that hold claims, and headers that would change the request's class are
//!    stripped from every request, in every spelling and whatever the decision. So are other spellings of
//!    the headers that a trusted proxy sets, and of headers that carry credentials.
//! 2. A request that matches no endpoint, or whose path two readers could read differently: 403
//!    `endpoint_unclassified`, unless `unclassified` is `forward`.
//! 3. A browser's preflight passes: `OPTIONS` with one `Origin` and one `Access-Control-Request-Method`,
//!    without credential or body, for a method that the endpoint has.
//! 4. An upgrade on a class that moves money: 403 `upgrade_refused`, unless the class allows it.
//! 5. A wager or a launch at a brand or of a product that is closed: 403 `product_closed` (GLI-19 v3.0 2.4.1,
//!    4.15.1). Rounds in play go on.
//! 6. `session`, `settlement` and other endpoints of partners need no player's token; a player's credential
//!    there is left in the request. If partners are configured, each of these requests except `session` must
//!    be a partner's: [`partner`] has the rules.
//! 7. More than one credential: 400 `credential_conflict` (RFC 6750 section 2). One in the query that only
//!    some readers find: 401 `token_malformed`. None: 401 `token_missing`, if the class requires a token.
//! 8. A token that is cached as valid and has not expired is valid. The cache is bounded.
//! 9. A JWT is checked in the order of the costs: shape, the source's budget of failures (unless the token
//!    was valid before, which means that it has expired), algorithm, issuer, audience, dates, client, claims,
//!    key, signature (RFC 7519 section 7.2, RFC 8725).
//! 10. With an unknown key id the request waits for one fetch of the issuer's keys, at most once in 5
//!     seconds: 401 only if the fetch succeeded without that key, otherwise 503 `keys_unavailable`.
//! 11. A token that is no JWT is introspected (RFC 7662), if that is configured. The number of pending calls
//!     is limited, and each source has a share of it: 503 `introspection_busy` beyond that.
//! 12. A token, cached or not, whose player or session was revoked since it was issued: 401
//!     `token_revoked`. While the feed is unavailable: 503 `revocations_unavailable`, by class.
//! 13. A token of another brand than the host's: 403 `brand_mismatch`.
//! 14. The class's scopes (403 `scope_insufficient`), then its `acr`, `amr` and the age of the
//!     authentication (401 `step_up_required`, RFC 9470).
//! 15. The states of the player's account, by the token and the PAM: each state must let the request pass
//!     (GLI-19 v3.0 2.5.5(b)); otherwise 403 with the code of the state. While they are unknown: 503
//!     `player_state_unavailable`, by class.
//! 16. Every other request passes, with the player's headers set and the credential removed.
//! 17. If a host call fails: 503 `policy_unavailable`.
//!
//! GLI-19 v3.0 A.3.6(c) is the source of the step-up before a withdrawal.

pub mod config;
pub mod denials;
pub mod filter;
pub mod names;
pub mod partner;
pub mod player_state;
pub mod plugin;
pub mod policy;
pub mod replies;
pub mod revocation;
#[cfg(test)]
mod tests;
pub mod token;
pub mod worker_state;

#[cfg(target_arch = "wasm32")]
policy_shell::export!(
    crate::plugin::PlayerAuth: request_headers, request_body, call, tick, foreign
);
