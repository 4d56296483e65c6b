//! Percent-encoding of queries and forms (WHATWG URL standard, section 5.1).

/// Decodes escapes, and `+` as a blank. The flag tells whether all of it could be decoded: a broken escape stays
/// as written, and what is not UTF-8 is replaced.
pub(crate) fn decoded(text: &[u8]) -> (String, bool) {
    let (mut out, mut whole, mut rest) = (Vec::with_capacity(text.len()), true, text);
    let digit = |d: &u8| char::from(*d).to_digit(16).and_then(|d| u8::try_from(d).ok());
    while let [first, tail @ ..] = rest {
        rest = tail;
        out.push(match first {
            b'+' => b' ',
            b'%' => match tail {
                [high, low, after @ ..] => match digit(high).zip(digit(low)) {
                    Some((high, low)) => {
                        rest = after;
                        high << 4 | low
                    }
                    None => {
                        whole = false;
                        b'%'
                    }
                },
                _ => {
                    whole = false;
                    b'%'
                }
            },
            byte => *byte,
        });
    }
    match String::from_utf8(out) {
        Ok(text) => (text, whole),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), false),
    }
}

/// The decoded text; `None` where a part could not be decoded.
pub(crate) fn unescape(text: &[u8]) -> Option<String> {
    let (text, whole) = decoded(text);
    whole.then_some(text)
}
