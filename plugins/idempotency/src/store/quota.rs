//! How many keys one player or partner may hold at once, so that no owner fills the store.
//!
//! Keys are counted by when they expire, in cells of an eighth of the longest retention: a key counts for
//! up to one cell longer than it is kept. Keys of failed requests (refused by the upstream, or of unknown
//! outcome) cost their owner nothing, so they have a limit of their own: so many at once, and as many again
//! in each retention. No client can choose the bucket of an owner. Owners without room in their bucket share
//! one count, because evicting others must not buy a fresh quota.

use policy_kit::{BucketSeed, Host};

use crate::names::STORE;
use crate::policy::capacity::Allowance;
use crate::policy::identity::{Owner, Part};
use crate::store::port::StoreFault;
use crate::store::record::number_at;

/// Cells of one retention.
pub(crate) const CELLS: u64 = 8;
/// Owners of one bucket that are counted separately.
pub(crate) const OWNERS: usize = 32;
/// First byte of a bucket: the format of what follows.
const FORM: u8 = 2;
/// How often a compare-and-swap is tried.
const TRIES: usize = 32;
/// The id of the count that all other owners of a bucket share.
const REST: [u8; 16] = [0; 16];

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The upstream refused it.
    Refused,
    /// Its outcome is unknown.
    Unknown,
}

/// Whether an owner may hold one key more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaCheck {
    /// It may, and the key is counted.
    Granted,
    /// Not yet.
    Exhausted {
        /// Nanoseconds until it may.
        wait: u64,
    },
}

/// The counts of all owners of a part.
#[derive(Clone, Debug)]
pub struct Quota {
    prefix: String,
    seed: BucketSeed,
    buckets: u64,
    cell: u64,
    pub(crate) allowance: Allowance,
}

impl Quota {
    /// The quota of a part of the store `name`. `owners` are counted separately, rounded up to whole
    /// buckets.
    pub fn new(
        name: &str,
        part: Part,
        owners: usize,
        allowance: Allowance,
        seed: BucketSeed,
    ) -> Self {
        let cell = (allowance.kept / CELLS).max(1);
        // Counts in cells of another length mean nothing.
        let prefix = format!("{STORE}.{name}.owners.{}.{cell}", part.name());
        let buckets = owners.div_ceil(OWNERS).max(1) as u64;
        Self { prefix, seed, buckets, cell, allowance }
    }

    /// Counts one more key of `owner`, which is kept until `expires`, if its quota allows.
    ///
    /// # Errors
    /// Probably nothing was counted.
    pub fn take(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        expires: u64,
        now: u64,
    ) -> Result<QuotaCheck, StoreFault> {
        let mut check = QuotaCheck::Granted;
        self.change(host, owner, now, &mut |count| match count.wait(self, now) {
            0 => {
                count.add(expires / self.cell);
                check = QuotaCheck::Granted;
                true
            }
            wait => {
                check = QuotaCheck::Exhausted { wait };
                false
            }
        })?;
        Ok(check)
    }

    /// Counts one key less: the one that would have expired at `expires`. `false` if none was counted.
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

    /// Counts a failed request. Its key was to expire at `was`, and is now kept until `expires`.
    ///
    /// # Errors
    /// As [`Quota::take`]; the request counts as one that succeeded.
    pub fn count_failure(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        failure: Failure,
        (was, expires): (u64, u64),
        now: u64,
    ) -> Result<(), StoreFault> {
        let fail = |count: &mut OwnerCount| {
            if count.remove(was / self.cell) {
                count.add(expires / self.cell);
            }
            count.charge(self, failure, now);
            true
        };
        self.change(host, owner, now, &mut { fail }).map(|_| ())
    }

    /// Changes the count of an owner. Where `change` returns `false`, nothing is written.
    fn change(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        now: u64,
        change: &mut dyn FnMut(&mut OwnerCount) -> bool,
    ) -> Result<bool, StoreFault> {
        let place = self.seed.bucket(&owner.0, self.buckets);
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
            let held = place.as_deref().and_then(OwnerCount::read).filter(|count| count.id == id);
            let mut count = held.unwrap_or_else(|| OwnerCount::new(id));
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

    /// The id under which an owner is counted, and its position in the bucket, if it has one.
    fn find(&self, records: &[u8], id: [u8; 16], now: u64) -> ([u8; 16], Option<usize>) {
        let all = || records.chunks_exact(RECORD);
        let of = |id: &[u8; 16]| all().position(|record| record.starts_with(id));
        if let Some(at) = of(&id) {
            return (id, Some(at));
        }
        let cell = now / self.cell;
        let is_unused =
            |record: &[u8]| OwnerCount::read(record).is_none_or(|it| it.is_over(cell, now));
        // A count that holds nothing may be replaced, except the shared one.
        let free = all().position(|record| !record.starts_with(&REST) && is_unused(record));
        if free.is_some() || all().filter(|record| !record.starts_with(&REST)).count() < OWNERS {
            return (id, free);
        }
        (REST, of(&REST))
    }
}

/// Cells that may have keys: those of one retention, and the current one.
const COUNTS: usize = CELLS as usize + 1;
/// Where the cells begin: after the id, the first cell, and two charges.
const CELLS_AT: usize = 16 + 8 + 2 * 8;
/// Bytes of one owner's count.
const RECORD: usize = CELLS_AT + 4 * COUNTS;

/// The keys of one owner, as they lie in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnerCount {
    id: [u8; 16],
    /// The cell of the first of `cells`.
    first: u64,
    /// Keys by the cell in which they expire.
    cells: [u32; COUNTS],
    /// Until when failed requests are charged: refused ones, and those of unknown outcome.
    charged_until: [u64; 2],
}

