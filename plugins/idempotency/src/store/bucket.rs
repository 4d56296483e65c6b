//! One bucket of the embedded store, as it lies in shared data: the last fence, then a record of fixed
//! length for each slot in use. It is read and changed in place: every request with a key needs a bucket
//! or two, and most of what is in them belongs to others.

use policy_kit::Host;

use crate::policy::capacity::BUCKET_SLOTS;
use crate::policy::identity::Scope;
use crate::store::machine::Entry;
use crate::store::port::{Fence, StoreFault};
use crate::store::record::{number_at, Reader, Writer};

/// First byte of a bucket: the format of what follows.
const FORM: u8 = 1;
/// The form and the last fence.
const HEAD: usize = 9;
/// Number of the slot, scope, expiry and the rest of the entry.
const RECORD: usize = 41 + Entry::LENGTH;

/// A bucket.
#[derive(Debug)]
pub(crate) struct Bucket(Vec<u8>);

/// A slot in use, as it lies in its bucket.
#[derive(Clone, Copy)]
struct Record<'a>(&'a [u8]);

/// Reads the bucket `name` and its version; an empty one if there is none.
pub(crate) fn load(host: &mut dyn Host, name: &str) -> Result<(Bucket, Option<u32>), StoreFault> {
    match host.shared(name).map_err(StoreFault::Gateway)? {
        None => Ok((Bucket::new(), None)),
        Some((value, version)) => {
            Ok((Bucket::of(value).ok_or(StoreFault::Damaged)?, Some(version)))
        }
    }
}

impl Bucket {
    /// A bucket without keys.
    pub(crate) fn new() -> Self {
        let mut head = Writer::default();
        head.u8(FORM).u64(0);
        Self(head.done())
    }

    /// Takes a value of shared data; `None` if it is no bucket.
    pub(crate) fn of(value: Vec<u8>) -> Option<Self> {
        let whole = value.len().checked_sub(HEAD)?.is_multiple_of(RECORD);
        (value.first() == Some(&FORM) && whole).then_some(Self(value))
    }

    /// The value for shared data.
    pub(crate) fn value(&self) -> &[u8] {
        &self.0
    }

    /// The fence of the next claim.
    pub(crate) fn next_fence(&self) -> Fence {
        Fence(number_at(&self.0, 1).saturating_add(1))
    }

    /// The number of a key's slot, and its entry.
    ///
    /// # Errors
    /// The record cannot be read.
    pub(crate) fn find(&self, scope: &Scope) -> Result<Option<(u8, Entry)>, StoreFault> {
        let record = self.records().find(|record| record.is_of(scope));
        let found = record.map(|record| Some((record.way(), record.entry()?)));
        found.map(|entry| entry.ok_or(StoreFault::Damaged)).transpose()
    }

    /// Removes expired keys, and returns the slots and fences of those with an answer.
    ///
    /// # Errors
    /// An expired record cannot be read.
    pub(crate) fn purge(&mut self, now: u64) -> Result<Vec<(u8, Fence)>, StoreFault> {
        let mut ways = Vec::new();
        while let Some(at) = self.position(|record| record.expires() <= now) {
            let record = self.records().nth(at);
            let gone = record.and_then(|record| Some((record.way(), record.entry()?)));
            let (way, entry) = gone.ok_or(StoreFault::Damaged)?;
            if entry.answer_bytes() > 0 {
                ways.push((way, entry.fence));
            }
            self.take_out(at);
        }
        Ok(ways)
    }

    /// Writes an entry and the last fence, and returns the number of the entry's slot.
    ///
    /// # Errors
    /// There is no free slot.
    pub(crate) fn put(
        &mut self,
        scope: &Scope,
        entry: &Entry,
        fence: Fence,
    ) -> Result<u8, StoreFault> {
        let at = self.position(|record| record.is_of(scope));
        let way = match at.and_then(|at| self.records().nth(at)) {
            Some(record) => record.way(),
            None => self.free_way().ok_or(StoreFault::Full)?,
        };
        let mut out = Writer::default();
        out.u8(way).array(&scope.0).u64(entry.expires);
        entry.write(&mut out);
        let record = out.done();
        let place = at.and_then(|at| self.0.get_mut(HEAD + at * RECORD..)?.get_mut(..RECORD));
        match place {
            Some(place) => place.copy_from_slice(&record),
            None => self.0.extend_from_slice(&record),
        }
        if let Some(last) = self.0.get_mut(1..HEAD) {
            last.copy_from_slice(&fence.0.to_be_bytes());
        }
        Ok(way)
    }

    /// Removes a key.
    pub(crate) fn remove(&mut self, scope: &Scope) {
        if let Some(at) = self.position(|record| record.is_of(scope)) {
            self.take_out(at);
        }
    }

    /// If there are `most` keys whose scopes begin with `owner`, removes the one that expires first.
    pub(crate) fn make_room(&mut self, owner: &[u8; 8], most: usize) {
        let of = |record: &Record<'_>| record.0.get(1..9) == Some(owner);
        let own = self.records().enumerate().filter(|(_, record)| of(record));
        if own.clone().count() >= most {
            if let Some((at, _)) = own.min_by_key(|(_, record)| record.expires()) {
                self.take_out(at);
            }
        }
    }

    /// Number of keys.
    pub(crate) fn keys(&self) -> usize {
        self.records().len()
    }

    /// Bytes of the answers that are kept for its keys.
    pub(crate) fn answer_bytes(&self) -> usize {
        let entries = self.records().map(|record| record.0.get(41..).unwrap_or_default());
        entries.map(Entry::written_answer_bytes).sum()
    }

    fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone {
        self.0.get(HEAD..).unwrap_or_default().chunks_exact(RECORD).map(Record)
    }

    fn position(&self, wanted: impl Fn(Record<'_>) -> bool) -> Option<usize> {
        self.records().position(wanted)
    }

    fn free_way(&self) -> Option<u8> {
        (0..BUCKET_SLOTS as u8).find(|way| self.records().all(|record| record.way() != *way))
    }

    /// Removes a record; the last one takes its place.
    fn take_out(&mut self, at: usize) {
        let last = self.0.len() - RECORD;
        self.0.copy_within(last.., HEAD + at * RECORD);
        self.0.truncate(last);
    }
}

impl Record<'_> {
    fn way(self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    fn is_of(self, scope: &Scope) -> bool {
        self.0.get(1..33) == Some(&scope.0)
    }

    /// In nanoseconds since the epoch.
    fn expires(self) -> u64 {
        number_at(self.0, 33)
    }

    fn entry(self) -> Option<Entry> {
        Entry::read(self.expires(), &mut Reader::new(self.0.get(41..)?))
    }
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
