//! Ten thousand owners who want all of what is shared, in virtual time: honest players and proven partners
//! keep at least 99 % of what they want.

use std::collections::BTreeMap;

use policy_kit::fake::FakeHost;

use crate::inquiry::{flight, Inquiries};
use crate::quota::{Allowance, Failure, Quota, Taken};
use crate::store::{Ask, Asked, End, Said, Store};
use crate::turn::{Places, Turn};
use crate::{Embedded, Fingerprint, Key, Limits, Owner, Part, PerPart, Scatter, Scope};

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLI;
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

/// What honest owners wanted, and what they got of it.
#[derive(Debug, Default)]
struct Kept {
    wanted: u64,
    got: u64,
}

impl Kept {
    fn note(&mut self, got: bool) {
        self.wanted += 1;
        self.got += u64::from(got);
    }

    fn holds(&self, least: u64) {
        assert!(self.wanted >= least && self.got * 100 >= self.wanted * 99, "{self:?}");
    }
}

/// A store by the defaults, a sixteenth of it: 31 new keys a second of players, 2 failed keys of each sort.
struct World {
    host: FakeHost,
    store: Embedded,
    quotas: PerPart<Quota>,
    keys: u64,
}

impl World {
    fn new() -> Self {
        let scatter = Scatter::new(0x5bd1_e995_1234_5678);
        let slots = PerPart { players: 31 * 3_600 * 3, partners: 3 * 3_600 * 3 };
        let limits = PerPart::new(|part| Limits { slots: *slots.of(part), bytes: 0, answer: 0 });
        let quotas = PerPart::new(|part| {
            let failed = (part == Part::Players).then_some(2);
            let keys = [1_800, 16_200][part as usize];
            let allowance = Allowance { keys, failed, kept: HOUR, refused: 600 * SECOND };
            Quota::new("test", part, *slots.of(part), allowance, scatter)
        });
        let store = Embedded::new("test", &limits, scatter);
        Self { host: FakeHost::default(), store, quotas, keys: 0 }
    }

    /// A call as the filter makes it; how it fails, if it does. Whether it was carried out.
    fn call(&mut self, owner: &Owner, failure: Option<Failure>, now: u64) -> bool {
        self.keys += 1;
        let key = Key::of_text(format!("key-{:08}", self.keys).as_bytes()).unwrap();
        let (scope, expires) = (Scope::new(owner, b"POST", "/bets", &key), now + HOUR);
        let claim =
            Ask::Claim { fingerprint: Fingerprint([1; 32]), deadline: now + SECOND, expires };
        let asked = self.store.ask(&mut self.host, &scope, &claim, now);
        let Asked::Said(Ok(Said::Granted(fence))) = asked else { return false };
        let quota = self.quotas.of(owner.part());
        if quota.take(&mut self.host, owner, expires, now) != Ok(Taken::Yes) {
            self.store.ask(&mut self.host, &scope, &Ask::Free { fence }, now);
            return false;
        }
        let Some(failure) = failure else { return true };
        let (end, kept) = match failure {
            Failure::Refused => (End::Oversize { status: 402 }, now + 600 * SECOND),
            Failure::Unknown => (End::Unknown, expires),
        };
        let commit = Ask::Commit { fence, end, expires: kept };
        self.store.ask(&mut self.host, &scope, &commit, now);
        quota.failed(&mut self.host, owner, failure, (expires, kept), now).unwrap();
        true
    }
}

#[test]
fn slots_and_quota() {
    let (mut world, mut players, mut partners) = (World::new(), Kept::default(), Kept::default());
    for second in 0..5_400 {
        let now = (1_000 + second) * SECOND;
        // Each time all of them, with refused bets and with bets that they leave.
        if second % 450 == 0 {
            for number in 0..HOSTILE {
                for failure in [Failure::Refused, Failure::Unknown, Failure::Refused] {
                    world.call(&hostile(number), Some(failure), now);
                }
            }
        }
        // 93 players who spin every three seconds, one of a hundred bets in vain.
        for number in 0..31 {
            let owner = honest(31 * (second as usize % 3) + number);
            let fails = (second as usize + 7 * number).is_multiple_of(300);
            players.note(world.call(&owner, fails.then_some(Failure::Refused), now));
        }
        partners.note(world.call(&partner(second as usize % 3), None, now));
    }
    players.holds(100_000);
    partners.holds(5_000);
    assert_eq!(partners.wanted, partners.got);
}

/// Every hostile owner waits for its own call, over and over; each wait is a second long.
#[test]
fn waiting_places() {
    let places = Places::default();
    let mut turns: BTreeMap<u64, Vec<(usize, Box<Turn>)>> = BTreeMap::new();
    let mut tries: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    tries.insert(0, (0..HOSTILE).collect());
    let (mut players, mut partners) = (Kept::default(), Kept::default());
    for second in 0..3_600 {
        let now = second * SECOND;
        for (number, mut turn) in turns.remove(&second).unwrap_or_default() {
            turn.looked = now;
            drop(turn);
            tries.entry(second + 1).or_default().push(number);
        }
        for number in tries.remove(&second).unwrap_or_default() {
            match places.take(&hostile(number), now) {
                Some(turn) => turns.entry(second + 1).or_default().push((number, turn)),
                None => tries.entry(second + 10).or_default().push(number),
            }
        }
        for number in 0..2 {
            let who = honest((2 * second as usize + number) % 4_000);
            let mut turn = places.take(&who, now);
            turn.iter_mut().for_each(|turn| turn.looked = now + 200 * MILLI);
            players.note(turn.is_some());
            partners.note(places.take(&partner(number), now).is_some());
        }
    }
    players.holds(7_000);
    partners.holds(7_000);
    assert_eq!(partners.wanted, partners.got);
}

/// Every hostile owner asks what became of its calls as often as it may; each answer takes 50 ms.
#[test]
fn questions_to_reconcile() {
    let inquiries = Inquiries::default();
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut tries: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    tries.insert(0, (0..HOSTILE).collect());
    let (mut players, mut partners, mut keys) = (Kept::default(), Kept::default(), 0_u64);
    for step in 0..36_000_u64 {
        let now = step * 50 * MILLI;
        for (number, about) in out.drain(..) {
            inquiries.landed(&about, now);
            tries.entry(step + 1).or_default().push(number);
        }
        for number in tries.remove(&step).unwrap_or_default() {
            keys += 1;
            let about = format!("hostile {keys}");
            match inquiries.join(&about, &hostile(number), SECOND, now) {
                Some(asked) => out.push((number, flight(&about, asked))),
                None => tries.entry(step + 100).or_default().push(number),
            }
        }
        if step % 4 == 0 {
            let ask = |about: String, who: &Owner| {
                let asked = inquiries.join(&about, who, SECOND, now);
                inquiries.landed(&flight(&about, now), now);
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
