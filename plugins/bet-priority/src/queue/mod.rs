//! Requests in flight and requests that wait: who gets a permit that comes free, and who is shed.

pub mod admission;
pub mod choice;
pub mod config;
pub mod group;
pub mod groups;
pub mod held;
pub mod lane;
pub mod line;
#[cfg(test)]
pub(crate) mod model;
pub mod pace;
pub mod permits;
pub mod profile;
pub mod rules;
#[cfg(test)]
pub(crate) mod simulation;
