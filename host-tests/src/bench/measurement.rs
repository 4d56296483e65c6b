//! How much to measure, and what was measured.
use super::goals::Reached;
use super::stats::{Ratio, Spread};
use serde::Serialize;

/// How much to measure.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Measured rounds; one more goes before them to warm up.
    pub rounds: usize,
    /// Requests of each variant in a round.
    pub requests: usize,
}

/// One line of the result.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The variant.
    pub name: &'static str,
    /// Microseconds of CPU time per request.
    pub micros: Spread,
    /// Microseconds more than the first variant, within each round.
    pub added: Spread,
    /// Times the first variant.
    pub to_first: Ratio,
    /// Times the second variant.
    pub to_second: Ratio,
}

/// What one core replays.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct EmulatedRate {
    /// Requests in the recording.
    pub recorded: usize,
    /// Requests a second of CPU time, through Envoy's front and the filters, before an upstream that
    /// says yes.
    pub requests_per_second: Spread,
}

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measurement {
    /// Rounds that counted.
    pub rounds: usize,
    /// Requests of each variant in a round.
    pub requests: usize,
    /// The variants; the first two are what the others are compared with.
    pub envoy: Vec<Measured>,
    /// Their promised ratios.
    pub goals: Vec<Reached>,
    /// The replayer, if it was measured.
    pub abi_host: Option<EmulatedRate>,
}
