//! A request's body, read as its headers declare it: JSON or a form, compressed or not.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use serde_json::Value;

use crate::body::format::{BodyFormat, Coding, Syntax};
use crate::body::unread::Unread;
use crate::body::{form, gzip, pick};

/// Longest body that is read to learn the class of a request, in bytes, also once it is decompressed.
pub const MAX_SELECTING_BODY: usize = 64 << 10;

/// A body. It is decompressed when it is first read.
#[derive(Debug)]
pub struct Content<'b> {
    format: BodyFormat,
    bytes: &'b [u8],
    limit: usize,
    plain: OnceCell<Result<Cow<'b, [u8]>, Unread>>,
    fault: Cell<Option<Unread>>,
}

impl<'b> Content<'b> {
    /// A whole body; `limit` is the longest it may be once it is decompressed, in bytes.
    pub fn new(bytes: &'b [u8], format: BodyFormat, limit: usize) -> Self {
        Self { format, bytes, limit, plain: OnceCell::new(), fault: Cell::new(None) }
    }

    /// A body that is only read for the class of its request, up to [`MAX_SELECTING_BODY`].
    pub fn selecting(bytes: &'b [u8], format: BodyFormat) -> Self {
        Self::new(bytes, format, MAX_SELECTING_BODY)
    }

    /// The bytes as sent.
    pub fn as_sent(&self) -> &'b [u8] {
        self.bytes
    }

    /// The values at these JSON pointers, each of which names something below the root; `None` where
    /// there is none. In a form `/name` is the field of that name, always a text.
    ///
    /// # Errors
    /// The body is not readable, or readers disagree about one of the values.
    pub fn pick(&self, pointers: &[&str]) -> Result<Vec<Option<Value>>, Unread> {
        self.picked(pointers, self.format.syntax)
    }

    /// The same, where a body of another type is read as JSON, too: to compare requests with each other, not
    /// to learn what one of them means.
    ///
    /// # Errors
    /// As [`Content::pick`].
    pub fn pick_of_any_type(&self, pointers: &[&str]) -> Result<Vec<Option<Value>>, Unread> {
        let syntax = match self.format.syntax {
            Syntax::Other => Syntax::Json,
            known => known,
        };
        self.picked(pointers, syntax)
    }

    fn picked(&self, pointers: &[&str], syntax: Syntax) -> Result<Vec<Option<Value>>, Unread> {
        let picked = match (self.plain(), syntax) {
            (Err(fault), _) => Err(fault),
            (Ok(_), Syntax::Other) => Err(Unread::Type),
            // RFC 8259 section 8.1: a byte order mark may be ignored.
            (Ok(text), Syntax::Json) => {
                pick::pick(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text), pointers)
            }
            (Ok(text), Syntax::Form) => form::pick(text, pointers),
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

    /// Why the last lookup that failed did, if any has.
    pub fn fault(&self) -> Option<Unread> {
        self.fault.get()
    }

    fn plain(&self) -> Result<&[u8], Unread> {
        let unpacked = || match (self.format.coding, self.bytes) {
            (_, []) => Err(Unread::Empty),
            (Coding::Identity, bytes) => Ok(Cow::Borrowed(bytes)),
            (Coding::Gzip, bytes) => match gzip::gunzip(bytes, self.limit) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(gzip::Fault::Broken) => Err(Unread::Gzip),
                Err(gzip::Fault::TooLong) => Err(Unread::TooLong),
            },
            (Coding::Other, _) => Err(Unread::Coding),
        };
        self.plain.get_or_init(unpacked).as_deref().map_err(|fault| *fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_wire::Headers;

    /// `{"id":"tx-1"}`, as zlib 1.3 compresses it.
    const GZIP: [u8; 33] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0xca, 0x4c, 0x51,
        0xb2, 0x52, 0x2a, 0xa9, 0xd0, 0x35, 0x54, 0xaa, 0x05, 0x00, 0x6c, 0x56, 0x18, 0x12, 0x0d,
        0x00, 0x00, 0x00,
    ];

    #[test]
    fn bodies_are_read_by_their_headers() {
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
        let sent = BodyFormat { syntax: super::Syntax::Json, coding: super::Coding::Gzip };
        assert_eq!(Content::new(&GZIP, sent, 12).value_at("/id"), Err(TooLong));
        assert_eq!(Content::new(&GZIP, sent, 12).as_sent(), GZIP);
    }
}
