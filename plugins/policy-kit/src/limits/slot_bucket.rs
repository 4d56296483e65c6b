//! A bucket of slots, as it lies in memory or in shared data. It is read and changed in place: most of what is in a
//! bucket belongs to other keys.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | the form, 1 |
//! | 8 | the floor: the latest time of all keys that had to leave |
//! | for each slot: 8 | the key's hash |
//! | 8 | until when the slot is in use |
//! | `extra` | what else its owner keeps |
//!
//! All numbers are little-endian.

/// Slots of one bucket.
pub const SLOT_WAYS: usize = 16;
const FORM: u8 = 1;
const HEAD: usize = 9;
/// Hash and time.
const FIXED: usize = 16;

/// A bucket of at most [`SLOT_WAYS`] slots. In a full one a new key takes the slot that is in use for the shortest
/// time, and the floor rises to that time: a key without a slot starts at the floor, so that a key that lost its
/// slot gains nothing by that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotBucket {
    /// Empty for a bucket without keys.
    bytes: Vec<u8>,
    extra: usize,
}

impl SlotBucket {
    /// A bucket without keys, whose slots have `extra` bytes besides hash and time.
    pub const fn new(extra: usize) -> Self {
        Self { bytes: Vec::new(), extra }
    }

    /// Takes a value of shared data; `None` if it is no such bucket.
    #[inline]
    pub fn read(bytes: Vec<u8>, extra: usize) -> Option<Self> {
        let slots = bytes.len().checked_sub(HEAD)?;
        let width = FIXED + extra;
        let whole = slots.is_multiple_of(width) && slots / width <= SLOT_WAYS;
        (whole && bytes.first() == Some(&FORM)).then_some(Self { bytes, extra })
    }

    /// The value for shared data.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// From when on a key without a slot counts.
    #[inline]
    pub fn floor(&self) -> u64 {
        number(self.bytes.get(1..HEAD).unwrap_or_default())
    }

    /// Until when the key's slot is in use; the floor for a key that has none.
    #[inline]
    pub fn until(&self, id: u64) -> u64 {
        let slot = self.slots().find(|slot| number(slot) == id);
        slot.map_or_else(|| self.floor(), until_of)
    }

    /// What else the key's slot holds; `None` for a key that has none.
    pub fn extra(&self, id: u64) -> Option<&[u8]> {
        self.slots().find(|slot| number(slot) == id)?.get(FIXED..)
    }

    /// Whether the key has a slot.
    pub fn has(&self, id: u64) -> bool {
        self.slots().any(|slot| number(slot) == id)
    }

    /// Writes the key's slot. What `extra` lacks becomes zero.
    #[inline]
    pub fn put(&mut self, id: u64, until: u64, extra: &[u8]) {
        let width = FIXED + self.extra;
        if self.bytes.is_empty() {
            // Once for all that will ever be in it.
            self.bytes.reserve_exact(HEAD + width * SLOT_WAYS);
            self.bytes.push(FORM);
            self.bytes.extend_from_slice(&[0; 8]);
        }
        let (mut found, mut least, mut count) = (None, (u64::MAX, 0), 0);
        for slot in self.slots() {
            let until = until_of(slot);
            if number(slot) == id {
                found = Some(count);
                break;
            }
            if until < least.0 || count == 0 {
                least = (until, count);
            }
            count += 1;
        }
        let at = match found {
            Some(at) => at,
            None if count < SLOT_WAYS => {
                self.bytes.resize(self.bytes.len() + width, 0);
                count
            }
            None => {
                let floor = self.floor().max(least.0);
                write(self.bytes.get_mut(1..HEAD), &floor.to_le_bytes());
                least.1
            }
        };
        let Some(slot) = self.bytes.get_mut(HEAD + at * width..).and_then(|it| it.get_mut(..width))
        else {
            return;
        };
        let (fixed, rest) = slot.split_at_mut(FIXED);
        write(fixed.get_mut(..8), &id.to_le_bytes());
        write(fixed.get_mut(8..), &until.to_le_bytes());
        rest.fill(0);
        for (to, from) in rest.iter_mut().zip(extra) {
            *to = *from;
        }
    }

