//! Path normalisation before any filter.
//!
//! The order is Envoy's: escaped slashes, normalisation, merged slashes. All of it leaves the query alone.
use crate::gateway::{EscapedSlashes, Hcm};

/// The result of path normalisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    /// Filters see this path.
    Use(Vec<u8>),
    /// The client is redirected to this path.
    Redirect(Vec<u8>),
    /// The request is refused.
    Reject,
}

/// Applies the options to a path with its query.
pub(super) fn apply(hcm: &Hcm, path: &[u8]) -> Path {
    let cut = path.iter().position(|byte| *byte == b'?').unwrap_or(path.len());
    let (path, query) = path.split_at_checked(cut).unwrap_or((path, &[]));
    let mut path = path.to_vec();
    let mut redirect = false;
    let unescaped = unescape_slashes(&path);
    match hcm.escaped_slashes {
        EscapedSlashes::Reject if unescaped != path => return Path::Reject,
        EscapedSlashes::Redirect => {
            redirect = unescaped != path;
            path = unescaped;
        }
        EscapedSlashes::Forward => path = unescaped,
        EscapedSlashes::Keep | EscapedSlashes::Reject => {}
    }
    if hcm.normalize_path {
        match normalise(&path) {
            Some(normal) => path = normal,
            None => return Path::Reject,
        }
    }
    if hcm.merge_slashes {
        path = merge_slashes(&path);
    }
    path.extend_from_slice(query);
    if redirect {
        Path::Redirect(path)
    } else {
        Path::Use(path)
    }
}

/// Replaces `%2f` by a slash and `%5c` by a backslash.
fn unescape_slashes(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        let (byte, after) = match escape(rest) {
            Some((byte @ (b'/' | b'\\'), after)) => (byte, after),
            _ => (*first, tail),
        };
        out.push(byte);
        rest = after;
    }
    out
}

/// Backslashes become slashes, unreserved characters lose their escapes, a few printable ones gain them,
/// and dot segments are resolved. `%00` has no normal form.
fn normalise(path: &[u8]) -> Option<Vec<u8>> {
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let slashes: Vec<u8> =
        path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
    let mut parts = slashes.strip_prefix(b"/")?.split(|byte| *byte == b'/').peekable();
    while let Some(part) = parts.next() {
        // Literal dots count as a dot segment even with parameters; escaped dots do not.
        let bare = part.split(|byte| *byte == b';').next().unwrap_or_default();
        let segment = match bare {
            b"." | b".." => bare.to_vec(),
            _ => canonical(part)?,
        };
        let last = parts.peek().is_none();
        match segment.as_slice() {
            b"." if last => segments.push(Vec::new()),
            b"." => {}
            b".." => {
                segments.pop();
                if last {
                    segments.push(Vec::new());
                }
            }
            _ => segments.push(segment),
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for segment in &segments {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if out.is_empty() {
        out.push(b'/');
    }
    Some(out)
}

fn canonical(segment: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(segment.len());
    let mut stray_percent = None;
    let mut rest = segment;
    while let Some((first, tail)) = rest.split_first() {
        match escape(rest) {
            Some((0, _)) => return None,
            Some((byte, after)) if is_unreserved(byte) => {
                out.push(byte);
                keep_escaped(&mut out, stray_percent, after);
                rest = after;
                continue;
            }
            None if *first == b'%' => {
                stray_percent = Some(out.len());
                out.push(b'%');
            }
            _ if matches!(first, b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}') => {
                out.extend_from_slice(format!("%{first:02X}").as_bytes());
            }
            _ => out.push(*first),
        }
        rest = tail;
    }
    Some(out)
}

/// Decoding must not create an escape, as in `%%32e`: the stray percent becomes `%25`.
fn keep_escaped(out: &mut Vec<u8>, stray_percent: Option<usize>, after: &[u8]) {
    let Some(at) = stray_percent else { return };
    let mut seen = out.get(at..).unwrap_or_default().to_vec();
    if seen.len() == 2 {
        seen.extend(after.first());
    }
    if seen.len() == 3 && escape(&seen).is_some() {
        out.splice(at..=at, *b"%25");
    }
}

/// Merges adjacent slashes. A path of slashes only becomes two slashes, as in Envoy.
fn merge_slashes(path: &[u8]) -> Vec<u8> {
    if !path.windows(2).any(|pair| pair == b"//") {
        return path.to_vec();
    }
    let parts: Vec<&[u8]> =
        path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    let mut out = if path.starts_with(b"/") { b"/".to_vec() } else { Vec::new() };
    out.extend_from_slice(&parts.join(&b'/'));
    if path.ends_with(b"/") {
        out.push(b'/');
    }
    out
}

/// The byte of an escape at the start, and what follows.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    Some((byte, rest))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(path: &str) -> Option<String> {
        normalise(path.as_bytes()).map(|it| String::from_utf8(it).unwrap())
    }

    #[test]
    fn normal_forms() {
        for (path, wanted) in [
            ("/a/../b", Some("/b")),
            ("/../..", Some("/")),
            ("/a/.", Some("/a/")),
            ("/a/b/..", Some("/a/")),
            ("/a//../b", Some("/a/b")),
            ("/%2E%2e/x", Some("/x")),
            ("/%62ets", Some("/bets")),
            ("/a\\..\\b", Some("/b")),
            ("/a%3bx", Some("/a%3bx")),
            ("/a;x=1/../b", Some("/b")),
            ("/a|b", Some("/a%7Cb")),
            ("/%252e", Some("/%252e")),
            ("/a%zz%2", Some("/a%zz%2")),
            ("/%%32%65/x", Some("/%252e/x")),
            ("/%%32e/x", Some("/%252e/x")),
            ("/a%00", None),
        ] {
            assert_eq!(normal(path).as_deref(), wanted, "{path}");
        }
    }

    proptest! {
        #[test]
        fn normalisation_is_idempotent(path in "/[a-c./%\\\\2eE5fF]{0,24}") {
            if let Some(once) = normal(&path) {
                prop_assert_eq!(normal(&once), Some(once));
            }
        }
    }
}
