//! A request's body, read as its headers say that it is to be read: JSON or a form, compressed or not.
//! The one reader of all modules.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use serde_json::Value;

use crate::{form, inflate, pick, Headers, One, MAX_SELECTING_BODY};

/// Why nothing is known of a body, as evidence says it: `why=body_twice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// There is none.
    Empty,
    /// It is sent as something else than JSON or a form, as nothing, or as two things.
    Type,
    /// It is compressed in another way than gzip, or in several.
    Coding,
    /// It is said to be gzip, and is not one whole member of it.
    Gzip,
    /// Decompressed, it is longer than it may be.
    TooLong,
    /// It is not the one JSON document that it is said to be.
    Syntax,
    /// What is looked for is given twice, also where only some readers say so.
    Twice,
    /// What is looked for is no Unicode text, or has an escape that is none.
    Text,
}

impl Unread {
    /// One word, for evidence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "body_empty",
            Self::Type => "body_type",
            Self::Coding => "body_coding",
            Self::Gzip => "body_gzip",
            Self::TooLong => "body_too_long",
            Self::Syntax => "body_syntax",
            Self::Twice => "body_twice",
            Self::Text => "body_text",
        }
    }
}

/// How a body is sent, by its headers. Kept where those are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyFormat {
    form: Form,
    coding: Coding,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    Json,
    Fields,
    /// Another reader may take it for anything.
    #[default]
    Other,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    Identity,
    Gzip,
    Other,
}

impl BodyFormat {
    /// JSON, not compressed.
    pub const JSON: Self = Self { form: Form::Json, coding: Coding::Identity };

    /// Reads what the headers say. `application/json` and its kin (`+json`, RFC 6839) and `text/json` are
    /// JSON; `text/plain` is what many clients say of JSON, because that needs no preflight, and no
    /// server reads it as a form.
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
            One::Absent | One::Many => return Self { form: Form::Other, coding },
        };
        let form = if is_json(kind) || is(kind, &["text/plain", "text/json"]) {
            Form::Json
        } else if is(kind, &["application/x-www-form-urlencoded"]) {
            Form::Fields
        } else {
            Form::Other
        };
        Self { form, coding }
    }
}

/// `application/json` (RFC 8259) and whatever has the suffix `+json` (RFC 6839).
fn is_json(kind: &[u8]) -> bool {
    let Some((family, kind)) = kind.split_at_checked(b"application/".len()) else { return false };
    let suffix = kind.get(kind.len().saturating_sub(b"+json".len())..).unwrap_or_default();
    family.eq_ignore_ascii_case(b"application/")
        && (kind.eq_ignore_ascii_case(b"json") || suffix.eq_ignore_ascii_case(b"+json"))
}

fn is(word: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// A body. It is decompressed when it is first looked into.
#[derive(Debug)]
pub struct Content<'b> {
    sent: BodyFormat,
    bytes: &'b [u8],
    limit: usize,
    plain: OnceCell<Result<Cow<'b, [u8]>, Unread>>,
    fault: Cell<Option<Unread>>,
}

impl<'b> Content<'b> {
    /// The whole of a body; `limit` is how long it may be once it is decompressed, in bytes.
    pub fn new(bytes: &'b [u8], sent: BodyFormat, limit: usize) -> Self {
        Self { sent, bytes, limit, plain: OnceCell::new(), fault: Cell::new(None) }
    }

    /// A body that only has to tell what kind of call it is.
    pub fn selecting(bytes: &'b [u8], sent: BodyFormat) -> Self {
        Self::new(bytes, sent, MAX_SELECTING_BODY)
    }

