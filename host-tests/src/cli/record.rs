//! `pitboss record`.
use super::context::{read_gateway, runtime};
use super::print::say;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use host_tests::{artifact, envoy, har, record};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Record {
    /// The gateway's configuration, as it is deployed
    #[arg(long, value_name = "FILE.yaml")]
    gateway_config: PathBuf,
    /// The recording to write
    #[arg(long, value_name = "FILE.har")]
    out: PathBuf,
    /// The scenario of the clients
    #[arg(long, value_enum, default_value_t = Scenario::FirstLight)]
    scenario: Scenario,
    /// Seed of the dice of evening and goal
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the .wasm files [default: target/wasm32-wasip1/plugin, or PITBOSS_WASM_DIR]
    #[arg(long, value_name = "DIR")]
    wasm_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// About seventy requests, each written by hand
    FirstLight,
    /// A whole evening: players, partners, bots and broken clients
    Evening,
    /// A goal is scored: players who watch, and scripts that bet and guess passwords
    Goal,
}

impl Record {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let gateway = read_gateway(&self.gateway_config)?;
        let wasm_dir = self.wasm_dir.unwrap_or_else(artifact::wasm_dir);
        let envoy = envoy::find()?;
        let scenario = match self.scenario {
            Scenario::FirstLight => record::Scenario::FirstLight,
            Scenario::Evening => record::Scenario::Evening(self.seed),
            Scenario::Goal => record::Scenario::Goal(self.seed),
        };
        let recorded = record::record(scenario, &gateway, &wasm_dir, envoy);
        let recorded = runtime()?.block_on(recorded)?;
        std::fs::write(&self.out, har::write(&recorded)?)
            .with_context(|| self.out.display().to_string())?;
        say(format_args!("recorded {} requests in {}\n", recorded.len(), self.out.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
