//! The filter of one request: reads the facts, asks the policy, applies the decision.

mod apply;
pub mod auth;
mod forward;
mod headers;
mod partner;
mod player;
mod token;

#[cfg(test)]
mod owner_tests;
#[cfg(test)]
mod pam_tests;
#[cfg(test)]
mod pam_waiting_tests;
#[cfg(test)]
mod player_state_tests;
#[cfg(test)]
mod request_tests;
#[cfg(test)]
mod revocation_tests;
#[cfg(test)]
mod shares_tests;
#[cfg(test)]
mod starvation_tests;
#[cfg(test)]
mod waiting_tests;
