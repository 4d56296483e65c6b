//! player-auth as the `.wasm` that is deployed, with the configuration that is deployed: in wasmtime
//! under both profiles, and in a real Envoy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacks;
mod attacks_envoy;
#[path = "../common/mod.rs"]
mod common;
mod credentials;
mod documents;
mod fault_scenes;
mod faults;
mod headers;
mod introspection;
mod keys;
mod keys_envoy;
mod odd_tokens;
mod owners;
mod partner_calls;
mod partner_envoy;
mod partner_keys;
mod partner_mtls;
mod partners;
mod revocations;
mod services;
mod soak;
mod standing;
mod standing_envoy;
#[path = "../common/until.rs"]
mod until;
mod vectors;
mod webhooks;
mod world;
