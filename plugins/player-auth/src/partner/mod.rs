//! Partners and their authentication: aggregators, payment providers, kiosks, affiliates.
//!
//! 1. What headers can prove is proven in the header phase. With a signature over the body, a partner is
//!    only *claimed* until the body was read.
//! 2. An unknown, a wrong and an expired key get the same reply, after the same time.
//! 3. A request is exempt from budgets if it is proven by a certificate, or by a key or key id from a
//!    network of the partner's ([`partners::Proof`]). Other callers have a budget per address, and only so many
//!    bodies are held for them.
//! 4. Credentials of two partners in one request prove neither.

pub mod auth;
pub mod candidates;
pub mod certificate;
mod compile;
pub mod config;
mod parse;
pub mod partners;
mod presented;
pub mod read_config;
mod reader;
mod signature;
mod signature_compile;
pub mod unverified;

#[cfg(test)]
mod auth_tests;
#[cfg(test)]
mod config_tests;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod signature_tests;
#[cfg(test)]
mod starvation_tests;
