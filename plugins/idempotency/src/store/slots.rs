//! The embedded store: a fixed number of slots in the gateway's shared data, for one node.
//!
//! Shared data has no deletion, no expiry and no listing, so no client may choose a name in it. Slots lie
//! in buckets; a bucket is one value, so that each operation on it is one compare-and-swap. Answers lie
//! beside it, one value for each slot, and count only if their fence and length are those of the bucket.
//! A restart of the gateway loses everything.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use policy_kit::{BucketSeed, Host};

use crate::names::STORE;
use crate::policy::answer::Answer;
use crate::policy::capacity::{Limits, BUCKET_SLOTS};
use crate::policy::identity::{digest, Part, PerPart, Scope};
use crate::policy::outcome::Outcome;
use crate::store::bucket::{load, Bucket};
use crate::store::machine::{transition, Entry, KeptAnswer, KeptBody, Transition};
use crate::store::port::{Command, Fence, Response, Store, StoreFault, StoreStep};
use crate::store::record::Writer;

/// How often a compare-and-swap is tried.
const TRIES: usize = 32;
/// Bytes of the fence that precedes an answer.
const FENCE: usize = 8;

/// The store of this node: players and partners have slots of their own.
#[derive(Clone, Debug)]
pub struct Embedded(PerPart<Slots>);

/// The slots of one part.
#[derive(Clone, Debug)]
pub struct Slots {
    prefix: String,
    seed: BucketSeed,
    buckets: u64,
    bucket_bytes: usize,
    answer_bytes: usize,
    /// Whether all buckets together hold as many bytes of answers as they may.
    out_of_bytes: Rc<Cell<bool>>,
}

/// The slot of a key.
pub(crate) struct SlotRef<'a> {
    bucket_number: u64,
    bucket: &'a Bucket,
    /// The number of the slot within its bucket and its entry, if the key has one.
    held: Option<&'a (u8, Entry)>,
}

impl Embedded {
    /// The store `name`. Two stores of the same name and limits share their keys.
    pub fn new(name: &str, limits: &PerPart<Limits>, seed: BucketSeed) -> Self {
        let part =
            |part: Part| Slots::new(&format!("{name}.{}", part.name()), *limits.of(part), seed);
        Self(PerPart::new(part))
    }

    /// The slots of a part.
    pub(crate) fn part(&self, part: Part) -> &Slots {
        self.0.of(part)
    }
}

impl Store for Embedded {
    fn execute(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        command: &Command<Answer>,
        now: u64,
    ) -> StoreStep {
        self.part(scope.part()).execute(host, scope, command, now)
    }
}

impl Store for Slots {
    fn execute(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        command: &Command<Answer>,
        now: u64,
    ) -> StoreStep {
        let changed = self.change(host, scope, now, |host, slot| {
            command.map_answer(|fence, answer| self.keep(host, slot, fence, answer))
        });
        StoreStep::Done(changed.map(|(response, way)| {
            response.map_answer(|fence, KeptAnswer { status, body }| {
                let answer = match (body, way) {
                    (KeptBody::Whole(length), Some(way)) => {
                        self.answer(host, scope, way, fence, length)
                    }
                    _ => None,
                };
                answer.map_or(Outcome::NotKept { status }, Outcome::Completed)
            })
        }))
    }
}

impl Slots {
    /// The slots `name`. Two of the same name and number of buckets share their keys.
    pub fn new(name: &str, limits: Limits, seed: BucketSeed) -> Self {
        let buckets = limits.slots.div_ceil(BUCKET_SLOTS).max(1) as u64;
        let part = usize::try_from(limits.bytes / buckets).unwrap_or(usize::MAX);
        Self {
            prefix: format!("{STORE}.{name}.{buckets}"),
            seed,
            buckets,
            bucket_bytes: part.max(limits.answer),
            answer_bytes: limits.answer,
            out_of_bytes: Rc::default(),
        }
    }

    /// Number of buckets.
    pub(crate) fn buckets(&self) -> u64 {
        self.buckets
    }

