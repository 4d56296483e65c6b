//! What a bucket keeps, and what it drops.

use super::*;
use policy_kit::SECOND;
use proptest::prelude::*;

const TERMS: Terms = Terms { failures: 2, within: 100, lock: 1_000, again: 1_000, memory: 0 };
const T0: u64 = 1_790_000_000 * SECOND;

fn fail(bucket: &mut Bucket, key: u8, second: u64) -> Applied {
    bucket.apply(&[key; 16], Event::Fail(None), T0 + second * SECOND, &TERMS)
}

fn is_locked(bucket: &Bucket, key: u8, second: u64) -> bool {
    let now = T0 + second * SECOND;
    let verdict = bucket.clone().apply(&[key; 16], Event::Look, now, &TERMS).verdict;
    matches!(verdict, Verdict::Locked { .. })
}

fn count(bucket: &Bucket, key: u8) -> usize {
    bucket.0.iter().find(|(own, _)| *own == [key; 16]).map_or(0, |(_, r)| r.marks.len())
}

#[test]
fn the_one_that_ends_first_makes_room_and_locks_go_last() {
    let mut bucket = Bucket::default();
    // Two are locked, and older than all others.
    for key in [0, 1, 0, 1] {
        fail(&mut bucket, key, 0);
    }
    for key in 2..8 {
        assert_eq!(fail(&mut bucket, key, key.into()).evicted, None);
    }
    for key in 8..50 {
        let applied = fail(&mut bucket, key, 10 + u64::from(key));
        assert_eq!(applied.evicted, Some(Evicted::Counted), "{key}");
        assert_eq!(count(&bucket, key), 1, "{key}");
        assert_eq!(count(&bucket, key - 6), 0, "the oldest went");
        assert!(is_locked(&bucket, 0, 60) && is_locked(&bucket, 1, 60));
    }
    // All are locked: the lock that ends first goes.
    let mut bucket = Bucket::default();
    for key in (0..8).chain(0..8) {
        fail(&mut bucket, key, u64::from(key));
    }
    assert_eq!(fail(&mut bucket, 9, 20).evicted, Some(Evicted::Locked));
    assert!(!is_locked(&bucket, 0, 20) && is_locked(&bucket, 1, 20));
    // The next one takes the place of the count, not of a lock.
    assert_eq!(fail(&mut bucket, 10, 20).evicted, Some(Evicted::Counted));
}

#[test]
fn what_is_over_makes_room_first() {
    let mut bucket = Bucket::default();
    (0..8).for_each(|key| _ = fail(&mut bucket, key, 0));
    assert_eq!(fail(&mut bucket, 9, 100).evicted, None);
    assert_eq!(bucket.0.len(), 1);
}

#[test]
fn looking_changes_nothing() {
    let mut bucket = Bucket::default();
    let applied = bucket.apply(&[1; 16], Event::Look, T0, &TERMS);
    assert!(!applied.changed);
    assert_eq!(bucket, Bucket::default());
    (0..8).for_each(|key| _ = fail(&mut bucket, key, 0));
    let applied = bucket.apply(&[9; 16], Event::Look, T0, &TERMS);
    assert!(!applied.changed && applied.evicted.is_none() && bucket.0.len() == 8);
}

#[test]
fn unreadable_values_are_no_bucket() {
    let mut bucket = Bucket::default();
    fail(&mut bucket, 1, 0);
    let good = bucket.value();
    assert_eq!(Bucket::read(&good), bucket);
    let mut nine = Bucket((0..9).map(|n| ([n; 16], Record::default())).collect()).value();
    for value in [&[][..], &[2], &good[1..], &good[..good.len() - 1], &nine] {
        assert_eq!(Bucket::read(value), Bucket::default(), "{value:?}");
    }
    nine.truncate(1);
    assert_eq!(Bucket::read(&nine), Bucket::default());
}

proptest! {
    #[test]
    fn values_are_read_as_they_were_written(
        steps in prop::collection::vec((0u8..20, 0u8..4, 0u64..40), 0..100),
    ) {
        let (mut bucket, mut second) = (Bucket::default(), 0);
        for (key, what, step) in steps {
            second += step;
            let event = match what {
                0 => Event::Begin,
                1 => Event::Succeed,
                _ => Event::Fail(None),
            };
            bucket.apply(&[key; 16], event, T0 + second * SECOND, &TERMS);
            prop_assert!(bucket.0.len() <= SLOTS);
            prop_assert_eq!(Bucket::read(&bucket.value()), bucket.clone());
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut value = vec![FORM];
        value.extend(bytes);
        let mut bucket = Bucket::read(&value);
        bucket.apply(&[1; 16], Event::Fail(None), T0, &TERMS);
        prop_assert!(bucket.0.len() <= SLOTS);
    }
}
