//! Workers that share one store, in virtual time, by the dice of a seed: at each host call of one of them,
//! others may come first. At most one effect a key, a replay is the first
//! answer, no key outlives its retention; and three stores that are broken on purpose are caught.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use policy_kit::fake::FakeHost;
use policy_kit::{forward_host, BucketSeed, Fault, Host};

use crate::names::SECOND;
use crate::policy::answer::Answer;
use crate::policy::capacity::Limits;
use crate::policy::identity::{Fingerprint, Owner, Scope};
use crate::policy::key::Key;
use crate::policy::outcome::Outcome;
use crate::store::port::{Command, Fence, Response, Store, StoreFault, StoreStep};
use crate::store::slots::Slots;

const DEADLINE: u64 = 5 * SECOND;
const RETENTION: u64 = 60 * SECOND;
const KEYS: usize = 6;
const PRINT: Fingerprint = Fingerprint([1; 32]);

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    No,
    /// Overwrites what others have written meanwhile.
    ClaimWithoutCas,
    /// Takes a deadline that passed for a key that is free.
    DeadlineAsAbsence,
    /// Settles the key under any claim.
    CommitWithoutFence,
}

/// A call that was granted and has not come to its end.
#[derive(Clone, Copy)]
struct InHand {
    key: usize,
    fence: Fence,
    deadline: u64,
    /// What its answer will say; `None` before it took effect.
    effect: Option<u64>,
}

/// What the books say of a key: what took effect last, and until when that excludes another.
#[derive(Clone, Copy)]
struct Effect {
    number: u64,
    excludes_until: u64,
}

struct Sim {
    seed: Cell<u64>,
    broken: Broken,
    now: Cell<u64>,
    shared: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    version: Cell<u32>,
    workers: Vec<RefCell<Vec<InHand>>>,
    effects: RefCell<BTreeMap<usize, Effect>>,
    count: Cell<u64>,
    replays: Cell<u64>,
    wrong: RefCell<Option<String>>,
}

impl Sim {
    fn new(seed: u64, broken: Broken) -> Self {
        Self {
            seed: Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            broken,
            now: Cell::new(1_000 * SECOND),
            shared: RefCell::default(),
            version: Cell::new(0),
            workers: (0..3).map(|_| RefCell::default()).collect(),
            effects: RefCell::default(),
            count: Cell::new(0),
            replays: Cell::new(0),
            wrong: RefCell::default(),
        }
    }

    /// Xorshift: below `end`.
    fn dice(&self, end: u64) -> u64 {
        let mut x = self.seed.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.seed.set(x);
        (x >> 11) % end
    }

    fn fails(&self, what: String) {
        self.wrong.borrow_mut().get_or_insert(what);
    }

    /// Some worker that is not at something already does something.
    fn turn(&self, depth: u8) {
        let worker = self.dice(self.workers.len() as u64) as usize;
        let Ok(mut calls) = self.workers[worker].try_borrow_mut() else { return };
        let mut host = Interleaved { sim: self, depth, fake: FakeHost::default() };
        match self.dice(4) {
            0 | 1 => self.ask(&mut host, &mut calls),
            _ => self.goes_on(&mut host, &mut calls),
        }
    }

