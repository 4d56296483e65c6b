//! The two halves of a run, one beside the other.
use super::runtime;
use host_tests::envoy;
use host_tests::gateway::Gateway;
use host_tests::replay::{self, Outcome};
use host_tests::traffic::Request;
use std::path::{Path, PathBuf};

/// What both say of the same requests.
pub(super) struct Halves {
    /// wasmtime.
    pub(super) emulated: Vec<Outcome>,
    /// Envoy, where there is one.
    pub(super) real: Option<Vec<Outcome>>,
}

impl Halves {
    /// Runs both at a time: Envoy waits for its clients, and wasmtime for nobody. `step` is called after
    /// each request in wasmtime.
    pub(super) fn run(
        gateway: &Gateway,
        requests: &[Request],
        wasm_dir: &Path,
        envoy: Option<PathBuf>,
        step: impl Fn() + Sync,
    ) -> anyhow::Result<Self> {
        let (emulated, real) = std::thread::scope(|scope| {
            let emulated =
                scope.spawn(|| replay::run_emulated_stepped(gateway, requests, wasm_dir, &step));
            let real = envoy.map(|envoy| run_real(gateway, requests, wasm_dir, envoy));
            let emulated = emulated.join();
            (emulated.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), real)
        });
        Ok(Self { emulated: emulated?, real: real.transpose()? })
    }
}

/// Runs them in Envoy.
pub(super) fn run_real(
    gateway: &Gateway,
    requests: &[Request],
    wasm_dir: &Path,
    envoy: PathBuf,
) -> anyhow::Result<Vec<Outcome>> {
    Ok(runtime()?.block_on(replay::run_real(gateway, requests, wasm_dir, envoy))?)
}

/// The Envoy to use. That there is none is an error, unless wasmtime may run alone: then it is told.
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
