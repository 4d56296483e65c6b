//! base64url without padding, the one canonical form (RFC 7515 section 2, RFC 4648 section 3.5).

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::Engine;

/// Decodes. `None` for padding, other characters, and non-zero trailing bits: two spellings of one token
/// would be two entries in a cache or a deny list.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Decodes a part of a key, with or without padding: some issuers pad.
pub(crate) fn decode_padded(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"=").unwrap_or(text);
    decode(text.strip_suffix(b"=").unwrap_or(text))
}

/// The DER of a public key in PEM (RFC 7468): one block and nothing else.
pub(crate) fn from_pem(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
    let body = body.strip_suffix("-----END PUBLIC KEY-----")?;
    let text: Vec<u8> = body.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn accepts_the_canonical_form_only() {
        for (text, want) in [
            ("", Some(&b""[..])),
            ("AQ", Some(&[1][..])),
            ("-_8", Some(&[251, 255][..])),
            ("AR", None),
            ("AQ==", None),
            ("+/8", None),
            ("A", None),
            ("A Q", None),
            ("AQ\n", None),
        ] {
            assert_eq!(super::decode(text.as_bytes()).as_deref(), want, "{text:?}");
        }
        for (text, want) in [
            ("AQ", Some(&[1][..])),
            ("AQ==", Some(&[1][..])),
            ("AAE=", Some(&[0, 1][..])),
            ("AR==", None),
            ("AQ===", None),
            ("=AQ", None),
        ] {
            assert_eq!(super::decode_padded(text.as_bytes()).as_deref(), want, "{text:?}");
        }
    }
}
