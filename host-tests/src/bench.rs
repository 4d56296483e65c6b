//! What a policy costs: CPU time per request in the real Envoy, and how fast `abi-host` replays.
//!
//! 1. CPU time is that of Envoy's one worker thread, as the kernel counts it. The client's time, the
//!    machine's other work and the wall clock are not in it.
//! 2. All variants run at once and take turns, each round in another order, so that whatever disturbs
//!    the machine disturbs them alike. Ratios are taken within a round, then the median over rounds.
//! 3. The route answers by itself, or an upstream of this process does: neither is measured.
//! 4. What an attack costs is charged to the requests that count, which are those of players.
//! 5. A ratio whose spread says nothing is printed as such.
mod auth;
mod build;
mod cpu;
mod emulated;
mod goals;
mod issuer;
mod load;
mod once;
mod stats;
mod table;
mod variants;

pub use build::{others, Build};
pub use emulated::{measure as measure_emulated, EmulatedRate};
pub use goals::{Aim, Goal, Reached};
pub use load::LoadError;
pub use stats::{Ratio, Spread, Verdict};
pub use variants::{variants, Attack, Variant};

use crate::artifact;
use crate::envoy::{EnvoyError, EnvoyProcess, Options};
use crate::upstream::Server;
use bytes::Bytes;
use load::Load;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Connections that are kept open and used in turn.
const CONNECTIONS: usize = 4;

