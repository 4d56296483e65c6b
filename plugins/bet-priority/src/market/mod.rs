//! Markets: what one can bet on. Bets on a suspended market are refused at the edge, and one popular market cannot
//! take all that the upstream has.
//!
//! The upstream remains the judge of a market. What is refused here would be refused there, later and dearer.

pub mod config;
pub(crate) mod counters;
pub mod id;
pub mod permit;
pub mod rules;
pub mod source;
pub mod suspended;
