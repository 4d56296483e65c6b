//! Lone surrogates, which JSON can express and UTF-8 cannot.
//!
//! Recorders write a byte that is not UTF-8 as a surrogate: mitmproxy and other Python programs as `\udcXX`
//! (PEP 383). Each is represented by one of the last 2,048 characters of plane 16 (private use) until it
//! becomes a byte again or is written back.
use std::borrow::Cow;

/// The character for `\ud800`.
const FIRST: u32 = 0x10_f800;

/// The number of surrogates.
const HALVES: std::ops::RangeInclusive<u32> = 0xd800..=0xdfff;

/// A file's text: bytes that are not UTF-8 become the escapes that Python would write for them.
pub(crate) fn decode(bytes: Vec<u8>) -> String {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => error.into_bytes(),
    };
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\udc{byte:02x}"));
        }
    }
    out
}

/// The JSON without lone surrogates; borrowed if it had none.
pub(crate) fn mend(json: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut done, mut at) = (0, 0);
    while let Some(found) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        let half = escape(json, at).filter(|it| HALVES.contains(it));
        let Some(half) = half else {
            // An escape has at least one character.
            at += 2;
            continue;
        };
        let low = escape(json, at + 6).filter(|it| (0xdc00..=0xdfff).contains(it));
        if half < 0xdc00 && low.is_some() {
            at += 12;
            continue;
        }
        out.push_str(json.get(done..at).unwrap_or_default());
        out.extend(char::from_u32(FIRST + half - HALVES.start()));
        at += 6;
        done = at;
    }
    if done == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(json.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// The mended JSON with its surrogates restored.
pub(crate) fn restore(json: String) -> String {
    if !json.contains(|it| half(it).is_some()) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for it in json.chars() {
        match half(it) {
            Some(half) => out.push_str(&format!("\\u{half:04x}")),
            None => out.push(it),
        }
    }
    out
}

/// The byte of a character of a mended text.
pub(crate) fn byte(it: char) -> Option<u8> {
    half(it)?.checked_sub(0xdc00).filter(|it| *it >= 0x80).and_then(|it| u8::try_from(it).ok())
}

/// A text as UTF-8; in a `mended` one some characters are the bytes they stand for.
pub(crate) fn to_utf8(text: &str, mended: bool) -> Vec<u8> {
    if !mended {
        return text.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    for it in text.chars() {
        match byte(it) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(it.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

fn half(it: char) -> Option<u32> {
    u32::from(it).checked_sub(FIRST).map(|it| it + HALVES.start()).filter(|it| HALVES.contains(it))
}

/// The number of `\uXXXX` here.
fn escape(json: &str, at: usize) -> Option<u32> {
    let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// JSON, and whether it parses only once it is mended.
    #[test]
    fn only_lone_surrogates_are_mended() {
        for (json, broken) in [
            (r#""a\udce9b""#, true),
            (r#""\ud83d""#, true),
            (r#""\udc80\ud83d""#, true),
            (r#""\ud83d\ud83d\ude00""#, true),
            (r#""\ud83d\ude00""#, false),
            (r#""\\udce9""#, false),
            (r#""\u00e9 é \" \\""#, false),
            (r#""\u+ce9""#, true),
            (r#""\"#, true),
        ] {
            let mended = mend(json);
            let was = serde_json::from_str::<String>(json).is_err();
            assert_eq!(was, broken, "{json}");
            let changed = matches!(mended, Cow::Owned(_));
            assert_eq!(restore(mended.into_owned()), json);
            let hopeless = json.contains('+') || json.len() < 4;
            assert_eq!(changed, broken && !hopeless, "{json}");
        }
        let text: String = serde_json::from_str(&mend(r#""a\udce9""#)).unwrap();
        assert_eq!(text.chars().map(byte).collect::<Vec<_>>(), [None, Some(0xe9)]);
    }

    #[test]
    fn non_utf_8_bytes_become_surrogates() {
        assert_eq!(decode(b"\"a\xe9b\xff\"".to_vec()), r#""a\udce9b\udcff""#);
        assert_eq!(decode("\u{e9}".as_bytes().to_vec()), "\u{e9}");
    }
}