/// How much to measure.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Rounds that count; one more goes before them and does not.
    pub rounds: usize,
    /// Requests of each variant in a round.
    pub requests: usize,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Envoy does not run.
    #[error(transparent)]
    Envoy(#[from] EnvoyError),
    /// A request went wrong.
    #[error("{variant}: {source}")]
    Load {
        /// The variant.
        variant: &'static str,
        /// What went wrong.
        source: LoadError,
    },
    /// The example cannot be read.
    #[error(transparent)]
    Gateway(#[from] crate::gateway::GatewayError),
    /// The half in wasmtime.
    #[error(transparent)]
    Replay(#[from] crate::replay::ReplayError),
    /// A module does not start in wasmtime.
    #[error(transparent)]
    Host(#[from] abi_host::HostError),
    /// A module was not built.
    #[error(transparent)]
    Artifact(#[from] crate::artifact::ArtifactError),
    /// The kernel does not tell.
    #[error("the CPU time of {what}: {source}")]
    Cpu {
        /// Whose.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// The upstream does not start.
    #[error("the upstream: {0}")]
    Upstream(std::io::Error),
    /// The folders of a build.
    #[error("the current folder: {0}")]
    Folder(#[from] std::io::Error),
    /// The casino gives no tokens.
    #[error("the tokens' issuer: {0}")]
    Issuer(&'static str),
    /// There is no variant, or no round.
    #[error("nothing to measure")]
    Nothing,
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

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measurement {
    /// Rounds that counted.
    pub rounds: usize,
    /// Requests of each variant in a round.
    pub requests: usize,
    /// The variants; the first two are what the others are compared with.
    pub envoy: Vec<Measured>,
    /// What was promised of them.
    pub goals: Vec<Reached>,
    /// The replayer; left out where it was not asked for.
    pub abi_host: Option<EmulatedRate>,
}

/// Measures all variants in the real Envoy.
pub async fn measure_envoy(
    variants: &[Variant],
    binary: &Path,
    amount: Amount,
) -> Result<(Vec<Measured>, Vec<Reached>), BenchError> {
    let mut running = Vec::with_capacity(variants.len());
    for variant in variants {
        for file in variant.modules() {
            artifact::find(&variant.wasm_dir, file)?;
        }
        running.push(Running::start(variant, binary.to_owned()).await?);
    }
    // One more round than is counted: the first warms caches, allocators and V8.
    let mut micros = vec![Vec::with_capacity(amount.rounds); running.len()];
    let mut order: Vec<usize> = (0..running.len()).collect();
    let mut dice = Dice(1);
    for round in 0..=amount.rounds {
        // What ran just before costs a variant some percent: no variant may always follow the same one.
        dice.shuffle(&mut order);
        for &at in &order {
            let (Some(one), Some(kept)) = (running.get_mut(at), micros.get_mut(at)) else {
                continue;
            };
            let cost = one.run(amount.requests)?;
            if round > 0 {
                kept.push(cost);
            }
        }
    }
    let first = micros.first().ok_or(BenchError::Nothing)?;
    let second = micros.get(1).unwrap_or(first);
    let of = |name: &str| {
        let at = variants.iter().position(|variant| variant.name == name)?;
        micros.get(at).map(Vec::as_slice)
    };
    let reached = goals::goals().into_iter().chain(build::goals());
    let reached = reached.filter_map(|goal| goal.reached(of(goal.above)?, of(goal.below)?));
    let reached = reached.chain(goals::once(of)).collect();
    let measured = variants.iter().zip(&micros).map(|(variant, own)| {
        let differences: Vec<f64> = own.iter().zip(first).map(|(a, b)| a - b).collect();
        Ok(Measured {
            name: variant.name,
            micros: Spread::of(own).ok_or(BenchError::Nothing)?,
            added: Spread::of(&differences).ok_or(BenchError::Nothing)?,
            to_first: Ratio::of(own, first).ok_or(BenchError::Nothing)?,
            to_second: Ratio::of(own, second).ok_or(BenchError::Nothing)?,
        })
    });
    Ok((measured.collect::<Result<_, BenchError>>()?, reached))
}

/// Numbers that look random and are the same in every run (xorshift, 64 bits).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit.max(1)
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last + 1));
        }
    }
}

/// A bet that was placed.
fn answer(_: http::Request<Bytes>) -> http::Response<Bytes> {
    let body = r#"{"balance":99500,"bet_id":"b-1","event":"ev-1","odds":3467,"stake":500}"#;
    let mut answer = http::Response::new(Bytes::from_static(body.as_bytes()));
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    answer
}

/// An Envoy with one variant's filters, and the connections to it.
struct Running<'a> {
    variant: &'a Variant,
    worker: cpu::Thread,
    load: Load,
    _envoy: EnvoyProcess,
    _upstream: Server,
}

impl<'a> Running<'a> {
    async fn start(variant: &'a Variant, binary: PathBuf) -> Result<Self, BenchError> {
        let upstream = Server::start(answer).await.map_err(BenchError::Upstream)?;
        let options = Options::new(binary, variant.wasm_dir.clone(), upstream.address);
        let options = Options { recorded: false, ..options };
        let envoy = EnvoyProcess::start(&variant.document(), options).await?;
        let worker = cpu::worker(envoy.id())?;
        let failed = |source| BenchError::Load { variant: variant.name, source };
        let mut load = Load::connect(envoy.address, CONNECTIONS).map_err(failed)?;
        load.prepare(&variant.before).map_err(failed)?;
        Ok(Self { variant, worker, load, _envoy: envoy, _upstream: upstream })
    }

    /// Microseconds of the worker's CPU time per request.
    fn run(&mut self, requests: usize) -> Result<f64, BenchError> {
        let failed = |source| BenchError::Load { variant: self.variant.name, source };
        let attack = self.variant.attack.as_ref();
        if let Some(attack) = attack {
            // Whoever is not known when an attack begins shares the fate of his address.
            let players = self.variant.requests.len();
            self.load.send(self.variant, None, players).map_err(failed)?;
            self.load.attack(attack).map_err(failed)?;
        }
        let before = self.worker.nanoseconds()?;
        let sent = self.load.send(self.variant, attack, requests).map_err(failed)?;
        let after = self.worker.nanoseconds()?;
        Ok(stats::per(after.saturating_sub(before), sent) / 1_000.0)
    }
}
