//! Whole requests over a fake gateway: what is stripped, told, refused, waited for, remembered.

use super::*;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use policy_kit::fake::FakeHost;
use policy_kit::{Action, Driver};

use crate::policy::tests::CONFIG;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const CLAIMS: &str = r#"{"iss": "https://id.example", "aud": "api", "sub": "p-1", "brand": "otter",
    "sid": "s-1", "kyc_level": 2, "exp": 1800000900, "iat": 1800000000, "tags": ["a", "b"]}"#;

pub(super) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of the configured issuer.
pub(super) fn token(claims: &str) -> String {
    typed(r#"{"alg": "HS256"}"#, claims)
}

fn typed(header: &str, claims: &str) -> String {
    let input = format!("{}.{}", encoded(header.as_bytes()), encoded(claims.as_bytes()));
    let mac = hmac_sha256::HMAC::mac(&input, SECRET);
    format!("{input}.{}", encoded(&mac))
}

/// The same, of somebody who does not know the secret.
fn forged() -> String {
    let good = token(CLAIMS);
    let (input, _) = good.rsplit_once('.').unwrap();
    format!("{input}.{}", encoded(&hmac_sha256::HMAC::mac(input, "guess")))
}

pub(super) fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// One VM: the plugin, and its gateway between requests.
pub(super) struct World {
    pub(super) plugin: PlayerAuth,
    pub(super) host: FakeHost,
    /// Of the client that calls next.
    pub(super) address: String,
}

impl World {
    pub(super) fn new(config: &str) -> Self {
        let mut host = FakeHost { now: NOW * SECOND, ..FakeHost::default() };
        let plugin = PlayerAuth::configure(config.as_bytes(), &mut host).unwrap();
        Self { plugin, host, address: "198.51.100.7".to_owned() }
    }

    /// Starts a request; what a client before it left is gone.
    pub(super) fn start(
        &mut self,
        path: &str,
        headers: &[(&str, String)],
    ) -> (Driver<AuthFilter>, Action) {
        self.fill(path, headers);
        let mut driver = Driver::new(Some(self.plugin.filter()));
        let action = driver.on_request_headers(&mut self.host, true);
        (driver, action)
    }

    /// The same with a body to come.
    pub(super) fn open(&mut self, path: &str, headers: &[(&str, String)]) -> Driver<AuthFilter> {
        self.fill(path, headers);
        let mut driver = Driver::new(Some(self.plugin.filter()));
        driver.on_request_headers(&mut self.host, false);
        driver
    }

    pub(super) fn fill(&mut self, path: &str, headers: &[(&str, String)]) {
        let base = [(":method", "POST"), (":path", path), (":authority", "otter.example")];
        let base = base.iter().map(|(n, v)| (n.to_string(), v.to_string()));
        let more = headers.iter().map(|(n, v)| (n.to_string(), v.clone()));
        self.host.request =
            base.chain(more).map(|(n, v)| (n.into_bytes(), v.into_bytes())).collect();
        let address = format!("{}:4000", self.address).into_bytes();
        self.host.properties.insert("source.address".into(), address);
        (self.host.replied, self.host.resumed) = (None, false);
        self.host.facts.clear();
    }

    /// The outcome of a request that waits for nobody.
    pub(super) fn ask(&mut self, path: &str, headers: &[(&str, String)]) -> String {
        let (_, action) = self.start(path, headers);
        self.outcome(action)
    }

    pub(super) fn outcome(&self, action: Action) -> String {
        match (&self.host.replied, action) {
            (Some(reply), _) => reply.code.to_owned(),
            (None, Action::Continue) => "pass".to_owned(),
            (None, Action::Pause) if self.host.resumed => "pass".to_owned(),
            (None, Action::Pause) => "waits".to_owned(),
        }
    }

    /// A flight lands, for the plugin and for one stream.
    pub(super) fn land(&mut self, driver: &mut Driver<AuthFilter>, reply: &CallReply) -> String {
        let key = self.host.flights.last().unwrap().clone();
        self.plugin.on_shared_reply(&mut self.host, &key, reply);
        driver.on_shared_reply(&mut self.host, reply);
        self.outcome(Action::Pause)
    }
}

pub(super) fn answer(status: u16, body: String) -> CallReply {
    let headers = Headers::from_pairs(std::iter::empty::<(&[u8], &[u8])>());
    CallReply::Response { status, headers, body: body.into_bytes(), cut: false }
}

#[test]
fn a_good_token_tells_the_upstream_and_the_filters_who_calls() {
    let mut world = World::new(CONFIG);
    let forged = ["x-player-id", "X-Player-Id", "x-brand", "x-session-id", "x-kyc-level", "x-tags"];
    let mut headers = vec![bearer(&token(CLAIMS)), ("cookie", "a=1".to_owned())];
    headers.extend(forged.map(|name| (name, "forged".to_owned())));
    for _ in ["cold", "cached"] {
        assert_eq!(world.ask("/bets", &headers), "pass");
        for (name, want) in [
            ("x-player-id", &["p-1"][..]),
            ("x-brand", &["otter"]),
            ("x-session-id", &["s-1"]),
            ("x-kyc-level", &["2"]),
            ("x-tags", &["a,b"]),
            ("authorization", &[]),
            ("cookie", &["a=1"]),
        ] {
            assert_eq!(world.host.upstream(name), want, "{name}");
        }
        let facts: Vec<_> =
            world.host.facts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let want = [
            ("pitboss.brand", "otter"),
            ("pitboss.class", "wager"),
            ("pitboss.kyc", "2"),
            ("pitboss.player", "p-1"),
            ("pitboss.player-auth.decision", "allow"),
            ("pitboss.session", "s-1"),
        ];
        assert_eq!(facts, want);
    }
    let counter = "pitboss.player-auth.requests.class=wager.decision=allow.code=none";
    assert_eq!(world.host.counters.get(counter), Some(&2));
}

#[test]
fn the_refusal_of_a_keyed_request_says_nothing_of_an_earlier_attempt() {
    let mut world = World::new(CONFIG);
    for (key, want) in [("", None), ("k-1", Some("unknown"))] {
        let headers = [("idempotency-key", key.to_owned())];
        assert_eq!(world.ask("/bets", &headers), "token_missing");
        let body = &world.host.replied.as_ref().unwrap().body;
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(body["previous_attempt"].as_str(), want, "{key:?}");
    }
}

#[test]
fn nobody_is_told_of_as_nobody() {
    let mut world = World::new(CONFIG);
    let forged = [("x-player-id", "p-9".to_owned()), ("x-tags", "vip".to_owned())];
    assert_eq!(world.ask("/lobby", &forged), "pass");
    assert!(world.host.upstream("x-player-id").is_empty());
    assert!(world.host.upstream("x-tags").is_empty());
    assert_eq!(world.host.upstream("x-brand"), ["otter"]);
    assert!(!world.host.facts.contains_key("pitboss.player"));
    assert_eq!(world.ask("/bets", &forged), "token_missing");
    assert!(world.host.upstream("x-player-id").is_empty(), "stripped from refused calls, too");
    let evidence = world.host.facts.get("pitboss.player-auth.evidence");
    assert_eq!(evidence.map(String::as_str), Some("token_missing"));
}

#[test]
fn what_needs_no_token_keeps_its_credential() {
    let mut world = World::new(CONFIG);
    for path in ["/login", "/win", "/wallet"] {
        assert_eq!(world.ask(path, &[bearer("whatever"), ("x-player-id", "p-9".into())]), "pass");
        assert_eq!(world.host.upstream("authorization"), ["Bearer whatever"], "{path}");
        assert!(world.host.upstream("x-player-id").is_empty(), "{path}");
    }
    let keeping = CONFIG.replacen('{', r#"{"forward_credential": true,"#, 1);
    let mut world = World::new(&keeping);
    assert_eq!(world.ask("/bets", &[bearer(&token(CLAIMS))]), "pass");
    assert_eq!(world.host.upstream("authorization").len(), 1);
}

#[test]
fn tokens_that_are_not_good() {
    let mut world = World::new(CONFIG);
    let with = |from: &str, to: &str| token(&CLAIMS.replace(from, to));
    let good = token(CLAIMS);
    for (bad, want) in [
        (forged(), "token_signature"),
        (good[..good.len() - 3].to_owned(), "token_signature"),
        (format!("{good}AAAA"), "token_signature"),
        (good[..good.len() - 1].to_owned(), "token_malformed"),
        (format!("{good}."), "token_malformed"),
        ("abc".to_owned(), "token_malformed"),
        (with("1800000900", "1799999940"), "token_expired"),
        (with("https://id.example", "https://evil.example"), "issuer_unknown"),
        (with(r#""api""#, r#""other""#), "audience_mismatch"),
        (with(r#""iat": 1800000000"#, r#""iat": 1800000061"#), "token_not_yet_valid"),
        (with("p-1", "p\\n1"), "token_claims"),
        (with(r#""otter""#, r#""kings""#), "brand_mismatch"),
        (with(r#""sub": "p-1","#, ""), "token_claims"),
    ] {
        assert_eq!(world.ask("/bets", &[bearer(&bad)]), want);
        assert!(world.host.upstream("x-player-id").is_empty(), "{want}");
    }
    assert_eq!(world.ask("/bets", &[bearer(&good), bearer(&good)]), "credential_conflict");
}

#[test]
fn only_tokens_to_log_in_with_count() {
    let mut world = World::new(CONFIG);
    for (typ, want) in [
        ("JWT", "pass"),
        ("jwt", "pass"),
        ("at+jwt", "pass"),
        ("application/at+JWT", "pass"),
        ("location+jwt", "token_malformed"),
        ("logout+jwt", "token_malformed"),
        ("", "token_malformed"),
    ] {
        let header = format!(r#"{{"alg": "HS256", "typ": "{typ}"}}"#);
        assert_eq!(world.ask("/bets", &[bearer(&typed(&header, CLAIMS))]), want, "{typ}");
    }
}

#[test]
fn names_that_upstreams_bend_are_stripped_too() {
    let mut world = World::new(CONFIG);
    let forged = ["x_player_id", "X-Player_Id", "x_tags", "x_http_method_override"];
    let forged = forged.map(|name| (name, "forged".to_owned()));
    let edge = [("x-forwarded-host", "kings.example".to_owned()), ("forwarded", "host=k".into())];
    let kept = ("x_other_id", "kept".to_owned());
    let headers: Vec<_> = forged.iter().chain(&edge).chain([&kept]).cloned().collect();
    assert_eq!(world.ask("/lobby", &headers), "pass");
    for (name, _) in forged.iter().chain(&edge) {
        assert!(world.host.upstream(name).is_empty(), "{name}");
    }
    assert_eq!(world.host.upstream("x_other_id"), ["kept"]);
}

#[test]
fn a_cached_token_expires_all_the_same() {
    let mut world = World::new(CONFIG);
    let good = token(CLAIMS);
    for (at, want) in [(0, "pass"), (959, "pass"), (960, "token_expired"), (0, "pass")] {
        world.host.now = (NOW + at) * SECOND;
        assert_eq!(world.ask("/bets", &[bearer(&good)]), want, "{at}");
    }
}

#[test]
fn forged_tokens_are_refused_unlooked_at_once_a_source_has_sent_too_many() {
    let limited = CONFIG.replacen('{', r#"{"failures": {"per_minute": 60, "burst": 3},"#, 1);
    let mut world = World::new(&limited);
    let good = token(CLAIMS);
    assert_eq!(world.ask("/bets", &[bearer(&good)]), "pass");
    let forged = [(); 5].map(|()| world.ask("/bets", &[bearer(&forged())]));
    let (bad, often) = ("token_signature", "too_many_failures");
    assert_eq!(forged, [bad, bad, bad, often, often]);
    assert_eq!(world.host.replied.as_ref().unwrap().header("retry-after"), Some("1"));
    assert_eq!(world.ask("/bets", &[bearer(&good)]), "pass", "known, and not asked to wait");
    assert_eq!(world.ask("/bets", &[bearer(&token(&CLAIMS.replace("p-1", "p-2")))]), often);
    world.host.now += SECOND;
    assert_eq!(world.ask("/bets", &[bearer(&token(&CLAIMS.replace("p-1", "p-2")))]), "pass");
}

#[test]
fn one_url_for_many_calls() {
    let mut world = World::new(CONFIG);
    let json = ("content-type", "application/json".to_owned());
    // Body, whether there is a good token; the outcome.
    for (body, signed, want) in [
        (r#"{"type": "debit"}"#, true, "pass"),
        (r#"{"type": "debit"}"#, false, "token_missing"),
        (r#"{"type": "credit"}"#, false, "pass"),
        (r#"{"type": "other"}"#, true, "endpoint_unclassified"),
    ] {
        let mut headers = vec![json.clone(), ("x-player-id", "p-9".to_owned())];
        headers.extend(signed.then(|| bearer(&token(CLAIMS))));
        world.host.body = body.as_bytes().to_vec();
        let base = [(":method", "POST"), (":path", "/one"), (":authority", "otter.example")];
        let base = base.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()));
        let more = headers.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.clone().into_bytes()));
        world.host.request = base.chain(more).collect();
        world.host.replied = None;
        let mut driver = Driver::new(Some(world.plugin.filter()));
        assert_eq!(driver.on_request_headers(&mut world.host, false), Action::Continue);
        let told = world.host.upstream("x-player-id");
        assert_eq!(told, if signed { vec!["p-1"] } else { vec![] }, "{body}");
        let action = driver.on_request_body(&mut world.host, body.len(), true);
        assert_eq!(world.outcome(action), want, "{body}");
    }
}

#[test]
fn a_gateway_that_fails_lets_nobody_pass() {
    for call in [
        "proxy_get_header_map_pairs",
        "proxy_remove_header_map_value",
        "proxy_replace_header_map_value",
        "proxy_get_property",
        "proxy_set_property",
        "proxy_get_current_time_nanoseconds",
    ] {
        let mut world = World::new(CONFIG);
        world.host.faults.insert(call, 10);
        let headers = [bearer(&token(CLAIMS)), ("x-player-id", "p-9".to_owned())];
        assert_eq!(world.ask("/bets", &headers), "policy_unavailable", "{call}");
    }
}
