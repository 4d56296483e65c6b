//! The key by which a client names a call.

/// Shortest key in bytes: a shorter one is met by chance.
const SHORTEST: usize = 8;
/// Longest key in bytes.
const LONGEST: usize = 255;

/// A key as the client meant it: 8 to 255 bytes of visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// None was sent.
    Missing,
    /// More than one was: two readers may take different ones.
    Several,
    /// Not of that length, or of other bytes.
    Malformed,
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

    /// Reads a key from where no quotes belong: a member of the body, a query parameter.
    ///
    /// # Errors
    /// [`KeyFault::Malformed`], or [`KeyFault::Missing`] where it is empty.
    pub fn of_text(text: &[u8]) -> Result<Self, KeyFault> {
        if text.is_empty() {
            return Err(KeyFault::Missing);
        }
        let fits = (SHORTEST..=LONGEST).contains(&text.len());
        match std::str::from_utf8(text) {
            Ok(text) if fits && text.bytes().all(|b| b.is_ascii_graphic()) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(KeyFault::Malformed),
        }
    }

    /// A key made of several: `["round-7", "bet-1"]`. Parts cannot run into each other.
    ///
    /// # Errors
    /// [`KeyFault::Missing`] where a part is, [`KeyFault::Malformed`] where one cannot be part of a key.
    pub fn composite(parts: &[&[u8]]) -> Result<Self, KeyFault> {
        let mut key = String::new();
        for part in parts {
            if part.is_empty() {
                return Err(KeyFault::Missing);
            }
            let text = std::str::from_utf8(part).map_err(|_| KeyFault::Malformed)?;
            key.push_str(&format!("{}:{text}", text.len()));
        }
        Self::of_text(key.as_bytes())
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
        Some(rest) => unquoted(rest).ok_or(KeyFault::Malformed),
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
            (&[&longer], Err(KeyFault::Malformed)),
            (&["1234567"], Err(KeyFault::Malformed)),
            (&["\"12345678"], Err(KeyFault::Malformed)),
            (&["\"12345678\";a=1"], Err(KeyFault::Malformed)),
            (&[r#""12345678\n""#], Err(KeyFault::Malformed)),
            (&[r#""12345678\"#], Err(KeyFault::Malformed)),
            (&["1234 5678"], Err(KeyFault::Malformed)),
            (&["12345678\u{e9}"], Err(KeyFault::Malformed)),
            (&["12345678", "12345678"], Err(KeyFault::Several)),
        ] {
            let key = Key::of_header(values.iter().map(|v| v.as_bytes()));
            assert_eq!(key.as_ref().map(Key::as_str).map_err(|f| *f), want, "{values:?}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = |parts: &[&str]| {
            Key::composite(&parts.iter().map(|p| p.as_bytes()).collect::<Vec<_>>())
        };
        assert_ne!(key(&["ab12", "c345"]), key(&["ab1", "2c345"]));
        assert_eq!(key(&["ab12", ""]), Err(KeyFault::Missing));
        assert_eq!(key(&["a b12", "c345"]), Err(KeyFault::Malformed));
        assert!(key(&["ab12", "c345"]).is_ok());
    }
}
