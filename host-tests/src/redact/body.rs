//! Bodies: what they are by their look, whatever the content type says of them.
use super::text::encode;
use super::Redactor;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use percent_encoding::percent_decode_str;

/// How deep texts within texts are read; deeper ones are free text.
const DEEPEST: usize = 8;

/// Longest text whose reading is kept, in bytes.
const KEPT: usize = 512;

impl Redactor<'_> {
    /// A body as text.
    pub(super) fn body(&mut self, kind: &str, text: &str) -> String {
        let kind = if kind.is_empty() { String::new() } else { kind.to_ascii_lowercase() };
        let start = text.trim_start();
        // A padded one looks like a field of a form.
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
        // What is deeper may be read less deep, and is not the same for being the same text.
        let keep = self.depth == 0 && text.len() <= KEPT;
        if let Some(read) = self.read.get(text).filter(|_| keep) {
            return read.clone();
        }
        self.depth += 1;
        let mut redacted = self.body("", text);
        // Some recorders write a query's values as they were sent, and in an encoded text no word ends.
        if redacted == text && text.contains('%') {
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

    /// A body as base64. Bytes that are no text are replaced as a whole, by as many.
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

/// True for a document, several of them, and what is left of one: before it may stand `)]}'`, which
/// some services write against inclusion by scripts.
pub(super) fn looks_like_json(text: &str) -> bool {
    let starts = text.starts_with(['{', '[', '"']) && text.contains('"');
    starts || text.split('"').skip(1).any(|after| after.trim_start().starts_with(':'))
}

/// True for the parts of a form with files.
fn looks_like_parts(text: &str) -> bool {
    text.starts_with("--") && text.to_ascii_lowercase().contains("content-disposition:")
}

fn looks_like_a_url(text: &str) -> bool {
    !text.contains(char::is_whitespace) && (text.contains("://") || text.starts_with('/'))
}

/// True for `a=1&b=2`, which hostile and broken clients send under any content type.
fn looks_like_a_form(text: &str) -> bool {
    let pair = |pair: &str| {
        let name = pair.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty()
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.[]%+".contains(&it))
    };
    !text.contains(char::is_whitespace) && text.split('&').all(pair)
}
