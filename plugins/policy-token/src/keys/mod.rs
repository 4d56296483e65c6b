//! Keys: how they are read, found, fetched and shared.

pub(crate) mod issuer;
mod jwk;
pub(crate) mod key;
pub(crate) mod keyring;
pub(crate) mod set;
mod shared;
pub(crate) mod skipped;
