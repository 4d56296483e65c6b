//! Rate limits exactly as the operator writes them.

pub mod fleet;
pub mod limit;
pub mod part;
