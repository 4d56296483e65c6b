//! Tells who is calling, and whether they may make this kind of call now.
//!
//! The rules, in the order they are asked:
//!
//! 1. `x-player-id`, `x-brand`, `x-session-id`, `x-kyc-level`, `x-player-state`, `x-partner-id`,
//!    `x-partner-tier`, the headers that claims are put in, and headers that would change the call's
//!    meaning are stripped from every request, whatever is decided, however they are spelt. So are other
//!    spellings of what an edge says, and of headers that hold credentials.
//! 2. A request that matches no endpoint, or whose path two readers could read differently, is
//!    refused with 403 `endpoint_unclassified`, unless `unclassified` is `forward`.
//! 3. A browser's preflight passes if it is one: `OPTIONS` with one `Origin` and one
//!    `Access-Control-Request-Method`, without credential or body, about a call that there is.
//! 4. An upgrade on a class that moves money: 403 `upgrade_refused`, unless the class allows it.
//! 5. A wager or a launch of a brand or a product that is closed: 403 `product_closed`, whoever calls
//!    (GLI-19 v3.0 2.4.1, 4.15.1). What is in play goes on.
//! 6. `session` and `settlement`, and whatever endpoints say that a partner calls, are not asked for a
//!    player's token; a credential there is left where it is.
//!    Where partners are configured, each of these but `session` must be a partner's:
//!    [`partner`] has the rules. What headers prove is proven first; a signature is checked over the raw
//!    body, before which the partner is only claimed.
//! 7. More than one credential, wherever they are: 400 `credential_conflict` (RFC 6750 section 2). One in the
//!    query that only some readers find: 401 `token_malformed`. None: 401 `token_missing`, where the class
//!    requires one.
//! 8. A token that was found good before and has not expired is good (a bounded cache).
//! 9. A JWT is checked in the order of what it costs: shape, the source's budget of failures (unless
//!    the token was good before, which then has expired), algorithm, issuer, audience, dates, client, claims, the
//!    key, the signature (RFC 7519 section 7.2, RFC 8725).
//! 10. A key id that is unknown makes the request wait for one fetch of the issuer's keys, at most once
//!     in 5 seconds: 401 only if the fetch succeeded without that key, else 503 `keys_unavailable`.
//! 11. A token that is no JWT is asked about by introspection (RFC 7662), where configured; so many at
//!     once, of which each source has its share: 503 `introspection_busy` beyond that.
//! 12. A token, known or not, whose player or session the feed has revoked since it was issued: 401
//!     `token_revoked`. While the feed is not known: 503 `revocations_unavailable`, by class.
//! 13. A token of another brand than the host's: 403 `brand_mismatch`.
//! 14. The class's scopes (403 `scope_insufficient`), then its `acr`, `amr` and the age of the
//!     authentication (401 `step_up_required`, RFC 9470).
//! 15. The states of the player's account, by the token and the PAM: each of them must let the call pass
//!     (GLI-19 v3.0 2.5.5(b)), or it is 403 with the code of the state. While they are not known: 503
//!     `player_state_unavailable`, by class.
//! 16. Everything else passes, with the player's headers set and the credential taken out.
//! 17. If the gateway fails a host call: 503 `policy_unavailable`.
//!
//! GLI-19 v3.0 A.3.6(c) is the source of the step-up before a withdrawal.

pub mod check;
pub mod config;
pub mod credential;
pub mod denials;
pub mod filter;
pub mod identity;
pub mod introspection;
pub mod issuer;
pub mod landing;
pub mod names;
pub mod pam;
pub mod partner;
pub mod plugin;
pub mod policy;
pub mod revocation;
pub mod rules;
pub mod standing;
pub mod state;
pub mod use_of;

#[cfg(target_arch = "wasm32")]
policy_shell::export!(
    crate::plugin::PlayerAuth: request_headers, request_body, call, tick, foreign
);
