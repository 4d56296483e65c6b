//! The referer: Envoy removes invalid values.
use super::url;

/// Whether the header stays: an absolute URL without a user and a fragment, or a relative one.
pub(super) fn stays(value: &[u8]) -> bool {
    if value.is_empty() {
        return true;
    }
    if !value.iter().all(u8::is_ascii_graphic) || value.contains(&b'#') {
        return false;
    }
    match url::parse(value, false) {
        Some(url) => !user_in(value, url.scheme.len()),
        None => is_relative(value),
    }
}

/// Whether the authority behind this scheme names a user.
fn user_in(value: &[u8], scheme: usize) -> bool {
    let rest = value.get(scheme + "://".len()..).unwrap_or_default();
    rest.iter().take_while(|byte| !b"/?".contains(byte)).any(|byte| *byte == b'@')
}

/// A path or a query of characters that stand in URLs; a colon in its first part would end a scheme.
fn is_relative(value: &[u8]) -> bool {
    let mut first = value.iter().take_while(|byte| !b"/?".contains(byte));
    !first.any(|byte| *byte == b':') && !value.iter().any(|byte| b"\"<>[\\]^`{|}".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A referer, and whether the real Envoy left it.
    #[test]
    fn invalid_referers_are_removed() {
        for (value, kept) in [
            ("", true),
            ("a,b", true),
            ("a b", false),
            ("a:b", false),
            ("/a:b", true),
            ("?a:b", true),
            ("//u@h", true),
            ("/a[b", false),
            ("\u{e9}", false),
            ("about:blank", false),
            ("http:", false),
            ("http://h/x?y", true),
            ("http://h/\"[]{}<", true),
            ("http://h/x#f", false),
            ("http://u@h/", false),
            ("http://h/u@x", true),
            ("http://a_b/x", false),
            ("http://h:99999/", false),
            ("android-app://com.x", true),
        ] {
            assert_eq!(stays(value.as_bytes()), kept, "{value}");
        }
    }
}
