//! Bodies, by their content and not by their content type.
use super::body_kind::{looks_like_a_form, looks_like_a_url, looks_like_json, looks_like_parts};
use super::encoded::has_escape;
use super::redactor::{Redactor, DEEPEST};
use super::text::encode;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use percent_encoding::percent_decode_str;

/// Longest cached text, in bytes.
const KEPT: usize = 512;

impl Redactor<'_> {
    /// A body as text.
    pub(super) fn body(&mut self, kind: &str, text: &str) -> String {
        let kind = if kind.is_empty() { String::new() } else { kind.to_ascii_lowercase() };
        let start = text.trim_start_matches(|it: char| it.is_whitespace() || it == '\u{feff}');
        // A padded JWT looks like a field of a form.
        if let Some(token) = self.jwt(start) {
            return token;
        }
        if kind.starts_with("multipart/") || looks_like_parts(start) {
            self.parts(text)
        } else if start.starts_with('<') && start.contains('>') {
            self.markup(text)
        } else if looks_like_json(start) {
            self.json(text)
        } else if kind.starts_with("application/x-www-form-urlencoded") || looks_like_a_form(text) {
            self.form(text)
        } else if looks_like_a_url(text) {
            self.url(text)
        } else {
            self.scrub(text)
        }
    }

    /// A text within another: a member, a header, a field of a form.
    pub(super) fn free(&mut self, text: &str) -> String {
        if self.depth >= DEEPEST {
            return self.scrub(text);
        }
        // The result depends on the depth, so only texts at depth 0 are cached.
        let keep = self.depth == 0 && text.len() <= KEPT;
        if let Some(read) = self.read.get(text).filter(|_| keep) {
            return read.clone();
        }
        self.depth += 1;
        let mut redacted = self.body("", text);
        // Some recorders write the values of a query encoded, which hides word boundaries.
        if redacted == text && has_escape(text) && !text.contains(char::is_whitespace) {
            let meant = percent_decode_str(text).decode_utf8_lossy().into_owned();
            let read = if meant == text { meant.clone() } else { self.free(&meant) };
            if read != meant {
                redacted = encode(&read);
            }
        }
        self.depth -= 1;
        if keep {
            self.read.insert(text.to_owned(), redacted.clone());
        }
        redacted
    }

    /// A body as base64. A binary body is replaced as a whole by one of the same length.
    pub(super) fn bytes(&mut self, kind: &str, encoded: &str) -> String {
        let Ok(bytes) = STANDARD.decode(encoded) else { return self.value(encoded) };
        match String::from_utf8(bytes) {
            Ok(text) => STANDARD.encode(self.body(kind, &text)),
            Err(binary) => {
                let binary = binary.as_bytes();
                STANDARD.encode(self.key.stream(binary, binary.len()))
            }
        }
    }
}
