//! Far more keys than slots, in virtual time: memory stays what it is, no key gets more than its rate and burst, and
//! keys well below their rate notice nothing.

use policy_kit::fake::FakeHost;
use policy_kit::{Gcra, Headers, SECOND};

use crate::rate::caller::Caller;
use crate::rate::fixture::{host, limits_of, request, Worker, NOW};
use crate::rate::state::Phase;

const KEYS: usize = 200_000;
const SLOTS: usize = 65_536;
const TIME: u64 = 60;
const PER_SECOND: u64 = 20_000;

/// Keys by Zipf's law with exponent 1: the n-th is asked for 1/n as often as the first.
struct Zipf {
    sums: Vec<f64>,
    seed: u64,
}

impl Zipf {
    fn new(seed: u64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=KEYS).map(|n| {
            sum += 1.0 / n as f64;
            sum
        });
        Self { sums: sums.collect(), seed }
    }

    fn next(&mut self) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let all = self.sums[KEYS - 1];
        let at = (self.seed >> 11) as f64 / (1_u64 << 53) as f64 * all;
        self.sums.partition_point(|sum| *sum < at).min(KEYS - 1)
    }
}

#[derive(Clone, Copy, Default)]
struct Key {
    asked: u32,
    refused: u32,
    /// What an exact counter of all that was admitted is at.
    exact: u64,
}

#[test]
fn more_keys_than_slots() {
    println!("scope, limit: memory; admitted; refused of keys under half their rate; refused more than an exact counter");
    for (scope, requests, per, burst) in [
        ("worker", 60, 60, 10),
        // Each request holds its slot for ten seconds: in some buckets more keys are in debt than there are slots.
        ("node", 6, 60, 5),
    ] {
        let rules = format!(
            r#"[{{"name": "a", "scope": "{scope}", "key": ["player"], "requests": {requests}, "per": {per},
             "burst": {burst}, "slots": {SLOTS}}}]"#
        );
        let seed = 0x5bd1_e995_9d3f_71c3;
        let (mut worker, mut host) = (Worker::new(limits_of(&rules, Some(1))), host());
        let (mut zipf, mut keys) = (Zipf::new(seed), vec![Key::default(); KEYS]);
        let limit = Gcra::new(per * SECOND / requests, burst);
        let (headers, mut ids, mut more, mut admitted) = (Headers::default(), Vec::new(), 0_u64, 0);
        let caller = request("POST", "/bets", &headers);
        for n in 0..TIME * PER_SECOND {
            host.now = NOW + n * SECOND / PER_SECOND;
            let at = zipf.next();
            ids.clear();
            ids.extend_from_slice(at.to_string().as_bytes());
            let caller = Caller { player: Some(&ids), ..caller };
            let allowed = worker.charge(&mut host, &caller, Phase::Headers).is_allowed();
            let key = &mut keys[at];
            key.asked += 1;
            key.refused += u32::from(!allowed);
            let exact = limit.charge(key.exact, host.now, 1);
            match exact {
                Ok(counter) if allowed => key.exact = counter,
                Ok(_) => more += 1,
                Err(_) => assert!(!allowed, "seed {seed:x}: key {at} was refilled at {n}"),
            }
            admitted += u64::from(allowed);
        }
        let slow = |key: &&Key| u64::from(key.asked) * 2 * per <= requests * TIME;
        let (asked, refused) = keys.iter().filter(slow).fold((0_u64, 0_u64), |sum, key| {
            (sum.0 + u64::from(key.asked), sum.1 + u64::from(key.refused))
        });
        let memory = worker.state.size() + shared(&host);
        println!(
            "{scope}, {requests}/{per} s, {burst} at once: {memory} bytes; {admitted} of {}; {refused} of {asked}; {more}",
            TIME * PER_SECOND
        );
        assert!(memory <= SLOTS / 16 * (265 + 64), "{memory}");
        assert!(asked > 50_000 && refused * 1_000 < asked, "{refused} of {asked}");
    }
}

fn shared(host: &FakeHost) -> usize {
    host.shared.iter().map(|(name, (value, _))| name.len() + value.len()).sum()
}
