//! What is printed. A reader that has seen enough, `head` for one, ends the program quietly.
use std::fmt::Display;
use std::io::{ErrorKind, Write as _};

/// Nobody reads the standard output any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the standard output any more")]
pub(crate) struct ReaderGone;

/// Prints to the standard output.
pub(crate) fn say(text: impl Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => Ok(written?),
    }
}

/// Tells something beside the results, on the standard error; where nobody reads that, nobody is told.
pub(crate) fn note(text: impl Display) {
    writeln!(std::io::stderr(), "{text}").ok();
}
