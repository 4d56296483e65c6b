//! How a body is sent: its type and its coding, by its headers.

use policy_wire::{Headers, One};

/// How a body is sent, by its headers; kept between callbacks, where the headers are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyFormat {
    pub(crate) syntax: Syntax,
    pub(crate) coding: Coding,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Syntax {
    Json,
    Form,
    /// Another reader may take it for anything.
    #[default]
    Other,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Coding {
    #[default]
    Identity,
    Gzip,
    Other,
}

impl BodyFormat {
    /// JSON, not compressed.
    pub const JSON: Self = Self { syntax: Syntax::Json, coding: Coding::Identity };

    /// Reads `content-type` and `content-encoding`. `application/json`, the suffix `+json` (RFC 6839) and
    /// `text/json` are JSON. So is `text/plain`: many clients send JSON as that, because it needs no preflight,
    /// and no server reads it as a form.
    pub fn by(headers: &Headers) -> Self {
        let coding = match headers.one("content-encoding") {
            One::Absent => Coding::Identity,
            One::Value(name) if is(name.trim_ascii(), &["identity", ""]) => Coding::Identity,
            // RFC 9110 section 8.4.1.3.
            One::Value(name) if is(name.trim_ascii(), &["gzip", "x-gzip"]) => Coding::Gzip,
            One::Value(_) | One::Many => Coding::Other,
        };
        let kind = match headers.one("content-type") {
            One::Value(value) => {
                value.split(|b| *b == b';').next().unwrap_or_default().trim_ascii()
            }
            One::Absent | One::Many => return Self { syntax: Syntax::Other, coding },
        };
        let syntax = if is_json(kind) || is(kind, &["text/plain", "text/json"]) {
            Syntax::Json
        } else if is(kind, &["application/x-www-form-urlencoded"]) {
            Syntax::Form
        } else {
            Syntax::Other
        };
        Self { syntax, coding }
    }
}

/// `application/json` (RFC 8259) and every type with the suffix `+json` (RFC 6839).
fn is_json(kind: &[u8]) -> bool {
    let Some((family, kind)) = kind.split_at_checked(b"application/".len()) else { return false };
    let suffix = kind.get(kind.len().saturating_sub(b"+json".len())..).unwrap_or_default();
    family.eq_ignore_ascii_case(b"application/")
        && (kind.eq_ignore_ascii_case(b"json") || suffix.eq_ignore_ascii_case(b"+json"))
}

fn is(word: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}
