//! The parts of a trace of Envoy's HTTP tap.
use super::har::set_length;
use super::redactor::Redactor;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use serde_json::Value;

impl Redactor<'_> {
    /// A trace. Whatever is not a buffered message, streamed parts for one, is treated as free text.
    pub(super) fn trace(&mut self, document: &mut Value) {
        let Some(trace) = document.get_mut("http_buffered_trace").and_then(Value::as_object_mut)
        else {
            self.other(document);
            return;
        };
        for (name, part) in trace {
            match name.as_str() {
                "request" | "response" => self.tapped(part),
                _ => self.other(part),
            }
        }
    }

    fn tapped(&mut self, message: &mut Value) {
        let headers = message.get("headers").and_then(Value::as_array).into_iter().flatten();
        let kind =
            headers.filter(|it| it["key"] == "content-type").find_map(|it| it["value"].as_str());
        let kind = kind.unwrap_or_default().to_owned();
        let length = message.get_mut("body").and_then(|body| self.tapped_body(&kind, body));
        if let Some(length) = length {
            set_length(message.get_mut("headers"), "key", length);
        }
        for list in ["headers", "trailers"] {
            let Some(list) = message.get_mut(list) else { continue };
            self.pairs(list, "key", Self::header);
            // Bytes that are no text have no shape to keep.
            for raw in list.as_array_mut().into_iter().flatten() {
                let raw = raw
                    .get_mut("raw_value")
                    .filter(|it| it.as_str().is_some_and(|it| !it.is_empty()));
                if let Some(Value::String(raw)) = raw {
                    *raw = STANDARD.encode(self.key.pseudonym(raw));
                }
            }
        }
    }

    /// The new length of a body, where it changed.
    fn tapped_body(&mut self, kind: &str, body: &mut Value) -> Option<usize> {
        let body = body.as_object_mut()?;
        let (mut length, mut changed) = (0, false);
        for (name, part) in body {
            let Value::String(text) = part else { continue };
            let redacted = match name.as_str() {
                "as_bytes" => self.bytes(kind, text),
                "as_string" => self.body(kind, text),
                _ => continue,
            };
            let decoded = (name == "as_bytes").then(|| STANDARD.decode(&redacted).ok()).flatten();
            length = decoded.map_or(redacted.len(), |it| it.len());
            changed |= redacted != *text;
            *text = redacted;
        }
        changed.then_some(length)
    }
}
