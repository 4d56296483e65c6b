//! Bounded memory: what one source may use of something that all share.

pub(crate) mod budget;
pub(crate) mod bulkhead;
pub(crate) mod failures;
pub(crate) mod fault;
pub(crate) mod gcra;
pub(crate) mod keyed;
pub(crate) mod lru;
pub(crate) mod permits;
pub(crate) mod seed;
pub(crate) mod slot_bucket;
pub(crate) mod slot_table;
pub(crate) mod source;
