//! What a counter admits, whatever the clock does.

use super::*;
use crate::clock::SECOND;
use proptest::prelude::*;

#[test]
fn admits_a_burst_and_then_the_rate() {
    let limit = Gcra::new(SECOND, 3);
    let t = 1_000 * SECOND;
    // Counter, time, cost; what comes of it.
    for (counter, now, cost, want) in [
        (0, t, 1, Ok(t + SECOND)),
        (t + SECOND, t, 1, Ok(t + 2 * SECOND)),
        (t + 2 * SECOND, t, 1, Ok(t + 3 * SECOND)),
        (t + 3 * SECOND, t, 1, Err(SECOND)),
        (t + 3 * SECOND, t + SECOND / 4, 1, Err(SECOND * 3 / 4)),
        (t + 3 * SECOND, t + SECOND, 1, Ok(t + 4 * SECOND)),
        (0, t, 3, Ok(t + 3 * SECOND)),
        (t + 1, t, 3, Err(1)),
        // More than the burst costs the burst, else it would never pass.
        (0, t, 4, Ok(t + 3 * SECOND)),
        (0, t, u32::MAX, Ok(t + 3 * SECOND)),
        (t + 1, t, u32::MAX, Err(1)),
        // The clock was set back: it waits for a burst at most.
        (t + 99 * SECOND, t, 1, Err(SECOND)),
        (u64::MAX, t, 3, Err(3 * SECOND)),
        (u64::MAX, 0, 1, Err(SECOND)),
        (0, 0, 1, Ok(SECOND)),
        (0, u64::MAX, 1, Ok(u64::MAX - 2 * SECOND)),
        (u64::MAX, u64::MAX, 1, Err(SECOND)),
    ] {
        assert_eq!(limit.charge(counter, now, cost), want, "{counter} {now} {cost}");
    }
}

#[test]
fn reports_what_is_left() {
    let limit = Gcra::new(SECOND, 10);
    let t = 1_000 * SECOND;
    for (counter, now, cost, remaining, next, even) in [
        (0, t, 1, 10, SECOND, 0),
        (t + SECOND, t, 1, 9, SECOND, SECOND),
        (t + SECOND, t + SECOND / 4, 1, 9, SECOND * 3 / 4, SECOND * 3 / 4),
        (t + 10 * SECOND, t, 1, 0, SECOND, 10 * SECOND),
        (t + 7 * SECOND, t, 2, 1, SECOND, 7 * SECOND),
        (u64::MAX, t, 1, 0, SECOND, 10 * SECOND),
    ] {
        let found = (
            limit.remaining(counter, now, cost),
            limit.until_next(counter, now, cost),
            limit.until_even(counter, now),
        );
        assert_eq!(found, (remaining, next, even), "{counter} {now}");
    }
}

#[test]
fn extreme_limits_stay_limits() {
    for limit in [
        Gcra::new(0, 0),
        Gcra::new(u64::MAX, u32::MAX),
        Gcra::new(1, 1),
        Gcra::new(u64::MAX, 1),
        Gcra::new(1, u32::MAX),
    ] {
        for now in [0, 1, SECOND, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
            let counter = limit.charge(0, now, u32::MAX).unwrap();
            let wait = limit.charge(counter, now, u32::MAX).unwrap_err();
            assert!(wait <= limit.full(), "{limit:?} {now}");
        }
    }
}

/// Steps of the clock, and how many requests come after each: a step that nothing saw does not count.
fn steps() -> impl Strategy<Value = Vec<(u64, u8)>> {
    let time = prop_oneof![
        0..20 * SECOND,
        Just(0),
        Just(u64::MAX),
        any::<u64>(),
        (0..1_000u64).prop_map(|n| u64::MAX - n * SECOND / 7),
    ];
    prop::collection::vec((time, 1u8..20), 1..30)
}

proptest! {
    /// Between two steps the clock stands still, so each step can admit a burst at most; a step backwards, none
    /// that was not owed; and a refused request waits no longer than the burst takes.
    #[test]
    fn no_step_of_the_clock_admits_more_than_a_burst(
        steps in steps(), emission in 1..3 * SECOND, burst in 1u32..9, cost in 1u32..4,
    ) {
        let limit = Gcra::new(emission, burst);
        let (mut counter, mut highest) = (0u64, 0u64);
        // Time by which the clock ran ahead of all it was before, and what that allows.
        let mut allowance = u128::from(limit.full());
        for (now, requests) in steps {
            let ahead = now.saturating_sub(highest).min(limit.full());
            highest = highest.max(now);
            // A step back that is larger than the burst makes the largest debt of any.
            let back = counter.saturating_sub(now) > limit.full();
            allowance += u128::from(ahead);
            if back {
                prop_assert!(limit.charge(counter, now, cost).is_err());
                counter = counter.min(limit.most(now));
                // From here on the clock counts from this time.
                highest = now;
                allowance = 0;
            }
            for _ in 0..requests {
                match limit.charge(counter, now, cost) {
                    Ok(next) => {
                        prop_assert!(next >= counter);
                        counter = next;
                        let price = u128::from(limit.price(cost));
                        prop_assert!(allowance >= price, "admitted {} too much", price - allowance);
                        allowance -= price;
                    }
                    Err(wait) => prop_assert!(wait > 0 && wait <= limit.full()),
                }
            }
            allowance = allowance.min(u128::from(limit.full()));
        }
    }

    /// After any step of the clock, a burst's time later the whole burst is there.
    #[test]
    fn no_step_of_the_clock_refuses_for_longer_than_a_burst(
        counter: u64, now in 0..u64::MAX / 2, emission in 1..3 * SECOND, burst in 1u32..9,
    ) {
        let limit = Gcra::new(emission, burst);
        let counter = counter.min(limit.most(now));
        prop_assert!(limit.charge(counter, now + limit.full(), burst).is_ok());
    }

    /// What is reported as left is what passes.
    #[test]
    fn the_report_is_exact(emission in 1..SECOND, burst in 1u32..50, debt in any::<u64>(), cost in 1u32..9) {
        let (limit, now) = (Gcra::new(emission, burst), 1_000 * SECOND);
        let counter = now + debt % (limit.full() + 1);
        let (left, next) = (limit.remaining(counter, now, cost), limit.until_next(counter, now, cost));
        let most = |now: u64| {
            let mut counter = counter;
            (0..100).take_while(|_| match limit.charge(counter, now, cost) {
                Ok(more) => { counter = more; true }
                Err(_) => false,
            }).count() as u64
        };
        prop_assert_eq!(most(now), left);
        let price = limit.price(cost);
        if counter > now + next {
            prop_assert_eq!(most(now + next), left + 1);
            prop_assert!(next <= price);
            if next > 1 { prop_assert_eq!(most(now + next - 1), left); }
        }
    }
}
