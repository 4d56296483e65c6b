//! The compiled document, and the facts of one request.

pub(crate) mod case;
pub(crate) mod compile;
pub(crate) mod metrics;
pub(crate) mod reads;
