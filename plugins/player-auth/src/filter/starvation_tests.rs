//! Ten thousand hostile addresses with ten thousand tokens, in virtual time: at least 99 % of honest
//! players' requests are checked.

use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr};

use policy_kit::fake::FakeHost;
use policy_kit::Source;
use serde_json::json;

use crate::config::Config;
use crate::names::SECOND;
use crate::policy::compile::Policy;
use crate::replies::on_introspection_reply;
use crate::tests::gateway::{answer, CONFIG};
use crate::token::check::{check, check_introspected, TokenInput};
use crate::token::memory::TokenMemory;
use crate::token::result::TokenCheck;
use crate::worker_state::WorkerState;

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

/// The requests that were checked, of how many.
#[derive(Debug, Default)]
struct Share(u32, u32);

impl Share {
    fn count(&mut self, checked: bool) {
        self.0 += u32::from(checked);
        self.1 += 1;
    }

    fn is_fair(&self) -> bool {
        self.1 > 500 && self.0 * 100 >= self.1 * 99
    }
}

/// One worker and its introspection service, which knows honest tokens only.
struct Fixture {
    policy: Policy,
    state: WorkerState,
    host: FakeHost,
    latency: u64,
    /// The tokens of pending calls, by the time of the reply.
    pending: BinaryHeap<std::cmp::Reverse<(u64, String)>>,
}

impl Fixture {
    fn new(latency: u64) -> Self {
        let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
        document["introspection"] =
            json!({"cluster": "id", "path": "/introspect", "audiences": ["api"], "active_s": 5});
        let config = policy_kit::parse::<Config>(document.to_string().as_bytes()).unwrap();
        let mut host = FakeHost { now: START, ..FakeHost::default() };
        let policy = Policy::compile(config, &mut host).unwrap();
        let keyrings = policy.tokens.issuers.iter().map(|issuer| issuer.keys.keyring()).collect();
        let state = WorkerState::new(TokenMemory::new(keyrings, 4_096, 30, 10));
        Self { policy, state, host, latency, pending: BinaryHeap::new() }
    }

    /// A request with a token; returns whether it is checked.
    fn send(&mut self, token: &str, source: Option<IpAddr>) -> bool {
        let now = self.host.now;
        if self.state.tokens.valid(token.as_bytes(), now / SECOND).is_some() {
            return true;
        }
        let input = TokenInput { token: token.as_bytes(), source, now };
        let (rules, memory) = (&self.policy.tokens, &mut self.state.tokens);
        match check(rules, memory, &mut self.host, &input) {
            TokenCheck::Pending(call) => {
                let at = now + self.latency;
                if !self.pending.iter().any(|waits| waits.0 .1 == token) {
                    assert_eq!(call.key, format!("introspect {token}"));
                    self.pending.push(std::cmp::Reverse((at, token.to_owned())));
                }
                true
            }
            TokenCheck::Refused(..) => true,
            TokenCheck::Valid(_) | TokenCheck::Unavailable(..) => false,
        }
    }

    /// Completes the calls that are due.
    fn complete_due(&mut self) {
        while self.pending.peek().is_some_and(|waits| waits.0 .0 <= self.host.now) {
            let (_, token) = self.pending.pop().unwrap().0;
            let honest = token.starts_with("honest");
            let reply = json!({"active": honest, "sub": "p", "brand": "otter", "aud": "api"});
            let reply = answer(200, reply.to_string());
            let key = format!("introspect {token}");
            let of = (key.as_str(), token.as_str());
            let (rules, memory) = (&self.policy.tokens, &mut self.state.tokens);
            on_introspection_reply(rules, memory, &mut self.host, of, &reply);
            let input = TokenInput { token: token.as_bytes(), source: None, now: self.host.now };
            check_introspected(rules, memory, &mut self.host, &input, &reply);
        }
    }
}

