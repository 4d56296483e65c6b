//! Traffic from wherever it was recorded: HAR, or the output of Envoy's HTTP tap.
//!
//! 1. What a recording does not say ([`Defaults`]) is told on the command line: the peer, the headers
//!    that an edge would have added, the moment of requests without one.
//! 2. What never reached a gateway, or cannot be sent again, is skipped; each skip has its number and
//!    its reason. A malformed entry is an error with its number and field.
use crate::har::{self, HarError};
use crate::tap::{self, TapError};
use crate::traffic::{Fields, Request};
use serde_json::Value;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// 2026-01-01T00:00:00Z, for requests recorded without a time.
pub const START: u64 = 1_767_225_600_000_000_000;

/// What holds where a recording says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The gateway's peer.
    pub client: IpAddr,
    /// Headers for requests without one of this name.
    pub headers: Fields,
    /// The moment of the first request, in nanoseconds since the Unix epoch.
    pub start: u64,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { client: IpAddr::from([127, 0, 0, 1]), headers: Fields::new(), start: START }
    }
}

impl Defaults {
    /// Adds the headers that the request lacks.
    pub fn complete(&self, request: &mut Request) {
        let had = request.headers.clone();
        let lacks = |name: &[u8]| !had.iter().any(|(it, _)| it.eq_ignore_ascii_case(name));
        let missing = self.headers.iter().filter(|(name, _)| lacks(name)).cloned();
        request.headers.extend(missing);
    }
}

/// What a file of recorded traffic holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// The requests, in the order of their time.
    pub requests: Vec<Request>,
    /// Entries that are not replayed.
    pub skipped: Vec<Skipped>,
}

/// What an entry is to a replay.
pub(crate) enum Reading {
    /// A request.
    Request(Box<Request>),
    /// Nothing, for this reason.
    Skip(&'static str),
}

/// An entry that is not replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its number in the recording, from 1.
    pub entry: usize,
    /// Why.
    pub reason: &'static str,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "skipped entry {}: {}", self.entry, self.reason)
    }
}

impl Recording {
    /// Sorts the requests by time, and counts their offsets from the first.
    pub(crate) fn settle(&mut self, defaults: &Defaults) {
        self.requests.sort_by_key(|request| request.at);
        let start = self.requests.first().map_or(0, |request| request.at);
        for request in &mut self.requests {
            request.offset = Duration::from_nanos(request.at - start);
            defaults.complete(request);
        }
    }
}

/// Why recorded traffic cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// No such file or folder, or it is not text.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The HAR is malformed.
    #[error(transparent)]
    Har(#[from] HarError),
    /// A trace of the tap is malformed.
    #[error(transparent)]
    Tap(#[from] TapError),
    /// A file of a folder of traces is not JSON.
    #[error("{file}")]
    File {
        /// Its name.
        file: String,
        /// Why.
        source: HarError,
    },
    /// A trace of a folder is malformed.
    #[error("{file}")]
    Trace {
        /// Its file.
        file: String,
        /// Why.
        source: TapError,
    },
    /// A folder without a trace.
    #[error("no .json file of the tap in this folder")]
    NoTraces,
}

/// Reads recorded traffic, whatever its format: a HAR file, a file of traces, or a folder of them.
pub fn read(path: &Path, defaults: &Defaults) -> Result<Recording, IntakeError> {
    if path.is_dir() {
        let (files, traces): (Vec<String>, Vec<Value>) = folder(path)?.into_iter().unzip();
        return tap::read_all(&traces, defaults).map_err(|source| {
            let file = files.get(source.trace - 1).cloned().unwrap_or_default();
            IntakeError::Trace { file, source }
        });
    }
    let text = std::fs::read_to_string(path)?;
    let documents = parse(&text)?;
    match documents.as_slice() {
        [one] if !tap::is_trace(one) => Ok(har::read_document(one, defaults)?),
        traces => Ok(tap::read_all(traces, defaults)?),
    }
}

/// The documents of a file, or of a folder of traces.
pub fn documents(path: &Path) -> Result<Vec<Value>, IntakeError> {
    if path.is_dir() {
        return Ok(folder(path)?.into_iter().map(|(_, trace)| trace).collect());
    }
    Ok(parse(&std::fs::read_to_string(path)?)?)
}

/// The traces of a folder, each with its file, in the order of their numbers (`PREFIX_12.json`).
fn folder(path: &Path) -> Result<Vec<(String, Value)>, IntakeError> {
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
    let mut traces = Vec::with_capacity(files.len());
    for (_, file) in files {
        let text = std::fs::read_to_string(path.join(&file))?;
        match parse(&text) {
            Ok(parsed) => traces.extend(parsed.into_iter().map(|trace| (file.clone(), trace))),
            Err(source) => return Err(IntakeError::File { file, source }),
        }
    }
    if traces.is_empty() {
        return Err(IntakeError::NoTraces);
    }
    Ok(traces)
}

/// Parses JSON documents, one after the other; an error tells the place and nothing of the text.
pub(crate) fn parse(text: &str) -> Result<Vec<Value>, HarError> {
    // Some tools write UTF-8 with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let documents: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_str(text).into_iter().collect();
    let documents =
        documents.map_err(|error| HarError::Json { line: error.line(), column: error.column() })?;
    if documents.is_empty() {
        return Err(HarError::Json { line: 1, column: 0 });
    }
    Ok(documents)
}

/// Where a document is not as it should be, and how: a member that is missing is named.
pub(crate) fn problem(
    error: &serde_path_to_error::Error<serde_json::Error>,
    otherwise: &'static str,
) -> (String, &'static str) {
    let path = error.path().to_string();
    let said = error.inner().to_string();
    match said.strip_prefix("missing field `").and_then(|it| it.split('`').next()) {
        Some(member) if path == "." => (member.to_owned(), "is missing"),
        Some(member) => (format!("{path}.{member}"), "is missing"),
        None => (path, otherwise),
    }
}
