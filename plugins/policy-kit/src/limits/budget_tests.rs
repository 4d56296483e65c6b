//! Budgets of single sources, alone and in a full table.

use super::*;

const NOW: u64 = 1_000 * SECOND;

fn from(text: &str) -> Source {
    Source::of(text.parse().ok())
}

#[test]
fn allows_a_burst_and_then_the_rate() {
    let (mut budgets, source) = (Budgets::new(60, 3, 10), from("192.0.2.1"));
    for _ in 0..3 {
        assert_eq!(budgets.allows(source, NOW), Ok(()));
        budgets.charge(source, NOW);
    }
    assert_eq!(budgets.allows(source, NOW), Err(SECOND));
    assert_eq!(budgets.allows(source, NOW + SECOND / 2), Err(SECOND / 2));
    assert_eq!(budgets.allows(source, NOW + SECOND), Ok(()));
    budgets.charge(source, NOW + SECOND);
    assert!(budgets.allows(source, NOW + SECOND).is_err());
    assert_eq!(budgets.allows(from("192.0.2.2"), NOW), Ok(()), "another source");
}

#[test]
fn refunds_can_be_spent_again() {
    for capacity in [1, 2] {
        let mut budgets = Budgets::new(60, 2, capacity);
        for source in ["192.0.2.1", "198.51.100.2"].map(from).into_iter().take(capacity) {
            for _ in 0..100 {
                assert_eq!(budgets.allows(source, NOW), Ok(()));
                budgets.charge(source, NOW);
                budgets.refund(source);
            }
            for left in [true, true, false] {
                assert_eq!(budgets.allows(source, NOW).is_ok(), left);
                budgets.charge(source, NOW);
            }
        }
    }
}

/// Whatever is under way may fail.
#[test]
fn pending_checks_count() {
    let (mut budgets, source) = (Budgets::new(60, 3, 10), from("192.0.2.1"));
    for (failed, most) in [(0, 3), (1, 2), (2, 1), (3, 0)] {
        let room = (0..10).take_while(|n| budgets.spares(source, *n, NOW)).count();
        assert_eq!(room, most, "after {failed}");
        assert_eq!(budgets.is_even(source, NOW), failed == 0);
        budgets.fail(source, NOW);
    }
    assert!(budgets.is_even(source, NOW + 60 * SECOND));
}

#[test]
fn a_flood_of_sources_neither_grows_the_table_nor_clears_debts() {
    let mut budgets = Budgets::new(60, 1, 4);
    let source = |n: u8| from(&format!("10.0.0.{n}"));
    for n in 0..100 {
        budgets.charge(source(n), NOW);
        assert!(budgets.len() <= 4);
    }
    for n in 0..100 {
        assert!(budgets.allows(source(n), NOW).is_err(), "{n} is of a crowded network");
    }
    assert_eq!(budgets.allows(from("10.0.1.0"), NOW), Ok(()), "another network");
    let later = NOW + 200 * SECOND;
    assert!(budgets.allows(source(0), later).is_ok());
    for n in 0..5 {
        budgets.charge(from(&format!("10.{n}.0.0")), later);
    }
    assert!(budgets.len() <= 4, "who owes nothing needs no place");
}

/// Crowded networks become one source each, as narrow as they can be, and no other source pays.
#[test]
fn only_the_network_of_a_flood_pays() {
    // The flood's address of a number; one in the flood's network, and one in no network of its.
    type Flood = fn(u32) -> String;
    let floods: [(Flood, &str, &str); 4] = [
        (|n| format!("2001:db8:1:1{:02x}::1", n % 256), "2001:db8:1:1ff::9", "2001:db8:1:200::1"),
        (
            |n| format!("2001:db8:1:{:x}::1", n * 7_919 % 65_536),
            "2001:db8:1:fe01::9",
            "2001:db8:2::1",
        ),
        (|n| format!("2001:db8:{:x}::1", n * 7_919 % 65_536), "2001:db8:ffff::1", "2001:db9::1"),
        (|n| format!("198.51.100.{}", n % 256), "198.51.100.255", "198.51.101.1"),
    ];
    for (flood, inside, outside) in floods {
        let mut budgets = Budgets::new(30, 2, 128);
        for n in 0..20_000 {
            // Each fails as often as it may.
            let source = from(&flood(n));
            let now = NOW + u64::from(n / 1_000) * SECOND;
            if budgets.allows(source, now).is_ok() {
                budgets.charge(source, now);
            }
            assert!(budgets.len() <= 128);
        }
        let now = NOW + 19 * SECOND;
        let told: Vec<_> = [inside, outside].map(from).map(|it| budgets.allows(it, now)).into();
        assert!(told[0].is_err() && told[1].is_ok(), "{}: {told:?}", flood(0));
        assert!(budgets.allows(Source::default(), now).is_ok(), "nor who has no address");
    }
}

