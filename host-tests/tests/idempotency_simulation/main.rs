//! The whole filter as it is deployed, in virtual time, by the dice of a seed: several workers that
//! overtake each other at every host call, clients that retry and leave, an upstream whose answers get
//! lost, clocks that jump, VMs that die, configurations that are pushed. At most one effect a key, a
//! retry gets the first answer, no key outlives its retention, every request ends; and the same filter
//! over stores that are broken on purpose is caught.
//!
//! `PITBOSS_SCHEDULES` is the number of schedules; `PITBOSS_SCHEDULE` is the seed of one whose trace is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod books;
mod fixture;
mod responses;
mod schedule;
mod slow_commits;
mod upstream;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;

use abi_host::Module;

use crate::books::Tally;
use crate::fixture::{broken, idempotency};
use crate::schedule::Schedule;

/// How many schedules; `make soak` asks for a million.
const COUNT: (&str, u64) = ("PITBOSS_SCHEDULES", 10_000);
/// The seed of the only one to be run, whose trace is printed.
const SEED: &str = "PITBOSS_SCHEDULE";
/// Schedules of a store within which its breakage shows.
const PATIENCE: u64 = 3_000;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

/// Runs the schedules of these seeds on two threads, until one goes wrong: what was counted, and the
/// lowest seed that was found to go wrong with its trace.
fn run(module: &Module, store: Option<&str>, seeds: u64) -> (Tally, Option<(u64, String)>) {
    let (next, all) = (AtomicU64::new(1), Mutex::new((Tally::default(), None)));
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed > seeds || all.lock().unwrap().1.is_some() {
                    return;
                }
                let ran = Schedule::new(seed, module, store).run();
                let mut all = all.lock().unwrap();
                all.0.add(&ran.tally);
                if let Some(wrong) = ran.wrong {
                    all.1 = Some((seed, format!("{}\n{wrong}", ran.trace.join("\n"))));
                }
            });
        }
    });
    all.into_inner().unwrap()
}

#[test]
fn no_schedule_carries_a_request_out_twice() {
    if let Some(seed) = variable(SEED) {
        let ran = Schedule::new(seed, idempotency(), None).run();
        println!("{}\n{}", ran.trace.join("\n"), ran.tally);
        assert_eq!(ran.wrong, None, "seed {seed}");
        return;
    }
    let count = variable(COUNT.0).unwrap_or(COUNT.1);
    let (tally, wrong) = run(idempotency(), None, count);
    println!("{count} schedules: {tally}");
    if let Some((seed, wrong)) = wrong {
        panic!("{SEED}={seed} shows this one again\n{wrong}");
    }
    // A simulation in which nothing happens proves nothing.
    for (what, least_of_a_hundred) in [
        ("calls", 1_000),
        ("effects", 300),
        ("replays", 40),
        ("reused", 20),
        ("in_progress", 40),
        ("outcome_unknown", 40),
        ("answer_unavailable", 2),
        ("completed", 100),
        ("freed", 40),
        ("unknown", 40),
        ("oversize", 5),
        ("stale", 1),
        ("resolved", 1),
        ("left", 10),
        ("traps", 5),
        ("faults", 5),
        ("pushes", 20),
        ("jumps", 50),
    ] {
        let least = count * least_of_a_hundred / 100;
        assert!(tally.of(what) >= least, "only {} {what} in {count} schedules", tally.of(what));
    }
    // Routes would make them, and the module takes them off every call that may have a key.
    assert_eq!(tally.of("retries"), 0);
}

#[test]
fn equal_seeds_give_equal_schedules() {
    for seed in 1..=20 {
        let [one, other] = [0, 1].map(|_| Schedule::new(seed, idempotency(), None).run().trace);
        assert_eq!(one, other, "seed {seed}");
    }
}

#[test]
fn broken_stores_are_caught() {
    let (twice, replay) = ("took effect twice", "not the first answer");
    for (store, how) in [
        ("without-cas", &[twice][..]),
        ("deadline-as-absence", &[twice]),
        // What it writes over another's claim expires with its own.
        ("without-fence", &[twice, replay]),
    ] {
        let (_, wrong) = run(broken(), Some(store), PATIENCE);
        let (seed, wrong) = wrong.unwrap_or_else(|| panic!("{store} goes unnoticed"));
        println!("{store}: seed {seed}: {}", wrong.lines().last().unwrap_or_default());
        assert!(how.iter().any(|how| wrong.contains(how)), "{store}: {wrong}");
    }
    // It is the store that was caught, not what it is wrapped in.
    assert_eq!(run(broken(), None, 300).1, None);
}
