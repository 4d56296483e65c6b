//! A VM lives as long as its gateway: once every bounded structure is full, many players, two rotations and
//! invalid tokens must not grow its memory.

use std::collections::HashMap;
use std::time::Duration;

use abi_host::{Call, CallAnswer, Chain, Profile, Request, Response};
use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::json;

use crate::fixture::{self, bet, hello, outcome, run, through_the_edge, with_token, NOW};
use crate::services::Service;

/// The number of requests; `make soak` sets a million.
const VARIABLE: &str = "PITBOSS_SOAK";
const REQUESTS: u64 = 50_000;

/// How much of everything there is. In a run of a million requests more than the module can hold;
/// in a short one so little that all of it has come by when the memory is looked at first.
#[derive(Clone, Copy)]
struct Scale {
    requests: u64,
}

impl Scale {
    fn players(self) -> u64 {
        (self.requests / 10).max(1)
    }

    fn cached(self) -> u64 {
        (self.players() / 2).min(4_096)
    }

    fn strangers(self) -> u64 {
        (self.requests / 100).max(1)
    }

    fn opaque(self) -> u64 {
        (self.requests / 500).max(1)
    }
}

/// Numbers without a pattern, the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// The issuer, with the tokens that its players hold.
struct Issuer {
    forge: Forge,
    tokens: HashMap<u64, String>,
}

impl Issuer {
    fn new(generation: u64) -> Self {
        let forge = Forge::with_suffix(NOW, &format!("-{generation}"));
        Self { forge, tokens: HashMap::new() }
    }

    fn token(&mut self, player: u64) -> &str {
        let forge = &self.forge;
        self.tokens.entry(player).or_insert_with(|| {
            let sub = format!("p-{player:07}");
            let claims = forge.claims_with(&json!({"sub": sub, "exp": NOW + 80_000}));
            forge.sign(Alg::Es256, &claims)
        })
    }
}

fn from(mut request: Request, address: u64) -> Request {
    let [.., a, b, c] = address.to_be_bytes();
    request.headers.set("x-forwarded-for", format!("198.{a}.{b}.{c}"));
    request
}

/// One request of the mix, and what may become of it.
fn request(
    dice: &mut Dice,
    issuer: &mut Issuer,
    scale: Scale,
) -> (Request, &'static [&'static str]) {
    // Half of all calls are those of a few who play all day.
    let players = scale.players();
    let who = if dice.below(2) == 0 { players.min(1_000) } else { players };
    let who = dice.below(who);
    let stranger = 1 << 20 | dice.below(scale.strangers());
    let opaque = dice.below(scale.opaque());
    match dice.below(100) {
        0..5 => {
            let (token, other) = (issuer.token(who).to_owned(), issuer.token(0).to_owned());
            let (claims, signature) = (token.rfind('.').unwrap(), other.rfind('.').unwrap());
            let forged = format!("{}.{}", &token[..claims], &other[signature + 1..]);
            if who == 0 {
                return (from(bet(forged), who), &["allow"]);
            }
            (from(bet(forged), stranger), &["token_signature", "too_many_failures"])
        }
        5..8 => (from(bet(format!("opaque-{opaque}")), stranger), &["allow", "too_many_failures"]),
        8..10 => (
            from(bet(format!("ended-{opaque}")), stranger),
            &["token_inactive", "too_many_failures"],
        ),
        10..12 => (from(bet("a.b.c"), stranger), &["token_malformed"]),
        12..15 => (from(through_the_edge("POST", "/api/bets"), stranger), &["token_missing"]),
        15..20 => (from(through_the_edge("GET", "/api/lobby"), stranger), &["allow"]),
        20..40 => {
            let lobby = through_the_edge("GET", "/api/lobby");
            (from(with_token(lobby, issuer.token(who)), who), &["allow"])
        }
        _ => (from(bet(issuer.token(who)), who), &["allow"]),
    }
}

