//! Printing. When the reader of the standard output closes it (`head`), the program ends quietly.
use std::fmt::Display;
use std::io::{ErrorKind, Write as _};

/// The standard output was closed by its reader.
#[derive(Debug, thiserror::Error)]
#[error("the standard output is closed")]
pub(crate) struct OutputClosed;

/// Prints to the standard output.
pub(crate) fn say(text: impl Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(OutputClosed.into()),
        written => Ok(written?),
    }
}

/// Prints a note on the standard error. Ignored where the standard error is closed.
pub(crate) fn note(text: impl Display) {
    writeln!(std::io::stderr(), "{text}").ok();
}
