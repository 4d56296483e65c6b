//! Replays recorded traffic through the filters, in wasmtime, in the real Envoy, or in both.
//!
//! 1. Both halves read the same gateway configuration and get the same requests, in order, each with
//!    its number in the header `x-pitboss-replay`.
//! 2. Each half has a fresh casino as its upstream. The casino and the filters in wasmtime use the recorded
//!    time; Envoy's clock is set to it before each request and runs on from there. The machine's clock is
//!    not used.
//! 3. Decisions are read from filter state, not derived from the status.
//! 4. Calls of filters go to the same casino at the same time, for all clusters of the gateway.
//! 5. Time jumps over long gaps without requests ([`gaps`]).
//! 6. A request is answered before the next is sent. Overlapping requests are a separate scenario
//!    ([`run_emulated_pair`], [`run_real_pair`]).
mod comparison;
mod demo_casino;
mod emulated;
mod error;
mod gaps;
mod gate;
mod outcome;
mod overlap;
mod real;
mod upstream;

pub use comparison::{lines, Comparison};
pub use demo_casino::DemoCasino;
pub use emulated::{
    run as run_emulated, run_in as run_emulated_in, run_scripted as run_emulated_scripted,
    run_stepped as run_emulated_stepped, start as start_emulated,
};
pub use error::ReplayError;
pub use gaps::{gaps, EDGE, LONGEST};
pub use outcome::Outcome;
pub use overlap::{run_emulated_pair, run_real_pair};
pub use real::{run as run_real, run_once_it_serves as run_real_once_it_serves, send_all, Session};
