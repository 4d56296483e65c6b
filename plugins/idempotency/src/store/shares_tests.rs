//! Shares of owners, while a resource is scarce and while it is not.

use super::*;
use crate::names::SECOND;

fn shares(enough: usize) -> Shares {
    let (most, share) = (PerPart { players: 6, partners: 8 }, PerPart { players: 2, partners: 3 });
    Shares::new(ShareLimits { most, share, enough, pause: 10 * SECOND })
}

fn owner(kind: &str, number: usize) -> Owner {
    Owner::new("otter", kind, &number.to_string())
}

#[test]
fn owners_have_shares_and_partners_a_reserve() {
    let mut shares = shares(4);
    for (kind, number, want) in [
        ("player", 1, [true, true, false]),
        ("player", 2, [true, true, false]),
        // It gets scarce.
        ("player", 3, [true, false, false]),
        ("player", 4, [true, false, false]),
        ("player", 5, [false, false, false]),
        ("partner", 1, [true, true, false]),
    ] {
        let took = [(); 3].map(|()| shares.take(&owner(kind, number), 0));
        assert_eq!(took, want, "{kind} {number}");
    }
    for _ in 0..3 {
        shares.give_back(&owner("player", 1), 0);
    }
    assert!(shares.take(&owner("player", 5), 0), "units that are given back can be taken");
}

#[test]
fn players_pause_while_it_is_scarce() {
    for (enough, kind, after) in [(0, "player", 10), (1, "player", 0), (0, "partner", 0)] {
        let (mut shares, who) = (shares(enough), owner(kind, 1));
        assert!(shares.take(&who, 0));
        shares.give_back(&who, 0);
        let first = (0..20).find(|at| shares.take(&who, at * SECOND));
        assert_eq!(first, Some(after), "{kind}, {enough}");
    }
}

#[test]
fn a_flood_of_owners_takes_bounded_memory() {
    let mut shares = shares(0);
    for number in 0..2 * OWNERS {
        let took = shares.take(&owner("player", number), 0);
        assert_eq!(took, number <= OWNERS, "{number}");
        if took {
            shares.give_back(&owner("player", number), 0);
        }
    }
    assert_eq!(shares.owners.len(), OWNERS);
    assert!(
        shares.take(&owner("player", 3 * OWNERS), 10 * SECOND),
        "shares whose pause is over are dropped"
    );
}

#[test]
fn one_player_holds_sixteen_wait_permits() {
    let (permits, owner) = (WaitPermits::default(), Owner::new("otter", "player", "p-1"));
    let mut taken: Vec<_> = (0..64).map(|_| permits.take(&owner, 0)).collect();
    assert_eq!(taken.iter().flatten().count(), 16);
    assert!(permits.take(&Owner::new("otter", "player", "p-2"), 0).is_some());
    taken.pop();
    taken.clear();
    assert!(permits.take(&owner, 1).is_some(), "there is enough");
}

#[test]
fn one_reconcile_call_for_each_claim() {
    let (calls, owner) = (ReconcileCalls::default(), Owner::new("otter", "player", "p-1"));
    let join = |about, now| calls.join(about, &owner, 2 * SECOND, now);
    assert_eq!(join("a", SECOND), Some(SECOND));
    assert_eq!(join("a", 2 * SECOND), Some(SECOND), "it is pending");
    calls.complete(&shared_call_key("a", SECOND), 3 * SECOND);
    calls.remember_unknown("a", 3 * SECOND);
    assert_eq!(join("a", 7 * SECOND), None, "it was unknown just now");
    assert_eq!(join("a", 8 * SECOND), Some(8 * SECOND));
    // It does not complete: after a while another call starts, and the late reply does not count for it.
    assert_eq!(join("a", 11 * SECOND), Some(11 * SECOND));
    calls.complete(&shared_call_key("a", 8 * SECOND), 11 * SECOND);
    assert_eq!(join("a", 12 * SECOND), Some(11 * SECOND));
    for (about, want) in [("b", true), ("c", true), ("d", true), ("e", false)] {
        assert_eq!(join(about, 12 * SECOND).is_some(), want, "{about}: four at a time");
    }
}

#[test]
fn each_claim_of_a_key_is_another_subject() {
    let scope = Scope([7; 32]);
    assert_eq!(subject(&scope, Fence(3)), format!("reconcile.{}.3", "07".repeat(16)));
    assert_ne!(subject(&scope, Fence(3)), subject(&scope, Fence(4)));
}
