//! What every request is read with: its header map, its path, and the port to its gateway. [`policy_kit`]
//! re-exports it.
//!
//! A crate of its own because it is compiled for speed, and `policy-kit` for size.
//!
//! [`policy_kit`]: ../policy_kit/index.html
#![warn(missing_docs)]

mod forward;
mod headers;
mod host;
mod path;
mod pattern;
mod strip;

/// Of [`Host::log`], for [`forward_host`].
#[doc(hidden)]
pub use log::Level as LogLevel;

pub use headers::{Headers, One};
pub use host::{Fault, Host, MapKind, Profile};
pub use path::{canonical_path, PathFault, FORWARDED_HEADERS, MEANING_HEADERS};
pub use pattern::{Part, Segments};
pub use strip::{is_alike, strip, HeaderNames};
