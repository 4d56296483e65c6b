//! What every request is read with: its header map, and its path. [`policy_kit`] hands it on.
//!
//! A crate of its own because it is compiled for speed, and the rest of the vocabulary for size.
//!
//! [`policy_kit`]: ../policy_kit/index.html
#![warn(missing_docs)]

mod headers;
mod path;

pub use headers::{Headers, One};
pub use path::{canonical_path, PathFault, FORWARDED_HEADERS, MEANING_HEADERS};
