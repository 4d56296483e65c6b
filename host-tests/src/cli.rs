//! The command line.
mod bench;
mod demo;
mod up;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use host_tests::gateway::{self, Gateway};
use host_tests::golden::{self, Golden};
use host_tests::replay::{self, Comparison};
use host_tests::traffic::Request;
use host_tests::{artifact, envoy, har, record};
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs a gateway's .wasm files against recorded casino traffic.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay recorded traffic and print one line a request: number, seconds, client, method, target,
    /// class, decision, plugin, code, status
    Replay(Replay),
    /// Replay recordings in both, hold each to the golden decisions beside it, and sum up
    Demo(demo::Demo),
    /// Send the scripted clients through a real Envoy to the demo casino and write what happened
    Record(Record),
    /// Measure what the policies cost in a real Envoy, and how fast wasmtime replays
    Bench(bench::Bench),
    /// Run the gateway and the demo casino on this machine until Ctrl-C
    Up(up::Up),
}

#[derive(Debug, Args)]
struct Replay {
    /// The gateway's configuration, as it is deployed
    #[arg(long, value_name = "FILE.yaml")]
    gateway_config: PathBuf,
    /// The recorded traffic
    #[arg(long, value_name = "FILE.har")]
    traffic: PathBuf,
    /// Where the filters run; `both` also compares
    #[arg(long, value_enum, default_value_t = Via::Both)]
    via: Via,
    /// Compare with these decisions; UPDATE_GOLDEN=1 rewrites them
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// Folder with the .wasm files [default: target/wasm32-wasip1/plugin, or PITBOSS_WASM_DIR]
    #[arg(long, value_name = "DIR")]
    wasm_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Record {
    /// The gateway's configuration, as it is deployed
    #[arg(long, value_name = "FILE.yaml")]
    gateway_config: PathBuf,
    /// The recording to write
    #[arg(long, value_name = "FILE.har")]
    out: PathBuf,
    /// Who the clients are
    #[arg(long, value_enum, default_value_t = Scenario::FirstLight)]
    scenario: Scenario,
    /// Seed of the evening's dice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder with the .wasm files [default: target/wasm32-wasip1/plugin, or PITBOSS_WASM_DIR]
    #[arg(long, value_name = "DIR")]
    wasm_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Via {
    /// The emulated host: fast, deterministic, in recorded time
    Wasmtime,
    /// The real Envoy
    Envoy,
    /// Both, compared request by request
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// About seventy requests, each written by hand
    FirstLight,
    /// A whole evening: players, partners, bots and broken clients
    Evening,
}

impl Cli {
    /// Does what was asked; the exit code is 1 when something differs.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Replay(replay) => replay.run(),
            Command::Demo(demo) => demo.run(),
            Command::Record(record) => record.run(),
            Command::Bench(bench) => bench.run(),
            Command::Up(up) => up.run(),
        }
    }
}

impl Replay {
    fn run(self) -> anyhow::Result<ExitCode> {
        let gateway = read_gateway(&self.gateway_config)?;
        let name = self.traffic.display().to_string();
        let text = std::fs::read_to_string(&self.traffic).with_context(|| name.clone())?;
        let requests = har::read(&text).with_context(|| name)?;
        let wasm_dir = self.wasm_dir.clone().unwrap_or_else(artifact::wasm_dir);
        let envoy = match (self.via, envoy::find()) {
            (Via::Wasmtime, _) => None,
            (_, Ok(envoy)) => Some(envoy),
            (Via::Both, Err(missing)) if std::env::var_os("CI").is_none() => {
                println!("{missing}; wasmtime only");
                None
            }
            (_, Err(missing)) => return Err(missing.into()),
        };
        let emulated = match self.via {
            Via::Envoy => None,
            _ => Some(replay::run_emulated(&gateway, &requests, &wasm_dir)?),
        };
        let real = match envoy {
            Some(envoy) => {
                Some(runtime()?.block_on(replay::run_real(&gateway, &requests, &wasm_dir, envoy))?)
            }
            None => None,
        };
        let Some(shown) = emulated.as_ref().or(real.as_ref()) else { return Ok(ExitCode::SUCCESS) };
        let lines = replay::lines(&requests, shown);
        print!("{lines}");
        let mut good = self.check_golden(&lines)?;
        match (&emulated, &real) {
            (Some(emulated), Some(real)) => good &= compare(&requests, emulated, real),
            _ => println!("replayed {} requests", requests.len()),
        }
        Ok(ExitCode::from(u8::from(!good)))
    }

    fn check_golden(&self, lines: &str) -> anyhow::Result<bool> {
        let Some(path) = &self.golden else { return Ok(true) };
        let name = path.display();
        match golden::check(path, lines, golden::update_asked())? {
            Golden::Same => Ok(true),
            Golden::Updated => {
                println!("{name} rewritten");
                Ok(true)
            }
            Golden::Differs { diff } => {
                println!("\n{name} differs ({}=1 rewrites it):\n{diff}", golden::UPDATE_VARIABLE);
                Ok(false)
            }
        }
    }
}

impl Record {
    fn run(self) -> anyhow::Result<ExitCode> {
        let gateway = read_gateway(&self.gateway_config)?;
        let wasm_dir = self.wasm_dir.unwrap_or_else(artifact::wasm_dir);
        let envoy = envoy::find()?;
        let scenario = match self.scenario {
            Scenario::FirstLight => record::Scenario::FirstLight,
            Scenario::Evening => record::Scenario::Evening(self.seed),
        };
        let recorded = record::record(scenario, &gateway, &wasm_dir, envoy);
        let recorded = runtime()?.block_on(recorded)?;
        std::fs::write(&self.out, har::write(&recorded)?)
            .with_context(|| self.out.display().to_string())?;
        println!("recorded {} requests in {}", recorded.len(), self.out.display());
        Ok(ExitCode::SUCCESS)
    }
}

fn compare(requests: &[Request], emulated: &[replay::Outcome], real: &[replay::Outcome]) -> bool {
    let comparison = Comparison::new(requests, emulated, real);
    for difference in &comparison.differing {
        println!("\n{difference}");
    }
    println!("{}", comparison.summary());
    comparison.differing.is_empty()
}

fn read_gateway(path: &std::path::Path) -> anyhow::Result<Gateway> {
    let gateway = Gateway::read(path).with_context(|| path.display().to_string())?;
    for advice in gateway::advice(&gateway) {
        eprintln!("warning: {}: {advice}", path.display());
    }
    Ok(gateway)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
