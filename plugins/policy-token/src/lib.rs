//! Signed tokens, for policies that must know who says something: JWS in compact form (RFC 7515),
//! key sets (RFC 7517), claims (RFC 7519).
//!
//! 1. Cheap checks come first: shape, algorithm, key id, issuer, expiry. Signature work is what an
//!    attacker would like to buy with a few bytes.
//! 2. A key has one algorithm, told by the key set or by the operator, never by the token (RFC 8725
//!    section 3.1). `none` is no algorithm; a shared secret is never taken from a key set.
//! 3. What readers may disagree about is refused: members given twice, base64url that is not the one
//!    canonical form, `crit`. A token proves itself by the configured keys alone: headers that bring
//!    or point to another (`jwk`, `jku`, `x5u`, `x5c`, `x5t`) are not read.
//! 4. Signatures are checked by the crates that `jwt-simple` is made of, or by the gateway where it
//!    can: [`Verifier`] asks Envoy's `verify_signature` after it has answered known questions rightly.
//! 5. Keys that are fetched are fetched once for all workers, serve on when a fetch fails, and a key id
//!    that is unknown makes a token wait for one fetch: [`Keyring`], [`SharedKeys`], [`IssuerKeys`].
//!
//! Nothing here reads a clock, and no refusal says more than its code.
#![warn(missing_docs)]

mod alg;
mod base64url;
mod claims;
mod config;
mod date;
mod host;
mod jwk;
mod jws;
mod key;
mod key_source;
mod keyring;
mod keys;
mod passed_over;
mod refusal;
mod shared_keys;
mod spki;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;

pub use alg::Alg;
pub use claims::{Claims, Rules};
pub use config::{algorithms, audiences, KeysConfig};
pub use date::{Date, Moment};
pub use host::host_says_valid;
pub use jws::{Header, Jws, KnownHeaders, Parts, MAX_TOKEN};
pub use key::Key;
pub use key_source::IssuerKeys;
pub use keyring::{Keyring, Lookup};
pub use keys::{Found, Keys};
pub use passed_over::{NoKeys, PassedOver};
pub use refusal::{Claim, Refusal};
pub use shared_keys::SharedKeys;
pub use verifier::Verifier;
