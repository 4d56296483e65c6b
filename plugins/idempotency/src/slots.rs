//! The embedded store: a fixed number of slots in the gateway's shared data, for one node.
//!
//! Shared data has no deletion, no expiry and no listing, so nothing is stored under names that a client
//! could choose. Slots lie in buckets; a bucket is one value, so that each operation on it is one
//! compare-and-swap. Bodies lie beside it, one value for each slot, and count only if they have the
//! fence and the length that the bucket has. What a restart of the gateway loses is all of it.

use policy_kit::{Fault, Host};

use crate::bytes::{Reader, Writer};
use crate::store::End;
use crate::{step, Answer, Entry, Fence, Op, Reply, Scatter, Scope, Settled, State, Step};

/// Slots of one bucket. More of them fill more evenly, and cost more bytes to read and write. With a
/// third of all slots in use one new key in ten million finds its bucket full, with half of them one in
/// 3,600 (of 16 to a bucket it would be one in 7,000, and in 120).
pub(crate) const WAYS: usize = 32;
/// First byte of a bucket: what follows is in this form.
const FORM: u8 = 1;
/// How often an operation is tried where other workers are faster.
const TRIES: usize = 32;

/// How much the store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Keys, rounded up to whole buckets of 32.
    pub slots: usize,
    /// Bytes of answers in all; each bucket has its part.
    pub bytes: usize,
    /// Bytes of one answer, headers included.
    pub answer: usize,
}

/// Why the store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// No slot is free, and nothing that has not expired is ever evicted.
    Full,
    /// Other workers were faster, over and over.
    Contended,
    /// What is there is not what this store writes.
    Damaged,
    /// The gateway failed.
    Gateway(Fault),
}

/// The store.
#[derive(Clone, Debug)]
pub struct Slots {
    prefix: String,
    scatter: Scatter,
    buckets: u64,
    bucket_bytes: usize,
    answer_bytes: usize,
}

/// One bucket: the next fence, and what is in its slots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    fences: u64,
    used: Vec<(u8, Scope, Entry)>,
}

/// Where a key lies, and what lies there.
pub(crate) struct Place<'a> {
    number: u64,
    bucket: &'a Bucket,
    scope: &'a Scope,
}

impl Slots {
    /// A store of its own for each `name` and number of slots: two that share both share their keys.
    pub fn new(name: &str, limits: Limits, scatter: Scatter) -> Self {
        let buckets = limits.slots.div_ceil(WAYS).max(1);
        Self {
            prefix: format!("pitboss.idempotency.1.{name}.{buckets}"),
            scatter,
            buckets: buckets as u64,
            bucket_bytes: limits.bytes / buckets,
            answer_bytes: limits.answer,
        }
    }

    /// Asks about a key, or changes how it stands, at `now` in nanoseconds since the epoch.
    ///
    /// # Errors
    /// Nothing was changed, as far as can be told.
    pub fn apply(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        op: &Op,
        now: u64,
    ) -> Result<Reply, StoreFault> {
        self.change(host, scope, now, |_, _| Ok(op.clone())).map(|(reply, _)| reply)
    }