    /// A client sends a call, or sends one again.
    fn ask(&self, host: &mut Interleaved<'_>, calls: &mut Vec<InHand>) {
        let (key, slots) = (self.dice(KEYS as u64) as usize, slots());
        let claim = |host: &mut Interleaved<'_>| {
            let now = self.now.get();
            let (deadline, expires) = (now + DEADLINE, now + RETENTION);
            let command = Command::Claim { fingerprint: PRINT, deadline, expires };
            (slots.execute(host, &scope(key), &command, now), deadline)
        };
        let (mut step, mut deadline) = claim(host);
        if let (
            Broken::DeadlineAsAbsence,
            StoreStep::Done(Ok(Response::Settled(fence, Outcome::Unknown))),
        ) = (self.broken, &step)
        {
            let free = Command::Resolve { fence: *fence, outcome: Outcome::NoEffect };
            let _ = slots.apply(host, &scope(key), &free, self.now.get());
            (step, deadline) = claim(host);
        }
        match step {
            StoreStep::Done(Ok(Response::Granted(fence))) => {
                calls.push(InHand { key, fence, deadline, effect: None });
            }
            StoreStep::Done(Ok(Response::Settled(_, Outcome::Completed(answer)))) => {
                self.replays.set(self.replays.get() + 1);
                let first = self.effects.borrow().get(&key).map(|effect| effect.number);
                if first.is_none_or(|number| answer != self::answer(number)) {
                    self.fails(format!("key {key}: a replay is not the first answer"));
                }
            }
            StoreStep::Done(Ok(_) | Err(StoreFault::Contended | StoreFault::Full)) => {}
            fault => self.fails(format!("key {key}: {fault:?}")),
        }
    }

    /// A call under way takes effect, ends, or is lost.
    fn goes_on(&self, host: &mut Interleaved<'_>, calls: &mut Vec<InHand>) {
        if calls.is_empty() {
            return;
        }
        let at = self.dice(calls.len() as u64) as usize;
        let (now, slots) = (self.now.get(), slots());
        let call = &mut calls[at];
        match (call.effect, self.dice(10)) {
            // The worker's VM is replaced, or the answer is lost: this one is never settled.
            (_, 0) => {
                calls.swap_remove(at);
            }
            // The upstream had no effect and says so.
            (None, 1) => {
                let call = calls.swap_remove(at);
                let (fence, outcome) = (call.fence, Outcome::NoEffect);
                let free = Command::Commit { fence, outcome, expires: now + RETENTION };
                let _ = slots.apply(host, &scope(call.key), &free, now);
            }
            // The upstream's timeout ends at the deadline: nothing takes effect after it.
            (None, _) if now < call.deadline => {
                self.count.set(self.count.get() + 1);
                let number = self.count.get();
                call.effect = Some(number);
                let until = call.deadline - DEADLINE + RETENTION;
                let effect = Effect { number, excludes_until: until };
                let before = self.effects.borrow_mut().insert(call.key, effect);
                if before.is_some_and(|before| before.excludes_until > now) {
                    self.fails(format!("key {} took effect twice", call.key));
                }
            }
            (None, _) => {
                calls.swap_remove(at);
            }
            (Some(number), _) => {
                let call = calls.swap_remove(at);
                self.commit(host, &slots, &call, number);
            }
        }
    }

    fn commit(&self, host: &mut Interleaved<'_>, slots: &Slots, call: &InHand, number: u64) {
        let (now, scope) = (self.now.get(), scope(call.key));
        let mut commit = |fence| {
            let outcome = Outcome::Completed(answer(number));
            let command = Command::Commit { fence, outcome, expires: now + RETENTION };
            slots.execute(host, &scope, &command, now) == StoreStep::Done(Ok(Response::Done))
        };
        let done = match self.broken {
            // Whatever fence the key has now.
            Broken::CommitWithoutFence => {
                (call.fence.0..call.fence.0 + 50).any(|f| commit(Fence(f)))
            }
            _ => commit(call.fence),
        };
        let mut effects = self.effects.borrow_mut();
        let last = effects.get_mut(&call.key).filter(|last| last.number == number);
        if let (true, Some(last)) = (done, last) {
            last.excludes_until = now + RETENTION;
        }
    }

    /// Runs a schedule; what went wrong, if anything did.
    fn run(&self) -> Option<String> {
        for _ in 0..300 {
            // Mostly a moment, now and then longer than a deadline, or than any key is kept.
            let pause = match self.dice(60) {
                0 => RETENTION + SECOND,
                1..=4 => DEADLINE + SECOND,
                _ => self.dice(SECOND / 4),
            };
            self.now.set(self.now.get() + pause);
            self.turn(0);
            if self.wrong.borrow().is_some() {
                break;
            }
        }
        self.now.set(self.now.get() + RETENTION + SECOND);
        for key in 0..KEYS {
            let mut host = Interleaved { sim: self, depth: 3, fake: FakeHost::default() };
            let read = Command::Read { fingerprint: PRINT };
            let response = slots().apply(&mut host, &scope(key), &read, self.now.get());
            if response != Ok(Response::Absent) {
                self.fails(format!("key {key} is stuck: {response:?}"));
            }
        }
        self.wrong.borrow().clone()
    }
}

fn slots() -> Slots {
    Slots::new("sim", Limits { slots: 16, bytes: 1 << 16, answer: 1 << 10 }, BucketSeed::default())
}

fn scope(key: usize) -> Scope {
    let key = Key::of_text(format!("key-{key:08}").as_bytes()).unwrap();
    Scope::new(&Owner::new("otter", "player", "p-1"), b"POST", "/bets", &key)
}

fn answer(number: u64) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: number.to_string().into_bytes() }
}

/// A gateway in which others may come first whenever something is asked of it.
struct Interleaved<'a> {
    sim: &'a Sim,
    depth: u8,
    fake: FakeHost,
}

impl Interleaved<'_> {
    fn others_first(&self) {
        while self.depth < 3 && self.sim.dice(4) == 0 {
            self.sim.turn(self.depth + 1);
        }
    }
}

impl Host for Interleaved<'_> {
    fn shared(&mut self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Fault> {
        self.others_first();
        Ok(self.sim.shared.borrow().get(key).cloned())
    }

    fn set_shared(
        &mut self,
        key: &str,
        value: &[u8],
        expected: Option<u32>,
    ) -> Result<bool, Fault> {
        self.others_first();
        let mut shared = self.sim.shared.borrow_mut();
        let there = shared.get(key).map(|(_, version)| *version);
        if there != expected && self.sim.broken != Broken::ClaimWithoutCas {
            return Ok(false);
        }
        let version = self.sim.version.get() + 1;
        self.sim.version.set(version);
        shared.insert(key.to_owned(), (value.to_vec(), version));
        Ok(true)
    }

    fn now(&mut self) -> Result<u64, Fault> {
        Ok(self.sim.now.get())
    }

    fn random(&mut self) -> Option<[u8; 16]> {
        self.fake.random()
    }

    forward_host!(fake);
}

/// Seeds of one run; `PITBOSS_SEEDS` asks for more.
#[allow(clippy::disallowed_methods)] // of this machine, not of a VM
fn seeds() -> u64 {
    std::env::var("PITBOSS_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

#[test]
fn no_schedule_breaks_the_store() {
    let (mut effects, mut replays) = (0, 0);
    for seed in 1..=seeds() {
        let sim = Sim::new(seed, Broken::No);
        if let Some(wrong) = sim.run() {
            panic!("seed {seed}: {wrong}");
        }
        effects += sim.count.get();
        replays += sim.replays.get();
    }
    // A simulation in which nothing happens proves nothing.
    assert!(effects > 5 * seeds() && replays > 5 * seeds(), "{effects} effects, {replays} replays");
}

#[test]
fn broken_stores_are_caught() {
    for broken in [Broken::ClaimWithoutCas, Broken::DeadlineAsAbsence, Broken::CommitWithoutFence] {
        let caught = (1..=2_000).find_map(|seed| Sim::new(seed, broken).run().map(|w| (seed, w)));
        assert!(caught.is_some(), "{broken:?} goes unnoticed");
    }
}
