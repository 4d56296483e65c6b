//! player-auth as the deployed `.wasm` with the deployed configuration: in wasmtime under both profiles, and in a
//! real Envoy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacks;
mod attacks_envoy;
#[path = "../common/mod.rs"]
mod common;
mod credentials;
mod documents;
mod fault_scenes;
mod faults;
mod fixture;
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
mod player_states;
mod player_states_envoy;
mod revocations;
mod services;
mod soak;
#[path = "../common/until.rs"]
mod until;
mod vectors;
mod webhooks;
