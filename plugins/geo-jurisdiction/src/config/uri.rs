//! URIs that a configuration names.

/// Whether a text is an `http` or `https` URI that may stand in a `Link` header.
pub fn is_uri(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let safe = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\');
    rest.is_some_and(|r| !r.is_empty() && r.bytes().all(safe))
}
