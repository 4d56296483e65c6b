//! The surge profile: what changes while a match is on.
//!
//! It is on by a schedule of kick-offs, by a switch that the operator's systems serve, or by itself while requests
//! are shed. While it is on, a larger part of the upstream is reserved for the classes that earn money, and other
//! classes are shed first.

pub(crate) mod auto;
pub mod config;
pub mod document;
pub(crate) mod instant;
pub(crate) mod progress;
pub mod rules;
pub(crate) mod schedule;
pub mod state;
pub mod switch;
