//! Texts that hold one byte per character.
use super::surrogates;

/// The bytes of a text with one byte per character; in a `mended` one some characters stand for bytes.
pub(super) fn to_bytes(text: &str, mended: bool) -> Option<Vec<u8>> {
    if text.is_ascii() {
        return Some(text.as_bytes().to_vec());
    }
    let byte = |it: char| {
        let named = u8::try_from(u32::from(it)).ok();
        named.or_else(|| surrogates::byte(it).filter(|_| mended))
    };
    text.chars().map(byte).collect()
}

/// One character per byte.
pub(super) fn from_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|it| char::from(*it)).collect()
}
