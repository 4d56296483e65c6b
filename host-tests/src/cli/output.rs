//! Reports for machines, beside what is printed.
use anyhow::Context as _;
use clap::Args;
use host_tests::report::{self, Run};
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Output {
    /// Write the run as JSON; `-` prints it instead of the lines
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the run as JUnit XML, one test case for each request
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Output {
    /// Prints for people, unless the standard output is for the document.
    pub(super) fn say(&self, text: impl std::fmt::Display) {
        if !self.to_stdout() {
            print!("{text}");
        }
    }

    /// Writes what was asked for.
    pub(super) fn write(&self, run: &Run<'_>, name: &str) -> anyhow::Result<()> {
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&report::json(run))? + "\n";
            if self.to_stdout() {
                std::io::stdout().write_all(text.as_bytes())?;
            } else {
                std::fs::write(path, text).with_context(|| path.display().to_string())?;
            }
        }
        if let Some(path) = &self.junit {
            let text = report::junit(run, name)?;
            std::fs::write(path, text).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    fn to_stdout(&self) -> bool {
        self.json.as_ref().is_some_and(|it| it.as_os_str() == "-")
    }
}
