//! How many keys one player or partner may hold at once, so that nobody fills the store for the others.
//!
//! Keys are counted by when they expire, in 24 cells of the longest retention: a key counts for up to one
//! cell longer than it is kept. Owners lie in buckets as keys do; those that find no room in theirs share
//! one count, because pushing others out must not buy a fresh quota.

use policy_kit::Host;

use crate::bytes::{number_at, Reader, Writer};
use crate::names::STORE;
use crate::{Owner, StoreFault};

/// Cells of one retention.
const CELLS: u64 = 24;
/// Owners of one bucket that are counted by themselves.
const OWNERS: usize = 16;
/// First byte of a bucket: what follows is in this form.
const FORM: u8 = 1;
/// How often an operation is tried where other workers are faster.
const TRIES: usize = 32;
/// Whoever found no room.
const REST: [u8; 16] = [0; 16];

/// The counts of all owners.
#[derive(Clone, Debug)]
pub struct Quota {
    prefix: String,
    buckets: u64,
    cell: u64,
}

/// One owner's keys, by the cell in which they expire.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Count {
    owner: [u8; 16],
    cells: Vec<(u64, u32)>,
}

impl Quota {
    /// Counts for the store `name`. `retention` is the longest that a key is kept, in nanoseconds;
    /// `buckets` decides how many owners are told apart, 16 in each.
    pub fn new(name: &str, buckets: usize, retention: u64) -> Self {
        let cell = (retention / CELLS).max(1);
        // Counts by cells of another length mean nothing here.
        let prefix = format!("{STORE}.{name}.owners.{cell}");
        Self { prefix, buckets: buckets.max(1) as u64, cell }
    }

    /// Counts one more key of `owner` that is kept until `expires`. `false`, and nothing is counted, where
    /// the owner has `most` already.
    ///
    /// # Errors
    /// Nothing was counted, as far as can be told.
    pub fn take(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        most: u32,
        expires: u64,
        now: u64,
    ) -> Result<bool, StoreFault> {
        self.change(host, owner, now, |cells| {
            let held = cells.iter().fold(0_u32, |all, (_, count)| all.saturating_add(*count));
            if held >= most {
                return false;
            }
            let cell = expires / self.cell;
            match cells.iter_mut().find(|(other, _)| *other == cell) {
                Some((_, count)) => *count = count.saturating_add(1),
                None => cells.push((cell, 1)),
            }
            true
        })
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
        self.change(host, owner, now, |cells| {
            let cell = expires / self.cell;
            match cells.iter_mut().find(|(other, count)| *other == cell && *count > 0) {
                Some((_, count)) => {
                    *count -= 1;
                    true
                }
                None => false,
            }
        })
    }

    /// When the keys of `owner` next become fewer by themselves, in nanoseconds since the epoch; `None`
    /// where it holds none, or that cannot be read.
    pub fn next_free(&self, host: &mut dyn Host, owner: &Owner, now: u64) -> Option<u64> {
        let name = format!("{}.{}", self.prefix, number_at(&owner.0, 0) % self.buckets);
        let (value, _) = host.shared(&name).ok()??;
        let count = take_out(&mut read(&value)?, owner);
        let ends = |(cell, held): &(u64, u32)| {
            (*held > 0).then(|| cell.saturating_add(1).saturating_mul(self.cell))
        };
        count.cells.iter().filter_map(ends).filter(|end| *end > now).min()
    }

    fn change(
        &self,
        host: &mut dyn Host,
        owner: &Owner,
        now: u64,
        change: impl Fn(&mut Vec<(u64, u32)>) -> bool,
    ) -> Result<bool, StoreFault> {
        let place = number_at(&owner.0, 0) % self.buckets;
        let name = format!("{}.{place}", self.prefix);
        for _ in 0..TRIES {
            let there = host.shared(&name).map_err(StoreFault::Gateway)?;
            let mut counts = match &there {
                None => Vec::new(),
                Some((value, _)) => read(value).ok_or(StoreFault::Damaged)?,
            };
            for count in &mut counts {
                count
                    .cells
                    .retain(|(cell, held)| *held > 0 && cell.saturating_add(1) * self.cell > now);
            }
            counts.retain(|count| !count.cells.is_empty());
            let mut count = take_out(&mut counts, owner);
            if !change(&mut count.cells) {
                return Ok(false);
            }
            counts.push(count);
            let version = there.map(|(_, version)| version);
            if host.set_shared(&name, &write(&counts), version).map_err(StoreFault::Gateway)? {
                return Ok(true);
            }
        }
        Err(StoreFault::Contended)
    }
}

