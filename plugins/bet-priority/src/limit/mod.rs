//! How many requests may be in flight, and how many are shed while the upstream fails.

pub mod adaptive;
pub mod config;
pub mod health;
pub mod kind;
pub mod measure;
pub mod probe;