    /// The bytes as they were sent.
    pub fn as_sent(&self) -> &'b [u8] {
        self.bytes
    }

    /// The values at these JSON pointers, each of which names something below the root; `None` where
    /// there is none. In a form `/name` is the field of that name, always a text.
    ///
    /// # Errors
    /// What was looked for is not known.
    pub fn pick(&self, pointers: &[&str]) -> Result<Vec<Option<Value>>, Unread> {
        self.picked(pointers, self.sent.form)
    }

    /// The same, where JSON is looked for in what is not said to be JSON, too: to compare calls with each
    /// other, not to learn what one of them means.
    ///
    /// # Errors
    /// As [`Content::pick`].
    pub fn pick_of_any_type(&self, pointers: &[&str]) -> Result<Vec<Option<Value>>, Unread> {
        let form = if self.sent.form == Form::Other { Form::Json } else { self.sent.form };
        self.picked(pointers, form)
    }

    fn picked(&self, pointers: &[&str], form: Form) -> Result<Vec<Option<Value>>, Unread> {
        let picked = match (self.plain(), form) {
            (Err(fault), _) => Err(fault),
            (Ok(_), Form::Other) => Err(Unread::Type),
            // RFC 8259 section 8.1: a byte order mark may be ignored.
            (Ok(text), Form::Json) => {
                pick::pick(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text), pointers)
            }
            (Ok(text), Form::Fields) => form::pick(text, pointers),
        };
        picked.inspect_err(|fault| self.fault.set(Some(*fault)))
    }

    /// The value at one pointer.
    ///
    /// # Errors
    /// As [`Content::pick`].
    pub fn value_at(&self, pointer: &str) -> Result<Option<Value>, Unread> {
        Ok(self.pick(&[pointer])?.pop().flatten())
    }

    /// Why something that was looked for is not known, if that was so.
    pub fn fault(&self) -> Option<Unread> {
        self.fault.get()
    }

    fn plain(&self) -> Result<&[u8], Unread> {
        let unpacked = || match (self.sent.coding, self.bytes) {
            (_, []) => Err(Unread::Empty),
            (Coding::Identity, bytes) => Ok(Cow::Borrowed(bytes)),
            (Coding::Gzip, bytes) => match inflate::gunzip(bytes, self.limit) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(inflate::Fault::Broken) => Err(Unread::Gzip),
                Err(inflate::Fault::TooLong) => Err(Unread::TooLong),
            },
            (Coding::Other, _) => Err(Unread::Coding),
        };
        self.plain.get_or_init(unpacked).as_deref().map_err(|fault| *fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"id":"tx-1"}`, as zlib 1.3 compresses it.
    const GZIP: [u8; 33] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0xca, 0x4c, 0x51,
        0xb2, 0x52, 0x2a, 0xa9, 0xd0, 0x35, 0x54, 0xaa, 0x05, 0x00, 0x6c, 0x56, 0x18, 0x12, 0x0d,
        0x00, 0x00, 0x00,
    ];

    #[test]
    fn bodies_as_their_headers_say() {
        use Unread::{Coding, Empty, Gzip, Syntax, TooLong, Type};
        let json = br#"{"id":"tx-1"}"#;
        let kind = |kind: &'static str| vec![("content-type", kind)];
        let packed = |coding: &'static str| {
            vec![("content-type", "application/json"), ("content-encoding", coding)]
        };
        let cut = &GZIP[..GZIP.len() - 1];
        for (headers, body, want) in [
            (kind("application/json"), &json[..], Ok("tx-1")),
            (kind("application/vnd.psp+json; charset=utf-8"), json, Ok("tx-1")),
            (kind("text/json"), json, Ok("tx-1")),
            (kind("text/plain; charset=UTF-8"), json, Ok("tx-1")),
            (kind("Text/Plain"), json, Ok("tx-1")),
            (kind("application/json"), b"\xef\xbb\xbf{\"id\":\"tx-1\"}", Ok("tx-1")),
            (kind("application/x-www-form-urlencoded"), b"id=tx-1", Ok("tx-1")),
            (kind("application/x-www-form-urlencoded; charset=utf-8"), b"id=tx-1", Ok("tx-1")),
            (packed("gzip"), &GZIP, Ok("tx-1")),
            (packed("X-GZIP"), &GZIP, Ok("tx-1")),
            (packed("identity"), json, Ok("tx-1")),
            (packed(""), json, Ok("tx-1")),
            (vec![], json, Err(Type)),
            (kind("application/jsonp"), json, Err(Type)),
            (kind("json"), json, Err(Type)),
            (kind(""), json, Err(Type)),
            (kind("application/JSON"), json, Ok("tx-1")),
            (kind("application/problem+JSON"), json, Ok("tx-1")),
            (kind("text/html"), json, Err(Type)),
            (kind("multipart/form-data; boundary=x"), json, Err(Type)),
            (vec![("content-type", "application/json"); 2], json, Err(Type)),
            (kind("application/json"), b"", Err(Empty)),
            (kind("text/html"), b"", Err(Empty)),
            (packed("gzip"), b"", Err(Empty)),
            (kind("application/json"), b"\xef\xbb\xbf\xef\xbb\xbf{}", Err(Syntax)),
            (kind("application/json"), b"\xff\xfe{\0}\0", Err(Syntax)),
            (kind("text/plain"), b"id=tx-1", Err(Syntax)),
            (kind("application/json"), &GZIP, Err(Syntax)),
            (packed("gzip"), json, Err(Gzip)),
            (packed("gzip"), cut, Err(Gzip)),
            (packed("br"), json, Err(Coding)),
            (packed("deflate"), json, Err(Coding)),
            (packed("gzip, gzip"), &GZIP, Err(Coding)),
        ] {
            let pairs = headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
            let content = Content::new(body, BodyFormat::by(&Headers::from_pairs(pairs)), 13);
            let got = content.value_at("/id");
            let want = want.map(|text| Some(Value::from(text)));
            assert_eq!(got, want, "{headers:?} {}", body.escape_ascii());
            assert_eq!(content.fault(), want.err());
        }
        let sent = BodyFormat { form: Form::Json, coding: super::Coding::Gzip };
        assert_eq!(Content::new(&GZIP, sent, 12).value_at("/id"), Err(TooLong));
        assert_eq!(Content::new(&GZIP, sent, 12).as_sent(), GZIP);
    }
}