/// Known players' tokens are introspected every five seconds; newcomers come once, from any address, and
/// retry when told to.
#[test]
fn introspection_is_shared_fairly() {
    // The number of hostile addresses; the latency of a call and the duration, in milliseconds. The first
    // call of each address has to complete before its failures count, which takes the first seconds.
    for (name, hostile, latency, time) in [
        ("ten thousand addresses, 20 ms", HOSTILE, 20, 60_000),
        ("ten thousand addresses, 50 ms", HOSTILE, 50, 120_000),
        ("five addresses, 400 ms", 5, 400, 30_000),
        ("one address, 400 ms", 1, 400, 30_000),
    ] {
        let mut fixture = Fixture::new(latency * MILLI);
        let (mut players, mut first, mut newcomers) =
            (Share::default(), Share::default(), Share::default());
        let mut again = BTreeMap::<u64, Vec<u64>>::new();
        let newcomer = |n: u64| (format!("honest-new-{n}"), address(scattered(n + (1 << 40))));
        for at in 0..time {
            fixture.host.now = START + at * MILLI;
            fixture.complete_due();
            if at < 2_000 && at % 10 == 0 {
                let n = at / 10;
                fixture.send(&format!("honest-{n}"), address(0x0a00_0000 | n << 8));
                continue;
            }
            if at < 3_000 {
                continue;
            }
            for n in 0..5 {
                let n = at * 5 + n;
                fixture.send(&format!("guess-{n}"), address(scattered(n % hostile)));
            }
            if at % 20 == 0 {
                let n = scattered(at) % 200;
                players.count(fixture.send(&format!("honest-{n}"), address(0x0a00_0000 | n << 8)));
                let (token, source) = newcomer(at);
                let checked = fixture.send(&token, source);
                first.count(checked);
                match checked {
                    true => newcomers.count(true),
                    false => again.entry(at + 1_000).or_default().push(at),
                }
            }
            for n in again.remove(&at).unwrap_or_default() {
                let (token, source) = newcomer(n);
                newcomers.count(fixture.send(&token, source));
            }
        }
        println!("{name}: players {players:?}, newcomers {newcomers:?}, at once {first:?}");
        assert!(players.is_fair() && newcomers.is_fair(), "{name}: {players:?} {newcomers:?}");
    }
}

/// Ten thousand hostile accounts with valid tokens, at two addresses or each at its own.
#[test]
fn the_pam_is_shared_fairly() {
    for (name, addresses, latency) in [("two addresses", 2, 400), ("ten thousand", HOSTILE, 20)] {
        let mut fixture = Fixture::new(0);
        let (mut players, mut hostile) = (Share::default(), Share::default());
        let mut pending = BinaryHeap::new();
        let mut cached = BTreeMap::<String, u64>::new();
        for at in 0..20_000u64 {
            let now = START + at * MILLI;
            while pending.peek().is_some_and(|it: &std::cmp::Reverse<(u64, String)>| it.0 .0 <= now)
            {
                let (_, key) = pending.pop().unwrap().0;
                assert!(fixture.state.pam_calls.ends(&key).is_some());
                cached.insert(key, now + 5 * SECOND);
            }
            let mut ask = |key: String, source: Option<IpAddr>| {
                if cached.get(&key).is_some_and(|until| *until > now) {
                    return true;
                }
                let joined = fixture.state.pam_calls.has(&key);
                let asked = fixture.state.pam_calls.starts(&key, Source::of(source), true, now);
                if asked && !joined {
                    pending.push(std::cmp::Reverse((now + latency * MILLI, key)));
                }
                asked
            };
            for n in 0..5 {
                let n = (at * 5 + n) % HOSTILE;
                hostile.count(ask(format!("pam hostile-{n}"), address(scattered(n % addresses))));
            }
            if at % 20 == 0 {
                let n = scattered(at) % 2_000;
                players.count(ask(format!("pam p-{n}"), address(0x0a00_0000 | n << 8)));
            }
        }
        println!("{name}: players {players:?}, hostile {hostile:?}");
        assert!(players.is_fair(), "{name}: {players:?}");
    }
}

/// During a fetch of keys: forged tokens from ten thousand addresses, and players with a new key from
/// addresses that are known.
#[test]
fn waits_for_keys_are_shared_fairly() {
    let mut fixture = Fixture::new(0);
    let mut players = Share::default();
    for n in 0..200u64 {
        fixture.state.tokens.vouch(Source::of(address(0x0a00_0000 | n << 8)));
    }
    for fetch in 0..100u64 {
        let mut waiting = Vec::new();
        for at in 0..50u64 {
            for n in 0..20 {
                let n = (fetch * 1_000 + at * 20 + n) % HOSTILE;
                waiting.extend(fixture.state.tokens.wait_for_keys(0, address(scattered(n))));
            }
            if at % 5 == 0 {
                let known = address(0x0a00_0000 | ((scattered(fetch * 50 + at) % 200) << 8));
                let permit = fixture.state.tokens.wait_for_keys(0, known);
                players.count(permit.is_some());
                waiting.extend(permit);
            }
        }
        assert!(waiting.len() <= 64);
    }
    assert!(players.is_fair(), "{players:?}");
}
