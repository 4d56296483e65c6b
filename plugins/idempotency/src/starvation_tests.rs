//! Ten thousand hostile owners take all that they can, in virtual time: honest players and proven partners
//! get at least 99 % of what they need.

use std::collections::BTreeMap;

use policy_kit::fake::FakeHost;
use policy_kit::BucketSeed;

use crate::names::{MILLI, SECOND};
use crate::policy::capacity::{Allowance, Limits};
use crate::policy::identity::{Fingerprint, Owner, Part, PerPart, Scope};
use crate::policy::key::Key;
use crate::policy::outcome::Outcome;
use crate::store::port::{Command, Response, Store, StoreStep};
use crate::store::quota::{Failure, Quota, QuotaCheck};
use crate::store::shares::{shared_call_key, ReconcileCalls, WaitPermit, WaitPermits};
use crate::store::slots::Embedded;

const HOUR: u64 = 3_600 * SECOND;
const HOSTILE: usize = 10_000;

fn hostile(number: usize) -> Owner {
    Owner::new("otter", "player", &format!("hostile-{number}"))
}

fn honest(number: usize) -> Owner {
    Owner::new("otter", "player", &format!("honest-{number}"))
}

fn partner(number: usize) -> Owner {
    Owner::new("otter", "partner", &format!("partner-{number}"))
}

/// What honest owners needed, and what they got.
#[derive(Debug, Default)]
struct Share {
    wanted: u64,
    got: u64,
}

impl Share {
    fn note(&mut self, got: bool) {
        self.wanted += 1;
        self.got += u64::from(got);
    }

    fn holds(&self, least: u64) {
        assert!(self.wanted >= least && self.got * 100 >= self.wanted * 99, "{self:?}");
    }
}

/// A store by the defaults, a sixteenth of it: 31 new keys a second of players, 2 failed keys of each sort.
struct Fixture {
    host: FakeHost,
    store: Embedded,
    quotas: PerPart<Quota>,
    keys: u64,
}

impl Fixture {
    fn new() -> Self {
        let seed = BucketSeed::new(0x5bd1_e995_1234_5678);
        let slots = PerPart { players: 31 * 3_600 * 3, partners: 3 * 3_600 * 3 };
        let limits = PerPart::new(|part| Limits { slots: *slots.of(part), bytes: 0, answer: 0 });
        let quotas = PerPart::new(|part| {
            let failed = (part == Part::Players).then_some(2);
            let keys = [1_800, 16_200][part as usize];
            let allowance = Allowance { keys, failed, kept: HOUR, refused: 600 * SECOND };
            Quota::new("test", part, *slots.of(part), allowance, seed)
        });
        let store = Embedded::new("test", &limits, seed);
        Self { host: FakeHost::default(), store, quotas, keys: 0 }
    }

    /// Sends a request, which fails if `failure` says so. Returns whether it was carried out.
    fn call(&mut self, owner: &Owner, failure: Option<Failure>, now: u64) -> bool {
        self.keys += 1;
        let key = Key::of_text(format!("key-{:08}", self.keys).as_bytes()).unwrap();
        let (scope, expires) = (Scope::new(owner, b"POST", "/bets", &key), now + HOUR);
        let claim =
            Command::Claim { fingerprint: Fingerprint([1; 32]), deadline: now + SECOND, expires };
        let step = self.store.execute(&mut self.host, &scope, &claim, now);
        let StoreStep::Done(Ok(Response::Granted(fence))) = step else { return false };
        let quota = self.quotas.of(owner.part());
        if quota.take(&mut self.host, owner, expires, now) != Ok(QuotaCheck::Granted) {
            self.store.execute(
                &mut self.host,
                &scope,
                &Command::Commit { fence, outcome: Outcome::NoEffect, expires },
                now,
            );
            return false;
        }
        let Some(failure) = failure else { return true };
        let (outcome, kept) = match failure {
            Failure::Refused => (Outcome::NotKept { status: 402 }, now + 600 * SECOND),
            Failure::Unknown => (Outcome::Unknown, expires),
        };
        let commit = Command::Commit { fence, outcome, expires: kept };
        self.store.execute(&mut self.host, &scope, &commit, now);
        quota.count_failure(&mut self.host, owner, failure, (expires, kept), now).unwrap();
        true
    }
}

