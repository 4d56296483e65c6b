//! The same bet under two keys, and whose bets are evicted.

use super::*;
use crate::names::SECOND;
use crate::policy::key::Key;
use policy_kit::fake::FakeHost;

#[test]
fn finds_the_same_bet_under_another_key() {
    let owner = |who| Owner::new("otter", "player", who);
    let call = |who: &Owner, key: &str| {
        Scope::new(who, b"POST", "/bets", &Key::of_text(key.as_bytes()).unwrap())
    };
    let (click, mut host) =
        (RecentBets::new("test", 64, 2 * SECOND, BucketSeed::default()), FakeHost::default());
    let mut first = Fence(0);
    for (who, bet, key, at, want) in [
        ("p-1", 1, "key-0001", 0, "first"),
        ("p-1", 1, "key-0001", SECOND / 2, "first"),
        ("p-1", 1, "key-0002", SECOND, "second"),
        ("p-1", 2, "key-0003", SECOND, "first"),
        ("p-2", 1, "key-0001", SECOND, "first"),
        ("p-1", 1, "key-0004", 2 * SECOND, "first"),
        ("p-1", 1, "key-0005", 3 * SECOND, "second"),
        ("p-1", 1, "forgotten", 3 * SECOND, ""),
        ("p-1", 1, "key-0006", 3 * SECOND, "first"),
    ] {
        let who = owner(who);
        let (bet, call) = (Fingerprint([bet; 32]), call(&who, key));
        if want.is_empty() {
            // The first bet came to nothing; one before it does not count any more.
            assert_eq!(click.forget(&mut host, &who, &bet, Fence(0), at), Ok(()));
            let again = click.remember(&mut host, &who, &bet, &call, at);
            assert_eq!(again, Ok(BetCheck::Duplicate), "{key}");
            assert_eq!(click.forget(&mut host, &who, &bet, first, at), Ok(()));
            continue;
        }
        let told = click.remember(&mut host, &who, &bet, &call, at).unwrap();
        if let (BetCheck::First(fence), 2) = (told, at / SECOND) {
            first = fence;
        }
        let told = match told {
            BetCheck::First(_) => "first",
            BetCheck::Duplicate => "second",
        };
        assert_eq!(told, want, "{key} at {at}");
    }
}

/// Ten thousand players who bet without a pause, each of whom another's bets should not be forgotten for.
#[test]
fn a_crowd_evicts_no_other_owner() {
    let click = RecentBets::new("test", 131_072, 2 * SECOND, BucketSeed::default());
    let mut host = FakeHost::default();
    let mut bet = |who: &str, bet: u32, key: u32| {
        let who = Owner::new("otter", "player", who);
        let key = Key::of_text(format!("key-{key:08}").as_bytes()).unwrap();
        let call = Scope::new(&who, b"POST", "/bets", &key);
        let print = Fingerprint(digest(b"test", &[&bet.to_be_bytes()]));
        click.remember(&mut host, &who, &print, &call, SECOND)
    };
    for number in 0..10_000 {
        for own in 0..6 {
            let _ = bet(&format!("hostile-{number}"), own, own);
        }
    }
    let second = (0..1_000).filter(|number| {
        let who = format!("p-{number}");
        let first = bet(&who, 1, 1);
        matches!(first, Ok(BetCheck::First(_))) && bet(&who, 1, 2) == Ok(BetCheck::Duplicate)
    });
    let seen = second.count();
    assert!(seen >= 990, "{seen}");
    // Whoever bets more than is remembered loses the oldest of its own.
    let told: Vec<_> = (0..6).map(|own| bet("hostile-7", own, 99 + own)).collect();
    assert!(told[5] == Ok(BetCheck::Duplicate) && told[0] != Ok(BetCheck::Duplicate), "{told:?}");
}
