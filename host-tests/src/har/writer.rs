//! Writes requests and answers as HAR.
use super::latin1::from_bytes;
use crate::traffic::{Answer, Fields, Request};
use base64::Engine as _;
use har::v1_2::{
    Cache, Content, Creator, Entries, Headers, Log, PostData, QueryString, Response, Timings,
};
use serde_json::{json, Value};
use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The request.
    pub request: Request,
    /// The answer.
    pub answer: Answer,
}

/// Longest recorded body of an answer, in bytes; of a longer one only the size is recorded. A replay
/// compares its two halves with each other, not with recorded answers.
const KEPT: usize = 256;

/// The recording as a HAR document, one entry to a line.
pub fn write(recorded: &[Recorded]) -> Result<String, serde_json::Error> {
    let log = Log {
        creator: Creator {
            name: "pitboss host-tests".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            comment: None,
        },
        ..Log::default()
    };
    let mut log = serde_json::to_value(log)?;
    if let Some(log) = log.as_object_mut() {
        log.insert("version".to_owned(), json!("1.2"));
        log.remove("entries");
    }
    let mut text = format!("{{\"log\":{log}");
    // Removes the log's last brace, for the entries.
    text.pop();
    text.push_str(",\"entries\":[\n");
    for (index, one) in recorded.iter().enumerate() {
        if index > 0 {
            text.push_str(",\n");
        }
        text.push_str(&entry(one)?.to_string());
    }
    text.push_str("\n]}}\n");
    Ok(text)
}

fn entry(recorded: &Recorded) -> Result<Value, serde_json::Error> {
    let Recorded { request, answer } = recorded;
    let started = OffsetDateTime::from_unix_timestamp_nanos(i128::from(request.at))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let host = request.values("host").next().map(from_bytes).unwrap_or_default();
    let target = from_bytes(&request.target);
    let path = if target.starts_with('/') { target.as_str() } else { "/" };
    let url = format!("http://{host}{}", escape(path));
    let plain = target.starts_with('/') && escape(&target) == target && !target.contains('#');
    let text = std::str::from_utf8(&request.body).ok();
    let base64 = || base64::engine::general_purpose::STANDARD.encode(&request.body);
    let body = Entries {
        started_date_time: started.format(&Rfc3339).unwrap_or_default(),
        time: 0.0,
        request: har::v1_2::Request {
            method: from_bytes(&request.method),
            url: url.clone(),
            http_version: if request.http10 { "HTTP/1.0" } else { "HTTP/1.1" }.to_owned(),
            headers: headers(&request.headers),
            query_string: query(&url),
            post_data: (!request.body.is_empty()).then(|| PostData {
                mime_type: request
                    .values("content-type")
                    .next()
                    .map(from_bytes)
                    .unwrap_or_default(),
                text: Some(text.map_or_else(base64, str::to_owned)),
                ..PostData::default()
            }),
            headers_size: -1,
            body_size: i64::try_from(request.body.len()).unwrap_or(-1),
            ..har::v1_2::Request::default()
        },
        response: response(answer),
        cache: Cache::default(),
        timings: Timings::default(),
        ..Entries::default()
    };
    let mut value = serde_json::to_value(body)?;
    if let Some(entry) = value.as_object_mut() {
        entry.insert("_clientAddress".to_owned(), json!(request.client.to_string()));
        if !plain {
            entry.insert("_target".to_owned(), json!(target));
        }
    }
    if text.is_none() {
        if let Some(data) = value.pointer_mut("/request/postData").and_then(Value::as_object_mut) {
            data.insert("_encoding".to_owned(), json!("base64"));
        }
    }
    Ok(value)
}

fn response(answer: &Answer) -> Response {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    Response {
        status: i64::from(answer.status),
        http_version: "HTTP/1.1".to_owned(),
        headers: headers(&answer.headers),
        content: Content {
            size: i64::try_from(answer.body.len()).unwrap_or(-1),
            mime_type: Some(answer.header("content-type").unwrap_or_default()),
            comment: (text.len() > KEPT).then(|| "left out of the recording".to_owned()),
            text: (1..=KEPT).contains(&text.len()).then_some(text),
            ..Content::default()
        },
        redirect_url: Some(answer.header("location").unwrap_or_default()),
        headers_size: -1,
        body_size: i64::try_from(answer.body.len()).unwrap_or(-1),
        ..Response::default()
    }
}

fn headers(fields: &Fields) -> Vec<Headers> {
    let header = |(name, value): &(Vec<u8>, Vec<u8>)| Headers {
        name: from_bytes(name),
        value: from_bytes(value),
        comment: None,
    };
    fields.iter().map(header).collect()
}

fn query(url: &str) -> Vec<QueryString> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        QueryString { name: name.to_owned(), value: value.to_owned(), comment: None }
    };
    query.split('&').filter(|it| !it.is_empty()).map(pair).collect()
}

/// A path as a URL may have it; the raw one goes into `_target`.
fn escape(path: &str) -> String {
    path.chars()
        .map(|it| match it {
            '!'..='~' => it.to_string(),
            other => format!("%{:02X}", u32::from(other)),
        })
        .collect()
}
