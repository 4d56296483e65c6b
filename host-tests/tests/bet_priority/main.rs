//! bet-priority as the `.wasm` that is deployed, in wasmtime under both profiles.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacks;
// Other tests use what is not used here.
#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod documents;
mod faults;
mod fixture;
mod queue;
mod restarts;
mod workers;
