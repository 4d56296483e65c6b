//! One bucket of a table, as it lies in shared data: a form, then a record for each key.

use crate::abuse::key::Key;
use crate::abuse::record::{Event, Mark, Moment, Record, Terms, Verdict};

/// First byte of a bucket: the format of what follows.
const FORM: u8 = 1;
/// Keys of a bucket.
pub(crate) const SLOTS: usize = 8;

/// The records of the keys that lie in one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket(Vec<(Key, Record)>);

/// A key that was dropped, because the bucket was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evicted {
    /// Its failures were forgotten.
    Counted,
    /// Its lock was forgotten.
    Locked,
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) verdict: Verdict,
    /// Whether the bucket must be written.
    pub(crate) changed: bool,
    pub(crate) evicted: Option<Evicted>,
}

impl Bucket {
    /// Reads a value of shared data. What is no bucket is none, and replaced by the next that is written: a value
    /// that nobody can read must not end the counting for ever.
    pub(crate) fn read(value: &[u8]) -> Self {
        match value.split_first() {
            Some((&FORM, records)) => Self::records(records).unwrap_or_default(),
            _ => Self::default(),
        }
    }

    fn records(mut rest: &[u8]) -> Option<Self> {
        let mut records = Vec::with_capacity(SLOTS);
        while !rest.is_empty() && records.len() < SLOTS {
            let (key, after) = rest.split_first_chunk::<16>()?;
            let ([locks, marks], after) = after.split_first_chunk::<2>()?;
            let (until, mut after) = after.split_first_chunk::<4>()?;
            let (locks, until) = (*locks, u32::from_be_bytes(*until));
            let mut record = Record { locks, until, marks: Vec::with_capacity((*marks).into()) };
            for _ in 0..*marks {
                let ([pending, at @ ..], more) = after.split_first_chunk::<5>()?;
                let (at, pending) = (u32::from_be_bytes(*at), *pending != 0);
                record.marks.push(Mark { at, pending });
                after = more;
            }
            records.push((*key, record));
            rest = after;
        }
        rest.is_empty().then_some(Self(records))
    }

    /// The value for shared data.
    pub(crate) fn value(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        for (key, record) in &self.0 {
            out.extend(key);
            out.push(record.locks);
            out.push(u8::try_from(record.marks.len()).unwrap_or(u8::MAX));
            out.extend(record.until.to_be_bytes());
            for mark in record.marks.iter().take(u8::MAX.into()) {
                out.push(u8::from(mark.pending));
                out.extend(mark.at.to_be_bytes());
            }
        }
        out
    }

    /// Applies an event to a key at `now`, in nanoseconds since the epoch. In a full bucket a new key takes the
    /// place of the one that ends first; one that is locked goes only where all are.
    pub(crate) fn apply(&mut self, key: &Key, event: Event, now: u64, terms: &Terms) -> Applied {
        let now = Moment::of(now);
        let place = self.0.iter().position(|(own, _)| own == key);
        let mut record = place.map(|at| self.0.swap_remove(at).1).unwrap_or_default();
        let (verdict, changed) = record.apply(event, now, terms);
        let mut evicted = None;
        if changed {
            self.0.retain_mut(|(_, other)| {
                other.settle(now, terms);
                !other.is_over()
            });
        }
        if !record.is_over() {
            evicted = changed.then(|| self.make_room(now, terms)).flatten();
            self.0.push((*key, record));
        }
        Applied { verdict, changed, evicted }
    }

    fn make_room(&mut self, now: Moment, terms: &Terms) -> Option<Evicted> {
        if self.0.len() < SLOTS {
            return None;
        }
        let rank = |(_, record): &(Key, Record)| (record.is_locked(now), record.ends(terms));
        let (at, _) = self.0.iter().enumerate().min_by_key(|(_, entry)| rank(entry))?;
        let (_, gone) = self.0.swap_remove(at);
        Some(if gone.is_locked(now) { Evicted::Locked } else { Evicted::Counted })
    }
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
