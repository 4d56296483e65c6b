//! Abuse: failed logins, failed deposits, and clients that a bot detection scores.
//!
//! Counts of failures lie in the gateway's shared data, so that all workers of a node count together. A login
//! that is locked is answered as the casino answers a wrong password.

pub(crate) mod account;
pub mod attempt;
pub mod bot;
pub(crate) mod bucket;
pub mod config;
pub(crate) mod date;
pub mod deposit;
pub mod key;
pub mod latency;
pub mod login;
pub mod record;
pub mod reply;
pub mod rules;
#[cfg(test)]
mod simulation_tests;
pub(crate) mod statuses;
pub mod table;
