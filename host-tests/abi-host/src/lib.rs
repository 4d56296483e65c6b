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

mod builder;
mod callout;
mod chain;
mod clock;
mod engine;
mod error;
mod event;
mod fault;
mod finish;
mod foreign;
pub mod grpc;
mod headers;
mod imports;
mod install;
mod memory;
mod metrics;
mod native;
mod native_stage;
mod passage;
mod plugin;
mod properties;
mod report;
mod request;
mod retry;
mod rng;
mod route;
mod router;
mod shared_data;
mod stage;
mod state;
mod status;
mod stream;
mod timeouts;
mod upstream;
mod vm;
mod worker;
mod world;

pub use builder::ChainBuilder;
pub use callout::{Call, CallAnswer, Callouts};
pub use chain::Chain;
pub use clock::Clock;
pub use engine::{Engine, EngineOptions, Module};
pub use error::{HostError, StartError, StartFailure};
pub use fault::{During, Fault, Faults, Occurrence, Trace};
pub use headers::Headers;
pub use native::{BufferFilter, LocalReply, NativeFilter, Verdict};
pub use plugin::{FailurePolicy, LogLevel, PluginConfig, Profile};
pub use report::{flags, ClientResponse, Ending, LogLine, Misuse, Report, StreamId, Trap};
pub use request::{Codec, Request};
pub use retry::RetryPolicy;
pub use rng::Rng;
pub use route::{GatewayNode, Route, RouteAnswer};
pub use status::Status;
pub use upstream::{Answer, Outcome, Response, Upstream, UpstreamRequest};
pub use vm::FuelUse;
