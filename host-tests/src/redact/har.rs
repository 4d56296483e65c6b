//! The parts of a HAR document.
use super::names::is_certificate;
use super::redactor::Redactor;
use serde_json::{json, Value};

/// Members of HAR whose values are not traffic.
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
                    for (index, entry) in entries.iter_mut().enumerate() {
                        self.summary.entry = index + 1;
                        self.entry(entry);
                    }
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
                // One cookie, or all of them as members of one object.
                ("cookies", Value::Object(members)) => {
                    let one = members.contains_key("value");
                    for (name, value) in members.iter_mut().filter(|it| !one || it.0 != "name") {
                        if !STRUCTURE.contains(&name.as_str()) {
                            self.each(value, &|it, text| it.cookie_value(name, text));
                        }
                    }
                }
                ("cookies", part) => self.pairs(part, "name", Self::cookie_value),
                ("queryString", part) => self.pairs(part, "name", Self::field),
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
        let before = form_length(&kind, data.get("params"));
        if let Some(params) = data.get_mut("params") {
            self.pairs(params, "name", Self::field);
        }
        let after = form_length(&kind, data.get("params"));
        let text = match data.get_mut("text") {
            Some(Value::String(text)) if !text.is_empty() => text,
            _ => return after.filter(|_| after != before),
        };
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

    /// A list of objects, each with a value, or several, beside the name that it has under `key`.
    pub(super) fn pairs(
        &mut self,
        list: &mut Value,
        key: &str,
        redact: impl Fn(&mut Self, &str, &str) -> String,
    ) {
        for pair in list.as_array_mut().into_iter().flatten() {
            let name = pair.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(value) = pair.get_mut("value") {
                self.each(value, &|it, value| redact(it, &name, value));
            }
            let renamed = self.name(&name);
            if renamed != name {
                pair[key] = json!(renamed);
            }
            // What a recorder adds, the file of a form's field for one.
            for (_, part) in pair.as_object_mut().into_iter().flatten() {
                if part.is_array() || part.is_object() {
                    self.other(part);
                }
            }
        }
    }

    /// A text, a number in the place of one, or each of several in an array.
    fn each(&mut self, value: &mut Value, redact: &dyn Fn(&mut Self, &str) -> String) {
        match value {
            Value::String(text) => *text = redact(self, text),
            Value::Array(items) => items.iter_mut().for_each(|it| self.each(it, redact)),
            Value::Number(number) => {
                let written = number.to_string();
                let redacted = redact(self, &written);
                if redacted != written {
                    *value = redacted.parse().map_or_else(|_| json!(redacted), Value::Number);
                }
            }
            Value::Null | Value::Bool(_) | Value::Object(_) => {}
        }
    }

    pub(super) fn header(&mut self, name: &str, value: &str) -> String {
        match name.to_ascii_lowercase().as_str() {
            "cookie" => self.cookies(value, false),
            "set-cookie" => self.cookies(value, true),
            ":path" | "referer" | "location" | "content-location" | "link" => self.url(value),
            name if is_certificate(name) => self.certificate(value),
            _ => self.named(name, value),
        }
    }

    /// Other members of a recorder.
    pub(super) fn other(&mut self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains("://") => *text = self.url(text),
            Value::String(text) => *text = self.free(text),
            Value::Array(items) => items.iter_mut().for_each(|it| self.other(it)),
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        // `name` names a thing here, not a person.
                        Value::String(_) | Value::Array(_)
                            if name != "name" && self.is_personal(name) =>
                        {
                            self.each(member, &|it, text| it.value(text));
                            if member.is_array() {
                                self.nested(member);
                            }
                        }
                        member => self.other(member),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The objects of an array whose texts are replaced already.
    fn nested(&mut self, value: &mut Value) {
        for item in value.as_array_mut().into_iter().flatten() {
            match item {
                Value::Array(_) => self.nested(item),
                Value::Object(_) => self.other(item),
                _ => {}
            }
        }
    }
}

/// How many bytes these fields are where no text was recorded: encoded, unless they are so already.
fn form_length(kind: &str, params: Option<&Value>) -> Option<usize> {
    let simple = kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    let params = params?.as_array().filter(|it| simple && !it.is_empty())?;
    let texts = params.iter().flat_map(|it| ["name", "value"].map(|part| it.get(part)));
    let texts: Vec<&str> = texts.map(|it| it.and_then(Value::as_str).unwrap_or_default()).collect();
    let encoded = texts.iter().any(|it| it.contains('%'));
    let length = |it: &&str| if encoded { it.len() } else { crate::har::escape(it).len() };
    // Between them stand `=` and `&`, one less than there are texts.
    Some(texts.iter().map(length).sum::<usize>() + texts.len() - 1)
}

/// Corrects the length of a replaced body.
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
