//! Signed location tokens: what a geolocation provider reports about a player's device, and whether it still
//! counts for the request at hand.
//!
//! A token is verified once per worker ([`check`]) and evaluated for every request ([`evaluate`]): it is for one
//! player, in one session, at one address, and for a while.

pub mod check;
pub mod claims;
pub mod evaluate;
pub mod intervals;
pub mod presented;
pub mod rules;
#[cfg(test)]
pub(crate) mod testing;
pub mod worker;
