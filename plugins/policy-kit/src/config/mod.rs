//! Configuration documents: reading them, checking their members, naming the field that is at fault.

pub(crate) mod check;
mod document;
pub(crate) mod error;
pub(crate) mod field;
pub(crate) mod mode;
pub(crate) mod parse;
pub(crate) mod secret;
pub(crate) mod setting;
pub(crate) mod sorted;
mod tree;
