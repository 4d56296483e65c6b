//! `host-tests`: replays recorded traffic through a gateway's filters, and records it.
mod cli;

use clap::Parser;
use std::process::ExitCode;

/// What a shell says of a program that was ended for writing to a pipe that nobody reads.
const PIPE_CLOSED: u8 = 128 + 13;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) if error.chain().any(|it| it.is::<cli::ReaderGone>()) => {
            ExitCode::from(PIPE_CLOSED)
        }
        Err(error) => {
            cli::note(format_args!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}
