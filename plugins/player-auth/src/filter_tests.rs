//! Whole requests over a fake gateway: what is stripped, told, refused, waited for, remembered.

use super::*;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use jwt_simple::prelude::{ECDSAP256KeyPairLike, ECDSAP256PublicKeyLike, ES256KeyPair};
use policy_kit::fake::FakeHost;
use policy_kit::{Action, Driver};
use serde_json::json;

use crate::policy::tests::CONFIG;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_800_000_000;
const CLAIMS: &str = r#"{"iss": "https://id.example", "aud": "api", "sub": "p-1", "brand": "otter",
    "sid": "s-1", "kyc_level": 2, "exp": 1800000900, "iat": 1800000000, "tags": ["a", "b"]}"#;

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of the configured issuer.
fn token(claims: &str) -> String {
    let input = format!("{}.{}", encoded(br#"{"alg": "HS256"}"#), encoded(claims.as_bytes()));
    let mac = hmac_sha256::HMAC::mac(&input, SECRET);
    format!("{input}.{}", encoded(&mac))
}

/// The same, of somebody who does not know the secret.
fn forged() -> String {
    let good = token(CLAIMS);
    let (input, _) = good.rsplit_once('.').unwrap();
    format!("{input}.{}", encoded(&hmac_sha256::HMAC::mac(input, "guess")))
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// One VM: the plugin, and its gateway between requests.
struct World {
    plugin: PlayerAuth,
    host: FakeHost,
}

impl World {
    fn new(config: &str) -> Self {
        let mut host = FakeHost { now: NOW * SECOND, ..FakeHost::default() };
        let plugin = PlayerAuth::configure(config.as_bytes(), &mut host).unwrap();
        Self { plugin, host }
    }

    /// Starts a request; what a client before it left is gone.
    fn start(&mut self, path: &str, headers: &[(&str, String)]) -> (Driver<Auth>, Action) {
        let base = [(":method", "POST"), (":path", path), (":authority", "otter.example")];
        let base = base.iter().map(|(n, v)| (n.to_string(), v.to_string()));
        let more = headers.iter().map(|(n, v)| (n.to_string(), v.clone()));
        self.host.request =
            base.chain(more).map(|(n, v)| (n.into_bytes(), v.into_bytes())).collect();
        self.host.properties.insert("source.address".into(), b"198.51.100.7:4000".to_vec());
        (self.host.replied, self.host.resumed) = (None, false);
        self.host.facts.clear();
        let mut driver = Driver::new(Some(self.plugin.filter()));
        let action = driver.on_request_headers(&mut self.host, true);
        (driver, action)
    }

    /// The outcome of a request that waits for nobody.
    fn ask(&mut self, path: &str, headers: &[(&str, String)]) -> String {
        let (_, action) = self.start(path, headers);
        self.outcome(action)
    }

    fn outcome(&self, action: Action) -> String {
        match (&self.host.replied, action) {
            (Some(reply), _) => reply.code.to_owned(),
            (None, Action::Continue) => "pass".to_owned(),
            (None, Action::Pause) if self.host.resumed => "pass".to_owned(),
            (None, Action::Pause) => "waits".to_owned(),
        }
    }

    /// A flight lands, for the plugin and for one stream.
    fn land(&mut self, driver: &mut Driver<Auth>, reply: &CallReply) -> String {
        let key = self.host.flights.last().unwrap().clone();
        self.plugin.on_landed(&mut self.host, &key, reply);
        driver.on_landed(&mut self.host, reply);
        self.outcome(Action::Pause)
    }
}

fn answer(status: u16, body: String) -> CallReply {
    let headers = Headers::from_pairs(std::iter::empty::<(&[u8], &[u8])>());
    CallReply::Answer { status, headers, body: body.into_bytes(), cut: false }
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
    let retry = world.host.replied.as_ref().unwrap().headers.iter().find(|h| h.0 == "retry-after");
    assert_eq!(retry.unwrap().1, "1");
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

/// A configuration whose keys are fetched.
fn fetched() -> String {
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    document["issuers"][0]["algorithms"] = json!(["ES256"]);
    document["issuers"][0]["keys"] = json!({"cluster": "id"});
    document["introspection"] =
        json!({"cluster": "id", "path": "/introspect", "audiences": ["api"]});
    document.to_string()
}

fn signed(key: &ES256KeyPair, kid: &str) -> String {
    let header = format!(r#"{{"alg": "ES256", "kid": "{kid}"}}"#);
    let input = format!("{}.{}", encoded(header.as_bytes()), encoded(CLAIMS.as_bytes()));
    use p256::ecdsa::signature::Signer;
    let signature: p256::ecdsa::Signature = key.key_pair().as_ref().sign(input.as_bytes());
    format!("{input}.{}", encoded(&signature.to_bytes()))
}

fn jwks(keys: &[(&str, &ES256KeyPair)]) -> CallReply {
    let jwk = |(kid, key): &(&str, &ES256KeyPair)| {
        let point = key.public_key().public_key().as_ref().to_sec1_point(false);
        let bytes = point.as_bytes();
        json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256",
            "x": encoded(&bytes[1..33]), "y": encoded(&bytes[33..])})
    };
    let keys: Vec<_> = keys.iter().map(jwk).collect();
    answer(200, json!({ "keys": keys }).to_string())
}

#[test]
fn the_first_request_with_a_new_key_waits_and_passes() {
    let (old, new) = (ES256KeyPair::generate(), ES256KeyPair::generate());
    let mut world = World::new(&fetched());
    let (mut driver, action) = world.start("/bets", &[bearer(&signed(&old, "old"))]);
    assert_eq!(world.outcome(action), "waits", "before the first fetch");
    assert_eq!(world.land(&mut driver, &jwks(&[("old", &old)])), "pass");
    assert_eq!(world.host.upstream("x-player-id"), ["p-1"]);
    assert!(world.host.upstream("authorization").is_empty());
    let (mut driver, action) = world.start("/bets", &[bearer(&signed(&new, "new"))]);
    assert_eq!(world.outcome(action), "waits");
    assert_eq!(world.land(&mut driver, &jwks(&[("old", &old), ("new", &new)])), "pass");
    assert_eq!(world.ask("/bets", &[bearer(&signed(&old, "old"))]), "pass");
    // A key that is not there, and one whose turn has not come.
    world.host.now += 30 * SECOND;
    let (mut driver, _) = world.start("/bets", &[bearer(&signed(&new, "lost"))]);
    assert_eq!(world.land(&mut driver, &jwks(&[("new", &new)])), "token_signature");
    assert_eq!(world.ask("/bets", &[bearer(&signed(&new, "lost"))]), "token_signature");
    assert_eq!(world.ask("/bets", &[bearer(&signed(&new, "late"))]), "keys_unavailable");
    assert_eq!(world.host.calls.len(), 3);
}

#[test]
fn keys_that_cannot_be_had_refuse_nobody_with_401() {
    let key = ES256KeyPair::generate();
    let token = signed(&key, "a");
    for reply in [
        CallReply::NoAnswer,
        answer(500, String::new()),
        answer(200, "nonsense".to_owned()),
        answer(200, r#"{"keys": []}"#.to_owned()),
        CallReply::Failed(Fault { call: "proxy_get_buffer_bytes", status: None }),
    ] {
        let mut world = World::new(&fetched());
        let (mut driver, _) = world.start("/bets", &[bearer(&token)]);
        assert_eq!(world.land(&mut driver, &reply), "keys_unavailable", "{reply:?}");
        assert_eq!(world.ask("/lobby", &[bearer(&token)]), "pass", "on_error: anonymous");
        assert!(world.host.upstream("x-player-id").is_empty());
        // The timer brings them after all.
        world.host.now += 10 * SECOND;
        let flights = world.plugin.on_tick(&mut world.host);
        assert_eq!(flights.len(), 1);
        world.plugin.on_landed(&mut world.host, &flights[0].key, &jwks(&[("a", &key)]));
        assert_eq!(world.ask("/bets", &[bearer(&token)]), "pass");
        // And a failure later loses nothing.
        world.host.now += 300 * SECOND;
        assert_eq!(world.plugin.on_tick(&mut world.host).len(), 1);
        world.plugin.on_landed(&mut world.host, &flights[0].key, &reply);
        assert_eq!(world.ask("/bets", &[bearer(&signed(&key, "a"))]), "pass");
    }
    // A call that the gateway does not take.
    let mut world = World::new(&fetched());
    world.host.faults.insert("proxy_http_call", 2);
    assert_eq!(world.ask("/bets", &[bearer(&token)]), "keys_unavailable");
}

#[test]
fn workers_share_what_one_of_them_fetched() {
    let key = ES256KeyPair::generate();
    let (mut one, mut two) = (World::new(&fetched()), World::new(&fetched()));
    let flights = one.plugin.on_tick(&mut one.host);
    two.host.shared.clone_from(&one.host.shared);
    assert!(two.plugin.on_tick(&mut two.host).is_empty(), "one of them fetches");
    one.plugin.on_landed(&mut one.host, &flights[0].key, &jwks(&[("a", &key)]));
    two.host.shared.clone_from(&one.host.shared);
    assert_eq!(two.ask("/bets", &[bearer(&signed(&key, "a"))]), "pass");
    assert!(two.host.calls.is_empty());
    // The lease of one that never came back runs out.
    let mut three = World::new(&fetched());
    one.host.shared.retain(|name, _| name.contains("lease"));
    three.host.shared.clone_from(&one.host.shared);
    assert!(three.plugin.on_tick(&mut three.host).is_empty());
    three.host.now += 3 * SECOND;
    assert_eq!(three.plugin.on_tick(&mut three.host).len(), 1);
}

#[test]
fn opaque_tokens_are_asked_about() {
    let active = json!({"active": true, "sub": "p-1", "brand": "otter", "aud": "api"}).to_string();
    let mut world = World::new(&fetched());
    let opaque = [bearer("0123456789abcdef0123456789abcdef")];
    let (mut driver, action) = world.start("/bets", &opaque);
    assert_eq!(world.outcome(action), "waits");
    assert_eq!(world.land(&mut driver, &answer(200, active)), "pass");
    assert_eq!(world.host.upstream("x-player-id"), ["p-1"]);
    assert_eq!(world.ask("/bets", &opaque), "pass", "cached");
    world.host.now += 60 * SECOND;
    let (mut driver, _) = world.start("/bets", &opaque);
    assert_eq!(
        world.land(&mut driver, &answer(200, r#"{"active": false}"#.into())),
        "token_inactive"
    );
    assert_eq!(world.ask("/bets", &opaque), "token_inactive", "cached briefly");
    world.host.now += 5 * SECOND;
    let (mut driver, _) = world.start("/bets", &opaque);
    assert_eq!(world.land(&mut driver, &CallReply::NoAnswer), "introspection_unavailable");
    let (mut driver, _) = world.start("/lobby", &opaque);
    assert_eq!(world.land(&mut driver, &CallReply::NoAnswer), "pass", "on_error: anonymous");
    assert!(world.host.upstream("x-player-id").is_empty());
    assert_eq!(world.host.calls.len(), 4);
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
