//! Requests per second of the replayer on one core.
use super::cpu;
use super::error::BenchError;
use super::measurement::{Amount, EmulatedRate};
use super::stats::{per, Spread};
use crate::front;
use crate::gateway::Gateway;
use crate::replay::{start_emulated, DemoCasino, ReplayError};
use crate::traffic::Request;
use abi_host::{Answer, Clock, Response, UpstreamRequest};
use std::path::Path;

/// Replays the recording again and again on this thread.
pub fn measure(
    gateway: &Gateway,
    recording: &[Request],
    wasm_dir: &Path,
    amount: Amount,
) -> Result<EmulatedRate, BenchError> {
    let clock = Clock::at(recording.first().map_or(0, |it| it.at));
    let casino = DemoCasino::open().map_err(ReplayError::from)?;
    let mut chain = start_emulated(gateway, &casino, wasm_dir, clock)?;
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
