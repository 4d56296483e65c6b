//! The embedded store: a fixed number of slots in the gateway's shared data, for one node.
//!
//! Shared data has no deletion, no expiry and no listing, so nothing is stored under names that a client
//! could choose. Slots lie in buckets; a bucket is one value, so that each operation on it is one
//! compare-and-swap. Bodies lie beside it, one value for each slot, and count only if they have the
//! fence and the length that the bucket has. What a restart of the gateway loses is all of it.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use policy_kit::{Fault, Host};

use crate::bucket::{Bucket, WAYS};
use crate::bytes::Writer;
use crate::names::STORE;
use crate::scope::digest;
use crate::store::End;
use crate::{step, Answer, Entry, Fence, Kept, Op, Reply, Scatter, Scope, Settled, Step};

/// How often an operation is tried where other workers are faster.
const TRIES: usize = 32;
/// Whose answer it is, before the answer.
const HOLDER: usize = 8;

/// How much the store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Keys, rounded up to whole buckets of 32.
    pub slots: usize,
    /// Bytes of answers in all. Each bucket has its part, which has room for one of the longest.
    pub bytes: u64,
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
    /// Set while there are as many bytes of answers as there may be, in all buckets together.
    crowded: Rc<Cell<bool>>,
}

/// Where a key lies, and what lies there.
pub(crate) struct Place<'a> {
    number: u64,
    bucket: &'a Bucket,
    /// The number of its slot, and how it stands.
    held: Option<&'a (u8, Entry)>,
}

impl Slots {
    /// A store of its own for each `name` and number of buckets: two that share both share their keys.
    pub fn new(name: &str, limits: Limits, scatter: Scatter) -> Self {
        let buckets = limits.slots.div_ceil(WAYS).max(1) as u64;
        let part = usize::try_from(limits.bytes / buckets).unwrap_or(usize::MAX);
        Self {
            prefix: format!("{STORE}.{name}.{buckets}"),
            scatter,
            buckets,
            bucket_bytes: part.max(limits.answer),
            answer_bytes: limits.answer,
            crowded: Rc::default(),
        }
    }

    /// How many buckets there are.
    pub(crate) fn buckets(&self) -> u64 {
        self.buckets
    }

    /// Keys and bytes of answers in a bucket; what has expired is taken out of it.
    ///
    /// # Errors
    /// The bucket is as it was, as far as can be told.
    pub(crate) fn sweep(
        &self,
        host: &mut dyn Host,
        number: u64,
        now: u64,
    ) -> Result<(usize, usize), StoreFault> {
        let name = self.bucket_name(number);
        let (mut bucket, version) = load(host, &name)?;
        let held = bucket.keys();
        let expired = bucket.purge(now)?;
        if bucket.keys() < held {
            // Whoever is faster sweeps it, too.
            let written = host.set_shared(&name, bucket.value(), version);
            if written.map_err(StoreFault::Gateway)? {
                self.empty(host, number, &expired);
            }
        }
        Ok((bucket.keys(), bucket.kept()))
    }

    /// Says whether there are as many bytes of answers as there may be: then no more are kept.
    pub(crate) fn set_crowded(&self, crowded: bool) {
        self.crowded.set(crowded);
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
        self.change(host, scope, now, |_, _| op.clone()).map(|(reply, _)| reply)
    }

