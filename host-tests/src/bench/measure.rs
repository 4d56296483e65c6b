//! Measures the variants in a real Envoy, in turns.
use super::comparison;
use super::cpu;
use super::error::BenchError;
use super::goals::{self, Reached};
use super::load::Load;
use super::measurement::{Amount, Measured};
use super::stats::{self, Ratio, Spread};
use super::variant::Variant;
use crate::artifact;
use crate::envoy::{EnvoyProcess, Options};
use crate::upstream::Server;
use abi_host::Rng;
use bytes::Bytes;
use std::path::{Path, PathBuf};

/// Connections that are kept open and used in turn.
const CONNECTIONS: usize = 4;

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
    let mut random = Rng::seeded(1);
    for round in 0..=amount.rounds {
        // The variant that ran before costs some percent: none may always follow the same one.
        shuffle(&mut order, &mut random);
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
    let reached = goals::goals().into_iter().chain(comparison::goals());
    let reached = reached.filter_map(|goal| goal.reached(of(goal.above)?, of(goal.below)?));
    let reached = reached.chain(goals::idempotency(of)).chain(goals::bet_priority(of)).collect();
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

fn shuffle(order: &mut [usize], random: &mut Rng) {
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last + 1));
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
            // Players without a cached token when an attack begins are refused with their address.
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
