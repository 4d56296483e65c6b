//! A day of attacks on one account, with a clock of its own.

use policy_kit::fake::FakeHost;
use policy_kit::{BodyFormat, Content, Endpoints, Headers, MILLI, SECOND};

use crate::abuse::attempt::{LoginCheck, LoginClient, LoginTicket};
use crate::abuse::rules::AbuseRules;

const T0: u64 = 1_790_000_000 * SECOND;
const DAY: u64 = 86_400 * SECOND;

/// Numbers without a pattern (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
    }
}

struct Casino {
    rules: AbuseRules,
    endpoints: Endpoints,
    host: FakeHost,
}

impl Casino {
    fn new() -> Self {
        let endpoints = br#"[{"path": "/login", "class": "session"}]"#;
        let endpoints = Endpoints::compile(policy_kit::read_settings(endpoints).unwrap()).unwrap();
        let raw = br#"{"login": {
            "endpoints": [{"endpoint": "/login", "account": "/user"}], "slots": 1024, "reply": {}
        }}"#;
        let rules =
            AbuseRules::compile(policy_kit::read_settings(raw).unwrap(), &endpoints, 7).unwrap();
        Self { rules, endpoints, host: FakeHost::default() }
    }

    fn check(&mut self, name: &str, address: u64, now: u64) -> LoginCheck {
        let pairs = [(&b"content-type"[..], &b"application/json"[..])];
        let format = BodyFormat::by(&Headers::from_pairs(pairs));
        let body = format!(r#"{{"user": "{name}"}}"#);
        let content = Content::selecting(body.as_bytes(), format);
        let endpoint = self.endpoints.found(self.endpoints.classify(b"POST", b"/login"));
        let address = Some(std::net::Ipv4Addr::from(u32::try_from(address).unwrap()).into());
        let client = LoginClient { brand: "", address };
        let login = self.rules.login.as_ref().unwrap();
        login.login(&mut self.host, &endpoint, Some(&content), client, now)
    }

    fn end(&mut self, ticket: &LoginTicket, status: Option<u16>, now: u64) {
        let login = self.rules.login.as_ref().unwrap();
        login.login_ended(&mut self.host, ticket, status, now).unwrap();
    }
}

/// An attacker with any number of addresses, who guesses as often as it can, at once, leaves before the answer, and
/// floods the table with other names in between.
#[test]
fn a_day_of_guesses_is_bounded() {
    for seed in 1..=6u64 {
        println!("seed {seed}");
        let mut random = Random(seed);
        let mut casino = Casino::new();
        let mut pending: Vec<(u64, Option<u16>, LoginTicket)> = Vec::new();
        let (mut now, mut answered, mut forwarded) = (T0, Vec::new(), 0);
        while now < T0 + DAY {
            now += random.below(4_000) * MILLI;
            for at in (0..pending.len()).rev() {
                if pending[at].0 <= now {
                    let (ends, status, ticket) = pending.swap_remove(at);
                    casino.end(&ticket, status, ends);
                    answered.extend(status.map(|_| ends));
                }
            }
            let name = match random.below(5) {
                0 => format!("other {}", random.below(1 << 20)),
                n => ["otter", "OTTER", "ötter", " otter "][n as usize - 1].to_owned(),
            };
            let is_victim = !name.starts_with("other");
            let address = 1 + random.below(1 << 30);
            if let LoginCheck::Allowed(ticket) = casino.check(&name, address, now) {
                // Up to 5 s; one in ten leaves before the answer.
                let ends = now + random.below(5_000) * MILLI;
                let status = (random.below(10) > 0).then_some(401);
                match is_victim {
                    true => {
                        forwarded += 1;
                        pending.push((ends, status, ticket));
                    }
                    false => casino.end(&ticket, status, now),
                }
            }
        }
        // Three in each lock of half an hour, and three more.
        let most = 3 * (DAY / (1_800 * SECOND) + 1);
        assert!(answered.len() as u64 <= most, "seed {seed}: {} answers", answered.len());
        assert!(answered.len() > 100, "seed {seed}: the attack takes place");
        assert!(forwarded < 200, "seed {seed}: {forwarded} guesses");
        answered.sort_unstable();
        let closest = answered.windows(4).map(|four| four[3] - four[0]).min().unwrap();
        assert!(closest >= 1_800 * SECOND, "seed {seed}: four answers within {closest} ns");
        assert!(casino.host.shared.len() <= 2 * 1_024 / 8);
        // It gives up: the player gets in after the lock.
        now += 1_801 * SECOND;
        let LoginCheck::Allowed(ticket) = casino.check("otter", 9, now) else {
            panic!("seed {seed}: locked for ever")
        };
        casino.end(&ticket, Some(200), now);
        assert!(matches!(casino.check("otter", 9, now), LoginCheck::Allowed(_)));
    }
}
