//! The states of a player's account: what they are called, who reports them, and which requests they
//! stop.

pub mod closed;
pub mod column;
pub mod config;
pub mod fallback;
pub mod jurisdiction;
pub mod matrix;
pub mod names;
pub mod pam;
pub mod pam_memory;
pub mod pam_path;
pub mod rules;
pub mod state;
