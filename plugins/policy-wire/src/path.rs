//! The path a policy decides on, or the reason why it has no safe reading.
//!
//! Gateway and upstream may read one target differently (`/a/..;/b`, `%2e%2e`, `//`). A request whose path has two
//! readings is not classified, so that it cannot get a milder class than the upstream's reading would.

use std::borrow::Cow;

/// Request headers that change the meaning of a request after it was classified. Stripped from every
/// request.
pub const MEANING_HEADERS: [&str; 9] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-override-url",
    "x-forwarded-uri",
];

/// Request headers by which an upstream may take a request for one to another host or path. Believed from a
/// trusted proxy, stripped from other peers.
pub const FORWARDED_HEADERS: [&str; 4] =
    ["forwarded", "x-forwarded-host", "x-forwarded-prefix", "x-host"];

/// Why a path cannot be classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// Not in origin form: `*`, an absolute URI, or empty.
    NotOriginForm,
    /// A byte that is not visible ASCII, raw or percent-encoded as a control or broken UTF-8.
    Byte,
    /// An empty segment: `//`.
    EmptySegment,
    /// `.` or `..`, with or without parameters.
    DotSegment,
    /// An encoded slash, backslash, dot, NUL, percent sign, `;`, `?` or `#`, or a broken escape.
    Escape,
    /// A raw backslash or fragment sign, which some upstreams rewrite.
    Separator,
}

/// The path before `?`, without `;params`, unreserved escapes decoded (RFC 3986 section 6.2.2.2).
///
/// # Errors
/// The first reason for which two readers could disagree about this path.
pub fn canonical_path(target: &[u8]) -> Result<Cow<'_, str>, PathFault> {
    let raw = target.split(|b| *b == b'?').next().unwrap_or_default();
    if raw.first() != Some(&b'/') {
        return Err(PathFault::NotOriginForm);
    }
    let (mut separator, mut special) = (false, false);
    for byte in raw {
        match byte {
            b'\\' | b'#' => separator = true,
            b';' | b'%' => special = true,
            _ if byte.is_ascii_graphic() => {}
            _ => return Err(PathFault::Byte),
        }
    }
    if separator {
        return Err(PathFault::Separator);
    }
    let path: Cow<'_, str> = if special {
        // Parameters are checked, too: a reader that decodes first finds a slash there.
        decode(raw)?;
        Cow::Owned(decode(&without_params(raw))?)
    } else {
        Cow::Borrowed(std::str::from_utf8(raw).map_err(|_| PathFault::Byte)?)
    };
    let mut segments = path.as_bytes().split(|b| *b == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(PathFault::EmptySegment);
        }
        // `..%20`: some readers cut a segment at such an escape.
        let end = match segment {
            [b'.', b'.', rest @ ..] | [b'.', rest @ ..] => rest.first(),
            _ => continue,
        };
        if end.is_none_or(|byte| *byte == b'%') {
            return Err(PathFault::DotSegment);
        }
    }
    Ok(path)
}

fn without_params(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut in_params = false;
    for &byte in raw {
        in_params = match byte {
            b'/' => false,
            b';' => true,
            _ => in_params,
        };
        if !in_params {
            out.push(byte);
        }
    }
    out
}

fn decode(path: &[u8]) -> Result<String, PathFault> {
    let mut out = String::with_capacity(path.len());
    // Escapes of bytes from 0x80 up are kept if they are UTF-8: a careless reader takes `%c0%af` for an overlong
    // slash.
    let mut high = Vec::new();
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            flush(&mut high, &mut out)?;
            out.push(char::from(*first));
            rest = tail;
            continue;
        }
        let [h, l, after @ ..] = tail else { return Err(PathFault::Escape) };
        let byte = hex(*h).zip(hex(*l)).map(|(h, l)| h << 4 | l).ok_or(PathFault::Escape)?;
        rest = after;
        match byte {
            b'/' | b'\\' | b'.' | b'%' | b';' | b'?' | b'#' | 0 => return Err(PathFault::Escape),
            1..=0x1f | 0x7f => return Err(PathFault::Byte),
            0x80.. => high.push(byte),
            _ => {
                flush(&mut high, &mut out)?;
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
                    out.push(char::from(byte));
                } else {
                    push_escape(byte, &mut out);
                }
            }
        }
    }
    flush(&mut high, &mut out)?;
    Ok(out)
}

