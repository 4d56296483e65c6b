//! The idempotency module's `.wasm` in wasmtime: what retries get after every ending, what clients may
//! try, and every host call failing. A ledger stands behind the gateway and counts what took effect.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answers;
mod attacks;
// Their calls to the store are no harmless ones: the sweep is another.
#[allow(dead_code)]
#[path = "../common/mod.rs"]
mod common;
mod exchanges;
mod faults;
mod fixture;
mod key_states;
mod vm_failures;
mod wallets;
