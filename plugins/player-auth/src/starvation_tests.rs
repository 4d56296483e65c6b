//! Ten thousand hostile addresses with ten thousand tokens against what requests share, in virtual time:
//! honest players keep at least 99 %.

use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr};

use super::tests::answer;
use super::*;
use policy_kit::fake::FakeHost;
use policy_kit::Source;
use serde_json::json;

use crate::config::Config;
use crate::landing::introspected;
use crate::policy::tests::CONFIG;

const MILLI: u64 = 1_000_000;
const START: u64 = 1_800_000_000 * SECOND;
const HOSTILE: u64 = 10_000;

/// The same numbers every time.
fn scattered(n: u64) -> u64 {
    let n = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (n ^ n >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 8
}

fn address(n: u64) -> Option<IpAddr> {
    Some(Ipv4Addr::from(u32::try_from(n % (1 << 32)).unwrap()).into())
}

/// Who gets an answer, of how many.
#[derive(Debug, Default)]
struct Share(u32, u32);

impl Share {
    fn hear(&mut self, heard: bool) {
        self.0 += u32::from(heard);
        self.1 += 1;
    }

    fn is_fair(&self) -> bool {
        self.1 > 500 && self.0 * 100 >= self.1 * 99
    }
}

/// One worker and its service for introspection, which knows honest tokens only.
struct World {
    policy: Policy,
    state: State,
    host: FakeHost,
    latency: u64,
    /// Who asked for it, by when a question is answered.
    under_way: BinaryHeap<std::cmp::Reverse<(u64, String)>>,
}

impl World {
    fn new(latency: u64) -> Self {
        let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
        document["introspection"] =
            json!({"cluster": "id", "path": "/introspect", "audiences": ["api"], "active_s": 5});
        let config = policy_kit::parse::<Config>(document.to_string().as_bytes()).unwrap();
        let mut host = FakeHost { now: START, ..FakeHost::default() };
        let policy = Policy::compile(config, &mut host).unwrap();
        let keyrings = policy.issuers.iter().map(|issuer| issuer.keys.keyring()).collect();
        let state = State::new(keyrings, 4_096, 30, 10);
        Self { policy, state, host, latency, under_way: BinaryHeap::new() }
    }

    /// A call with a token; whether it is looked at.
    fn call(&mut self, token: &str, source: Option<IpAddr>) -> bool {
        let now = self.host.now;
        if self.state.good(token.as_bytes(), now / SECOND).is_some() {
            return true;
        }
        let q = Question { token: token.as_bytes(), source, now };
        match check::check(&self.policy, &mut self.state, &mut self.host, &q) {
            Verdict::Ask(flight) => {
                let at = now + self.latency;
                if !self.under_way.iter().any(|waits| waits.0 .1 == token) {
                    assert_eq!(flight.key, format!("introspect {token}"));
                    self.under_way.push(std::cmp::Reverse((at, token.to_owned())));
                }
                true
            }
            Verdict::Bad(..) => true,
            Verdict::Good(_) | Verdict::Unknown(..) => false,
        }
    }

    /// Answers what is due.
    fn land(&mut self) {
        while self.under_way.peek().is_some_and(|waits| waits.0 .0 <= self.host.now) {
            let (_, token) = self.under_way.pop().unwrap().0;
            let honest = token.starts_with("honest");
            let reply = json!({"active": honest, "sub": "p", "brand": "otter", "aud": "api"});
            let reply = answer(200, reply.to_string());
            let key = format!("introspect {token}");
            let of = (key.as_str(), token.as_str());
            introspected(&self.policy, &mut self.state, &mut self.host, of, &reply);
            let q = Question { token: token.as_bytes(), source: None, now: self.host.now };
            check::answered(&self.policy, &mut self.state, &mut self.host, &q, &reply);
        }
    }
}

/// Players whose tokens were good are asked about again every five seconds; newcomers come once, from
/// anywhere, and come again when they are told to.
#[test]
fn introspection_is_for_everybody() {
    // From so many addresses; how long an answer takes, and for how long all this goes on, in
    // milliseconds. The first question of each address has to be answered before it is known for what it
    // is: that takes the first seconds.
    for (name, hostile, latency, time) in [
        ("ten thousand addresses, 20 ms", HOSTILE, 20, 60_000),
        ("ten thousand addresses, 50 ms", HOSTILE, 50, 120_000),
        ("five addresses, 400 ms", 5, 400, 30_000),
        ("one address, 400 ms", 1, 400, 30_000),
    ] {
        let mut world = World::new(latency * MILLI);
        let (mut players, mut first, mut newcomers) =
            (Share::default(), Share::default(), Share::default());
        let mut again = BTreeMap::<u64, Vec<u64>>::new();
        let newcomer = |n: u64| (format!("honest-new-{n}"), address(scattered(n + (1 << 40))));
        for at in 0..time {
            world.host.now = START + at * MILLI;
            world.land();
            if at < 2_000 && at % 10 == 0 {
                let n = at / 10;
                world.call(&format!("honest-{n}"), address(0x0a00_0000 | n << 8));
                continue;
            }
            if at < 3_000 {
                continue;
            }
            for n in 0..5 {
                let n = at * 5 + n;
                world.call(&format!("guess-{n}"), address(scattered(n % hostile)));
            }
            if at % 20 == 0 {
                let n = scattered(at) % 200;
                players.hear(world.call(&format!("honest-{n}"), address(0x0a00_0000 | n << 8)));
                let (token, source) = newcomer(at);
                let heard = world.call(&token, source);
                first.hear(heard);
                match heard {
                    true => newcomers.hear(true),
                    false => again.entry(at + 1_000).or_default().push(at),
                }
            }
            for n in again.remove(&at).unwrap_or_default() {
                let (token, source) = newcomer(n);
                newcomers.hear(world.call(&token, source));
            }
        }
        println!("{name}: players {players:?}, newcomers {newcomers:?}, at once {first:?}");
        assert!(players.is_fair() && newcomers.is_fair(), "{name}: {players:?} {newcomers:?}");
    }
}

/// The PAM and ten thousand hostile accounts that are all real, at two addresses or each at its own: who
/// asks most has a part.
#[test]
fn the_pam_is_for_everybody() {
    for (name, addresses, latency) in [("two addresses", 2, 400), ("ten thousand", HOSTILE, 20)] {
        let mut world = World::new(0);
        let (mut players, mut hostile) = (Share::default(), Share::default());
        let mut landing = BinaryHeap::new();
        let mut believed = BTreeMap::<String, u64>::new();
        for at in 0..20_000u64 {
            let now = START + at * MILLI;
            while landing.peek().is_some_and(|it: &std::cmp::Reverse<(u64, String)>| it.0 .0 <= now)
            {
                let (_, key) = landing.pop().unwrap().0;
                assert!(world.state.pam_asked.ends(&key).is_some());
                believed.insert(key, now + 5 * SECOND);
            }
            let mut ask = |key: String, source: Option<IpAddr>| {
                if believed.get(&key).is_some_and(|until| *until > now) {
                    return true;
                }
                let under_way = world.state.pam_asked.has(&key);
                let asked = world.state.pam_asked.starts(&key, Source::of(source), true, now);
                if asked && !under_way {
                    landing.push(std::cmp::Reverse((now + latency * MILLI, key)));
                }
                asked
            };
            for n in 0..5 {
                let n = (at * 5 + n) % HOSTILE;
                hostile.hear(ask(format!("pam hostile-{n}"), address(scattered(n % addresses))));
            }
            if at % 20 == 0 {
                let n = scattered(at) % 2_000;
                players.hear(ask(format!("pam p-{n}"), address(0x0a00_0000 | n << 8)));
            }
        }
        println!("{name}: players {players:?}, hostile {hostile:?}");
        assert!(players.is_fair(), "{name}: {players:?}");
    }
}

/// While keys are fetched: forged tokens from ten thousand addresses, and players who come with a new
/// key from addresses that are known.
#[test]
fn waiting_for_keys_is_for_everybody() {
    let mut world = World::new(0);
    let mut players = Share::default();
    for n in 0..200u64 {
        world.state.vouch(Source::of(address(0x0a00_0000 | n << 8)));
    }
    for fetch in 0..100u64 {
        let mut waiting = Vec::new();
        for at in 0..50u64 {
            for n in 0..20 {
                let n = (fetch * 1_000 + at * 20 + n) % HOSTILE;
                waiting.extend(world.state.wait_for_keys(0, address(scattered(n))));
            }
            if at % 5 == 0 {
                let known = address(0x0a00_0000 | ((scattered(fetch * 50 + at) % 200) << 8));
                let place = world.state.wait_for_keys(0, known);
                players.hear(place.is_some());
                waiting.extend(place);
            }
        }
        assert!(waiting.len() <= 64);
    }
    assert!(players.is_fair(), "{players:?}");
}
