//! Reads recorded traffic: HAR, or the output of Envoy's HTTP tap.
//!
//! 1. [`Defaults`] from the command line complete a recording: the peer, headers that an edge would have
//!    added, the time of requests without one.
//! 2. Entries that never reached a gateway, cannot be sent again, or are malformed, are skipped. Each skip has
//!    a number and a reason, and names the malformed field. Other entries are still replayed.
pub(crate) mod problem;
pub(crate) mod recording;

pub use recording::{Defaults, Reason, Recording, Skipped, START};

use crate::har::{self, HarError};
use crate::tap;
use serde_json::Value;
use std::borrow::Cow;
use std::path::Path;

/// Why recorded traffic cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// No such file or folder, or it is not text.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The HAR is malformed.
    #[error(transparent)]
    Har(#[from] HarError),
    /// A file of a folder of traces is not JSON.
    #[error("{file}")]
    File {
        /// Its name.
        file: String,
        /// Why.
        source: HarError,
    },
    /// A folder without a trace.
    #[error("no .json file of the tap in this folder")]
    NoTraces,
}

/// Reads recorded traffic: a HAR file, a file of traces, or a folder of traces.
pub fn read(path: &Path, defaults: &Defaults) -> Result<Recording, IntakeError> {
    if path.is_dir() {
        let files = folder(path)?;
        let mut traces = Vec::with_capacity(files.len());
        for (file, parsed) in &files {
            match parsed {
                Ok(parsed) => traces.extend(parsed.iter().map(Ok)),
                Err(error) => traces.push(Err(Cow::Owned(format!("{file}: {error}")))),
            }
        }
        return Ok(tap::read_all(traces, defaults));
    }
    let text = har::decode(std::fs::read(path)?);
    let refused = match har::read_all(&text, defaults) {
        Ok(recording) => return Ok(recording),
        Err(refused) => refused,
    };
    let (documents, error) = stream(&text);
    if documents.is_empty() || !documents.iter().all(tap::is_trace) {
        return Err(refused.into());
    }
    // A truncated stream may begin with complete traces.
    let cut = error.map(|error| Err(Cow::Owned(error.to_string())));
    Ok(tap::read_all(documents.iter().map(Ok).chain(cut), defaults))
}

/// The documents of a file, or of a folder of traces.
pub fn documents(path: &Path) -> Result<Vec<Value>, IntakeError> {
    if !path.is_dir() {
        return Ok(parse(&har::decode(std::fs::read(path)?))?);
    }
    let mut documents = Vec::new();
    for (file, parsed) in folder(path)? {
        documents.extend(parsed.map_err(|source| IntakeError::File { file, source })?);
    }
    Ok(documents)
}

/// A file, and the traces in it.
type Traces = (String, Result<Vec<Value>, HarError>);

/// The files of a folder of traces, in the order of their numbers (`PREFIX_12.json`).
fn folder(path: &Path) -> Result<Vec<Traces>, IntakeError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".json") {
            let digits = stem.len() - stem.trim_end_matches(|it: char| it.is_ascii_digit()).len();
            let number = stem.get(stem.len() - digits..).and_then(|it| it.parse::<u64>().ok());
            files.push((number, name));
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(IntakeError::NoTraces);
    }
    let file = |(_, file): (_, String)| {
        let text = har::decode(std::fs::read(path.join(&file))?);
        Ok((file, parse(&text)))
    };
    files.into_iter().map(file).collect()
}

/// Parses a sequence of JSON documents. An error has the position and nothing of the text.
pub(crate) fn parse(text: &str) -> Result<Vec<Value>, HarError> {
    match stream(text) {
        (documents, None) => Ok(documents),
        (_, Some(error)) => Err(error),
    }
}

/// The documents up to the first malformed one, and its error.
fn stream(text: &str) -> (Vec<Value>, Option<HarError>) {
    let text = har::mend(har::plain(text));
    let mut documents = Vec::new();
    for document in serde_json::Deserializer::from_str(&text).into_iter() {
        match document {
            Ok(document) => documents.push(document),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                return (documents, Some(HarError::Json { line, column }));
            }
        }
    }
    let none = documents.is_empty().then_some(HarError::Json { line: 1, column: 0 });
    (documents, none)
}
