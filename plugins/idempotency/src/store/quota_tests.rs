//! How many keys one owner may hold, alone and in a crowd.

use super::*;
use policy_kit::fake::FakeHost;

const DAY: u64 = 86_400_000_000_000;
const HOUR: u64 = DAY / 24;
const MINUTE: u64 = HOUR / 60;

fn owner(number: usize) -> Owner {
    Owner::new("otter", "player", &format!("p-{number}"))
}

fn quota(owners: usize, keys: u32, kept: u64) -> Quota {
    let allowance = Allowance { keys, failed: None, kept, refused: kept };
    Quota::new("test", Part::Players, owners, allowance, BucketSeed::default())
}

fn takes(quota: &Quota, host: &mut FakeHost, number: usize, expires: u64, now: u64) -> bool {
    quota.take(host, &owner(number), expires, now).unwrap() == QuotaCheck::Granted
}

#[test]
fn limits_the_keys_of_one_owner() {
    let (quota, mut host) = (quota(64, 3, DAY), FakeHost::default());
    let take = |host: &mut FakeHost, number, now| takes(&quota, host, number, now + DAY, now);
    for want in [true, true, true, false] {
        assert_eq!(take(&mut host, 1, 5 * HOUR), want);
    }
    assert!(take(&mut host, 2, 5 * HOUR), "another owner");
    assert_eq!(quota.give_back(&mut host, &owner(1), 5 * HOUR + DAY, 6 * HOUR), Ok(true));
    assert!(take(&mut host, 1, 6 * HOUR));
    let told = quota.take(&mut host, &owner(1), 6 * HOUR + DAY, 6 * HOUR);
    assert_eq!(
        told,
        Ok(QuotaCheck::Exhausted { wait: 24 * HOUR }),
        "the cell of the first ends at 30:00"
    );
    assert!(!take(&mut host, 1, 5 * HOUR + DAY));
    assert!(take(&mut host, 1, 6 * HOUR + DAY));
    assert_eq!(quota.give_back(&mut host, &owner(1), 99 * DAY, 7 * HOUR), Ok(false));
}

/// A player who spins every three seconds all day has room, by the defaults.
#[test]
fn allows_spinning_all_day() {
    let (quota, mut host) = (quota(64, 1_800, HOUR), FakeHost::default());
    let mut at = 77 * DAY;
    for spin in 0..28_800 {
        assert!(takes(&quota, &mut host, 1, at + HOUR, at), "spin {spin}");
        at += 3_000_000_000;
    }
}

#[test]
fn a_flood_of_owners_takes_bounded_memory() {
    let (quota, mut host) = (quota(1, 2, DAY), FakeHost::default());
    let take = |host: &mut FakeHost, number| takes(&quota, host, number, DAY, HOUR);
    assert!(take(&mut host, 0) && take(&mut host, 0) && !take(&mut host, 0));
    let granted = (1..500).filter(|number| take(&mut host, *number)).count();
    assert_eq!(granted, OWNERS - 1 + 2, "those with a count, and two of the rest together");
    assert!(!take(&mut host, 0), "the first is not forgotten");
    let bytes: usize = host.shared.values().map(|(value, _)| value.len()).sum();
    assert!(bytes < 3_000, "{bytes}");
    // Who holds nothing any more leaves its place, but for the rest.
    assert!(takes(&quota, &mut host, 1_000, 4 * DAY, 3 * DAY));
    assert!(takes(&quota, &mut host, 1_001, 4 * DAY, 3 * DAY));
    let after: usize = host.shared.values().map(|(value, _)| value.len()).sum();
    assert_eq!(after, bytes);
}

/// Names that fill one owner's bucket of one gateway lie all over another.
#[test]
fn chosen_names_lock_no_owner_out() {
    let owners = 64 * OWNERS;
    let of = |secret| {
        let allowance = Allowance { keys: 2, failed: None, kept: DAY, refused: DAY };
        Quota::new("test", Part::Players, owners, allowance, BucketSeed::new(secret))
    };
    // Names that an attacker found who knows the code and one gateway's secret.
    let (known, other) = (of(1), of(0x5bd1_e995_9e37_79b9));
    let place = known.seed.bucket(&owner(0).0, known.buckets);
    let chosen = (1..100_000).filter(|n| known.seed.bucket(&owner(*n).0, known.buckets) == place);
    let mut host = FakeHost::default();
    for number in chosen.take(10 * OWNERS) {
        takes(&other, &mut host, number, DAY, HOUR);
    }
    assert!(takes(&other, &mut host, 0, DAY, HOUR), "a place of its own");
    assert!(takes(&other, &mut host, 0, DAY, HOUR));
}

