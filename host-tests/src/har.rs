//! Reads and writes HAR.
//!
//! 1. Entries are read one by one. Malformed, unsent and incomplete ones are skipped with number and reason.
//!    HAR 1.2 is written; other versions are read too.
//! 2. Header texts hold one byte per character (Latin-1): bytes that are not UTF-8 survive.
//! 3. An entry may also have `_clientAddress` ("ip" or "ip:port") and, if the URL cannot express it, the raw
//!    request target as `_target`. `entry` and `body` handle what other recorders omit or write differently
//!    (pseudo headers, bodies, times, cookies).
mod body;
mod entry;
mod latin1;
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

#[cfg(test)]
mod tests;
