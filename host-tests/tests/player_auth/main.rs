//! player-auth as the `.wasm` that is deployed, with the configuration that is deployed: in wasmtime
//! under both profiles, and in a real Envoy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacks;
mod attacks_envoy;
mod credentials;
mod documents;
mod faults;
mod headers;
mod introspection;
mod keys;
mod keys_envoy;
mod partner_calls;
mod partner_envoy;
mod partner_keys;
mod partners;
mod services;
mod soak;
mod vectors;
mod world;