#[test]
fn slots_and_quota() {
    let (mut fixture, mut players, mut partners) =
        (Fixture::new(), Share::default(), Share::default());
    for second in 0..5_400 {
        let now = (1_000 + second) * SECOND;
        // Each time all of them, with refused bets and with bets that they leave.
        if second % 450 == 0 {
            for number in 0..HOSTILE {
                for failure in [Failure::Refused, Failure::Unknown, Failure::Refused] {
                    fixture.call(&hostile(number), Some(failure), now);
                }
            }
        }
        // 93 players who spin every three seconds, one of a hundred bets in vain.
        for number in 0..31 {
            let owner = honest(31 * (second as usize % 3) + number);
            let fails = (second as usize + 7 * number).is_multiple_of(300);
            players.note(fixture.call(&owner, fails.then_some(Failure::Refused), now));
        }
        partners.note(fixture.call(&partner(second as usize % 3), None, now));
    }
    players.holds(100_000);
    partners.holds(5_000);
    assert_eq!(partners.wanted, partners.got);
}

/// Every hostile owner waits for its own request over and over, a second each time.
#[test]
fn wait_permits() {
    let permits = WaitPermits::default();
    let mut taken: BTreeMap<u64, Vec<(usize, Box<WaitPermit>)>> = BTreeMap::new();
    let mut tries: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    tries.insert(0, (0..HOSTILE).collect());
    let (mut players, mut partners) = (Share::default(), Share::default());
    for second in 0..3_600 {
        let now = second * SECOND;
        for (number, mut permit) in taken.remove(&second).unwrap_or_default() {
            permit.last_try = now;
            drop(permit);
            tries.entry(second + 1).or_default().push(number);
        }
        for number in tries.remove(&second).unwrap_or_default() {
            match permits.take(&hostile(number), now) {
                Some(permit) => taken.entry(second + 1).or_default().push((number, permit)),
                None => tries.entry(second + 10).or_default().push(number),
            }
        }
        for number in 0..2 {
            let who = honest((2 * second as usize + number) % 4_000);
            let mut permit = permits.take(&who, now);
            permit.iter_mut().for_each(|permit| permit.last_try = now + 200 * MILLI);
            players.note(permit.is_some());
            partners.note(permits.take(&partner(number), now).is_some());
        }
    }
    players.holds(7_000);
    partners.holds(7_000);
    assert_eq!(partners.wanted, partners.got);
}

/// Every hostile owner has the reconcile service called as often as it may; each reply takes 50 ms.
#[test]
fn reconcile_calls() {
    let calls = ReconcileCalls::default();
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut tries: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    tries.insert(0, (0..HOSTILE).collect());
    let (mut players, mut partners, mut keys) = (Share::default(), Share::default(), 0_u64);
    for step in 0..36_000_u64 {
        let now = step * 50 * MILLI;
        for (number, about) in out.drain(..) {
            calls.complete(&about, now);
            tries.entry(step + 1).or_default().push(number);
        }
        for number in tries.remove(&step).unwrap_or_default() {
            keys += 1;
            let about = format!("hostile {keys}");
            match calls.join(&about, &hostile(number), SECOND, now) {
                Some(asked) => out.push((number, shared_call_key(&about, asked))),
                None => tries.entry(step + 100).or_default().push(number),
            }
        }
        if step % 4 == 0 {
            let ask = |about: String, who: &Owner| {
                let asked = calls.join(&about, who, SECOND, now);
                calls.complete(&shared_call_key(&about, now), now);
                asked.is_some()
            };
            players.note(ask(format!("honest {step}"), &honest(step as usize / 4 % 4_000)));
            partners.note(ask(format!("partner {step}"), &partner(1)));
        }
    }
    players.holds(5_000);
    partners.holds(5_000);
    assert_eq!(partners.wanted, partners.got);
}
