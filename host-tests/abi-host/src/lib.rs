//! A proxy-wasm 0.2.1 host on wasmtime, for tests.
//!
//! It runs the very `.wasm` files that a gateway loads, one chain of filters with its workers, on
//! virtual time and seeded randomness, and reports what the client, the upstream and the access log
//! saw. It answers host calls as Envoy does ([`Profile::Envoy`]), down to the statuses it refuses
//! with, or as Kong's WasmX does ([`Profile::Wasmx`]).
//!
//! ```no_run
//! use abi_host::{Answer, Chain, Engine, EngineOptions, PluginConfig, Request, Response};
//! use abi_host::UpstreamRequest;
//!
//! let engine = Engine::new(EngineOptions::default())?;
//! let module = engine.load("filter.wasm")?;
//! let mut chain = Chain::builder(&engine).wasm(&module, PluginConfig::new("p", "{}")).start()?;
//! let mut upstream = |_: &UpstreamRequest| Answer::respond(Response::new(200).body("ok"));
//! let report = chain.run(Request::get("/"), &mut upstream);
//! assert_eq!(report.status(), 200);
//! # Ok::<(), abi_host::HostError>(())
//! ```

mod callout;
mod chain;
mod clock;
mod error;
mod event;
mod fault;
mod foreign;
mod host;
mod imports;
mod message;
mod native;
mod plugin;
mod properties;
mod report;
mod retry_policy;
mod rng;
mod route;
mod slot;
mod status;
mod store;
mod stream;
mod trace;
mod upstream;
mod vm;
mod worker;

pub use callout::{Call, CallAnswer, Callouts};
pub use chain::builder::ChainBuilder;
pub use chain::Chain;
pub use clock::Clock;
pub use error::{HostError, StartError, StartFailure};
pub use fault::{During, Fault, Faults, Occurrence};
pub use message::grpc;
pub use message::headers::Headers;
pub use message::local_reply::LocalReply;
pub use message::request::{Codec, Request};
pub use message::response::Response;
pub use native::{BufferFilter, NativeAction, NativeFilter};
pub use plugin::{FailurePolicy, LogLevel, PluginConfig, Profile};
pub use report::diagnostics::{LogLine, Misuse, Trap};
pub use report::flags;
pub use report::stream_id::StreamId;
pub use report::stream_report::{ClientResponse, Ending, Report};
pub use retry_policy::RetryPolicy;
pub use rng::Rng;
pub use route::{GatewayNode, Route, RouteAnswer};
pub use status::Status;
pub use trace::Trace;
pub use upstream::{Answer, Outcome, Upstream, UpstreamRequest};
pub use vm::engine::{Engine, EngineOptions, Module};
pub use vm::FuelUse;
