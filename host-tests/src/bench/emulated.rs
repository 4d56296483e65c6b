//! How many requests a second the replayer drives on one core.
use super::stats::{per, Spread};
use super::{cpu, Amount, BenchError};
use crate::front;
use crate::gateway::Gateway;
use crate::replay::{start_emulated, House, ReplayError};
use crate::traffic::Request;
use abi_host::{Answer, Clock, Response, UpstreamRequest};
use serde::Serialize;
use std::path::Path;

/// What one core replays.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct EmulatedRate {
    /// Requests in the recording.
    pub recorded: usize,
    /// Requests a second of CPU time, through Envoy's front and the filters, before an upstream that
    /// says yes.
    pub requests_per_second: Spread,
}

/// Replays the recording again and again on this thread.
pub fn measure(
    gateway: &Gateway,
    recording: &[Request],
    wasm_dir: &Path,
    amount: Amount,
) -> Result<EmulatedRate, BenchError> {
    let clock = Clock::at(recording.first().map_or(0, |it| it.at));
    let house = House::open().map_err(ReplayError::from)?;
    let mut chain = start_emulated(gateway, &house, wasm_dir, clock)?;
    let mut upstream = |_: &UpstreamRequest| Answer::respond(Response::new(200).body("ok"));
    let thread = cpu::own();
    let mut rates = Vec::with_capacity(amount.rounds);
    for round in 0..=amount.rounds {
        let before = thread.nanoseconds()?;
        for request in recording.iter().cycle().take(amount.requests) {
            if let Ok(accepted) = front::receive(gateway, request) {
                chain.run(accepted.for_filters(gateway), &mut upstream);
            }
        }
        let time = thread.nanoseconds()?.saturating_sub(before);
        chain.take_logs();
        if round > 0 {
            rates.push(1e9 / per(time, amount.requests));
        }
    }
    let requests_per_second = Spread::of(&rates).ok_or(BenchError::Nothing)?;
    Ok(EmulatedRate { recorded: recording.len(), requests_per_second })
}