    /// The same, where what is asked depends on what is there; and where the answer of the key is.
    pub(crate) fn change(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        now: u64,
        op: impl Fn(&mut dyn Host, &Place<'_>) -> Op,
    ) -> Result<(Reply, Option<u8>), StoreFault> {
        let number = self.bucket_of(scope);
        let name = self.bucket_name(number);
        for _ in 0..TRIES {
            let (mut bucket, version) = load(host, &name)?;
            let expired = bucket.purge(now)?;
            let held = bucket.find(scope)?;
            let op = op(host, &Place { number, bucket: &bucket, held: held.as_ref() });
            let next = bucket.next_fence();
            let (reply, way) = match step(held.as_ref().map(|(_, entry)| entry), &op, now, next) {
                Step::Say(reply) => return Ok((reply, held.map(|(way, _)| way))),
                Step::Put(entry, reply) => (reply, Some(bucket.put(scope, &entry, next)?)),
                Step::Remove(reply) => {
                    bucket.remove(scope);
                    (reply, None)
                }
            };
            let written = host.set_shared(&name, bucket.value(), version);
            if written.map_err(StoreFault::Gateway)? {
                self.empty(host, number, &expired);
                return Ok((reply, way));
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
        let mut value = Writer::default();
        value.u64(fence.0);
        answer.write(&mut value);
        let value = value.done();
        let bytes = value.get(HOLDER..).unwrap_or_default();
        if bytes.len() > self.answer_bytes {
            return Settled::Oversize { status: answer.status };
        }
        let used = place.bucket.kept();
        let has_room = |length| !self.crowded.get() && used + length <= self.bucket_bytes;
        let claimed = place.held.filter(|(_, entry)| entry.fence == fence);
        let there = claimed.filter(|_| has_room(bytes.len())).and_then(|(way, _)| {
            let name = self.body_name(place.number, *way);
            keep_body(host, &name, fence, &value, answer.status)
        });
        let is_there = there.is_some();
        // Another's may be longer than ours.
        let (status, bytes) = there.unwrap_or((answer.status, Cow::Borrowed(bytes)));
        let kept = match u32::try_from(bytes.len()) {
            Ok(length) if is_there && has_room(bytes.len()) => Kept::Whole(length),
            _ => Kept::Digest(digest(b"answer", &[&bytes])),
        };
        Settled::Completed { status, kept }
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
        let (holder, bytes) = value.split_first_chunk::<HOLDER>()?;
        let whole = u32::try_from(bytes.len()) == Ok(length);
        (whole && fence_of(holder) == fence).then(|| Answer::read(bytes)).flatten()
    }

    fn bucket_of(&self, scope: &Scope) -> u64 {
        self.scatter.bucket(&scope.0, self.buckets)
    }

    fn bucket_name(&self, place: u64) -> String {
        format!("{}.{place}", self.prefix)
    }

    fn body_name(&self, place: u64, way: u8) -> String {
        format!("{}.{place}.{way}", self.prefix)
    }

    /// Gives the bytes of answers back that nobody can ask for any more. One that fails stays until its
    /// slot is used again.
    fn empty(&self, host: &mut dyn Host, place: u64, expired: &[(u8, Fence)]) {
        for (way, fence) in expired {
            let name = self.body_name(place, *way);
            let Ok(Some((held, version))) = host.shared(&name) else { continue };
            let holder = held.first_chunk::<HOLDER>().map(fence_of);
            if holder.is_some_and(|holder| holder > *fence) {
                continue;
            }
            // Somebody who was faster has put a later answer there.
            let _ = host.set_shared(&name, &fence.0.to_be_bytes(), Some(version));
        }
    }
}

pub(crate) fn load(host: &mut dyn Host, name: &str) -> Result<(Bucket, Option<u32>), StoreFault> {
    match host.shared(name).map_err(StoreFault::Gateway)? {
        None => Ok((Bucket::new(), None)),
        Some((value, version)) => {
            Ok((Bucket::of(value).ok_or(StoreFault::Damaged)?, Some(version)))
        }
    }
}

/// Writes the answer of a claim into its slot, unless one of it is there, or of a later claim: whoever
/// lost its claim must not spoil what others rely on. The claim's answer that is there then, and its
/// status.
fn keep_body<'v>(
    host: &mut dyn Host,
    name: &str,
    fence: Fence,
    value: &'v [u8],
    status: u16,
) -> Option<(u16, Cow<'v, [u8]>)> {
    for _ in 0..TRIES {
        let there = host.shared(name).ok()?;
        let held = there.as_ref().and_then(|(held, _)| held.split_first_chunk::<HOLDER>());
        match held.map(|(holder, bytes)| (fence_of(holder), bytes)) {
            Some((holder, _)) if holder > fence => return None,
            Some((holder, bytes)) if holder == fence => {
                if let Some(first) = Answer::read(bytes) {
                    return Some((first.status, Cow::Owned(bytes.to_vec())));
                }
            }
            _ => {}
        }
        if host.set_shared(name, value, there.map(|(_, version)| version)).ok()? {
            return Some((status, Cow::Borrowed(value.get(HOLDER..)?)));
        }
    }
    None
}

fn fence_of(holder: &[u8; HOLDER]) -> Fence {
    Fence(u64::from_be_bytes(*holder))
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
