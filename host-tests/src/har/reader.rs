//! From HAR to requests: the document.
use super::entry::Entry;
use super::shape::Document;
use crate::intake::recording::{Defaults, Recording, Skipped};
use crate::traffic::Request;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// Why a recording cannot be read. Values are not repeated: they may be credentials.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HarError {
    /// It is not JSON.
    #[error("not JSON: line {line}, column {column}")]
    Json {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// There is no log, or it has no entries.
    #[error("log: {0}")]
    Log(&'static str),
}

/// The requests of a recording in the order of their time.
pub fn read(text: &str) -> Result<Vec<Request>, HarError> {
    Ok(read_all(text, &Defaults::default())?.requests)
}

/// The requests of a recording in the order of their time, and the skipped entries. The version is ignored.
pub fn read_all(text: &str, defaults: &Defaults) -> Result<Recording, HarError> {
    let document: Document<'_> =
        serde_json::from_str(plain(text)).map_err(|error| problem(&error))?;
    let log = document.log.ok_or(HarError::Log("is missing"))?;
    let entries: Option<Vec<&RawValue>> =
        log.entries.and_then(|it| serde_json::from_str(it.get()).ok());
    let entries = entries.ok_or(HarError::Log("has no entries"))?;
    let mut recording = Recording::default();
    let mut last = None;
    for (index, entry) in entries.iter().enumerate() {
        let number = index + 1;
        match (Entry { number, json: entry.get(), defaults }).read(last) {
            Err(reason) => recording.skipped.push(Skipped { entry: number, reason }),
            Ok(request) => {
                last = Some(request.at);
                recording.requests.push(request);
            }
        }
    }
    recording.settle(defaults);
    Ok(recording)
}

/// The document without a byte order mark or a JavaScript call around it (`onInputData({...});` of HAR
/// Viewer).
pub(crate) fn plain(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let call = text.trim().trim_end_matches(';').trim_end().strip_suffix(')');
    let inner = call.and_then(|it| it.split_once('(')).filter(|(function, _)| {
        let name = function.trim_end();
        !name.is_empty()
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_$.".contains(&it))
    });
    inner.map_or(text, |(_, document)| document)
}

/// The error of a malformed document.
fn problem(error: &serde_json::Error) -> HarError {
    match error.classify() {
        Category::Data => HarError::Log("is missing"),
        _ => HarError::Json { line: error.line(), column: error.column() },
    }
}
