//! Tables in shared data: contention, faults, floods.

use super::*;
use crate::rival::RivalHost;
use policy_kit::fake::FakeHost;
use policy_kit::SECOND;

const TERMS: Terms = Terms { failures: 3, within: 1_800, lock: 900, again: 900, memory: 0 };
const T0: u64 = 1_790_000_000 * SECOND;

fn table(slots: u32) -> Table {
    Table::new("accounts", slots, TERMS, &["/login"])
}

fn fail(table: &Table, host: &mut dyn Host, key: &Key) -> Result<Verdict, TableFault> {
    table.apply(host, key, Event::Fail(None), T0)
}

#[test]
fn every_host_call_may_fail() {
    for (call, want) in [
        ("proxy_get_shared_data", true),
        ("proxy_set_shared_data", true),
        ("proxy_increment_metric", false),
        ("proxy_log", false),
    ] {
        for status in 1..=12 {
            let mut host = FakeHost::default().failing(call, status);
            let got = fail(&table(1_024), &mut host, &[1; 16]);
            let fault = Fault { call, status: Some(status) };
            assert_eq!(got.err(), want.then_some(TableFault::Gateway(fault)), "{call} {status}");
        }
    }
    let fault = Fault { call: "proxy_get_shared_data", status: Some(1) };
    assert_eq!(TableFault::Gateway(fault).as_str(), "shared_data");
    assert_eq!(TableFault::Contended.as_str(), "contended");
}

#[test]
fn a_third_failed_compare_and_swap_is_an_error() {
    let until = u32::try_from(T0 / SECOND).unwrap() + 900;
    let locked = Verdict::Locked { until, again: false };
    let open = Verdict::Open(until - 900);
    for (wins, want) in [
        (0, Ok(open)),
        (1, Ok(open)),
        // Its own is the third failure.
        (2, Ok(locked)),
        (3, Err(TableFault::Contended)),
    ] {
        // The other worker counts a failure of the same key.
        let rival = |host: &mut FakeHost| _ = fail(&table(1_024), host, &[1; 16]).unwrap();
        let mut host = RivalHost::new(FakeHost::default(), wins, Box::new(rival));
        assert_eq!(fail(&table(1_024), &mut host, &[1; 16]), want, "{wins}");
    }
}

#[test]
fn tables_of_other_kinds_and_sizes_share_nothing() {
    let mut host = FakeHost::default();
    let (one, same) = (table(1_024), table(1_024));
    for _ in 0..3 {
        fail(&one, &mut host, &[1; 16]).unwrap();
    }
    let look = |table: &Table, host: &mut FakeHost| {
        let verdict = table.apply(host, &[1; 16], Event::Look, T0).unwrap();
        matches!(verdict, Verdict::Locked { .. })
    };
    assert!(look(&same, &mut host));
    for other in [
        table(2_048),
        Table::new("addresses", 1_024, TERMS, &["/login"]),
        Table::new("accounts", 1_024, TERMS, &["/signin"]),
    ] {
        assert!(!look(&other, &mut host));
    }
}

/// Locks of other accounts do not move a lock out; counts are moved out only by about as many others as the table
/// holds.
#[test]
fn a_flood_of_names_is_bounded_and_counted() {
    let seed = 0x5eed_u64;
    println!("seed {seed}");
    let keying = crate::abuse::key::Keying::new(seed);
    let key = |n: u32| keying.key("account", &[&n.to_be_bytes()]);
    let slots = 1_024;
    let mut host = FakeHost::default();
    let table = table(slots);
    // 64 victims are locked, 64 have one failure.
    for n in 0..64 {
        (0..3).for_each(|_| _ = fail(&table, &mut host, &key(n)));
        fail(&table, &mut host, &key(64 + n)).unwrap();
    }
    for n in 0..10 * slots {
        fail(&table, &mut host, &key(1_000_000 + n)).unwrap();
    }
    let locked = |host: &mut FakeHost, n: u32| {
        let verdict = table.apply(host, &key(n), Event::Look, T0).unwrap();
        matches!(verdict, Verdict::Locked { .. })
    };
    assert_eq!((0..64).filter(|n| locked(&mut host, *n)).count(), 64);
    assert_eq!(host.shared.len(), slots as usize / SLOTS, "a fixed number of values");
    let largest = host.shared.values().map(|(value, _)| value.len()).max().unwrap();
    assert!(largest <= 1 + SLOTS * (22 + 5 * TERMS.failures), "{largest}");
    let evicted = |entry| {
        let name = format!("pitboss.bet-priority.abuse_evicted.table=accounts.entry={entry}");
        host.counters.get(&name).copied().unwrap_or(0)
    };
    assert!(evicted("counted") > 9_000 && evicted("locked") == 0);
}
