//! Permits of markets: counted, freed, recovered.

use super::*;
use policy_kit::SECOND;
use proptest::prelude::*;

const T0: u64 = 1_790_000_000 * SECOND;

fn market(n: u64) -> MarketId {
    MarketId(n)
}

#[test]
fn each_market_has_its_limit() {
    let permits = MarketPermits::default();
    let take = |markets: &[u64]| permits.take(markets.iter().copied().map(market).collect(), 2, T0);
    let (one, _two) = (take(&[1]).unwrap(), take(&[1, 2]).unwrap());
    assert!(take(&[1]).is_none());
    assert!(take(&[1, 3]).is_none(), "one of them is full");
    assert_eq!(permits.in_flight(market(3)), 0, "nothing was taken");
    let three = take(&[2, 3]).unwrap();
    assert!(take(&[2]).is_none());
    drop(one);
    assert_eq!([1, 2, 3].map(|n| permits.in_flight(market(n))), [1, 2, 1]);
    let _four = take(&[1]).unwrap();
    drop(three);
    assert_eq!([1, 2, 3].map(|n| permits.in_flight(market(n))), [2, 1, 0]);
    assert_eq!(permits.total(), 3);
}

/// A gateway that loses streams: their permits come back after a minute, and do so once.
#[test]
fn leaked_permits_are_recovered() {
    let permits = MarketPermits::default();
    let take = |second: u64| permits.take(vec![market(1)], 3, T0 + second * SECOND);
    let mut late = take(0);
    (0..2).for_each(|_| std::mem::forget(take(0)));
    for second in 1..60 {
        assert!(take(second).is_none(), "{second}");
    }
    let held: Vec<_> = (0..3).map(|_| take(60).unwrap()).collect();
    assert!(take(60).is_none());
    assert!(late.take().is_some(), "its request ends after all");
    assert!(take(60).is_none(), "it frees no other's");
    drop(held);
    assert_eq!([permits.in_flight(market(1)), permits.total()], [0, 0]);
}

#[test]
fn jumps_of_the_clock_free_nothing() {
    let permits = MarketPermits::default();
    let take = |now: u64| permits.take(vec![market(1)], 1, now);
    let _held = take(T0).unwrap();
    for now in [T0 + 3_600 * SECOND, T0, 0, u64::MAX, T0 + 86_400 * SECOND] {
        assert!(take(now).is_none(), "{now}");
    }
}

#[test]
fn so_many_are_counted_and_no_more() {
    let permits = MarketPermits::default();
    let mut held = Vec::new();
    held.extend((0..20_000).map_while(|n| permits.take(vec![market(n)], 9, T0)));
    assert_eq!((held.len(), permits.total()), (16_384, 16_384));
    assert!(permits.take(vec![market(7)], 9, T0).is_none());
    held.truncate(100);
    assert!(permits.take(vec![market(7)], 9, T0).is_some());
    // All that are lost make room, whatever their market.
    let permits = MarketPermits::default();
    (0..16_384).for_each(|n| std::mem::forget(permits.take(vec![market(n)], 9, T0)));
    let late: Vec<_> = (1..=12)
        .map(|n| permits.take(vec![market(99_999)], 9, T0 + n * 5 * SECOND).is_some())
        .collect();
    assert_eq!(late.iter().position(|taken| *taken), Some(11));
}

proptest! {
    #[test]
    fn in_flight_returns_to_zero(
        steps in prop::collection::vec((0u64..4, 0u64..4, any::<bool>(), 0u64..3), 0..200),
    ) {
        let permits = MarketPermits::default();
        let (mut held, mut now) = (Vec::new(), T0);
        for (one, other, ends, step) in steps {
            now += step * SECOND / 10;
            if ends && !held.is_empty() {
                held.swap_remove(usize::try_from(one).unwrap() % held.len());
            } else {
                let mut markets = vec![market(one), market(other)];
                markets.dedup();
                held.extend(permits.take(markets, 5, now));
            }
            for n in 0..4 {
                prop_assert!(permits.in_flight(market(n)) <= 5);
            }
        }
        drop(held);
        prop_assert_eq!(permits.total(), 0);
    }
}
