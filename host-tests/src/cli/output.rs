//! Reports in files.
use super::print::say;
use anyhow::Context as _;
use clap::Args;
use host_tests::report::{self, Run};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Output {
    /// Write the run as JSON; `-` prints it instead of the lines
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the run as JUnit XML, one test case for each request; `-` prints it instead of the lines
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Output {
    /// Prints text, unless the standard output is used for a report.
    pub(super) fn say(&self, text: impl std::fmt::Display) -> anyhow::Result<()> {
        if self.to_stdout() {
            return Ok(());
        }
        say(text)
    }

    /// Writes the reports.
    pub(super) fn write(&self, run: &Run<'_>, name: &str) -> anyhow::Result<()> {
        if let Some(path) = &self.json {
            put(path, &(serde_json::to_string_pretty(&report::json(run))? + "\n"))?;
        }
        if let Some(path) = &self.junit {
            put(path, &report::junit(run, name)?)?;
        }
        Ok(())
    }

    /// An error if both reports are for the standard output.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.json.as_deref().is_some_and(is_stdout)
            && self.junit.as_deref().is_some_and(is_stdout)
        {
            anyhow::bail!("--json and --junit cannot both be `-`");
        }
        Ok(())
    }

    fn to_stdout(&self) -> bool {
        self.json.iter().chain(&self.junit).any(|path| is_stdout(path))
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    if is_stdout(path) {
        return say(text);
    }
    std::fs::write(path, text).with_context(|| path.display().to_string())
}
