//! Replays recorded traffic through the filters, in wasmtime, in the real Envoy, or in both.
//!
//! 1. Both halves read the same gateway configuration and get the same requests, in order, each with
//!    its number in the header `x-pitboss-replay`.
//! 2. Each half has a fresh casino behind it, whose clock stands at the recorded time. So does the
//!    filters' clock in wasmtime; Envoy's is set to it before each request and runs on from there.
//!    What the machine's own clock says counts nowhere.
//! 3. What the filters decided is read from filter state, never guessed from the status.
//! 4. What filters ask by themselves reaches the same casino at the same time, whichever of the
//!    gateway's clusters they ask.
//! 5. Where nobody asks for anything for long, time jumps ([`gaps`]).
//! 6. A request is answered before the next is sent: one at a time has a time. Two that overlap are a
//!    scenario of their own ([`run_emulated_pair`], [`run_real_pair`]).
mod behind;
mod emulated;
mod gaps;
mod house;
mod outcome;
mod overlap;
mod real;

pub use emulated::{
    run as run_emulated, run_in as run_emulated_in, run_stepped as run_emulated_stepped,
    start as start_emulated,
};
pub use gaps::{gaps, EDGE, LONGEST};
pub use house::House;
pub use outcome::Outcome;
pub use overlap::{run_emulated_pair, run_real_pair};
pub use real::{run as run_real, run_once_it_serves as run_real_once_it_serves, send_all, Session};

use crate::artifact::ArtifactError;
use crate::client::ClientError;
use crate::envoy::EnvoyError;
use crate::traffic::Request;

/// Why a replay cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A module is missing.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A module does not start in wasmtime.
    #[error(transparent)]
    Host(#[from] abi_host::HostError),
    /// Envoy does not start, or not as it should.
    #[error(transparent)]
    Envoy(#[from] EnvoyError),
    /// The casino does not open.
    #[error("the casino: {0}")]
    Casino(#[from] casino::SetupError),
    /// Files or sockets.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The library that sets Envoy's clock is missing.
    #[error(transparent)]
    Clock(#[from] crate::envoy::clock::NoClock),
    /// Envoy took no notice of it: a statically linked one, for example.
    #[error("request {number}: Envoy's clock does not follow the recorded time")]
    ClockStuck {
        /// Its number.
        number: usize,
    },
    /// A module did what Envoy does not survive, or what makes it send a message twice.
    #[error("request {number}: {plugin} {what}")]
    Misuse {
        /// Number of the request.
        number: usize,
        /// The plugin.
        plugin: String,
        /// What it did.
        what: &'static str,
    },
    /// A request could not be sent.
    #[error("request {number}: {source}")]
    Send {
        /// Its number.
        number: usize,
        /// Why.
        source: ClientError,
    },
}

/// The lines of a run, as printed and as kept golden.
pub fn lines(requests: &[Request], outcomes: &[Outcome]) -> String {
    let line = |(request, outcome): (&Request, &Outcome)| outcome.line(request) + "\n";
    requests.iter().zip(outcomes).map(line).collect()
}

/// How two halves compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Requests replayed.
    pub replayed: usize,
    /// What differs, one text for each differing request.
    pub differing: Vec<String>,
}

impl Comparison {
    /// Compares wasmtime's outcomes with Envoy's.
    pub fn new(requests: &[Request], emulated: &[Outcome], real: &[Outcome]) -> Self {
        let pairs = requests.iter().zip(emulated.iter().zip(real));
        let differing = pairs.filter_map(|(request, (ours, envoys))| {
            let differences = ours.differences(envoys);
            if differences.is_empty() {
                return None;
            }
            let (ours, envoys) = (ours.line(request), envoys.line(request));
            let list = differences.join("\n           ");
            Some(format!("wasmtime {ours}\nenvoy    {envoys}\n           {list}"))
        });
        Self { replayed: requests.len(), differing: differing.collect() }
    }

    /// The last line of a run.
    pub fn summary(&self) -> String {
        let differ = self.differing.len();
        let agree = self.replayed - differ;
        format!("replayed {} requests, {agree} agree, {differ} differ", self.replayed)
    }
}
