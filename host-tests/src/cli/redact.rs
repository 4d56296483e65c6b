//! `redact`: a recording that may leave the house.
use anyhow::{anyhow, Context as _};
use clap::Args;
use host_tests::redact::{redact, Key};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Redact {
    /// The recording
    #[arg(value_name = "IN.har")]
    recording: PathBuf,
    /// The redacted recording to write
    #[arg(long, value_name = "OUT.har")]
    out: PathBuf,
    /// Variable with the key of the pseudonyms, 16 bytes at least; without it they are of this run alone
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
}

impl Redact {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let key = match &self.key_env {
            Some(name) => {
                let value = std::env::var(name).map_err(|_| anyhow!("{name} is not set"))?;
                Key::new(value.as_bytes()).with_context(|| name.clone())?
            }
            None => {
                let mut random = [0; 32];
                getrandom::fill(&mut random)?;
                Key::new(&random)?
            }
        };
        let name = self.recording.display().to_string();
        let text = std::fs::read_to_string(&self.recording).with_context(|| name.clone())?;
        let redacted = redact(&text, &key).with_context(|| name)?;
        std::fs::write(&self.out, redacted).with_context(|| self.out.display().to_string())?;
        println!("redacted into {}", self.out.display());
        Ok(ExitCode::SUCCESS)
    }
}
