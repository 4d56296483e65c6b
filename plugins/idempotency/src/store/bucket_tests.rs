//! A bucket against a plain list.

use proptest::prelude::*;

use super::*;
use crate::policy::identity::Fingerprint;
use crate::policy::outcome::Outcome;
use crate::store::machine::{KeptAnswer, KeptBody, KeyState};

fn scope(number: u8) -> Scope {
    Scope([number; 32])
}

fn entry(expires: u64, kept: u32) -> Entry {
    let state = match kept {
        0 => KeyState::InProgress,
        kept => KeyState::Settled(Outcome::Completed(KeptAnswer {
            status: 200,
            body: KeptBody::Whole(kept),
        })),
    };
    Entry { fingerprint: Fingerprint([1; 32]), fence: Fence(expires), deadline: 2, expires, state }
}

/// What may be done to a bucket.
#[derive(Clone, Debug)]
enum Change {
    Put(u8, u64, u32),
    Remove(u8),
    Purge(u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..40_u8, 0..100_u64, 0..3_u32)
            .prop_map(|(n, expires, kept)| Change::Put(n, expires, kept)),
        (0..40_u8).prop_map(Change::Remove),
        (0..100_u64).prop_map(Change::Purge),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_list(changes in prop::collection::vec(change(), 0..200)) {
        let (mut bucket, mut list) = (Bucket::new(), Vec::<(u8, u8, Entry)>::new());
        for (step, change) in changes.into_iter().enumerate() {
            let fence = Fence(step as u64 + 1);
            match change {
                Change::Put(number, expires, kept) => {
                    let entry = entry(expires, kept);
                    let put = bucket.put(&scope(number), &entry, fence);
                    let held = list.len();
                    match list.iter_mut().find(|(other, ..)| *other == number) {
                        Some((_, way, there)) => {
                            prop_assert_eq!(put, Ok(*way));
                            *there = entry;
                        }
                        None if held == BUCKET_SLOTS => prop_assert_eq!(put, Err(StoreFault::Full)),
                        None => {
                            let way = put.unwrap();
                            prop_assert!(usize::from(way) < BUCKET_SLOTS);
                            prop_assert!(list.iter().all(|(_, other, _)| *other != way));
                            list.push((number, way, entry));
                        }
                    }
                    if put.is_ok() {
                        prop_assert_eq!(bucket.next_fence(), Fence(fence.0 + 1));
                    }
                }
                Change::Remove(number) => {
                    bucket.remove(&scope(number));
                    list.retain(|(other, ..)| *other != number);
                }
                Change::Purge(now) => {
                    let mut gone = bucket.purge(now).unwrap();
                    let expired = list.iter().filter(|(.., e)| e.expires <= now && e.answer_bytes() > 0);
                    let mut want: Vec<_> = expired.map(|(_, way, e)| (*way, e.fence)).collect();
                    gone.sort();
                    want.sort();
                    prop_assert_eq!(gone, want);
                    list.retain(|(.., entry)| entry.expires > now);
                }
            }
            bucket = Bucket::of(bucket.value().to_vec()).unwrap();
            prop_assert_eq!(bucket.answer_bytes(), list.iter().map(|(.., e)| e.answer_bytes()).sum::<usize>());
            for number in 0..40 {
                let want = list.iter().find(|(other, ..)| *other == number);
                let want = want.map(|(_, way, entry)| (*way, entry.clone()));
                prop_assert_eq!(bucket.find(&scope(number)).unwrap(), want);
            }
        }
    }

    #[test]
    fn no_bytes_are_trusted(value in any::<Vec<u8>>(), records in 0..3_usize, now: u64) {
        let mut value = value;
        value.insert(0, FORM);
        let whole = [value.clone(), vec![7; HEAD + records * RECORD]].concat();
        for value in [value, whole[..HEAD + records * RECORD].to_vec()] {
            let Some(mut bucket) = Bucket::of(value) else { continue };
            let _ = (bucket.find(&scope(7)), bucket.answer_bytes(), bucket.next_fence());
            if bucket.purge(now).is_ok() {
                let _ = bucket.put(&scope(1), &entry(1, 1), Fence(1));
            }
        }
    }
}

#[test]
fn reports_damaged_entries() {
    let mut bucket = Bucket::new();
    bucket.put(&scope(1), &entry(9, 1), Fence(1)).unwrap();
    let mut value = bucket.value().to_vec();
    let form = HEAD + 41 + 32 + 8 + 8;
    assert_eq!(value[form], 1);
    value[form] = 9;
    let mut damaged = Bucket::of(value.clone()).unwrap();
    assert_eq!(damaged.find(&scope(1)), Err(StoreFault::Damaged));
    assert_eq!(damaged.purge(9), Err(StoreFault::Damaged));
    assert_eq!(damaged.answer_bytes(), 0);
    for broken in [&value[..value.len() - 1], &[], &[FORM], &[2; HEAD]] {
        assert!(Bucket::of(broken.to_vec()).is_none(), "{broken:?}");
    }
}

/// Another module of the same VM id may write anything into shared data.
#[test]
fn fuzz_any_bytes_are_a_bucket_or_none() {
    let mut seed = Bucket::new();
    for (number, kept) in [(1, 0), (2, 7)] {
        seed.put(&scope(number), &entry(50, kept), Fence(1)).unwrap();
    }
    fuzz::run("bucket", &[seed.value(), b""], &[], |bytes| {
        let Some(mut bucket) = Bucket::of(bytes.to_vec()) else { return };
        let _ = (bucket.keys(), bucket.answer_bytes(), bucket.next_fence());
        let found = bucket.find(&scope(1)).is_ok_and(|found| found.is_some());
        bucket.purge(60).ok();
        bucket.make_room(&[1; 8], 1);
        bucket.remove(&scope(1));
        if found {
            assert_eq!(bucket.find(&scope(1)), Ok(None), "{bytes:?}");
        }
    });
}
