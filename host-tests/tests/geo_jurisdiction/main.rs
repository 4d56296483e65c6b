//! geo-jurisdiction as the `.wasm` that is deployed, with the configuration that is deployed: in
//! wasmtime under both profiles, and in a real Envoy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacks;
mod bodies;
#[path = "../common/mod.rs"]
mod common;
mod documents;
mod faults;
mod fixture;
