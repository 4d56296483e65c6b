//! Bounded memory: what one source may use of something that all share.

pub(crate) mod budget;
pub(crate) mod bulkhead;
pub(crate) mod failures;
pub(crate) mod lru;
pub(crate) mod permits;
pub(crate) mod source;
