//! The vocabulary that every Pitboss policy shares. Nothing here can reach a gateway: hosts are
//! behind the [`Host`] port, and `proxy-wasm` is not in this crate's dependency tree.
//!
//! A request lives like this: the shell hands headers to a [`Filter`], which reads facts through
//! [`Host`], asks its policy (a pure function), and answers with a [`Step`]. The [`Driver`] turns
//! steps into what a gateway does: go on, reply, wait for a call, wait for the body.
//!
//! This crate is compiled for size; what every request goes through lies in [`policy_wire`], which is compiled
//! for speed.
#![warn(missing_docs)]

mod address;
mod answers;
mod body;
mod brand;
mod budget;
mod class;
mod config;
mod content;
mod denial;
mod details;
mod document;
mod driver;
mod endpoint;
mod endpoints;
mod envelope;
mod envoy;
pub mod facts;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod field;
mod filter;
mod form;
mod inflate;
mod json;
mod lru;
pub mod metrics;
mod node;
mod permits;
mod pick;
mod place;
pub mod query;
mod secret;
mod select;
mod service;
mod shared;
mod sorted;
mod source;
#[cfg(test)]
mod strip_tests;

pub use address::{address, network, peer, Origin, Trust, TrustConfig};
pub use brand::Brands;
pub use budget::{Budgets, FailuresConfig};
pub use class::{Audit, ClassDefaults, EndpointClass, Location, Token};
pub use config::{header_name, invalid, parse, stripped_by, version, ConfigError};
pub use content::{BodyFormat, Content, Unread};
pub use denial::{Denial, Reply};
pub use details::Details;
pub use driver::{Action, Driver, Gateway};
pub use endpoint::{CallerKind, Endpoint, Unclassified};
pub use endpoints::{Classified, Endpoints, Match};
pub use envelope::{AnswerConfig, EnvelopeConfig, Envelopes};
pub use envoy::{RETRIES_HEADER, ROUTER_HEADERS};
pub use filter::{
    BodyFault, CallReply, Filter, HttpCall, Plugin, ResponseStep, SharedCall, Step,
    MAX_WAITING_STREAMS,
};
pub use json::{is_pointer, strict_json, text_at, value_at};
pub use lru::Lru;
pub use permits::{Bulkhead, Permit, Permits};
pub use place::{Place, PlaceDoubt, PlaceReading, Relation};
pub use policy_wire::{
    canonical_path, is_alike, strip, Fault, HeaderNames, Headers, Host, MapKind, One, PathFault,
    Profile, FORWARDED_HEADERS, MEANING_HEADERS,
};
pub use secret::{Secret, Variable};
pub use select::{SelectConfig, MAX_SELECTING_BODY};
pub use service::{percent_encoded, Service};
pub use shared::shared_name;
pub use sorted::SortedMap;
pub use source::Source;
