//! The cost of a policy: CPU time per request in the real Envoy, and the speed of replays in `abi-host`.
//!
//! 1. CPU time is that of Envoy's one worker thread, as the kernel counts it. The client's time, the
//!    machine's other work and the wall clock are not in it.
//! 2. All variants run at once and take turns, each round in another order, so that whatever disturbs
//!    the machine disturbs them alike. Ratios are taken within a round, then the median over rounds.
//! 3. The route has a direct response, or an upstream in this process answers: neither is measured.
//! 4. The cost of an attack is charged to the requests of players.
//! 5. A ratio with too much spread is marked.
mod bet_priority;
mod build;
mod comparison;
mod cpu;
mod emulated;
mod error;
mod goals;
mod idempotency;
mod issuer;
mod load;
mod measure;
mod measurement;
mod names;
mod player_auth;
mod stats;
mod table;
mod variant;
mod variants;

pub use build::Build;
pub use comparison::others;
pub use emulated::measure as measure_emulated;
pub use error::{BenchError, LoadError};
pub use goals::{Aim, Goal, Reached};
pub use measure::measure_envoy;
pub use measurement::{Amount, EmulatedRate, Measured, Measurement};
pub use stats::{Ratio, Significance, Spread};
pub(crate) use variant::{deployed, wasm};
pub use variant::{Attack, Variant};
pub use variants::variants;
