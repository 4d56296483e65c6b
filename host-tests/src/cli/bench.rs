//! `pitboss bench`.
use super::context::{read_gateway, runtime};
use super::print::say;
use anyhow::Context;
use clap::{Args, ValueEnum};
use host_tests::bench::{
    measure_emulated, measure_envoy, others, variants, Amount, Build, Measurement,
};
use host_tests::envoy::workspace_root;
use host_tests::{envoy, har};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Bench {
    /// Also write the result to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measured rounds; one more round warms up
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Requests of each variant in a round
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// What to measure
    #[arg(long, value_enum, default_value_t = Only::Both)]
    only: Only,
    /// In the real Envoy, measure only this policy
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Measure the modules of this other checkout beside these, where `make build` has run
    #[arg(long, value_name = "CHECKOUT")]
    against: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// The replayer in wasmtime
    Wasmtime,
    /// The real Envoy
    Envoy,
    /// Both, one after the other
    Both,
}

impl Bench {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (rounds, requests) = (usize::from(self.rounds), usize::try_from(self.requests)?);
        let amount = Amount { rounds, requests };
        let here = Build::here()?;
        let (envoy, goals) = match self.only {
            Only::Wasmtime => Default::default(),
            Only::Envoy | Only::Both => {
                let policy = self.policy.as_deref();
                let mut variants = variants(&here, policy)?;
                if let Some(checkout) = &self.against {
                    variants.extend(others(&Build::of_checkout(checkout)?, policy)?);
                }
                runtime()?.block_on(measure_envoy(&variants, &envoy::find()?, amount))?
            }
        };
        let abi_host = match self.only {
            Only::Envoy => None,
            Only::Wasmtime | Only::Both => {
                let root = workspace_root();
                let gateway = read_gateway(&root.join("envoy-examples/geo-jurisdiction.yaml"))?;
                let recording = root.join("host-tests/recordings/first-light.har");
                let text = std::fs::read_to_string(&recording).context("the recording")?;
                Some(measure_emulated(&gateway, &har::read(&text)?, &here.modules, amount)?)
            }
        };
        let measurement = Measurement { rounds, requests, envoy, goals, abi_host };
        say(&measurement)?;
        if let Some(path) = &self.json {
            let json = serde_json::to_string_pretty(&measurement)? + "\n";
            std::fs::write(path, json).with_context(|| path.display().to_string())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
