//! Failures and locks by the second, with a clock that steps.

use super::*;
use proptest::prelude::*;

const TERMS: Terms = Terms { failures: 3, within: 1_800, lock: 900, again: 900, memory: 0 };
const DEPOSITS: Terms =
    Terms { failures: 5, within: 600, lock: 1_800, again: 86_400, memory: 86_400 };
const T0: u64 = 1_790_000_000;

fn at(second: u64) -> Moment {
    Moment::of((T0 + second) * SECOND)
}

fn fail(record: &mut Record, second: u64, terms: &Terms) -> Verdict {
    record.apply(Event::Fail(None), at(second), terms).0
}

fn locked_for(record: &mut Record, second: u64, terms: &Terms) -> Option<u64> {
    match record.apply(Event::Look, at(second), terms).0 {
        Verdict::Locked { until, .. } => Some(u64::from(until) - T0 - second),
        _ => None,
    }
}

#[test]
fn failures_within_the_time_lock() {
    // Seconds of the failures, and how long it is locked after the last one.
    for (failures, want) in [
        (&[0][..], None),
        (&[0, 1], None),
        (&[0, 1, 2], Some(900)),
        (&[0, 0, 0], Some(900)),
        (&[0, 900, 1_799], Some(900)),
        (&[0, 900, 1_800], None),
        (&[0, 900, 1_800, 2_000], Some(900)),
        (&[0, 1_700, 1_900, 3_500], None),
        (&[0, 1_700, 1_900, 3_499], Some(900)),
    ] {
        let mut record = Record::default();
        for second in failures {
            fail(&mut record, *second, &TERMS);
        }
        let last = *failures.last().unwrap();
        assert_eq!(locked_for(&mut record, last, &TERMS), want, "{failures:?}");
    }
}

#[test]
fn attempts_while_locked_neither_count_nor_extend() {
    let mut record = Record::default();
    for second in 0..3 {
        fail(&mut record, second, &TERMS);
    }
    for second in 3..902 {
        assert_eq!(locked_for(&mut record, second, &TERMS), Some(902 - second));
        let before = record.clone();
        for event in [Event::Begin, Event::Fail(None), Event::Succeed, Event::Withdraw(5)] {
            assert!(!record.apply(event, at(second), &TERMS).1, "{event:?}");
        }
        assert_eq!(record, before);
    }
    assert_eq!(locked_for(&mut record, 902, &TERMS), None);
    assert!(record.is_over());
    fail(&mut record, 903, &TERMS);
    fail(&mut record, 904, &TERMS);
    assert_eq!(locked_for(&mut record, 904, &TERMS), None, "it counts from zero again");
}

#[test]
fn a_success_forgets_failures() {
    let mut record = Record::default();
    for second in [0, 1] {
        fail(&mut record, second, &TERMS);
    }
    record.apply(Event::Succeed, at(2), &TERMS);
    assert!(record.is_over());
}

/// Guesses at once are no more than guesses one by one.
#[test]
fn pending_attempts_take_failures() {
    let mut record = Record::default();
    let begin = |record: &mut Record, second| record.apply(Event::Begin, at(second), &TERMS).0;
    fail(&mut record, 0, &TERMS);
    let Verdict::Open(first) = begin(&mut record, 1) else { panic!() };
    let Verdict::Open(second) = begin(&mut record, 2) else { panic!() };
    assert_eq!(begin(&mut record, 2), Verdict::Crowded);
    record.apply(Event::Withdraw(first), at(3), &TERMS);
    let Verdict::Open(third) = begin(&mut record, 3) else { panic!() };
    assert_eq!(begin(&mut record, 3), Verdict::Crowded);
    record.apply(Event::Fail(Some(second)), at(4), &TERMS);
    assert_eq!(locked_for(&mut record, 4, &TERMS), None);
    assert_eq!(begin(&mut record, 4), Verdict::Crowded);
    record.apply(Event::Fail(Some(third)), at(5), &TERMS);
    assert_eq!(locked_for(&mut record, 5, &TERMS), Some(900));
}

