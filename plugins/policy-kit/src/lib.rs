//! The vocabulary that every Pitboss policy shares. Nothing here can reach a gateway: hosts are
//! behind the [`Host`] port, and `proxy-wasm` is not in this crate's dependency tree.
//!
//! A request lives like this: the shell hands headers to a [`Filter`], which reads facts through
//! [`Host`], asks its policy (a pure function), and answers with a [`Step`]. The [`Driver`] turns
//! steps into what a gateway does: go on, reply, wait for a call, wait for the body.
#![warn(missing_docs)]

mod brand;
mod class;
mod config;
mod denial;
mod driver;
mod endpoint;
mod endpoints;
pub mod facts;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod filter;
mod headers;
mod host;
mod path;

pub use brand::Brands;
pub use class::{Audit, ClassDefaults, EndpointClass, Location, Token};
pub use config::{invalid, parse, ConfigError};
pub use denial::{request_id, Denial, Reply};
pub use driver::{Action, Driver, Gateway};
pub use endpoint::Endpoint;
pub use endpoints::{Endpoints, Match};
pub use filter::{Call, CallReply, Filter, Plugin, Step};
pub use headers::{Headers, One};
pub use host::{Fault, Host, MapKind, Profile};
pub use path::{canonical_path, PathFault, MEANING_HEADERS};
