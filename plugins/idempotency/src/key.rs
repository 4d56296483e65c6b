//! The key by which a client or a partner names a call.

use policy_kit::{Denial, Unread};

use crate::denials::{of_body, KEY_MALFORMED, KEY_MISSING};

/// Shortest key of a client, in bytes: a shorter one is met by chance.
const SHORTEST: usize = 8;
/// Longest key in bytes.
const LONGEST: usize = 255;

/// A key as its sender meant it: up to 255 bytes of visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

/// Who made a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namer {
    /// A client, out of nothing: a key of fewer than 8 bytes would be met by chance.
    Client,
    /// A proven partner, which counts its transactions as it likes: `t-1` is one of them.
    Partner,
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// None was sent.
    Missing,
    /// More than one was: two readers may take different ones.
    Several,
    /// Readers disagree about it.
    Malformed,
    /// Shorter than its namer's may be.
    Short,
    /// Longer than 255 bytes.
    Long,
    /// It has bytes that are not visible ASCII.
    Characters,
    /// A string in quotes that is none (RFC 9651 section 3.3.3).
    Quotes,
    /// A value of the body that is neither a text nor an integer of 64 bits.
    Kind,
    /// The body it should be in says nothing.
    Body(Unread),
}

impl KeyFault {
    /// One word, for evidence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "key_missing",
            Self::Several => "key_several",
            Self::Malformed => "key_ambiguous",
            Self::Short => "key_short",
            Self::Long => "key_long",
            Self::Characters => "key_characters",
            Self::Quotes => "key_quotes",
            Self::Kind => "key_kind",
            Self::Body(unread) => unread.as_str(),
        }
    }

    /// Whether none was sent, as far as can be told.
    pub const fn is_missing(self) -> bool {
        matches!(self, Self::Missing | Self::Body(Unread::Empty))
    }

    /// The refusal that fits.
    pub const fn denial(self) -> Denial {
        match self {
            _ if self.is_missing() => KEY_MISSING,
            Self::Body(unread) => of_body(unread),
            _ => KEY_MALFORMED,
        }
    }
}

