//! The fields of HAR that a replay needs; whatever else a recorder wrote is left alone.
use serde::Deserialize;
use serde_json::{Map, Value};

/// One entry. Load-test HARs (k6) have neither a time nor an answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) started_date_time: Option<String>,
    pub(super) request: Request,
    /// Read only to be an object.
    #[serde(rename = "response")]
    _response: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    #[serde(default)]
    pub(super) http_version: String,
    #[serde(default)]
    pub(super) headers: Vec<Field>,
    #[serde(default)]
    pub(super) cookies: Vec<Field>,
    pub(super) post_data: Option<PostData>,
}

/// A header field, a cookie, or a field of a form.
#[derive(Debug, Deserialize)]
pub(super) struct Field {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostData {
    #[serde(default)]
    pub(super) mime_type: String,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) params: Option<Vec<Field>>,
    /// `base64`, where the text is not the body itself.
    #[serde(rename = "_encoding", alias = "encoding")]
    pub(super) encoding: Option<Value>,
}
