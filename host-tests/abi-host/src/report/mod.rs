//! What a chain reports of its streams and plugins.

pub(crate) mod diagnostics;
pub mod flags;
pub(crate) mod stream_id;
pub(crate) mod stream_report;