/// The feed's next page: a few of two hundred players, revoked again.
fn news(polls: u64) -> String {
    let entry = |n| json!({"player": format!("gone-{}", (polls * 20 + n) % 200), "revoked_at": NOW + polls});
    let entries: Vec<_> = (0..20).map(entry).collect();
    json!({"revocations": entries, "cursor": polls.to_string()}).to_string()
}

fn start(profile: Profile, keys: &Service, scale: Scale) -> Chain {
    let mut changes = fixture::fetched();
    changes["introspection"] = json!({
        "cluster": "sessions", "path": "/oauth/introspect", "any_audience": true,
    });
    changes["cache_tokens"] = scale.cached().into();
    changes["failures"] = json!({"per_minute": 30, "burst": 10});
    let players = scale.cached().max(1);
    changes["player_state"] = json!({"pam": {"cluster": "pam", "max_players": players}});
    changes["revocations"] = json!({"cluster": "feed"});
    let mut fetch = keys.callouts();
    let mut polls = 0;
    let callouts = move |call: &Call| match call.upstream.starts_with(b"sessions") {
        _ if call.upstream.starts_with(b"pam") => {
            CallAnswer::now(Response::new(200).body(r#"{"state": "active", "jurisdiction": "MT"}"#))
        }
        _ if call.upstream.starts_with(b"feed") => {
            polls += 1;
            CallAnswer::now(Response::new(200).body(news(polls)))
        }
        true if call.body.starts_with(b"token=ended") => {
            CallAnswer::now(Response::new(200).body(r#"{"active": false}"#))
        }
        true => {
            let answer = r#"{"active": true, "sub": "p-1", "brand": "lucky-otter"}"#;
            CallAnswer::now(Response::new(200).body(answer))
        }
        false => fetch(call),
    };
    let configuration = fixture::configuration(profile, &changes);
    fixture::builder(profile, &configuration).callouts(callouts).start().unwrap()
}

fn soak(profile: Profile, requests: u64) {
    let scale = Scale { requests };
    let players = scale.players();
    let keys = Service::new(CallAnswer::Silence);
    let mut dice = Dice(1);
    let mut issuer = Issuer::new(0);
    keys.answers(CallAnswer::now(Response::new(200).body(issuer.forge.jwks())));
    let mut chain = start(profile, &keys, scale);
    // Until the feed was read, wagers are denied.
    chain.run_for(Duration::from_secs(2), &mut hello);
    let mut warm = None;
    for number in 0..requests {
        // Two rotations: one while everything fills up, one that must not cost any more.
        if number == requests * 3 / 10 || number == requests * 8 / 10 {
            issuer = Issuer::new(number);
            keys.answers(CallAnswer::now(Response::new(200).body(issuer.forge.jwks())));
            // Longer than the pause between two fetches for an unknown key.
            chain.clock().advance(Duration::from_secs(31));
        }
        if number == requests * 7 / 10 {
            warm = Some(chain.memory(fixture::PLUGIN));
        }
        let (request, wants) = request(&mut dice, &mut issuer, scale);
        let got = outcome(&run(&mut chain, request));
        assert!(wants.contains(&got.as_str()), "{number} under {profile:?}: {got}, not {wants:?}");
        chain.clock().advance(Duration::from_millis(5));
        chain.take_logs();
    }
    let memory = chain.memory(fixture::PLUGIN);
    println!("{requests} requests of {players} players under {profile:?}: {memory} bytes");
    assert_eq!(Some(memory), warm, "under {profile:?}");
    assert_eq!(chain.traps(), []);
}

fn requests() -> u64 {
    std::env::var(VARIABLE).map_or(REQUESTS, |count| count.parse().unwrap())
}

#[test]
fn memory_stays_flat_under_envoy() {
    soak(Profile::Envoy, requests());
}

/// A tenth of it: there the module checks every signature by itself.
#[test]
fn memory_stays_flat_under_wasmx() {
    soak(Profile::Wasmx, requests() / 10);
}