    /// The same, where what is asked depends on what is there; and where the answer of the key is.
    pub(crate) fn change(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        now: u64,
        op: impl Fn(&mut dyn Host, &Place<'_>) -> Result<Op, StoreFault>,
    ) -> Result<(Reply, Option<u8>), StoreFault> {
        let number = self.bucket_of(scope);
        for _ in 0..TRIES {
            let (mut bucket, version) = self.load(host, number)?;
            let expired = bucket.purge(now);
            let op = op(host, &Place { number, bucket: &bucket, scope })?;
            let next = Fence(bucket.fences.saturating_add(1));
            let (reply, written) = match step(bucket.entry(scope), &op, now, next) {
                Step::Say(reply) => (reply, false),
                Step::Put(entry, reply) => {
                    bucket.put(scope, self.fitted(*entry, &bucket))?;
                    bucket.fences = next.0;
                    (reply, true)
                }
                Step::Remove(reply) => {
                    bucket.used.retain(|(_, other, _)| other != scope);
                    (reply, true)
                }
            };
            if !written {
                return Ok((reply, bucket.way(scope)));
            }
            if self.store(host, number, &bucket, version)? {
                self.empty(host, number, &expired);
                return Ok((reply, bucket.way(scope)));
            }
        }
        Err(StoreFault::Contended)
    }

    /// Puts the answer of a claim where it is kept, before the claim is settled: what is to be written of
    /// it then. Where it is too long, or the store has no room for it, its status and digest are kept
    /// alone. Where somebody else was first to keep an answer of this very claim, that one counts: both
    /// may be about to settle it, and whoever succeeds must speak of what is there.
    pub(crate) fn keep(
        &self,
        host: &mut dyn Host,
        place: &Place<'_>,
        fence: Fence,
        end: &End,
    ) -> Settled {
        let answer = match end {
            End::Answered(answer) => answer,
            End::Oversize { status } => return Settled::Oversize { status: *status },
            End::Unknown => return Settled::Unknown,
        };
        let length = answer.to_bytes().len();
        if length > self.answer_bytes {
            return Settled::Oversize { status: answer.status };
        }
        let claimed = place.bucket.entry(place.scope).is_some_and(|entry| entry.fence == fence);
        let way = place.bucket.way(place.scope).filter(|_| claimed);
        let kept = match way {
            Some(way) if place.bucket.kept() + length <= self.bucket_bytes => {
                self.keep_body(host, place.number, way, fence, answer)
            }
            _ => None,
        };
        match kept {
            None => {
                Settled::Completed { status: answer.status, digest: answer.digest(), kept: None }
            }
            Some(there) => Settled::Completed {
                status: there.status,
                digest: there.digest(),
                kept: Some(u32::try_from(there.to_bytes().len()).unwrap_or(u32::MAX)),
            },
        }
    }

    /// The answer that was kept of a claim, if what is there is of that claim and of that length.
    pub(crate) fn answer(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        way: u8,
        fence: Fence,
        length: u32,
    ) -> Option<Answer> {
        let name = self.body_name(self.bucket_of(scope), way);
        let (value, _) = host.shared(&name).ok()??;
        let (holder, bytes) = value.split_first_chunk::<8>()?;
        let whole = u32::try_from(bytes.len()) == Ok(length);
        (whole && fence_of(holder) == fence).then(|| Answer::from_bytes(bytes)).flatten()
    }

    fn bucket_of(&self, scope: &Scope) -> u64 {
        self.scatter.bucket(scope, self.buckets)
    }

    fn bucket_name(&self, place: u64) -> String {
        format!("{}.{place}", self.prefix)
    }

    fn body_name(&self, place: u64, way: u8) -> String {
        format!("{}.{place}.{way}", self.prefix)
    }

    /// An entry whose answer has room beside those of the others, or the entry without it.
    fn fitted(&self, entry: Entry, bucket: &Bucket) -> Entry {
        match entry.state {
            State::Settled(Settled::Completed { status, digest, kept: Some(length) })
                if bucket.kept() + length as usize > self.bucket_bytes =>
            {
                let settled = Settled::Completed { status, digest, kept: None };
                Entry { state: State::Settled(settled), ..entry }
            }
            _ => entry,
        }
    }

    fn load(&self, host: &mut dyn Host, place: u64) -> Result<(Bucket, Option<u32>), StoreFault> {
        match host.shared(&self.bucket_name(place)).map_err(StoreFault::Gateway)? {
            None => Ok((Bucket::default(), None)),
            Some((value, version)) => {
                let bucket = Bucket::read(&value).ok_or(StoreFault::Damaged)?;
                Ok((bucket, Some(version)))
            }
        }
    }

    fn store(
        &self,
        host: &mut dyn Host,
        place: u64,
        bucket: &Bucket,
        version: Option<u32>,
    ) -> Result<bool, StoreFault> {
        host.set_shared(&self.bucket_name(place), &bucket.write(), version)
            .map_err(StoreFault::Gateway)
    }

    /// Writes the answer of a claim into its slot, unless one of it is there, or of a later claim: whoever
    /// lost its claim must not spoil what others rely on. Which answer of the claim is there then.
    fn keep_body(
        &self,
        host: &mut dyn Host,
        place: u64,
        way: u8,
        fence: Fence,
        answer: &Answer,
    ) -> Option<Answer> {
        let name = self.body_name(place, way);
        let value = [&fence.0.to_be_bytes(), answer.to_bytes().as_slice()].concat();
        for _ in 0..TRIES {
            let there = host.shared(&name).ok()?;
            let held = there.as_ref().and_then(|(held, _)| held.split_first_chunk::<8>());
            match held.map(|(holder, bytes)| (fence_of(holder), bytes)) {
                Some((holder, _)) if holder > fence => return None,
                Some((holder, bytes)) if holder == fence => {
                    let first = Answer::from_bytes(bytes);
                    if first.is_some() {
                        return first;
                    }
                }
                _ => {}
            }
            if host.set_shared(&name, &value, there.map(|(_, version)| version)).ok()? {
                return Some(answer.clone());
            }
        }
        None
    }

    /// Gives the bytes of answers back that nobody can ask for any more. One that fails stays until its
    /// slot is used again.
    fn empty(&self, host: &mut dyn Host, place: u64, expired: &[(u8, Fence)]) {
        for (way, fence) in expired {
            let name = self.body_name(place, *way);
            let Ok(Some((held, version))) = host.shared(&name) else { continue };
            let holder = held.first_chunk::<8>().map(fence_of);
            if holder.is_some_and(|holder| holder > *fence) {
                continue;
            }
            // Somebody who was faster has put a later answer there.
            let _ = host.set_shared(&name, &fence.0.to_be_bytes(), Some(version));
        }
    }
}

fn fence_of(holder: &[u8; 8]) -> Fence {
    Fence(u64::from_be_bytes(*holder))
}

impl Bucket {
    fn way(&self, scope: &Scope) -> Option<u8> {
        self.used.iter().find(|(_, other, _)| other == scope).map(|(way, ..)| *way)
    }