fn flush(high: &mut Vec<u8>, out: &mut String) -> Result<(), PathFault> {
    if std::str::from_utf8(high).is_err() {
        return Err(PathFault::Byte);
    }
    for byte in high.drain(..) {
        push_escape(byte, out);
    }
    Ok(())
}

fn push_escape(byte: u8, out: &mut String) {
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_canonical_or_refused() {
        use PathFault::*;
        let cases: &[(&[u8], Result<&str, PathFault>)] = &[
            (b"/", Ok("/")),
            (b"/api/bets", Ok("/api/bets")),
            (b"/api/bets/", Ok("/api/bets/")),
            (b"/api/bets?x=//../%2f", Ok("/api/bets")),
            (b"/api;v=1/bets;x", Ok("/api/bets")),
            (b"/api/%62ets", Ok("/api/bets")),
            (b"/api/a%20b%3a", Ok("/api/a%20b%3A")),
            (b"/api/caf%c3%a9", Ok("/api/caf%C3%A9")),
            (b"/api/v1.2/x", Ok("/api/v1.2/x")),
            (b"", Err(NotOriginForm)),
            (b"*", Err(NotOriginForm)),
            (b"http://h/api/bets", Err(NotOriginForm)),
            (b"api/bets", Err(NotOriginForm)),
            (b"//api/bets", Err(EmptySegment)),
            (b"/api//bets", Err(EmptySegment)),
            (b"/;x/bets", Err(EmptySegment)),
            (b"/api/./bets", Err(DotSegment)),
            (b"/api/../bets", Err(DotSegment)),
            (b"/api/..", Err(DotSegment)),
            (b"/api/..;x/bets", Err(DotSegment)),
            (b"/api/%2e%2e/bets", Err(Escape)),
            (b"/api/%2E/bets", Err(Escape)),
            (b"/api%2fbets", Err(Escape)),
            (b"/api%2Fbets", Err(Escape)),
            (b"/api%5cbets", Err(Escape)),
            (b"/api/bets%00", Err(Escape)),
            (b"/api/.well-known/x", Ok("/api/.well-known/x")),
            (b"/api/...", Ok("/api/...")),
            (b"/api/..%20/bets", Err(DotSegment)),
            (b"/api/.%09", Err(Byte)),
            (b"/static/..%3b/bets", Err(Escape)),
            (b"/static/x%3B/bets", Err(Escape)),
            (b"/static/x%3fy", Err(Escape)),
            (b"/static/x%23y", Err(Escape)),
            (b"/static/x;%2f..%2f..%2fapi%2fbets", Err(Escape)),
            (b"/static/x;%252f..", Err(Escape)),
            (b"/static/x;%00", Err(Escape)),
            (b"/static/x;%c0%af", Err(Byte)),
            (b"/static/x;%zz", Err(Escape)),
            (b"/api/%2562ets", Err(Escape)),
            (b"/api/%zz", Err(Escape)),
            (b"/api/%6", Err(Escape)),
            (b"/api%c0%afbets", Err(Byte)),
            (b"/api/%c3", Err(Byte)),
            (b"/api/bets%0d", Err(Byte)),
            (b"/api/bets%7f", Err(Byte)),
            (b"/api/caf\xc3\xa9", Err(Byte)),
            (b"/api/b ets", Err(Byte)),
            (b"/api/bets\0", Err(Byte)),
            (b"/api\\bets", Err(Separator)),
            (b"/api/bets#x", Err(Separator)),
        ];
        for (target, want) in cases {
            let got = canonical_path(target).map(Cow::into_owned);
            assert_eq!(got, want.map(str::to_owned), "{}", target.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn canonical_paths_stay_the_same(target in any::<Vec<u8>>()) {
            let mut target = target;
            target.insert(0, b'/');
            if let Ok(path) = canonical_path(&target) {
                let again = canonical_path(path.as_bytes());
                prop_assert_eq!(again, Ok(path.clone()));
            }
        }
    }
}
