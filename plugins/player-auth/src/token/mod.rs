//! Players' tokens: where requests carry them, how they are checked, and what they report of the player.

pub mod check;
pub mod claims;
pub mod config;
pub mod credential;
pub mod identity;
pub mod introspection;
pub mod issuer;
pub mod memory;
pub mod removal;
pub mod result;
pub mod rules;
pub mod token_use;
