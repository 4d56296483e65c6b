//! Tokens: their parts, claims and dates.

pub(crate) mod claims;
pub(crate) mod date;
pub(crate) mod jws;
