//! Pseudonyms: an HMAC of the value, in the value's shape.
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The key of the pseudonyms. It is as secret as what it hides.
pub struct Key(Hmac<Sha256>);

/// The key is too short.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key must have at least 16 bytes")]
pub struct WeakKey;

impl Key {
    /// At least 16 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, WeakKey> {
        if bytes.len() < 16 {
            return Err(WeakKey);
        }
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| WeakKey)
    }

    /// The HMAC of a value.
    pub(super) fn mac(&self, value: &[u8]) -> Vec<u8> {
        let mut mac = self.0.clone();
        mac.update(value);
        mac.finalize().into_bytes().to_vec()
    }

    /// `length` bytes derived from the value.
    pub(super) fn stream(&self, value: &[u8], length: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(length + 32);
        let mut block = self.mac(value);
        while out.len() < length {
            out.extend_from_slice(&block);
            block = self.mac(&block);
        }
        out.truncate(length);
        out
    }

    /// The pseudonym of a value. Numbers stay numbers of their length, `p-alice` becomes `p-` and
    /// digits, an email address stays one.
    pub(super) fn pseudonym(&self, value: &str) -> String {
        let mac = self.mac(value.as_bytes());
        let is_number = !value.is_empty() && value.bytes().all(|it| it.is_ascii_digit());
        if value.is_empty() {
            return String::new();
        }
        if is_number {
            return digits(&self.stream(value.as_bytes(), value.len()));
        }
        if value.contains('@') {
            return format!("{}@redacted.example", hex(&mac, 12));
        }
        match value.split_once('-') {
            Some((prefix, rest)) if is_prefix(prefix) && !rest.is_empty() => {
                format!("{prefix}-{}", digits(&mac.iter().copied().take(12).collect::<Vec<_>>()))
            }
            _ => format!("x{}", hex(&mac, 24)),
        }
    }
}

fn is_prefix(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphabetic())
}

fn digits(bytes: &[u8]) -> String {
    // No leading zero, so that a number stays as long as it was.
    let digit = |(at, it): (usize, &u8)| match at {
        0 => char::from(b'1' + it % 9),
        _ => char::from(b'0' + it % 10),
    };
    bytes.iter().enumerate().map(digit).collect()
}

fn hex(bytes: &[u8], length: usize) -> String {
    let text: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
    text.chars().take(length).collect()
}