#[test]
fn trusted_sources_stay_apart() {
    let mut budgets = Budgets::new(60, 1, 4);
    let [known, other] = ["2001:db8::1", "2001:db8:0:1::1"].map(from);
    budgets.charge(known, NOW);
    budgets.vouch(known);
    assert!(budgets.allows(known, NOW).is_err(), "its own debts are its own");
    assert!(budgets.allows(known, NOW + SECOND).is_ok());
    for n in 2..100 {
        budgets.charge(from(&format!("2001:db8:0:{n:x}::")), NOW + SECOND);
    }
    let now = NOW + SECOND;
    assert_eq!(budgets.allows(other, now), Err(SECOND), "of a crowded network");
    assert_eq!(budgets.allows(known, now), Ok(()));
    budgets.charge(known, now);
    assert_eq!(budgets.allows(known, now), Err(SECOND));
    for n in 0..u32::try_from(MOST_KNOWN * 10).unwrap() {
        budgets.vouch(Source::of(Some(std::net::Ipv4Addr::from(n).into())));
        budgets.vouch(known);
    }
    let mut kept = budgets.tables.iter().take(KNOWN);
    assert!(budgets.knows(known) && kept.all(|known| known.len() <= MOST_KNOWN));
    budgets.vouch(Source::default());
    assert!(!budgets.knows(Source::default()), "that is everybody");
}

#[test]
fn under_a_flood_of_failures_a_failure_costs_more() {
    let mut budgets = Budgets::new(60, 10, 1_000);
    let source = |n: u32| from(&format!("10.{}.{}.1", n / 200, n % 200));
    for n in 0..502 {
        budgets.fail(source(n), NOW);
    }
    let left = |budgets: &mut Budgets, source| {
        let room = (0..20).take_while(|_| {
            let room = budgets.allows(source, NOW).is_ok();
            budgets.fail(source, NOW);
            room
        });
        room.count()
    };
    budgets.vouch(source(800));
    let found = [0, 600, 800].map(|n| left(&mut budgets, source(n)));
    assert_eq!(found, [2, 2, 10], "one that failed before, a new one, a known one");
    assert!(budgets.is_even(source(700), NOW), "who does not fail pays nothing");
    // An operator who lets one source fail so often means it.
    let mut wide = Budgets::new(60_000, 10_000, 1_000);
    assert_eq!(left(&mut wide, source(0)), 20);
    (0..10_000).for_each(|_| wide.fail(source(1), NOW));
    assert_eq!(left(&mut wide, source(2)), 20);
}

#[test]
fn debts_are_bounded_and_a_clock_set_back_voids_them() {
    let (mut budgets, source) = (Budgets::new(60, 1, 4), from("192.0.2.1"));
    for _ in 0..100 {
        budgets.charge(source, 500 * SECOND);
    }
    assert_eq!(budgets.allows(source, 500 * SECOND), Err(SECOND));
    assert_eq!(budgets.allows(source, SECOND), Ok(()));
    assert!(budgets.is_even(source, SECOND));
    for n in 0..8 {
        budgets.charge(from(&format!("10.{n}.0.1")), 500 * SECOND);
    }
    budgets.charge(source, SECOND);
    assert!(budgets.allows(source, SECOND).is_err(), "they hold no place either");
    for n in 0..600 {
        budgets.fail(from(&format!("10.0.{}.{}", n / 256, n % 256)), 500 * SECOND);
    }
    budgets.fail(source, SECOND);
    assert_eq!(budgets.load, SECOND + SECOND / MANY);
}
