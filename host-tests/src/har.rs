//! HAR as recorded traffic, read and written.
//!
//! 1. Entries are read one by one: a malformed one, and one that was never sent or is not recorded whole,
//!    is skipped, with its number and the reason. HAR 1.2 is what is written; other versions read alike.
//! 2. Header texts hold one byte per character (Latin-1): bytes that are not UTF-8 survive.
//! 3. Beside what HAR has, an entry may carry `_clientAddress` ("ip" or "ip:port") and, where the URL
//!    cannot tell it, the raw request target as `_target`. What other recorders leave out or write
//!    otherwise (pseudo headers, bodies, times, cookies) is read in `entry` and `body`.
mod body;
mod entry;
mod reader;
mod sent;
mod shape;
mod surrogates;
mod writer;

pub(crate) use body::escape;
pub(crate) use reader::plain;
pub use reader::{read, read_all, HarError};
pub(crate) use surrogates::{decode, mend, restore};
pub use writer::{write, Recorded};

/// The bytes of a text that holds one byte per character; in a `mended` one some stand for theirs.
fn to_bytes(text: &str, mended: bool) -> Option<Vec<u8>> {
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
fn from_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|it| char::from(*it)).collect()
}

#[cfg(test)]
mod tests;
