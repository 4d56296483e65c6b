//! Runs the real Envoy with the deployed configuration.
//!
//! 1. A test changes only addresses, endpoints, the folder of the modules, adds an access log, and enables
//!    PROXY protocol so that the recorded client is the peer (see [`config`]).
//! 2. Readiness is polled.
//! 3. Dropping the handle ends the process by its id.
//! 4. Its wall clock can be set if [`Options::clock`] names the library for it.
mod admin;
mod binary;
mod bootstrap;
pub mod clock;
pub mod config;
mod log;
mod options;
mod process;

pub use crate::workspace::workspace_root;
pub use admin::Admin;
pub use binary::{find, find_for_test, NoEnvoy, ENVOY_VARIABLE};
pub use log::{assign, parse as parse_access_log, LogError, LogLine};
pub use options::Options;
pub use process::{EnvoyError, EnvoyProcess, Update};