impl OwnerCount {
    fn new(id: [u8; 16]) -> Self {
        Self { id, first: 0, cells: [0; COUNTS], charged_until: [0; 2] }
    }

    fn read(record: &[u8]) -> Option<Self> {
        let mut count = Self::new(*record.first_chunk()?);
        (count.first, count.charged_until) =
            (number_at(record, 16), [number_at(record, 24), number_at(record, 32)]);
        let cells = record.get(CELLS_AT..)?.chunks_exact(4);
        for (to, from) in count.cells.iter_mut().zip(cells) {
            *to = from.first_chunk().map_or(0, |number| u32::from_be_bytes(*number));
        }
        Some(count)
    }

    /// Writes what [`OwnerCount::read`] reads.
    fn write(&self, record: &mut [u8]) {
        let [refused, unknown] = self.charged_until;
        let Some((id, rest)) = record.split_first_chunk_mut() else { return };
        *id = self.id;
        let (numbers, cells) = rest.split_at_mut(rest.len().min(CELLS_AT - 16));
        for (to, number) in numbers.chunks_exact_mut(8).zip([self.first, refused, unknown]) {
            to.copy_from_slice(&number.to_be_bytes());
        }
        for (to, held) in cells.chunks_exact_mut(4).zip(self.cells) {
            to.copy_from_slice(&held.to_be_bytes());
        }
    }

    /// Drops cells before `cell`. If the clock was set back by more than a retention, all counts are void.
    fn advance(&mut self, cell: u64) {
        match usize::try_from(cell.abs_diff(self.first)) {
            Ok(past) if past < COUNTS => {
                if cell <= self.first {
                    return;
                }
                self.cells.rotate_left(past);
                self.cells.iter_mut().rev().take(past).for_each(|cell| *cell = 0);
            }
            _ => self.cells = [0; COUNTS],
        }
        self.first = cell;
    }

    /// Whether no key is held and no failure is charged.
    fn is_over(&self, cell: u64, now: u64) -> bool {
        let expired = usize::try_from(cell.saturating_sub(self.first)).unwrap_or(COUNTS);
        let holds = self.cells.iter().skip(expired).any(|held| *held > 0);
        !holds && self.charged_until.iter().all(|until| *until <= now)
    }

    /// Counts a key. One that expires after the last cell counts there.
    fn add(&mut self, cell: u64) {
        if let Some(held) = self.cell(cell.min(self.first.saturating_add(CELLS))) {
            *held = held.saturating_add(1);
        }
    }

    /// Counts a key less; `false` if the cell has none.
    fn remove(&mut self, cell: u64) -> bool {
        match self.cell(cell) {
            Some(held) if *held > 0 => {
                *held -= 1;
                true
            }
            _ => false,
        }
    }

    fn cell(&mut self, cell: u64) -> Option<&mut u32> {
        self.cells.get_mut(usize::try_from(cell.saturating_sub(self.first)).ok()?)
    }

    /// Nanoseconds until the owner may hold one key more; 0 if it may now.
    fn wait(&self, quota: &Quota, now: u64) -> u64 {
        let held = self.cells.iter().fold(0_u32, |all, held| all.saturating_add(*held));
        let mut wait = 0;
        if held >= quota.allowance.keys {
            let gone = self.cells.iter().position(|held| *held > 0).unwrap_or_default() as u64;
            let at = self.first.saturating_add(gone + 1).saturating_mul(quota.cell);
            wait = at.saturating_sub(now).max(1);
        }
        for failure in [Failure::Refused, Failure::Unknown] {
            let Some((span, cost)) = price(quota, failure) else { continue };
            let charged = self.charged(failure).saturating_sub(now);
            // More than is ever charged means that the clock was set back.
            if charged <= span {
                wait = wait.max(charged.saturating_add(cost).saturating_sub(span));
            }
        }
        wait
    }

    /// Charges a failed request.
    fn charge(&mut self, quota: &Quota, failure: Failure, now: u64) {
        let Some((span, cost)) = price(quota, failure) else { return };
        if let Some(until) = self.charged_until.get_mut(failure as usize) {
            *until = (*until).max(now).saturating_add(cost).min(now.saturating_add(span));
        }
    }

    fn charged(&self, failure: Failure) -> u64 {
        self.charged_until.get(failure as usize).copied().unwrap_or_default()
    }
}

/// How long failures are charged at most, and how long each is charged, so that the allowed number fits
/// into one retention.
fn price(quota: &Quota, failure: Failure) -> Option<(u64, u64)> {
    let most = u64::from(quota.allowance.failed?).max(1);
    let span = match failure {
        Failure::Refused => quota.allowance.refused,
        Failure::Unknown => quota.allowance.kept,
    };
    Some((span, span / most))
}

#[cfg(test)]
#[path = "quota_tests.rs"]
mod tests;
