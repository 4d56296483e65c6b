//! From HAR to requests.
use super::to_bytes;
use crate::traffic::{Fields, Request};
use base64::Engine as _;
use har::v1_2::{Entries, PostData};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

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
    let document: Value = serde_json::from_str(text)
        .map_err(|error| HarError::Json { line: error.line(), column: error.column() })?;
    let log = document.get("log").ok_or(HarError::Log("is missing"))?;
    if log.get("version").and_then(Value::as_str) != Some("1.2") {
        return Err(HarError::Log("must be version 1.2"));
    }
    let entries =
        log.get("entries").and_then(Value::as_array).ok_or(HarError::Log("has no entries"))?;
    let mut requests = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        requests.push(Reader { entry: index + 1 }.request(entry)?);
    }
    requests.sort_by_key(|request| request.at);
    let start = requests.first().map_or(0, |request| request.at);
    for request in &mut requests {
        request.offset = Duration::from_nanos(request.at - start);
    }
    Ok(requests)
}

struct Reader {
    entry: usize,
}

impl Reader {
    fn fail(&self, field: impl Into<String>, problem: &'static str) -> HarError {
        HarError::Entry { entry: self.entry, field: field.into(), problem }
    }

    fn request(&self, value: &Value) -> Result<Request, HarError> {
        let entry: Entries = serde_path_to_error::deserialize(value)
            .map_err(|error| self.fail(error.path().to_string(), "not as HAR 1.2 has it"))?;
        let at = OffsetDateTime::parse(&entry.started_date_time, &Rfc3339)
            .ok()
            .and_then(|it| u64::try_from(it.unix_timestamp_nanos()).ok())
            .ok_or_else(|| self.fail("startedDateTime", "no time of RFC 3339 since 1970"))?;
        let (authority, derived) = split_url(&entry.request.url);
        let target = match value.get("_target") {
            None => derived.into_bytes(),
            Some(raw) => raw
                .as_str()
                .and_then(to_bytes)
                .ok_or_else(|| self.fail("_target", "must hold one byte per character"))?,
        };
        let mut headers = self.headers(&entry, authority)?;
        let body = entry.request.post_data.as_ref();
        let body = body.map_or(Ok(Vec::new()), |data| self.body(value, data))?;
        self.length(&mut headers, &body)?;
        let method = to_bytes(&entry.request.method)
            .ok_or_else(|| self.fail("request.method", "must hold one byte per character"))?;
        let client = self.client(value)?;
        let number = self.entry;
        Ok(Request { number, at, offset: Duration::ZERO, client, method, target, headers, body })
    }

    fn headers(&self, entry: &Entries, authority: &str) -> Result<Fields, HarError> {
        let mut headers = Fields::new();
        for (index, header) in entry.request.headers.iter().enumerate() {
            let bytes = |text: &str, part: &str| {
                to_bytes(text).ok_or_else(|| {
                    let field = format!("request.headers[{index}].{part}");
                    self.fail(field, "must hold one byte per character")
                })
            };
            headers.push((bytes(&header.name, "name")?, bytes(&header.value, "value")?));
        }
        // Browsers record HTTP/2 with its pseudo headers; on the wire to the gateway it is HTTP/1.1.
        let version = entry.request.http_version.to_ascii_lowercase();
        if version.contains('2') || version.contains('3') {
            headers.retain(|(name, _)| !name.starts_with(b":"));
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"host")) {
                headers.insert(0, (b"host".to_vec(), authority.as_bytes().to_vec()));
            }
        }
        Ok(headers)
    }

    fn body(&self, value: &Value, data: &PostData) -> Result<Vec<u8>, HarError> {
        let encoding = value.pointer("/request/postData/_encoding").and_then(Value::as_str);
        match (&data.text, encoding) {
            (Some(text), Some("base64")) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|_| self.fail("request.postData.text", "must be base64")),
            (Some(text), None) => Ok(text.clone().into_bytes()),
            (_, Some(_)) => Err(self.fail("request.postData._encoding", "must be base64")),
            (None, None) if data.params.as_ref().is_none_or(Vec::is_empty) => Ok(Vec::new()),
            (None, None) => Err(self.fail("request.postData.text", "is missing beside the params")),
        }
    }

    /// A body needs a length; a recorded one that is a plain number must be right.
    fn length(&self, headers: &mut Fields, body: &[u8]) -> Result<(), HarError> {
        let is = |name: &[u8], wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        if headers.iter().any(|(name, _)| is(name, "transfer-encoding")) {
            return Ok(());
        }
        let told: Vec<_> = headers.iter().filter(|(name, _)| is(name, "content-length")).collect();
        match told.as_slice() {
            [] if body.is_empty() => Ok(()),
            [] => {
                let length = body.len().to_string().into_bytes();
                headers.push((b"content-length".to_vec(), length));
                Ok(())
            }
            [(_, value)] => {
                let number =
                    std::str::from_utf8(value).ok().and_then(|it| it.parse::<usize>().ok());
                match number {
                    Some(number) if number != body.len() => {
                        Err(self.fail("request.postData.text", "is not as long as content-length"))
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn client(&self, value: &Value) -> Result<SocketAddr, HarError> {
        let port = 20_000 + u16::try_from(self.entry % 40_000).unwrap_or_default();
        let Some(address) = value.get("_clientAddress") else {
            return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
        };
        let text = address.as_str().unwrap_or_default();
        let ip = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port));
        ip.or_else(|_| text.parse())
            .map_err(|_| self.fail("_clientAddress", "must be an address, or address:port"))
    }
}

/// Authority and target of a URL, both verbatim.
fn split_url(url: &str) -> (&str, String) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('#').next().unwrap_or(rest);
    match rest.find(['/', '?']).and_then(|at| rest.split_at_checked(at)) {
        None => (rest, "/".to_owned()),
        Some((authority, query)) if query.starts_with('?') => (authority, format!("/{query}")),
        Some((authority, target)) => (authority, target.to_owned()),
    }
}
