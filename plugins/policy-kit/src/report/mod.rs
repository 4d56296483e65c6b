//! How decisions are reported: counters, facts for later filters and the access log, evidence.

pub(crate) mod decision;
pub mod facts;
pub mod metrics;
