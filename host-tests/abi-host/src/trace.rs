//! Counts of host calls.

use std::collections::BTreeMap;

/// How often each host call was made, and the bytes they returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Import name to count.
    pub calls: BTreeMap<&'static str, u64>,
    /// Bytes copied into memory that the module allocated.
    pub bytes: u64,
}

impl Trace {
    /// How often `call` was made.
    pub fn count(&self, call: &str) -> u64 {
        self.calls.get(call).copied().unwrap_or(0)
    }
}
