//! Two gateways with two workers each, and a Redis in virtual time whose answers are late, lost, repeated, or another
//! caller's. What was admitted by tokens and by the workers' shares is compared with the bounds that
//! `lease/mod.rs` states.

use std::collections::BTreeMap;

use policy_kit::{CallReply, Gcra, Headers, SharedCall, MILLI, SECOND};

use crate::rate::caller::Caller;
use crate::rate::fixture::{endpoints, host, limits_of_fleet, request, NOW};
use crate::rate::limits::Limits;
use crate::rate::state::{LimitState, Phase, Turn};

const WORKERS: usize = 4;
const RULES: &str = r#"[{"name": "a", "scope": "fleet", "key": ["player"], "requests": 40, "per": "second",
    "burst": 20}]"#;
const EMISSION: u64 = SECOND / 40;
/// `timeout_ms`.
const TIMEOUT: u64 = 100 * MILLI;

/// What goes wrong, in percent of the calls.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    lost_before: u64,
    lost_after: u64,
    others: u64,
    twice: u64,
    /// While this lasts, no call reaches Redis.
    away: (u64, u64),
}

/// A call on its way: when its reply comes, to whom.
struct Sent {
    at: u64,
    worker: usize,
    key: String,
    reply: CallReply,
}

struct Held {
    worker: usize,
    call: String,
    player: u64,
    waited: u8,
    since: u64,
}

/// What the function library in Redis does.
#[derive(Default)]
struct Redis(BTreeMap<String, u64>);

impl Redis {
    fn run(&mut self, body: &[u8], now: u64) -> String {
        let command: Vec<String> = serde_json::from_slice(body).unwrap();
        assert_eq!(command[..3], ["FCALL", "pitboss_lease", "1"]);
        let number = |at: usize| command[at].parse::<u64>().unwrap();
        let (emission, full, want, least) = (number(4), number(5), number(6), number(7));
        let now = now / 1_000;
        let paid = self.0.entry(command[3].clone()).or_default();
        let debt = paid.saturating_sub(now).min(full);
        let granted = want.min((full - debt) / emission);
        let (granted, wait) = match granted < least {
            true => (0, least * emission + debt - full),
            false => {
                *paid = now + debt + granted * emission;
                (granted, 0)
            }
        };
        format!(r#"{{"result": ["{}", {granted}, {wait}]}}"#, command[8])
    }
}

struct Sim {
    seed: u64,
    limits: Limits,
    workers: Vec<LimitState>,
    redis: Redis,
    sent: Vec<Sent>,
    /// The last answer to anybody.
    last: String,
    held: Vec<Held>,
    now: u64,
    /// Exact counters of what was admitted, by player: by tokens, and by shares.
    exact: [BTreeMap<u64, u64>; 2],
    admitted: [u64; 2],
    refused: u64,
    longest: u64,
}

impl Sim {
    fn new(seed: u64) -> Self {
        let limits = limits_of_fleet(RULES);
        let workers = (0..WORKERS).map(|n| {
            let mut host = host();
            host.random = Some([u8::try_from(n).unwrap(); 16]);
            LimitState::new(&limits, &mut host).unwrap()
        });
        Self {
            seed: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            workers: workers.collect(),
            limits,
            redis: Redis::default(),
            sent: Vec::new(),
            last: r#"{"result": ["nobody", 1, 0]}"#.to_owned(),
            held: Vec::new(),
            now: NOW,
            exact: Default::default(),
            admitted: [0; 2],
            refused: 0,
            longest: 0,
        }
    }

    fn dice(&mut self, end: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) % end
    }

    fn charge(&mut self, trouble: Trouble, it: Held) {
        let (endpoints, headers) = (endpoints(), Headers::default());
        let found = endpoints.found(endpoints.classify(b"POST", b"/bets"));
        let player = it.player.to_string();
        let caller = request("POST", "/bets", &headers);
        let caller = Caller { player: Some(player.as_bytes()), ..caller };
        let turn = Turn { phase: Phase::Headers, factor: 1, waited: it.waited, now: self.now };
        let at = (&found, &caller);
        let charged = self.workers[it.worker].charge(&mut host(), &self.limits, at, turn);
        assert!(!charged.unavailable && it.waited <= 3);
        if let Some(call) = charged.lease {
            self.send(trouble, it.worker, &call);
            self.held.push(Held { call: call.key, waited: it.waited + 1, ..it });
            return;
        }
        self.longest = self.longest.max(self.now - it.since);
        if !charged.is_allowed() {
            assert!(charged.wait > 0 && charged.wait <= 20 * EMISSION * WORKERS as u64);
            self.refused += 1;
            return;
        }
        let kind = usize::from(!charged.faults.is_empty());
        self.admitted[kind] += 1;
        // Beside the burst, what tokens of two leases bring; the shares have no more than a burst together.
        let bounds = [Gcra::new(EMISSION, 20 + 40), Gcra::new(EMISSION, 20)];
        let counter = self.exact[kind].entry(it.player).or_default();
        *counter = bounds[kind].charge(*counter, self.now, 1).expect("more than the bound");
    }

    fn send(&mut self, trouble: Trouble, worker: usize, call: &SharedCall) {
        if self.sent.iter().any(|sent| sent.worker == worker && sent.key == call.key) {
            return;
        }
        let away = (trouble.away.0..trouble.away.1).contains(&(self.now - NOW));
        let there = self.now + (1 + self.dice(3)) * MILLI;
        let mut reply = CallReply::NoResponse;
        let mut back = self.now + TIMEOUT;
        if !away && self.dice(100) >= trouble.lost_before {
            // Another caller's answer, which that one got as well, while this command was dropped.
            if self.dice(100) >= trouble.others {
                self.last = self.redis.run(&call.call.body, there);
            }
            let text = self.last.clone();
            if self.dice(100) >= trouble.lost_after {
                let (status, headers, body) = (200, Headers::default(), text.into_bytes());
                reply = CallReply::Response { status, headers, body, cut: false };
                // Some come so late that their tokens are hardly of use.
                back = there + (1 + self.dice(60)) * MILLI;
            }
        }
        self.sent.push(Sent { at: back, worker, key: call.key.clone(), reply });
    }