/// Calls that cost nothing have a limit of their own: so many at once, and as many in each retention.
#[test]
fn limits_failed_requests() {
    let allowance = Allowance { keys: 100, failed: Some(4), kept: HOUR, refused: 8 * MINUTE };
    let quota = Quota::new("test", Part::Players, 64, allowance, BucketSeed::default());
    for (failure, span) in [(Failure::Refused, 8 * MINUTE), (Failure::Unknown, HOUR)] {
        let mut host = FakeHost::default();
        let mut spin = |now: u64, fails: bool| {
            let (who, was) = (owner(1), now + HOUR);
            let told = quota.take(&mut host, &who, was, now).unwrap();
            if told == QuotaCheck::Granted && fails {
                quota.count_failure(&mut host, &who, failure, (was, now + span), now).unwrap();
            }
            told
        };
        let now = 9 * DAY;
        for _ in 0..4 {
            assert_eq!(spin(now, true), QuotaCheck::Granted);
        }
        assert_eq!(spin(now, true), QuotaCheck::Exhausted { wait: span / 4 }, "{failure:?}");
        // Whoever succeeds again is not held up further.
        let later = now + span / 4;
        assert!((0..50).all(|_| spin(later, false) == QuotaCheck::Granted));
        assert_eq!(spin(later, true), QuotaCheck::Granted);
        assert_eq!(spin(later, false), QuotaCheck::Exhausted { wait: span / 4 });
        // Nothing is held against anybody for longer than a retention, nor by a clock that was set back.
        assert_eq!(spin(later + span, false), QuotaCheck::Granted);
        assert_eq!(spin(now - 5 * HOUR, true), QuotaCheck::Granted);
    }
}

/// A refused call's key counts for as long as it is kept.
#[test]
fn a_shorter_retention_counts_shorter() {
    let allowance = Allowance { keys: 2, failed: Some(50), kept: HOUR, refused: 10 * MINUTE };
    let quota = Quota::new("test", Part::Players, 64, allowance, BucketSeed::default());
    let (mut host, now) = (FakeHost::default(), 9 * DAY);
    for _ in 0..2 {
        assert!(takes(&quota, &mut host, 1, now + HOUR, now));
    }
    let both = (now + HOUR, now + 10 * MINUTE);
    quota.count_failure(&mut host, &owner(1), Failure::Refused, both, now).unwrap();
    assert!(!takes(&quota, &mut host, 1, now + HOUR, now));
    let later = now + 15 * MINUTE;
    assert!(takes(&quota, &mut host, 1, later + HOUR, later), "and the cell it is counted in");
}

/// A push that keeps keys for longer counts in other cells: those of before must not count for ever.
#[test]
fn a_longer_retention_counts_from_zero() {
    let mut host = FakeHost::default();
    let (short, long) = (quota(1, 1, DAY), quota(1, 1, 7 * DAY));
    assert!(takes(&short, &mut host, 1, DAY, 0));
    assert!(!takes(&short, &mut host, 1, DAY, 0));
    assert!(takes(&long, &mut host, 1, 9 * DAY, 2 * DAY));
    assert!(takes(&long, &mut host, 1, 20 * DAY, 11 * DAY));
}

#[test]
fn reports_damaged_counts() {
    let (quota, mut host) = (quota(1, 1, DAY), FakeHost::default());
    let name = format!("{}.0", quota.prefix);
    for value in [vec![], vec![1], vec![FORM, 9], vec![FORM; RECORD]] {
        host.shared.insert(name.clone(), (value.clone(), 1));
        let told = quota.take(&mut host, &owner(1), DAY, 0);
        assert_eq!(told, Err(StoreFault::Damaged), "{value:?}");
    }
}
