//! Endpoint classes, and which class a request has.

pub(crate) mod class;
pub(crate) mod config;
pub(crate) mod endpoints;
pub(crate) mod matched;
mod pattern;
mod select;
