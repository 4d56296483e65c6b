//! The gateway's configuration: the deployed Envoy bootstrap, as far as the replayer needs it.
//!
//! 1. The document stays as it is; [`Gateway::document`] is what the real Envoy gets, with a few fields
//!    rewritten (see [`crate::envoy`]).
//! 2. A field that changes what a filter sees is either emulated or refused with its path, so that the two
//!    halves of a replay cannot differ silently.
//! 3. Errors never repeat a value.
mod advice;
mod bootstrap;
mod destination;
pub(crate) mod document;
mod filters;
mod hcm;
mod message;
mod node;
mod policyless;
mod routes;

pub use advice::advice;
pub use bootstrap::{Gateway, GatewayError};
pub use filters::{FailurePolicy, HttpFilter, WasmFilter};
pub use hcm::{EscapedSlashes, Hcm, Underscores};
pub use node::{FieldError, Node};
pub use policyless::{http_filter, policyless};
pub use routes::{Action, CorsPolicy, Route, Routes};

#[cfg(test)]
mod tests;
