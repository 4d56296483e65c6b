//! Revocations: players and sessions that a feed names, whose tokens are refused before they expire.

pub mod config;
pub mod feed;
pub mod mark;
pub mod owners;
pub mod page;
pub mod progress;
pub mod revocations;
pub mod shared_data;
pub mod table;