    /// Removes the expired keys of a bucket, and counts its keys and bytes of answers.
    ///
    /// # Errors
    /// The bucket was probably not changed.
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
            // A worker that was faster removes them, too.
            let written = host.set_shared(&name, bucket.value(), version);
            if written.map_err(StoreFault::Gateway)? {
                self.drop_answers(host, number, &expired);
            }
        }
        Ok((bucket.keys(), bucket.answer_bytes()))
    }

    /// Sets whether all bytes of answers are in use: then only digests are kept.
    pub(crate) fn set_out_of_bytes(&self, out_of_bytes: bool) {
        self.out_of_bytes.set(out_of_bytes);
    }

    /// Applies a command to a key at `now`, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// Probably nothing was changed.
    pub fn apply(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        command: &Command<KeptAnswer>,
        now: u64,
    ) -> Result<Response<KeptAnswer>, StoreFault> {
        self.change(host, scope, now, |_, _| command.clone()).map(|(response, _)| response)
    }

    /// The same, where the command depends on the slot. Returns the number of the slot, too.
    fn change(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        now: u64,
        command: impl Fn(&mut dyn Host, &SlotRef<'_>) -> Command<KeptAnswer>,
    ) -> Result<(Response<KeptAnswer>, Option<u8>), StoreFault> {
        let bucket_number = self.bucket_of(scope);
        let name = self.bucket_name(bucket_number);
        for _ in 0..TRIES {
            let (mut bucket, version) = load(host, &name)?;
            let expired = bucket.purge(now)?;
            let held = bucket.find(scope)?;
            let slot = SlotRef { bucket_number, bucket: &bucket, held: held.as_ref() };
            let command = command(host, &slot);
            let next = bucket.next_fence();
            let entry = held.as_ref().map(|(_, entry)| entry);
            let (response, way) = match transition(entry, &command, now, next) {
                Transition::Unchanged(response) => {
                    return Ok((response, held.map(|(way, _)| way)));
                }
                Transition::Put(entry, response) => {
                    (response, Some(bucket.put(scope, &entry, next)?))
                }
                Transition::Remove(response) => {
                    bucket.remove(scope);
                    (response, None)
                }
            };
            let written = host.set_shared(&name, bucket.value(), version);
            if written.map_err(StoreFault::Gateway)? {
                self.drop_answers(host, bucket_number, &expired);
                return Ok((response, way));
            }
        }
        Err(StoreFault::Contended)
    }

    /// Writes the answer of a claim to its slot, before the claim is settled. An answer that is too long
    /// is not kept; one that the store has no room for is kept as status and digest.
    ///
    /// If another worker has kept an answer of this very claim, that one counts: both may be about to
    /// settle it, and the one that succeeds must record what is stored.
    fn keep(
        &self,
        host: &mut dyn Host,
        slot: &SlotRef<'_>,
        fence: Fence,
        answer: &Answer,
    ) -> Outcome<KeptAnswer> {
        let mut value = Writer::default();
        value.u64(fence.0);
        answer.write(&mut value);
        let value = value.done();
        let bytes = value.get(FENCE..).unwrap_or_default();
        if bytes.len() > self.answer_bytes {
            return Outcome::NotKept { status: answer.status };
        }
        let used = slot.bucket.answer_bytes();
        let has_room = |length| !self.out_of_bytes.get() && used + length <= self.bucket_bytes;
        let claimed = slot.held.filter(|(_, entry)| entry.fence == fence);
        let stored = claimed.filter(|_| has_room(bytes.len())).and_then(|(way, _)| {
            let name = self.answer_name(slot.bucket_number, *way);
            keep_answer(host, &name, fence, &value, answer.status)
        });
        let is_stored = stored.is_some();
        // Another worker's answer may be longer.
        let (status, bytes) = stored.unwrap_or((answer.status, Cow::Borrowed(bytes)));
        let body = match u32::try_from(bytes.len()) {
            Ok(length) if is_stored && has_room(bytes.len()) => KeptBody::Whole(length),
            _ => KeptBody::Digest(digest(b"answer", &[&bytes])),
        };
        Outcome::Completed(KeptAnswer { status, body })
    }

    /// The stored answer of a claim, if its fence and length are these.
    fn answer(
        &self,
        host: &mut dyn Host,
        scope: &Scope,
        way: u8,
        fence: Fence,
        length: u32,
    ) -> Option<Answer> {
        let name = self.answer_name(self.bucket_of(scope), way);
        let (value, _) = host.shared(&name).ok()??;
        let (holder, bytes) = value.split_first_chunk::<FENCE>()?;
        let whole = u32::try_from(bytes.len()) == Ok(length);
        (whole && fence_of(holder) == fence).then(|| Answer::read(bytes)).flatten()
    }

    fn bucket_of(&self, scope: &Scope) -> u64 {
        self.seed.bucket(&scope.0, self.buckets)
    }

    fn bucket_name(&self, bucket: u64) -> String {
        format!("{}.{bucket}", self.prefix)
    }

    fn answer_name(&self, bucket: u64, way: u8) -> String {
        format!("{}.{bucket}.{way}", self.prefix)
    }

    /// Frees the bytes of expired answers. What cannot be freed stays until its slot is used again.
    fn drop_answers(&self, host: &mut dyn Host, bucket: u64, expired: &[(u8, Fence)]) {
        for (way, fence) in expired {
            let name = self.answer_name(bucket, *way);
            let Ok(Some((held, version))) = host.shared(&name) else { continue };
            let holder = held.first_chunk::<FENCE>().map(fence_of);
            if holder.is_some_and(|holder| holder > *fence) {
                continue;
            }
            // A failure means that another worker has stored a later answer.
            let _ = host.set_shared(&name, &fence.0.to_be_bytes(), Some(version));
        }
    }
}

/// Writes the answer of a claim to its slot, unless the slot has an answer of this claim or a later one:
/// the holder of a superseded claim must not overwrite it. Returns the claim's stored answer and status.
fn keep_answer<'v>(
    host: &mut dyn Host,
    name: &str,
    fence: Fence,
    value: &'v [u8],
    status: u16,
) -> Option<(u16, Cow<'v, [u8]>)> {
    for _ in 0..TRIES {
        let stored = host.shared(name).ok()?;
        let held = stored.as_ref().and_then(|(held, _)| held.split_first_chunk::<FENCE>());
        match held.map(|(holder, bytes)| (fence_of(holder), bytes)) {
            Some((holder, _)) if holder > fence => return None,
            Some((holder, bytes)) if holder == fence => {
                if let Some(first) = Answer::read(bytes) {
                    return Some((first.status, Cow::Owned(bytes.to_vec())));
                }
            }
            _ => {}
        }
        if host.set_shared(name, value, stored.map(|(_, version)| version)).ok()? {
            return Some((status, Cow::Borrowed(value.get(FENCE..)?)));
        }
    }
    None
}

fn fence_of(holder: &[u8; FENCE]) -> Fence {
    Fence(u64::from_be_bytes(*holder))
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
