//! `pitboss replay`.
use super::context::read_gateway;
use super::halves::{find_envoy, run_real, Halves};
use super::output::Output;
use super::print::note;
use super::traffic::Traffic;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use host_tests::gateway::Gateway;
use host_tests::golden::{self, Golden};
use host_tests::replay::{self, Comparison, Outcome};
use host_tests::report::{Progress, Run};
use host_tests::traffic::Request;
use host_tests::whatif::WhatIf;
use host_tests::{artifact, envoy};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The gateway's configuration, as it is deployed
    #[arg(long, value_name = "FILE.yaml")]
    gateway_config: PathBuf,
    #[command(flatten)]
    traffic: Traffic,
    /// Where the filters run; `both` also compares
    #[arg(long, value_enum, default_value_t = Via::Both)]
    via: Via,
    /// If `both` finds no Envoy, run wasmtime alone; an error where CI is set
    #[arg(long)]
    allow_missing_envoy: bool,
    /// Compare with these decisions; UPDATE_GOLDEN=1 rewrites them
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// List the decisions that would change under this configuration; both run in wasmtime
    #[arg(long, value_name = "OTHER.yaml", conflicts_with_all = ["via", "golden"])]
    against: Option<PathBuf>,
    /// Exit with code 1 if a decision would change
    #[arg(long, requires = "against")]
    fail_on_change: bool,
    #[command(flatten)]
    output: Output,
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

impl Replay {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.output.check()?;
        let gateway = read_gateway(&self.gateway_config)?;
        let other = self.against.as_deref().map(read_gateway).transpose()?;
        let recording = self.traffic.read()?;
        let most = recording.commonest_reason().map(|(reason, count)| (reason.clone(), count));
        let requests = recording.requests;
        let wasm_dir = self.wasm_dir.clone().unwrap_or_else(artifact::wasm_dir);
        for skipped in &recording.skipped {
            self.output.say(format_args!("{skipped}\n"))?;
        }
        for text in &recording.notes {
            note(format_args!("note: {text}"));
        }
        if requests.is_empty() {
            let skipped = match recording.skipped.len() {
                0 => "no entries".to_owned(),
                number => {
                    let most =
                        most.map(|(reason, count)| format!("; most often ({count}): {reason}"));
                    format!("{number} entries, all skipped{}", most.unwrap_or_default())
                }
            };
            anyhow::bail!("{}: nothing to replay: {skipped}", self.traffic.path.display());
        }
        for (number, length) in replay::gaps(&requests) {
            let (hours, edge) = (length.as_secs() / 3600, replay::EDGE.as_secs() / 60);
            note(format_args!(
                "note: {hours} h without a request before {number}: wasmtime runs the first and the last \
                 {edge} min of them"
            ));
        }
        let print = |text: String| self.output.say(text);
        let envoy = match self.via {
            Via::Wasmtime => None,
            Via::Both if other.is_some() => None,
            Via::Both => find_envoy(self.allow_missing_envoy, print)?,
            Via::Envoy => Some(envoy::find()?),
        };
        let emulate = |gateway: &Gateway, path: &Path, envoy: Option<PathBuf>| {
            let what = if envoy.is_some() { "both" } else { "wasmtime" };
            let progress = Progress::counting(what, requests.len());
            Halves::run(gateway, &requests, &wasm_dir, envoy, || progress.step())
                .with_context(|| path.display().to_string())
        };
        let (emulated, real) = match (self.via, envoy) {
            (Via::Envoy, Some(envoy)) => {
                let _progress = Progress::waiting("Envoy");
                let real = run_real(&gateway, &requests, &wasm_dir, envoy, || ());
                (None, Some(real.with_context(|| self.gateway_config.display().to_string())?))
            }
            (_, envoy) => {
                let halves = emulate(&gateway, &self.gateway_config, envoy)?;
                (Some(halves.emulated), halves.real)
            }
        };
        let what_if = match (other.as_ref().zip(self.against.as_deref()), &emulated) {
            (Some((other, path)), Some(now)) => {
                Some(WhatIf::new(&requests, now, &emulate(other, path, None)?.emulated))
            }
            _ => None,
        };
        let Some(shown) = emulated.as_ref().or(real.as_ref()) else { return Ok(ExitCode::SUCCESS) };
        let lines = replay::lines(&requests, shown);
        let golden = self.golden.as_deref();
        let check = |path: &Path| {
            golden::check(path, &lines, golden::update_asked())
                .with_context(|| path.display().to_string())
        };
        let golden = golden.map(check).transpose()?;
        let run = Run {
            requests: &requests,
            skipped: &recording.skipped,
            outcomes: shown,
            real: emulated.as_ref().and(real.as_deref()),
            golden: golden.as_ref(),
            what_if: what_if.as_ref(),
            fail_on_change: self.fail_on_change,
        };
        // Before anything is printed, so that reports are complete even if the standard output closes early.
        self.output.write(&run, &self.traffic.path.display().to_string())?;
        let mut good = true;
        if let Some(what_if) = &what_if {
            self.output.say(what_if.text())?;
            good = !self.fail_on_change || what_if.changes.is_empty();
        } else {
            self.output.say(&lines)?;
        }
        good &= self.report_golden(golden.as_ref())?;
        match (&emulated, &real) {
            (Some(emulated), Some(real)) => good &= self.compare(&requests, emulated, real)?,
            _ if what_if.is_some() => {}
            _ => self.output.say(format_args!("replayed {} requests\n", requests.len()))?,
        }
        Ok(ExitCode::from(u8::from(!good)))
    }

    fn report_golden(&self, golden: Option<&Golden>) -> anyhow::Result<bool> {
        let name = self.golden.as_deref().unwrap_or(Path::new("")).display();
        match golden {
            None | Some(Golden::Same) => Ok(true),
            Some(Golden::Updated) => {
                self.output.say(format_args!("{name} rewritten\n"))?;
                Ok(true)
            }
            Some(Golden::Differs { diff }) => {
                let variable = golden::UPDATE_VARIABLE;
                self.output
                    .say(format_args!("\n{name} differs ({variable}=1 rewrites it):\n{diff}\n"))?;
                Ok(false)
            }
        }
    }

    fn compare(
        &self,
        requests: &[Request],
        ours: &[Outcome],
        real: &[Outcome],
    ) -> anyhow::Result<bool> {
        let comparison = Comparison::new(requests, ours, real);
        for difference in &comparison.differing {
            self.output.say(format_args!("\n{difference}\n"))?;
        }
        self.output.say(comparison.summary() + "\n")?;
        Ok(comparison.differing.is_empty())
    }
}
