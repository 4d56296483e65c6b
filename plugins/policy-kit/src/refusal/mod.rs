//! Refusals: a closed set per plugin, and how each is written for the client.

pub(crate) mod denial;
pub(crate) mod details;
pub(crate) mod envelope;
pub(crate) mod reply;
