//! Signed tokens for policies: JWS in compact form (RFC 7515), key sets (RFC 7517), claims (RFC 7519).
//!
//! 1. Cheap checks come first: shape, algorithm, key id, issuer, expiry. Signature checks are what an
//!    attacker can make expensive with a few bytes.
//! 2. A key has one algorithm, which the key set or the operator determines, never the token (RFC 8725
//!    section 3.1). `none` is no algorithm; a shared secret is never taken from a key set.
//! 3. What readers may read differently is refused: duplicate members, base64url that is not canonical,
//!    `crit`. Only the configured keys verify a token: headers that contain or reference another key (`jwk`,
//!    `jku`, `x5u`, `x5c`, `x5t`) are not read.
//! 4. Signatures are checked by the crates that `jwt-simple` is made of, or by the gateway if it can:
//!    [`Verifier`] uses Envoy's `verify_signature` after it has answered known questions correctly.
//! 5. Keys are fetched once for all workers, stay in use when a fetch fails, and a token with an unknown key
//!    id waits for one fetch: [`Keyring`], [`IssuerKeys`].
//!
//! Nothing here reads a clock, and a refusal reveals nothing but its code.
#![warn(missing_docs)]

mod alg;
mod base64url;
mod config;
mod keys;
mod refusal;
mod spki;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod verifier;
mod verify_signature;

pub use alg::Alg;
pub use config::{algorithms, audiences, KeysConfig};
pub use keys::issuer::IssuerKeys;
pub use keys::key::Key;
pub use keys::keyring::{Keyring, Lookup};
pub use keys::set::{Found, Keys};
pub use keys::skipped::{NoKeys, SkippedKeys};
pub use refusal::{LimitingClaim, Refusal};
pub use token::claims::{Claims, Rules};
pub use token::date::{Date, Moment};
pub use token::jws::{Header, Jws, KnownHeaders, Parts};
pub use verifier::Verifier;
