//! Location tokens with the `.wasm` that is deployed, and player-auth in front of it as it is deployed,
//! so that players and sessions flow as they do: in wasmtime under both profiles, and in a real Envoy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacks;
mod beside;
mod bets;
#[path = "../common/mod.rs"]
mod common;
mod envoy;
mod faults;
mod fixture;
mod keys;
#[path = "../player_auth/services.rs"]
mod services;
