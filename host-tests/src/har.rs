//! HAR 1.2 as recorded traffic, read and written.
//!
//! 1. Entries are read one by one, so that a malformed one is told by its number and field.
//! 2. Header texts hold one byte per character (Latin-1): bytes that are not UTF-8 survive.
//! 3. Beside what HAR has, an entry may carry `_clientAddress` ("ip" or "ip:port") and, where the URL
//!    cannot tell it, the raw request target as `_target`. What other recorders leave out or write
//!    otherwise (pseudo headers, bodies, times, cookies) is read in `entry` and `body`.
mod body;
mod entry;
mod reader;
mod shape;
mod writer;

pub(crate) use reader::read_document;
pub use reader::{read, read_all, HarError};
pub use writer::{write, Recorded};

/// The bytes of a text that holds one byte per character.
fn to_bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|it| u8::try_from(u32::from(it)).ok()).collect()
}

/// One character per byte.
fn from_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|it| char::from(*it)).collect()
}

#[cfg(test)]
mod tests;