    fn entry(&self, scope: &Scope) -> Option<&Entry> {
        self.used.iter().find(|(_, other, _)| other == scope).map(|(.., entry)| entry)
    }

    /// Takes out what has expired, and tells where answers were kept, and whose.
    fn purge(&mut self, now: u64) -> Vec<(u8, Fence)> {
        let kept = |entry: &Entry| {
            matches!(entry.state, State::Settled(Settled::Completed { kept: Some(_), .. }))
        };
        let expired = self.used.iter().filter(|(.., entry)| entry.expires <= now);
        let ways = expired.filter(|(.., entry)| kept(entry));
        let ways = ways.map(|(way, _, entry)| (*way, entry.fence)).collect();
        self.used.retain(|(.., entry)| entry.expires > now);
        ways
    }

    fn put(&mut self, scope: &Scope, entry: Entry) -> Result<(), StoreFault> {
        if let Some((.., there)) = self.used.iter_mut().find(|(_, other, _)| other == scope) {
            *there = entry;
            return Ok(());
        }
        let free = (0..WAYS as u8).find(|way| self.used.iter().all(|(used, ..)| used != way));
        self.used.push((free.ok_or(StoreFault::Full)?, *scope, entry));
        Ok(())
    }

    /// Bytes of answers that are kept.
    fn kept(&self) -> usize {
        let length = |entry: &Entry| match entry.state {
            State::Settled(Settled::Completed { kept: Some(length), .. }) => length as usize,
            _ => 0,
        };
        self.used.iter().map(|(.., entry)| length(entry)).sum()
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(FORM).u64(self.fences);
        for (way, scope, entry) in &self.used {
            out.u8(*way).array(&scope.0);
            entry.write(&mut out);
        }
        out.done()
    }

    fn read(value: &[u8]) -> Option<Self> {
        let mut from = Reader::new(value);
        if from.u8()? != FORM {
            return None;
        }
        let mut bucket = Self { fences: from.u64()?, used: Vec::new() };
        while !from.is_empty() {
            let (way, scope) = (from.u8()?, Scope(from.array()?));
            bucket.used.push((way, scope, Entry::read(&mut from)?));
        }
        Some(bucket)
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