/// Takes the count of an owner out: its own, a new one, or that of all who found no room.
fn take_out(counts: &mut Vec<Count>, owner: &Owner) -> Count {
    let mut id = REST;
    id.iter_mut().zip(owner.0.iter().rev()).for_each(|(to, from)| *to = *from);
    let known = counts.iter().any(|count| count.owner == id);
    let own = counts.iter().filter(|count| count.owner != REST).count();
    let id = if known || own < OWNERS { id } else { REST };
    match counts.iter().position(|count| count.owner == id) {
        Some(at) => counts.swap_remove(at),
        None => Count { owner: id, cells: Vec::new() },
    }
}

fn write(counts: &[Count]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u8(FORM);
    for count in counts {
        out.array(&count.owner).u32(u32::try_from(count.cells.len()).unwrap_or(u32::MAX));
        for (cell, held) in &count.cells {
            out.u64(*cell).u32(*held);
        }
    }
    out.done()
}

fn read(value: &[u8]) -> Option<Vec<Count>> {
    let mut from = Reader::new(value);
    if from.u8()? != FORM {
        return None;
    }
    let mut counts = Vec::new();
    while !from.is_empty() {
        let (owner, length) = (from.array()?, from.u32()?);
        let cells: Option<Vec<_>> = (0..length).map(|_| Some((from.u64()?, from.u32()?))).collect();
        counts.push(Count { owner, cells: cells? });
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_kit::fake::FakeHost;

    const DAY: u64 = 86_400_000_000_000;
    const HOUR: u64 = DAY / 24;

    fn owner(number: usize) -> Owner {
        Owner::new("otter", "player", &format!("p-{number}"))
    }

    #[test]
    fn one_owner_holds_so_many_and_no_more() {
        let (quota, mut host) = (Quota::new("test", 4, DAY), FakeHost::default());
        let take = |host: &mut FakeHost, number, now| {
            quota.take(host, &owner(number), 3, now + DAY, now).unwrap()
        };
        assert_eq!(quota.next_free(&mut host, &owner(1), 5 * HOUR), None);
        for want in [true, true, true, false] {
            assert_eq!(take(&mut host, 1, 5 * HOUR), want);
        }
        assert_eq!(quota.next_free(&mut host, &owner(1), 5 * HOUR), Some(6 * HOUR + DAY));
        assert_eq!(quota.next_free(&mut host, &owner(1), 6 * HOUR + DAY), None, "they are gone");
        assert!(take(&mut host, 2, 5 * HOUR), "another owner");
        assert_eq!(quota.give_back(&mut host, &owner(1), 5 * HOUR + DAY, 6 * HOUR), Ok(true));
        assert!(take(&mut host, 1, 6 * HOUR));
        assert!(!take(&mut host, 1, 6 * HOUR));
        // The first two have expired a day later, and the cell they are counted in.
        assert!(!take(&mut host, 1, 5 * HOUR + DAY));
        assert!(take(&mut host, 1, 6 * HOUR + DAY));
        assert_eq!(quota.give_back(&mut host, &owner(1), 99 * DAY, 7 * HOUR), Ok(false));
    }

    #[test]
    fn a_flood_of_owners_frees_nobody_and_takes_no_room() {
        let (quota, mut host) = (Quota::new("test", 1, DAY), FakeHost::default());
        let take =
            |host: &mut FakeHost, number| quota.take(host, &owner(number), 2, DAY, HOUR).unwrap();
        assert!(take(&mut host, 0) && take(&mut host, 0) && !take(&mut host, 0));
        let granted = (1..500).filter(|number| take(&mut host, *number)).count();
        assert_eq!(granted, OWNERS - 1 + 2, "those with a count, and two of the rest together");
        assert!(!take(&mut host, 0), "the first is not forgotten");
        let bytes: usize = host.shared.values().map(|(value, _)| value.len()).sum();
        assert!(bytes < 1_000, "{bytes}");
    }

    /// A push that keeps keys for longer counts in other cells: those of before must not count for ever.
    #[test]
    fn a_longer_retention_counts_anew() {
        let mut host = FakeHost::default();
        let (short, long) = (Quota::new("test", 1, DAY), Quota::new("test", 1, 7 * DAY));
        assert_eq!(short.take(&mut host, &owner(1), 1, DAY, 0), Ok(true));
        assert_eq!(short.take(&mut host, &owner(1), 1, DAY, 0), Ok(false));
        assert_eq!(long.take(&mut host, &owner(1), 1, 9 * DAY, 2 * DAY), Ok(true));
        assert_eq!(long.take(&mut host, &owner(1), 1, 20 * DAY, 11 * DAY), Ok(true));
    }

    #[test]
    fn what_is_not_ours_is_told() {
        let (quota, mut host) = (Quota::new("test", 1, DAY), FakeHost::default());
        let name = format!("{}.0", quota.prefix);
        for value in [vec![], vec![2], vec![1, 9], vec![1; 22]] {
            host.shared.insert(name.clone(), (value.clone(), 1));
            let told = quota.take(&mut host, &owner(1), 1, DAY, 0);
            assert_eq!(told, Err(StoreFault::Damaged), "{value:?}");
        }
    }
}
