//! Request bodies: JSON or a form, compressed or not. Every module reads them here, so that no two modules read
//! one body in two ways.

pub(crate) mod content;
pub(crate) mod escapes;
mod form;
pub(crate) mod format;
mod gzip;
pub(crate) mod json;
mod pick;
pub(crate) mod pointer;
pub(crate) mod unread;
