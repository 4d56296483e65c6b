//! Traffic from wherever it was recorded: HAR, or the output of Envoy's HTTP tap.
//!
//! 1. What a recording does not say ([`Defaults`]) is told on the command line: the peer, the headers
//!    that an edge would have added, the moment of requests without one.
//! 2. What never reached a gateway, cannot be sent again, or is malformed, is skipped; each skip has its
//!    number and its reason, a malformed one its field. One odd entry is no reason to refuse the others.
use crate::har::{self, HarError};
use crate::tap;
use crate::traffic::{Fields, Request};
use serde_json::Value;
use std::borrow::Cow;
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
    /// What is to be known of the recording as a whole.
    pub notes: Vec<String>,
}

/// Why an entry is not replayed. Values of the recording are not repeated: they may be credentials.
pub type Reason = Cow<'static, str>;

/// An entry that is not replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its number in the recording, from 1.
    pub entry: usize,
    /// Why.
    pub reason: Reason,
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

/// Reads recorded traffic, whatever its format: a HAR file, a file of traces, or a folder of them.
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
    // A stream that was cut in the middle of a trace has whole ones before it.
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

/// Parses JSON documents, one after the other; an error tells the place and nothing of the text.
pub(crate) fn parse(text: &str) -> Result<Vec<Value>, HarError> {
    match stream(text) {
        (documents, None) => Ok(documents),
        (_, Some(error)) => Err(error),
    }
}

/// The documents up to the first that is none, and what is wrong with that.
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
