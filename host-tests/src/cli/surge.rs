//! `pitboss bench-surge`.
use super::context::runtime;
use super::print::{note, say};
use anyhow::Context;
use clap::Args;
use host_tests::envoy;
use host_tests::surge::{arrivals, draw, named, run, variants, Plan, Report};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Surge {
    /// Also write the result to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also draw the result
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Measure only this variant; may be repeated
    #[arg(long = "variant", value_name = "NAME")]
    variants: Vec<String>,
    /// What the arrivals are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests a second
    #[arg(long, default_value_t = 480, value_parser = clap::value_parser!(u16).range(1..))]
    rate: u16,
    /// Seconds of each run
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    seconds: u16,
    /// Worker threads of Envoy
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    workers: u8,
}

impl Surge {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (rate, workers) = (usize::from(self.rate), usize::from(self.workers));
        let plan = Plan { seed: self.seed, rate, seconds: self.seconds.into(), workers };
        let (variants, missing) = named(variants()?, &self.variants)?;
        let (arrivals, binary) = (arrivals(&plan), envoy::find()?);
        let mut figures = Vec::with_capacity(variants.len());
        let runtime = runtime()?;
        for variant in &variants {
            note(format_args!("{}: {} s", variant.key, self.seconds));
            figures.push(runtime.block_on(run(variant, &plan, &arrivals, &binary))?);
        }
        let report = Report::new(plan, figures, missing);
        say(&report)?;
        if let Some(path) = &self.json {
            write(path, &(serde_json::to_string_pretty(&report)? + "\n"))?;
        }
        report.punctual()?;
        match &self.svg {
            Some(path) if report.missing.is_empty() => write(path, &draw(&report))?,
            Some(path) => note(format_args!("{}: not drawn, a variant is missing", path.display())),
            None => (),
        }
        Ok(if report.met() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}
