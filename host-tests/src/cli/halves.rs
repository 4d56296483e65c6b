//! Runs both halves at the same time.
use host_tests::envoy;
use host_tests::gateway::Gateway;
use host_tests::replay::{self, Outcome};
use host_tests::traffic::Request;
use std::path::{Path, PathBuf};

/// The outcomes of both halves.
pub(super) struct Halves {
    /// wasmtime.
    pub(super) emulated: Vec<Outcome>,
    /// Envoy, where there is one.
    pub(super) real: Option<Vec<Outcome>>,
}

/// With at least this many processors both halves start together. Envoy compiles the modules with at least
/// two threads.
const MANY: usize = 4;

impl Halves {
    /// Runs both halves at the same time. With few processors wasmtime starts only once Envoy serves, since
    /// Envoy's half takes longer. `step` is called after each request in wasmtime.
    pub(super) fn run(
        gateway: &Gateway,
        requests: &[Request],
        wasm_dir: &Path,
        envoy: Option<PathBuf>,
        step: impl Fn() + Sync,
    ) -> anyhow::Result<Self> {
        let many = std::thread::available_parallelism().is_ok_and(|it| it.get() >= MANY);
        let waits = envoy.is_some() && !many;
        let (serves, served) = std::sync::mpsc::channel::<()>();
        let (emulated, real) = std::thread::scope(|scope| {
            let emulated = scope.spawn(|| {
                // The channel only closes: once Envoy serves, or when it fails.
                if waits {
                    served.into_iter().for_each(drop);
                }
                replay::run_emulated_stepped(gateway, requests, wasm_dir, &step)
            });
            let real =
                envoy.map(|envoy| run_real(gateway, requests, wasm_dir, envoy, || drop(serves)));
            let emulated = emulated.join();
            (emulated.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), real)
        });
        Ok(Self { emulated: emulated?, real: real.transpose()? })
    }
}

/// Runs the replay in Envoy; `serves` is called once Envoy serves. Clients and upstream share one thread:
/// they wait for each other, and a second thread would be woken for each message.
pub(super) fn run_real(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    envoy: PathBuf,
    serves: impl FnOnce(),
) -> anyhow::Result<Vec<Outcome>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = replay::run_real_once_it_serves(gateway, requests, wasm_dir, envoy, serves);
    Ok(runtime.block_on(run)?)
}

/// The Envoy to use. A missing Envoy is an error, unless wasmtime may run alone; then it is reported.
pub(super) fn find_envoy(
    may_be_missing: bool,
    tell: impl Fn(String) -> anyhow::Result<()>,
) -> anyhow::Result<Option<PathBuf>> {
    match envoy::find() {
        Ok(envoy) => Ok(Some(envoy)),
        Err(missing) if may_be_missing && missing.may_be_skipped() => {
            tell(format!("{missing}; wasmtime only\n"))?;
            Ok(None)
        }
        Err(missing) if missing.may_be_skipped() => {
            anyhow::bail!("{missing}; --allow-missing-envoy runs wasmtime alone")
        }
        Err(missing) => Err(missing.into()),
    }
}