/// A gateway that loses an attempt does not lock an account by that.
#[test]
fn lost_attempts_are_dropped() {
    let mut record = Record::default();
    for _ in 0..3 {
        record.apply(Event::Begin, at(0), &TERMS);
    }
    for (second, want) in [(0, true), (59, true), (60, false)] {
        let mut record = record.clone();
        let verdict = record.apply(Event::Begin, at(second), &TERMS).0;
        assert_eq!(verdict == Verdict::Crowded, want, "{second}");
    }
    // One that ends late counts all the same, and its place is not another's.
    let mut late = record.clone();
    for second in [100, 101, 102] {
        late.apply(Event::Fail(Some(at(0).up)), at(second), &TERMS);
    }
    assert_eq!(locked_for(&mut late, 102, &TERMS), Some(900));
    record.apply(Event::Begin, at(70), &TERMS);
    record.apply(Event::Withdraw(at(0).up), at(71), &TERMS);
    assert_eq!(record.marks.len(), 1);
}

/// GLI-19 v3.0 A.3.6(b).
#[test]
fn further_failures_lock_for_longer() {
    let mut record = Record::default();
    let five = |record: &mut Record, second| {
        (0..5).for_each(|n| _ = fail(record, second + n, &DEPOSITS));
        record.apply(Event::Look, at(second + 4), &DEPOSITS).0
    };
    let until = |second: u64| u32::try_from(T0 + second).unwrap();
    let blocked = |second, again| Verdict::Locked { until: until(second), again };
    assert_eq!(five(&mut record, 0), blocked(4 + 1_800, false));
    let mut later = record.clone();
    assert_eq!(five(&mut record, 2_000), blocked(2_004 + 86_400, true));
    assert_eq!(five(&mut record, 100_000), blocked(100_004 + 86_400, true));
    // The first block is forgotten after a day, or by a success.
    let day = 1_804 + 86_400;
    let mut in_time = later.clone();
    assert_eq!(five(&mut in_time, day - 5), blocked(day - 1 + 86_400, true));
    assert_eq!(five(&mut later.clone(), day), blocked(day + 4 + 1_800, false));
    later.apply(Event::Succeed, at(1_900), &DEPOSITS);
    assert_eq!(five(&mut later, 2_000), blocked(2_004 + 1_800, false));
}

#[test]
fn times_that_cannot_be_are_moved() {
    let far = 1_000_000_000;
    let mut record = Record::default();
    for second in 0..3 {
        fail(&mut record, far + second, &TERMS);
    }
    // The clock is set back by decades.
    let (verdict, moved) = record.apply(Event::Look, at(0), &TERMS);
    assert!(moved && matches!(verdict, Verdict::Locked { .. }));
    assert_eq!(locked_for(&mut record, 0, &TERMS), Some(900));
    assert!(!record.apply(Event::Look, at(1), &TERMS).1, "written once");
    assert_eq!(locked_for(&mut record, 900, &TERMS), None);
    // The same for failures.
    let mut record = Record::default();
    fail(&mut record, far, &TERMS);
    fail(&mut record, 0, &TERMS);
    fail(&mut record, 1_799, &TERMS);
    assert!(locked_for(&mut record, 1_799, &TERMS).is_some());
    let mut record = Record::default();
    fail(&mut record, far, &TERMS);
    fail(&mut record, 0, &TERMS);
    fail(&mut record, 1_800, &TERMS);
    assert!(locked_for(&mut record, 1_800, &TERMS).is_none());
}

#[test]
fn no_time_overflows() {
    let mut record = Record::default();
    for now in [0, 1, u64::MAX, u64::MAX - 1, 0, u64::MAX] {
        for event in [Event::Begin, Event::Fail(None), Event::Fail(Some(3)), Event::Look] {
            record.apply(event, Moment::of(now), &DEPOSITS);
        }
    }
    record.apply(Event::Look, at(0), &DEPOSITS);
    for day in 0..4 {
        record.apply(Event::Look, at(day * 86_400), &DEPOSITS);
    }
    assert!(record.is_over());
}

