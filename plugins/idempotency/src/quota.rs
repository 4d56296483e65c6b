//! How many keys one player or partner may hold at once, so that nobody fills the store for the others.
//!
//! Keys are counted by when they expire, in cells of an eighth of the longest retention: a key counts for
//! up to one cell longer than it is kept. Keys of calls that did not succeed (refused by the upstream, or of
//! unknown outcome) cost their owner nothing, so they have a limit of their own: so many at once, and as many
//! again in each retention. Owners lie in buckets that no client can choose, as keys do; those that find no
//! room in theirs share one count, because pushing others out must not buy a fresh quota.

use policy_kit::Host;

use crate::names::STORE;
use crate::owner_count::{Count, RECORD};
use crate::{Owner, Part, Scatter, StoreFault};

/// Cells of one retention.
pub(crate) const CELLS: u64 = 8;
/// Owners of one bucket that are counted by themselves.
pub(crate) const OWNERS: usize = 32;
/// First byte of a bucket: what follows is in this form.
const FORM: u8 = 2;
/// How often an operation is tried where other workers are faster.
const TRIES: usize = 32;
/// Whoever found no room.
const REST: [u8; 16] = [0; 16];

/// How many keys an owner may hold, and for how long keys are kept. Times are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Keys in all.
    pub keys: u32,
    /// Keys of calls that the upstream refused, and as many of unknown outcome; all if `None`.
    pub failed: Option<u32>,
    /// The longest that any key is kept.
    pub kept: u64,
    /// The longest that keys of refused calls are kept.
    pub refused: u64,
}

/// Why a call did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The upstream refused it.
    Refused,
    /// Nobody can tell how it ended.
    Unknown,
}

/// Whether an owner may hold one key more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It may, and the key is counted.
    Yes,
    /// Not before so many nanoseconds have passed.
    No {
        /// The time.
        wait: u64,
    },
}

/// The counts of all owners of a part.
#[derive(Clone, Debug)]
pub struct Quota {
    prefix: String,
    scatter: Scatter,
    buckets: u64,
    pub(crate) cell: u64,
    pub(crate) allowance: Allowance,
}

impl Quota {
    /// Counts for a part of the store `name`. `owners` are told apart, rounded up to whole buckets.
    pub fn new(
        name: &str,
        part: Part,
        owners: usize,
        allowance: Allowance,
        scatter: Scatter,
    ) -> Self {
        let cell = (allowance.kept / CELLS).max(1);
        // Counts by cells of another length mean nothing here.
        let prefix = format!("{STORE}.{name}.owners.{}.{cell}", part.name());
        let buckets = owners.div_ceil(OWNERS).max(1) as u64;
        Self { prefix, scatter, buckets, cell, allowance }
    }

    /// Counts one more key of `owner` that is kept until `expires`, if it may hold one.
    ///
    /// # Errors
    /// Nothing was counted, as far as can be told.
    pub fn take(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        expires: u64,
        now: u64,
    ) -> Result<Taken, StoreFault> {
        let mut told = Taken::Yes;
        self.change(host, owner, now, &mut |count| match count.wait(self, now) {
            0 => {
                count.add(expires / self.cell);
                told = Taken::Yes;
                true
            }
            wait => {
                told = Taken::No { wait };
                false
            }
        })?;
        Ok(told)
    }

    /// Counts one less: the key that would have expired at `expires` is free. `false` where none was
    /// counted.
    ///
    /// # Errors
    /// As [`Quota::take`]; the count is right again once the key would have expired.
    pub fn give_back(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        expires: u64,
        now: u64,
    ) -> Result<bool, StoreFault> {
        self.change(host, owner, now, &mut |count| count.remove(expires / self.cell))
    }

    /// A call under a key that was to expire at `was` did not succeed; the key is kept until `expires`.
    ///
    /// # Errors
    /// As [`Quota::take`]; it counts as one that did.
    pub fn failed(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        failure: Failure,
        (was, expires): (u64, u64),
        now: u64,
    ) -> Result<(), StoreFault> {
        let fail = |count: &mut Count| {
            if count.remove(was / self.cell) {
                count.add(expires / self.cell);
            }
            count.charge(self, failure, now);
            true
        };
        self.change(host, owner, now, &mut { fail }).map(|_| ())
    }

    /// Changes the count of an owner; it is written, and this is `true`, where `change` says so.
    fn change(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        now: u64,
        change: &mut dyn FnMut(&mut Count) -> bool,
    ) -> Result<bool, StoreFault> {
        let place = self.scatter.bucket(&owner.0, self.buckets);
        let name = format!("{}.{place}", self.prefix);
        for _ in 0..TRIES {
            let there = host.shared(&name).map_err(StoreFault::Gateway)?;
            let (mut value, version) = match there {
                None => (vec![FORM], None),
                Some((value, version)) => (value, Some(version)),
            };
            let (form, records) = value.split_first_mut().ok_or(StoreFault::Damaged)?;
            if *form != FORM || !records.len().is_multiple_of(RECORD) {
                return Err(StoreFault::Damaged);
            }
            let (id, at) = self.find(records, owner.short(), now);
            let place = at.and_then(|at| records.chunks_exact_mut(RECORD).nth(at));
            let held = place.as_deref().and_then(Count::read).filter(|count| count.id == id);
            let mut count = held.unwrap_or_else(|| Count::new(id));
            count.advance(now / self.cell);
            if !change(&mut count) {
                return Ok(false);
            }
            match place {
                Some(place) => count.write(place),
                None => {
                    let end = value.len();
                    value.resize(end + RECORD, 0);
                    count.write(value.get_mut(end..).unwrap_or_default());
                }
            }
            if host.set_shared(&name, &value, version).map_err(StoreFault::Gateway)? {
                return Ok(true);
            }
        }
        Err(StoreFault::Contended)
    }

    /// Under which name an owner is counted, and at which place of its bucket; a new one if none is told.
    fn find(&self, records: &[u8], id: [u8; 16], now: u64) -> ([u8; 16], Option<usize>) {
        let all = || records.chunks_exact(RECORD);
        let of = |id: &[u8; 16]| all().position(|record| record.starts_with(id));
        if let Some(at) = of(&id) {
            return (id, Some(at));
        }
        let cell = now / self.cell;
        let is_over = |record: &[u8]| Count::read(record).is_none_or(|it| it.is_over(cell, now));
        // The place of somebody who holds nothing any more, but never that of the rest.
        let free = all().position(|record| !record.starts_with(&REST) && is_over(record));
        if free.is_some() || all().filter(|record| !record.starts_with(&REST)).count() < OWNERS {
            return (id, free);
        }
        (REST, of(&REST))
    }
}

#[cfg(test)]
#[path = "quota_tests.rs"]
mod tests;
