//! What happens in a run.
use serde::Serialize;
use std::time::Duration;

/// Time that the casino takes for a request.
pub(super) const SERVICE: Duration = Duration::from_millis(50);
/// After this time without an answer a client leaves.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How many requests, for how long.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What the arrivals are drawn from.
    pub seed: u64,
    /// Requests a second.
    pub rate: usize,
    /// Seconds.
    pub seconds: u32,
    /// Worker threads of Envoy.
    pub workers: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self { seed: 1, rate: 480, seconds: 20, workers: 1 }
    }
}

/// From a moment of the run on the casino has this many permits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Phase {
    /// Seconds since the start.
    pub from: f64,
    /// The permits.
    pub permits: usize,
}

impl Plan {
    /// How long requests leave.
    pub fn length(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// How many there are.
    pub fn requests(&self) -> usize {
        self.rate.saturating_mul(usize::try_from(self.seconds).unwrap_or(usize::MAX))
    }

    /// Eight permits all the time, or eight, then five from 7/20 of the time on, then twelve from 14/20 on.
    pub fn phases(&self, varied: bool) -> Vec<Phase> {
        let at = |part: f64| part * f64::from(self.seconds);
        let all = [(0.0, 8), (at(0.35), 5), (at(0.7), 12)];
        let all = all.into_iter().map(|(from, permits)| Phase { from, permits });
        all.take(if varied { 3 } else { 1 }).collect()
    }
}
