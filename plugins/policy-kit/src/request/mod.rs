//! What a request has besides its body: client address, brand, query, headers that steer the gateway.

pub(crate) mod address;
pub(crate) mod brand;
pub(crate) mod envoy;
pub mod query;
#[cfg(test)]
mod strip_tests;
