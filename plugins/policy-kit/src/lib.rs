//! What every Pitboss policy is written with: endpoint classes, refusals, configuration errors, and the
//! [`Filter`] that walks one request.
//!
//! Nothing here can reach a gateway. A filter sees its gateway through the [`Host`] port, which `policy-shell`
//! implements over the ABI and `fake::FakeHost` (feature `fake`) in plain Rust, so a policy runs in a native test.
//!
//! # The life of a request
//!
//! 1. The gateway configures a [`Plugin`] once per VM: [`parse`] reads the document, the plugin compiles it.
//! 2. For each request the plugin makes a [`Filter`], and the [`Driver`] hands it the request headers.
//! 3. The filter reads facts through [`Host`], asks its policy (a pure function) and returns a [`Step`]: let the
//!    request go on, deny it, send an HTTP call, wait for the body.
//! 4. The [`Driver`] turns the step into what the gateway does, and resumes the filter with the result.
//!
//! # Rooms
//!
//! | room | what is in it |
//! | --- | --- |
//! | `config` | reading a configuration document, errors that name the field and never show its value |
//! | `endpoint` | endpoint classes, and the map from method and path to a class |
//! | `request` | client address, brand, query, headers that steer Envoy |
//! | `body` | the one reader of JSON, forms and gzip |
//! | `place` | ISO 3166 places, and whether one lies in another |
//! | `refusal` | denials, problem documents, envelopes in a partner's contract |
//! | `report` | decisions as counters, facts and evidence |
//! | `call` | HTTP calls to other services |
//! | `limits` | budgets, permits, caches, and tables of slots, all bounded |
//! | `driver` | plugin, filter, and the driver that runs them |
//!
//! The README has a complete policy. This crate is compiled for size; what every request goes through is in
//! [`policy_wire`], which is compiled for speed.
#![warn(missing_docs)]

mod body;
mod call;
mod clock;
mod config;
mod driver;
mod endpoint;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod limits;
mod place;
mod refusal;
mod report;
mod request;

pub use body::content::{Content, MAX_SELECTING_BODY};
pub use body::format::BodyFormat;
pub use body::json::strict_json;
pub use body::pointer::{is_pointer, text_at, value_at};
pub use body::unread::Unread;
pub use call::http::{CallReply, HttpCall, SharedCall};
pub use call::service::{percent_encoded, Service};
pub use call::shared::shared_name;
pub use clock::{MILLI, SECOND};
pub use config::check::{header_name, is_label, member_within, stripped_by, version, within};
pub use config::error::{invalid, ConfigError, ConfigFault};
pub use config::field::{Field, FieldError};
pub use config::mode::{IdentityConfig, Mode};
pub use config::parse::parse;
pub use config::secret::{Secret, Variable};
pub use config::setting::{read_settings, Setting};
pub use config::sorted::SortedMap;
pub use driver::filter::{BodyFault, Filter, ResponseStep, Step};
pub use driver::gateway::{Action, Gateway};
pub use driver::plugin::{Plugin, MAX_WAITING_STREAMS};
pub use driver::request::Driver;
pub use driver::ticket::Ticket;
pub use endpoint::class::{Audit, ClassDefaults, EndpointClass, Location, Token};
pub use endpoint::config::{CallerKind, Endpoint, SelectConfig, Unclassified};
pub use endpoint::endpoints::{Classified, Endpoints};
pub use endpoint::matched::{variable_place, Match};
pub use limits::budget::Budgets;
pub use limits::bulkhead::Bulkhead;
pub use limits::failures::FailuresConfig;
pub use limits::fault::SlotFault;
pub use limits::gcra::Gcra;
pub use limits::keyed::keyed_hash;
pub use limits::lru::Lru;
pub use limits::permits::{Permit, Permits};
pub use limits::seed::{BucketSeed, HashKey};
pub use limits::slot_bucket::{SlotBucket, SLOT_WAYS};
pub use limits::slot_table::{LoadedBucket, LocalSlots, SharedSlots};
pub use limits::source::Source;
pub use place::code::Place;
pub use place::read::{PlaceDoubt, PlaceReading};
pub use place::relation::Relation;
pub use policy_wire::{
    canonical_path, forward_host, is_alike, strip, Fault, HeaderNames, Headers, Host, MapKind, One,
    PathFault, Profile, FORWARDED_HEADERS, MEANING_HEADERS,
};
pub use refusal::denial::Denial;
pub use refusal::details::Details;
pub use refusal::envelope::{AnswerConfig, EnvelopeConfig, Envelopes};
pub use refusal::reply::Reply;
pub use report::decision::{DecisionRecorder, Effect};
pub use report::{facts, metrics};
pub use request::address::{address, network, peer, Origin, Trust, TrustConfig};
pub use request::brand::Brands;
pub use request::envoy::{RETRIES_HEADER, ROUTER_HEADERS};
pub use request::query;