    /// Lowers all times to `most`, the floor as well: after a step of the clock backwards, later times mean nothing.
    pub fn cap(&mut self, most: u64) {
        let lower = |time: Option<&mut [u8]>| {
            let until = time.as_deref().map_or(0, number).min(most);
            write(time, &until.to_le_bytes());
        };
        lower(self.bytes.get_mut(1..HEAD));
        let slots = self.bytes.get_mut(HEAD..).unwrap_or_default();
        slots.chunks_exact_mut(FIXED + self.extra).for_each(|slot| lower(slot.get_mut(8..FIXED)));
    }

    #[inline]
    fn slots(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.get(HEAD..).unwrap_or_default().chunks_exact(FIXED + self.extra)
    }
}

#[inline]
fn until_of(slot: &[u8]) -> u64 {
    number(slot.get(8..).unwrap_or_default())
}

#[inline]
fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

#[inline]
fn write(to: Option<&mut [u8]>, from: &[u8; 8]) {
    if let Some(to) = to.and_then(|to| to.first_chunk_mut::<8>()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_full_bucket_gives_the_slot_that_is_free_first() {
        let mut bucket = SlotBucket::new(2);
        assert_eq!((bucket.until(0), bucket.floor(), bucket.has(0)), (0, 0, false));
        for id in 0..16 {
            bucket.put(id, 100 + id, &[1, id as u8]);
        }
        bucket.put(16, 500, &[7]);
        assert_eq!((bucket.has(0), bucket.floor(), bucket.until(0)), (false, 100, 100));
        assert_eq!((bucket.until(16), bucket.extra(16)), (500, Some(&[7, 0][..])));
        assert_eq!((bucket.until(9), bucket.extra(9)), (109, Some(&[1, 9][..])));
        bucket.put(9, 50, &[]);
        bucket.put(0, 501, &[]);
        assert_eq!((bucket.has(9), bucket.floor()), (false, 100), "the floor never falls");
        assert_eq!(bucket.bytes().len(), 9 + 16 * 18);
        let again = SlotBucket::read(bucket.bytes().to_vec(), 2);
        assert_eq!(again, Some(bucket));
    }

    #[test]
    fn later_times_are_lowered() {
        let mut bucket = SlotBucket::new(1);
        (0..18).for_each(|id| bucket.put(id, 100 + id, &[id as u8]));
        bucket.cap(110);
        assert_eq!((bucket.until(5), bucket.until(17), bucket.floor()), (105, 110, 101));
        bucket.cap(50);
        assert_eq!((bucket.until(5), bucket.until(17), bucket.floor()), (50, 50, 50));
        assert_eq!(bucket.extra(17), Some(&[17][..]));
        let mut empty = SlotBucket::new(1);
        empty.cap(50);
        assert_eq!(empty, SlotBucket::new(1));
    }

    #[test]
    fn other_values_are_no_buckets() {
        let mut bucket = SlotBucket::new(0);
        (0..16).for_each(|id| bucket.put(id, 1, &[]));
        let value = bucket.bytes();
        let long = [value, &[0; 16]].concat();
        let other = [&[2], &value[1..]].concat();
        for (value, extra, want) in [
            (value, 0, true),
            (&value[..9], 0, true),
            (&value[..25], 0, true),
            (&value[..24], 0, false),
            (&value[..8], 0, false),
            (b"", 0, false),
            (value, 1, false),
            (&long, 0, false),
            (&other, 0, false),
        ] {
            assert_eq!(SlotBucket::read(value.to_vec(), extra).is_some(), want, "{}", value.len());
        }
    }

    proptest! {
        /// Compared with a map that forgets nothing: no key's time ever falls by being forgotten.
        #[test]
        fn no_key_gains_by_losing_its_slot(
            puts in prop::collection::vec((0u64..40, 1u64..1_000), 1..200),
        ) {
            let (mut bucket, mut exact) = (SlotBucket::new(0), BTreeMap::new());
            for (id, more) in puts {
                let until = bucket.until(id) + more;
                bucket.put(id, until, &[]);
                exact.insert(id, until);
                for (id, until) in &exact {
                    prop_assert!(bucket.until(*id) >= *until);
                    prop_assert!(!bucket.has(*id) || bucket.until(*id) == *until);
                }
                prop_assert!(bucket.bytes().len() <= 9 + 16 * 16);
            }
        }
    }
}