    fn replies(&mut self, trouble: Trouble) {
        while let Some(at) = self.sent.iter().position(|sent| sent.at <= self.now) {
            let Sent { worker, key, reply, .. } = self.sent.swap_remove(at);
            for _ in 0..1 + u64::from(self.dice(100) < trouble.twice) {
                self.workers[worker].leased(&self.limits, &key, &reply, self.now);
            }
            let mine = |held: &Held| held.worker == worker && held.call == key;
            let (ready, rest) = std::mem::take(&mut self.held).into_iter().partition(mine);
            self.held = rest;
            let ready: Vec<Held> = ready;
            ready.into_iter().for_each(|held| self.charge(trouble, held));
        }
    }

    /// Runs for some time, with so many requests of each player in ten milliseconds, to all workers together.
    fn run(&mut self, trouble: Trouble, time: u64, rates: &[u64]) {
        let end = self.now + time;
        while self.now < end {
            self.replies(trouble);
            for (player, rate) in (0..).zip(rates) {
                for _ in 0..*rate {
                    if self.dice(10) == 0 {
                        let worker = self.dice(WORKERS as u64) as usize;
                        let (call, since) = (String::new(), self.now);
                        self.charge(trouble, Held { worker, call, player, waited: 0, since });
                    }
                }
            }
            if (self.now / MILLI).is_multiple_of(20) {
                for worker in 0..WORKERS {
                    let due = self.workers[worker].due(&self.limits, self.now);
                    due.iter().for_each(|call| self.send(trouble, worker, call));
                }
            }
            self.now += MILLI;
        }
    }
}

/// One player with ten times the rate of 40 a second.
const RATES: [u64; 1] = [4];

#[test]
fn a_fleet_shares_one_limit() {
    for seed in 1..=20 {
        let mut sim = Sim::new(seed);
        sim.run(Trouble::default(), 10 * SECOND, &RATES);
        let [tokens, shares] = sim.admitted;
        let most = 20 + 40 * 10;
        assert!(shares == 0 && tokens <= most && tokens * 10 >= most * 9, "{seed}: {tokens}");
        assert!(sim.refused > 3_000 && sim.longest <= 3 * TIMEOUT, "{seed}: {}", sim.longest);
        if seed == 1 {
            println!(
                "{tokens} of {most} admitted, {} refused, waited {} ms at most",
                sim.refused,
                sim.longest / MILLI
            );
        }
    }
}

#[test]
fn a_player_below_the_rate_is_not_refused() {
    let (mut asked, mut refused) = (0, 0);
    for seed in 1..=20 {
        let mut sim = Sim::new(seed);
        for _ in 0..500 {
            // One request in 50 ms, half of the rate, from any worker.
            let worker = sim.dice(WORKERS as u64) as usize;
            let (call, since) = (String::new(), sim.now);
            sim.charge(Trouble::default(), Held { worker, call, player: 9, waited: 0, since });
            sim.run(Trouble::default(), 50 * MILLI, &[]);
        }
        asked += sim.admitted[0] + sim.admitted[1] + sim.refused;
        refused += sim.refused;
    }
    println!("{refused} of {asked} refused at half the rate");
    assert!(asked == 10_000 && refused * 100 < asked, "{refused}");
}

#[test]
fn trouble_stays_within_the_bounds() {
    let trouble = Trouble { lost_before: 2, lost_after: 2, others: 5, twice: 20, away: (0, 0) };
    let (mut all, mut refused) = ([0; 2], 0);
    for seed in 1..=20 {
        let mut sim = Sim::new(seed);
        let others = if seed % 2 == 0 { 60 } else { trouble.others };
        sim.run(Trouble { others, ..trouble }, 10 * SECOND, &[3, 1, 1]);
        all = [all[0] + sim.admitted[0], all[1] + sim.admitted[1]];
        refused += sim.refused;
        assert!(sim.longest <= 3 * TIMEOUT, "seed {seed}: a request waited for {}", sim.longest);
    }
    println!("{} by tokens, {} by shares, {refused} refused", all[0], all[1]);
    assert!(all[0] > 2_000 && all[1] > 2_000);
}

/// Redis goes away, the workers go on with their shares, and it comes back.
#[test]
fn without_redis_the_shares_count() {
    let away = (2 * SECOND, 12 * SECOND);
    let trouble = Trouble { away, ..Trouble::default() };
    let mut sim = Sim::new(7);
    sim.run(trouble, 2 * SECOND, &RATES);
    let before = sim.admitted;
    assert_eq!(before[1], 0);
    sim.run(trouble, 10 * SECOND, &RATES);
    let during = sim.admitted;
    let shares = during[1];
    assert!((350..=20 + 400).contains(&shares), "{shares}");
    assert!(sim.workers.iter().all(|worker| worker.is_alone(&sim.limits, sim.now)));
    sim.run(trouble, 10 * SECOND, &RATES);
    let after = sim.admitted[0] - during[0];
    println!("before {before:?}, while it is away {shares} of 400, after {after} of 400");
    assert!(after > 300 && sim.workers.iter().all(|it| !it.is_alone(&sim.limits, sim.now)));
}
