//! One variant in a real Envoy.
use super::arrivals::Arrival;
use super::casino::Casino;
use super::class::Class;
use super::error::SurgeError;
use super::figures::Figures;
use super::load;
use super::monitor::watch;
use super::plan::{Plan, PATIENCE, SERVICE};
use super::variant::Variant;
use crate::envoy::{EnvoyProcess, Options};
use std::path::Path;
use std::time::Duration;
use tokio::time::{timeout, Instant};

/// Rounds of one request of each class before the surge: V8, allocators and the connections to the casino
/// are warm in a gateway that has been running.
const WARM_UP: usize = 4;
/// Between the warm-up and the surge.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs one variant against the arrivals.
///
/// # Errors
/// Envoy or the casino does not run, or does not answer a single request in peace.
pub async fn run(
    variant: &Variant,
    plan: &Plan,
    arrivals: &[Arrival],
    binary: &Path,
) -> Result<Figures, SurgeError> {
    let phases = plan.phases(variant.varied);
    let permits = phases.first().map_or(0, |it| it.permits);
    let casino = Casino::open(permits, SERVICE)?;
    let options = Options::new(binary.to_owned(), variant.wasm_dir.clone(), casino.address);
    let concurrency = variant.workers.unwrap_or(plan.workers);
    let options = Options { recorded: false, concurrency, ..options };
    let failed = |source| SurgeError::Envoy { variant: variant.key, source };
    let envoy = EnvoyProcess::start(&variant.document(), options).await.map_err(failed)?;
    warm_up(&envoy, variant.key).await?;
    let before = casino.counts();
    let start = Instant::now() + PAUSE;
    let watched =
        watch(&casino, &phases, envoy.admin, variant.gauge, (start, start + plan.length()));
    let (samples, moments) = tokio::join!(load::send(envoy.address, arrivals, start), watched);
    let after = casino.counts();
    Ok(Figures::of(variant, plan, &samples?, moments, after.since(before)))
}

/// Asks for everything a few times in peace. A variant that refuses something then is not measured.
async fn warm_up(envoy: &EnvoyProcess, variant: &'static str) -> Result<(), SurgeError> {
    for round in 0..WARM_UP {
        for class in Class::ALL {
            let request = class.request(1_000_000 + round);
            let answer = timeout(PATIENCE, load::ask(envoy.address, &request)).await;
            let answer = answer.unwrap_or(Err(crate::client::ClientError::Silence));
            let answer = answer.map_err(|source| SurgeError::WarmUp { variant, source })?;
            if answer.status != 200 {
                let (class, status) = (class.name(), answer.status);
                return Err(SurgeError::Status { variant, class, status });
            }
        }
    }
    Ok(())
}