/// What the record should do, by the definition: all failures are kept, in nanoseconds.
#[derive(Default)]
struct Naive {
    failures: Vec<u64>,
    until: u64,
}

impl Naive {
    fn fail(&mut self, now: u64) {
        if now < self.until {
            return;
        }
        self.failures.push(now);
        let recent = self.failures.iter().filter(|t| now - **t < 1_800 * SECOND).count();
        if recent >= TERMS.failures {
            self.until = now + 900 * SECOND;
            self.failures.clear();
        }
    }
}

proptest! {
    /// With a clock that only goes forward, by whole seconds, it agrees with the definition.
    #[test]
    fn agrees_with_the_definition(
        steps in prop::collection::vec((0u64..700, 0u8..5), 1..80),
    ) {
        let (mut naive, mut record) = (Naive::default(), Record::default());
        let mut now = T0 * SECOND;
        for (step, what) in steps {
            now += step * SECOND;
            if what == 0 {
                if now >= naive.until {
                    naive.failures.clear();
                }
                record.apply(Event::Succeed, Moment::of(now), &TERMS);
            } else {
                naive.fail(now);
                record.apply(Event::Fail(None), Moment::of(now), &TERMS);
            }
            let is_locked = record.is_locked(Moment::of(now));
            prop_assert_eq!(is_locked, now < naive.until);
        }
    }

    /// The clock steps to and fro: no lock ends earlier than the steps made it, none lasts longer than its length
    /// after the last step, and the record stays small.
    #[test]
    fn steps_of_the_clock_are_survived(
        steps in prop::collection::vec((-4_000_000_000i64..4_000_000_000, 0u8..6), 1..60),
    ) {
        let mut record = Record::default();
        let mut now = T0;
        for (step, what) in steps {
            // Mostly small steps, some huge.
            let step = if what == 5 { step } else { step % 300 };
            // Seconds are counted in 32 bits, up to the year 2106.
            now = now.saturating_add_signed(step).min(4_294_000_000);
            let before = record.clone();
            let event = match what {
                0 => Event::Begin,
                1 => Event::Succeed,
                2 => Event::Withdraw(u32::try_from(now).unwrap_or(0)),
                _ => Event::Fail(None),
            };
            let moment = Moment::of(now.saturating_mul(SECOND));
            let (verdict, _) = record.apply(event, moment, &DEPOSITS);
            prop_assert!(record.marks.len() <= DEPOSITS.failures);
            prop_assert!(record.until <= moment.up.saturating_add(86_400));
            prop_assert!(record.marks.iter().all(|mark| mark.at <= moment.up));
            if before.until > moment.down {
                let is_locked = matches!(verdict, Verdict::Locked { .. });
                prop_assert!(is_locked, "unlocked before its time");
            }
        }
        // Nothing happens any more: it says nothing after the longest time that it may.
        record.apply(Event::Look, Moment::of(now * SECOND), &DEPOSITS);
        record.apply(Event::Look, Moment::of((now + 2 * 86_400 + 2) * SECOND), &DEPOSITS);
        prop_assert!(record.is_over());
    }
}

#[test]
fn rounding_is_to_the_stricter_side() {
    let moment = |tenths: u64| Moment::of(T0 * SECOND + tenths * SECOND / 10);
    let mut record = Record::default();
    for tenths in [1, 2, 3] {
        record.apply(Event::Fail(None), moment(tenths), &TERMS);
    }
    // Locked at 0.3 s for 900 s: until 901 s.
    assert!(record.is_locked(moment(9_003)));
    assert!(record.is_locked(moment(9_009)));
    assert!(!record.is_locked(moment(9_010)));
    let mut record = Record::default();
    for tenths in [1, 2, 18_009] {
        record.apply(Event::Fail(None), moment(tenths), &TERMS);
    }
    assert!(record.is_locked(moment(18_009)), "1800.8 s later, within 1801");
}
