//! `pitboss`: replays recorded traffic through a gateway's filters, and records it.
mod cli;

use clap::Parser;
use std::process::ExitCode;

/// The exit code that shells report for a program that SIGPIPE ended.
const PIPE_CLOSED: u8 = 128 + 13;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) if error.chain().any(|it| it.is::<cli::OutputClosed>()) => {
            ExitCode::from(PIPE_CLOSED)
        }
        Err(error) => {
            cli::note(format_args!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}