impl Key {
    /// Reads the values of an `Idempotency-Key` header: a string in quotes (RFC 9651 section 3.3.3,
    /// as draft-ietf-httpapi-idempotency-key-header-07 has it) or the bare text that most clients
    /// send. Both are the same key.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of_header<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Self, KeyFault> {
        Self::of_text(&header_text(values)?)
    }

    /// Reads a client's key from where no quotes belong: a member of the body, a query parameter.
    ///
    /// # Errors
    /// Why there is none; [`KeyFault::Missing`] where it is empty.
    pub fn of_text(text: &[u8]) -> Result<Self, KeyFault> {
        Self::named(text, Namer::Client)
    }

    /// The same, of whoever made it.
    ///
    /// # Errors
    /// As [`Key::of_text`].
    pub fn named(text: &[u8], namer: Namer) -> Result<Self, KeyFault> {
        let shortest = if namer == Namer::Client { SHORTEST } else { 1 };
        match std::str::from_utf8(text) {
            _ if text.is_empty() => Err(KeyFault::Missing),
            Ok(text) if text.bytes().all(|b| b.is_ascii_graphic()) => match text.len() {
                length if length < shortest => Err(KeyFault::Short),
                length if length > LONGEST => Err(KeyFault::Long),
                _ => Ok(Self(text.to_owned())),
            },
            _ => Err(KeyFault::Characters),
        }
    }

    /// A key made of several: `["round-7", "bet-1"]`. Parts cannot run into each other.
    ///
    /// # Errors
    /// [`KeyFault::Missing`] where a part is, otherwise why one cannot be part of a key.
    pub fn composite(parts: &[&[u8]], namer: Namer) -> Result<Self, KeyFault> {
        let mut key = String::new();
        for part in parts {
            if part.is_empty() {
                return Err(KeyFault::Missing);
            }
            let text = std::str::from_utf8(part).map_err(|_| KeyFault::Characters)?;
            key.push_str(&format!("{}:{text}", text.len()));
        }
        Self::named(key.as_bytes(), namer)
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands in a header that is sent once, in quotes or bare; it need not be a whole key.
pub(crate) fn header_text<'a>(
    mut values: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, KeyFault> {
    let value = values.next().ok_or(KeyFault::Missing)?;
    if values.next().is_some() {
        return Err(KeyFault::Several);
    }
    let value = value.trim_ascii();
    match value.strip_prefix(b"\"") {
        None => Ok(value.to_vec()),
        Some(rest) => unquoted(rest).ok_or(KeyFault::Quotes),
    }
}

/// The text of a structured-field string after its first quote; nothing may follow the last, because
/// the header has no parameters.
fn unquoted(rest: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter();
    loop {
        match bytes.next()? {
            b'"' => return bytes.as_slice().is_empty().then_some(text),
            b'\\' => match bytes.next()? {
                escaped @ (b'"' | b'\\') => text.push(*escaped),
                _ => return None,
            },
            other => text.push(*other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let (long, longer) = ("k".repeat(255), "k".repeat(256));
        for (values, want) in [
            (&[][..], Err(KeyFault::Missing)),
            (&[""], Err(KeyFault::Missing)),
            (&["\"\""], Err(KeyFault::Missing)),
            (&["8e03978e-40d5-43dd-bc93-6894a57f9324"], Ok("8e03978e-40d5-43dd-bc93-6894a57f9324")),
            (&["\"8e03978e-40d5\""], Ok("8e03978e-40d5")),
            (&["  12345678  "], Ok("12345678")),
            (&[r#""a\"b\\c-1234""#], Ok(r#"a"b\c-1234"#)),
            (&[&long], Ok(&long)),
            (&[&longer], Err(KeyFault::Long)),
            (&["1234567"], Err(KeyFault::Short)),
            (&["\"12345678"], Err(KeyFault::Quotes)),
            (&["\"12345678\";a=1"], Err(KeyFault::Quotes)),
            (&[r#""12345678\n""#], Err(KeyFault::Quotes)),
            (&[r#""12345678\"#], Err(KeyFault::Quotes)),
            (&["1234 5678"], Err(KeyFault::Characters)),
            (&["12345678\u{e9}"], Err(KeyFault::Characters)),
            (&["12345678", "12345678"], Err(KeyFault::Several)),
        ] {
            let key = Key::of_header(values.iter().map(|v| v.as_bytes()));
            assert_eq!(key.as_ref().map(Key::as_str).map_err(|f| *f), want, "{values:?}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = |parts: &[&str]| {
            let parts: Vec<_> = parts.iter().map(|p| p.as_bytes()).collect();
            Key::composite(&parts, Namer::Client)
        };
        assert_ne!(key(&["ab12", "c345"]), key(&["ab1", "2c345"]));
        assert_eq!(key(&["ab12", ""]), Err(KeyFault::Missing));
        assert_eq!(key(&["a b12", "c345"]), Err(KeyFault::Characters));
        assert_eq!(key(&["a", "b"]), Err(KeyFault::Short));
        assert!(key(&["ab12", "c345"]).is_ok());
    }

    /// The floor keeps clients from meeting each other's keys, and each owner has its own: a partner that
    /// counts its transactions from one was refused, with its wins and rollbacks.
    #[test]
    fn partners_count_as_they_like() {
        let long = "k".repeat(255);
        for (text, client, partner) in [
            ("t-1", Err(KeyFault::Short), Ok("t-1")),
            ("1", Err(KeyFault::Short), Ok("1")),
            (&long, Ok(&*long), Ok(&*long)),
            ("", Err(KeyFault::Missing), Err(KeyFault::Missing)),
            (" ", Err(KeyFault::Characters), Err(KeyFault::Characters)),
            ("t 1", Err(KeyFault::Characters), Err(KeyFault::Characters)),
            ("\u{e9}", Err(KeyFault::Characters), Err(KeyFault::Characters)),
        ] {
            let named = |namer| Key::named(text.as_bytes(), namer).map(|key| key.0);
            assert_eq!(named(Namer::Client), client.map(str::to_owned), "{text}");
            assert_eq!(named(Namer::Partner), partner.map(str::to_owned), "{text}");
        }
        let parts: [&[u8]; 2] = [b"a", b"b"];
        assert!(Key::composite(&parts, Namer::Partner).is_ok());
    }
}
