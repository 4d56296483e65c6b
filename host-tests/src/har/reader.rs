//! From HAR to requests: the document.
use super::entry::Entry;
use crate::intake::{Defaults, Reading, Recording, Skipped};
use crate::traffic::Request;
use serde_json::Value;

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
    /// `log.version` is not 1.2, or there are no entries.
    #[error("log: {0}")]
    Log(&'static str),
    /// One entry is malformed.
    #[error("entry {entry}: {field}: {problem}")]
    Entry {
        /// Its number, from 1.
        entry: usize,
        /// The field.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The requests of a recording in the order of their time.
pub fn read(text: &str) -> Result<Vec<Request>, HarError> {
    Ok(read_all(text, &Defaults::default())?.requests)
}

/// The requests of a recording in the order of their time, and what is skipped.
pub fn read_all(text: &str, defaults: &Defaults) -> Result<Recording, HarError> {
    match crate::intake::parse(text)?.as_slice() {
        [document] => read_document(document, defaults),
        _ => Err(HarError::Log("must be the only document of its file")),
    }
}

/// The same from a document that is parsed already.
pub(crate) fn read_document(document: &Value, defaults: &Defaults) -> Result<Recording, HarError> {
    let entries = entries(document)?;
    let mut recording = Recording::default();
    let mut last = None;
    for (index, entry) in entries.iter().enumerate() {
        let entry = Entry { number: index + 1, value: entry, defaults };
        match entry.read(last)? {
            Reading::Skip(reason) => {
                recording.skipped.push(Skipped { entry: index + 1, reason });
            }
            Reading::Request(request) => {
                last = Some(request.at);
                recording.requests.push(*request);
            }
        }
    }
    recording.settle(defaults);
    Ok(recording)
}

/// The entries of a HAR 1.2 document.
fn entries(document: &Value) -> Result<&Vec<Value>, HarError> {
    let log = document.get("log").ok_or(HarError::Log("is missing"))?;
    if log.get("version").and_then(Value::as_str) != Some("1.2") {
        return Err(HarError::Log("must be version 1.2"));
    }
    log.get("entries").and_then(Value::as_array).ok_or(HarError::Log("has no entries"))
}
