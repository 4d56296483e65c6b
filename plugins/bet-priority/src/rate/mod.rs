//! Rate limits: how many requests of one key pass in a time.
//!
//! 1. A request is checked by all rules that match it, and charged to their counters only if all that are enforced
//!    allow it: refused requests do not count.
//! 2. A counter is a [`policy_kit::Gcra`]. It lies in the memory of one worker (`worker`), in the data that all workers
//!    of a gateway share (`node`), or in Redis (`fleet`). Tables have a fixed size, and a key that loses its slot gains
//!    nothing by that.
//! 3. What a request lacks never loosens a rule: a key that it does not have is replaced by the client's address.
//! 4. Where a counter cannot be reached, a rule goes on with this worker's share of the rate, or refuses; it never
//!    passes money unchecked, and it never stops settlements.

pub(crate) mod attempt;
pub mod caller;
pub mod charged;
pub mod config;
pub(crate) mod counter;
pub mod descriptors;
pub mod fields;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod key;
pub mod lease;
pub mod limits;
pub(crate) mod matching;
pub mod rule;
pub mod rule_set;
pub mod state;

#[cfg(test)]
#[path = "alone_tests.rs"]
mod alone;
#[cfg(test)]
#[path = "fleet_tests.rs"]
mod fleet;
#[cfg(test)]
#[path = "flood_tests.rs"]
mod flood;
#[cfg(test)]
#[path = "simulation_tests.rs"]
mod simulation;
