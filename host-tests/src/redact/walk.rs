//! The parts of a HAR document, and which of them is what.
use super::names::is_personal;
use super::Redactor;
use serde_json::{json, Value};

/// Members of HAR whose values are no traffic.
const STRUCTURE: &[&str] = &[
    "version",
    "creator",
    "browser",
    "startedDateTime",
    "method",
    "httpVersion",
    "mimeType",
    "encoding",
    "_encoding",
    "statusText",
    "pageref",
    "id",
    "_monotonicTime",
    "_resourceType",
];

impl Redactor<'_> {
    pub(super) fn har(&mut self, document: &mut Value) {
        let Some(log) = document.get_mut("log").and_then(Value::as_object_mut) else { return };
        for (name, part) in log.iter_mut().filter(|(name, _)| !STRUCTURE.contains(&name.as_str())) {
            match part {
                Value::Array(entries) if name == "entries" => {
                    entries.iter_mut().for_each(|it| self.entry(it));
                }
                other => self.other(other),
            }
        }
    }

    fn entry(&mut self, entry: &mut Value) {
        let Some(entry) = entry.as_object_mut() else { return };
        for (name, part) in entry.iter_mut().filter(|(name, _)| !STRUCTURE.contains(&name.as_str()))
        {
            match (name.as_str(), part) {
                ("request" | "response", part) => self.message(part),
                ("_target", Value::String(target)) => *target = self.url(target),
                (_, part) => self.other(part),
            }
        }
    }

    fn message(&mut self, message: &mut Value) {
        let mut length = None;
        let Some(message) = message.as_object_mut() else { return };
        for (name, part) in
            message.iter_mut().filter(|(name, _)| !STRUCTURE.contains(&name.as_str()))
        {
            match (name.as_str(), part) {
                ("url" | "redirectURL", Value::String(url)) => *url = self.url(url),
                ("headers", part) => self.pairs(part, "name", Self::header),
                ("cookies", part) => self.pairs(part, "name", |it, _, value| it.value(value)),
                ("queryString", part) => self.pairs(part, "name", Self::named),
                ("postData" | "content", part) => {
                    length = self.data(part);
                }
                (_, part) => self.other(part),
            }
        }
        let Some(length) = length else { return };
        if let Some(size) = message.get_mut("bodySize").filter(|it| it.as_i64() > Some(0)) {
            *size = json!(length);
        }
        set_length(message.get_mut("headers"), "name", length);
    }

    /// Post data or an answer's content; the new length where it changed.
    fn data(&mut self, data: &mut Value) -> Option<usize> {
        let kind = data.get("mimeType").and_then(Value::as_str).unwrap_or_default().to_owned();
        let encoding = data.get("encoding").or_else(|| data.get("_encoding"));
        let encoded = encoding.and_then(Value::as_str) == Some("base64");
        if let Some(params) = data.get_mut("params") {
            self.pairs(params, "name", Self::named);
        }
        let Some(Value::String(text)) = data.get_mut("text") else { return None };
        let redacted = if encoded { self.bytes(&kind, text) } else { self.body(&kind, text) };
        if redacted == *text {
            return None;
        }
        let length = if encoded { redacted.len() / 4 * 3 } else { redacted.len() };
        let padding = if encoded { redacted.bytes().filter(|it| *it == b'=').count() } else { 0 };
        *text = redacted;
        if let Some(size) = data.get_mut("size") {
            *size = json!(length - padding);
        }
        Some(length - padding)
    }

    /// A list of objects, each with a value beside the name that it has under `key`.
    pub(super) fn pairs(
        &mut self,
        list: &mut Value,
        key: &str,
        redact: impl Fn(&mut Self, &str, &str) -> String,
    ) {
        for pair in list.as_array_mut().into_iter().flatten() {
            let name = pair.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(Value::String(value)) = pair.get_mut("value") {
                *value = redact(self, &name, value);
            }
        }
    }

    pub(super) fn header(&mut self, name: &str, value: &str) -> String {
        match name.to_ascii_lowercase().as_str() {
            "cookie" => self.cookies(value, false),
            "set-cookie" => self.cookies(value, true),
            ":path" | "referer" | "location" | "content-location" | "link" => self.url(value),
            _ => self.named(name, value),
        }
    }

    /// Whatever a recorder adds.
    pub(super) fn other(&mut self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains("://") => *text = self.url(text),
            Value::String(text) => *text = self.free(text),
            Value::Array(items) => items.iter_mut().for_each(|it| self.other(it)),
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        // `name` is what a recorder calls a thing, not a person.
                        Value::String(text) if is_personal(name) && name != "name" => {
                            *text = self.value(text);
                        }
                        member => self.other(member),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Puts the length of a body right that was replaced.
pub(super) fn set_length(headers: Option<&mut Value>, key: &str, length: usize) {
    for header in headers.and_then(Value::as_array_mut).into_iter().flatten() {
        let name = header.get(key).and_then(Value::as_str).unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            if let Some(value) = header.get_mut("value") {
                *value = json!(length.to_string());
            }
        }
    }
}
