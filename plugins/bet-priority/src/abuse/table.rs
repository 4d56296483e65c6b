//! A table of counted keys in the gateway's shared data: a fixed number of buckets, each one value, so that every
//! change is one compare-and-swap.

use policy_kit::{shared_name, Fault, Host};

use crate::abuse::bucket::{Applied, Bucket, Evicted, SLOTS};
use crate::abuse::key::{bucket_of, Key};
use crate::abuse::record::{Event, Terms, Verdict};
use crate::names::NAME;

/// How often a compare-and-swap is tried.
const TRIES: usize = 3;

/// Why an event was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFault {
    /// Shared data is unavailable.
    Gateway(Fault),
    /// Other workers changed the bucket each time.
    Contended,
}

impl TableFault {
    /// One word, for evidence and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "shared_data",
            Self::Contended => "contended",
        }
    }
}

/// A table of one kind of key.
#[derive(Clone, Debug)]
pub struct Table {
    kind: &'static str,
    prefix: String,
    buckets: u64,
    terms: Terms,
}

impl Table {
    /// A table of at least so many keys. Two of the same kind, number and `parts` share their keys; `parts` are
    /// what a key depends on.
    pub(crate) fn new(kind: &'static str, slots: u32, terms: Terms, parts: &[&str]) -> Self {
        let buckets = u64::from(slots).div_ceil(SLOTS as u64).max(1);
        let prefix = shared_name(NAME, kind, parts);
        Self { kind, prefix: format!("{prefix}.{buckets}"), buckets, terms }
    }

    /// Applies an event to a key at `now`, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(crate) fn apply(
        &self,
        host: &mut dyn Host,
        key: &Key,
        event: Event,
        now: u64,
    ) -> Result<Verdict, TableFault> {
        let name = format!("{}.{}", self.prefix, bucket_of(key, self.buckets));
        for _ in 0..TRIES {
            let there = host.shared(&name).map_err(TableFault::Gateway)?;
            let (mut bucket, version) = match there {
                Some((value, version)) => (Bucket::read(&value), Some(version)),
                None => (Bucket::default(), None),
            };
            let Applied { verdict, changed, evicted } = bucket.apply(key, event, now, &self.terms);
            if !changed {
                return Ok(verdict);
            }
            let written = host.set_shared(&name, &bucket.value(), version);
            if written.map_err(TableFault::Gateway)? {
                self.report(host, evicted);
                return Ok(verdict);
            }
        }
        Err(TableFault::Contended)
    }

    /// Counts what was dropped: a table that someone floods, or that is too small.
    fn report(&self, host: &mut dyn Host, evicted: Option<Evicted>) {
        let what = match evicted {
            None => return,
            Some(Evicted::Counted) => "counted",
            Some(Evicted::Locked) => "locked",
        };
        host.count(&format!("pitboss.{NAME}.abuse_evicted.table={}.entry={what}", self.kind));
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
