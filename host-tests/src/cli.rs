//! The command line.
mod bench;
mod context;
mod demo;
mod halves;
mod output;
mod print;
mod record;
mod redact;
mod replay;
mod surge;
mod traffic;
mod up;

pub(crate) use print::{note, OutputClosed};

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs a gateway's .wasm files against recorded casino traffic.
#[derive(Debug, Parser)]
#[command(name = "pitboss", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay recorded traffic and print one line a request: number, seconds, client, method, target,
    /// class, decision, plugin, code, status
    Replay(replay::Replay),
    /// Replay recordings in wasmtime and Envoy, compare each with its golden file, and print a summary
    Demo(demo::Demo),
    /// Send scripted clients through a real Envoy to the demo casino and write the recording
    Record(record::Record),
    /// Measure the cost of the policies in a real Envoy, and the speed of replays in wasmtime
    Bench(bench::Bench),
    /// Send three times the requests that a casino can carry out, through a real Envoy, once for each way to
    /// protect the casino
    BenchSurge(surge::Surge),
    /// Run the gateway and the demo casino on this machine until Ctrl-C
    Up(up::Up),
    /// Replace credentials and personal data of a recording by pseudonyms; equal values get equal pseudonyms
    Redact(redact::Redact),
}

impl Cli {
    /// Runs the command; the exit code is 1 when something differs.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Replay(replay) => replay.run(),
            Command::Demo(demo) => demo.run(),
            Command::Redact(redact) => redact.run(),
            Command::Record(record) => record.run(),
            Command::Bench(bench) => bench.run(),
            Command::BenchSurge(surge) => surge.run(),
            Command::Up(up) => up.run(),
        }
    }
}
