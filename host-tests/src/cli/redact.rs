//! `pitboss redact`.
use super::print::say;
use anyhow::{anyhow, Context as _};
use clap::Args;
use host_tests::intake::documents;
use host_tests::redact::{redact_all, Key};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Redact {
    /// The recording: a HAR, or traces of Envoy's HTTP tap (a file, or the folder of its sink)
    #[arg(value_name = "IN")]
    recording: PathBuf,
    /// The redacted recording to write; one file for the traces of a folder
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    /// Variable with the key of the pseudonyms, at least 16 bytes; without it the key is random
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
        let documents = documents(&self.recording).with_context(|| name.clone())?;
        let redacted = redact_all(documents, &key).with_context(|| name)?;
        std::fs::write(&self.out, redacted.text).with_context(|| self.out.display().to_string())?;
        say(format_args!("redacted into {}\n{}\n", self.out.display(), redacted.summary))?;
        Ok(ExitCode::SUCCESS)
    }
}
