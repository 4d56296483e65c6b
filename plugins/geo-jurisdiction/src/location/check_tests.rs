//! Checking tokens: attacks, keys that come and go, the worker's memory.

use super::*;
use crate::location::testing::{claims, document, forge, location, policy, token, CLIENT, NOW};
use crate::policy::compile::Policy;
use policy_kit::fake::FakeHost;
use policy_kit::{CallReply, Headers};
use policy_token::testing::Forge;
use policy_token::Alg;
use serde_json::{json, Value};

struct Fixture {
    policy: Policy,
    state: WorkerState,
    host: FakeHost,
    /// In seconds since the epoch.
    now: u64,
    source: &'static str,
}

impl Fixture {
    fn new(changes: Value) -> Self {
        let failures = json!({"per_minute": 60_000, "burst": 10_000});
        let mut changes = changes;
        if changes.get("failures").is_none() {
            changes["failures"] = failures;
        }
        let policy = policy(&document(location(changes), json!({}))).unwrap();
        let state = WorkerState::new(policy.location.as_ref().unwrap());
        let host = FakeHost { now: NOW * SECOND, ..FakeHost::default() };
        Self { policy, state, host, now: NOW, source: CLIENT }
    }

    fn fetching() -> Self {
        let keys = json!({"cluster": "geo", "refresh_s": 60, "max_stale_s": 600});
        Self::new(json!({"keys": keys}))
    }

    fn check(&mut self, sent: &[&[u8]], keys_awaited: bool) -> String {
        let location = self.policy.location.as_ref().unwrap();
        let headers = Headers::from_pairs(sent.iter().map(|value| (&b"X-Geolocation"[..], *value)));
        let presented = PresentedLocation::read(&headers, &location.header);
        let (source, now) = (self.source.parse().ok(), self.now * SECOND);
        self.host.now = now;
        let input = LocationInput { presented: &presented, source, now, keys_awaited };
        described(&check(location, &mut self.state, &mut self.host, &input))
    }

    fn token(&mut self, token: &str) -> String {
        self.check(&[token.as_bytes()], false)
    }

    fn keys_fetched(&mut self, status: u16, body: &str) {
        let (headers, body, cut) = (Headers::default(), body.into(), false);
        let reply = CallReply::Response { status, headers, body, cut };
        let location = self.policy.location.as_ref().unwrap();
        self.host.now = self.now * SECOND;
        self.state.take_keys(location, &mut self.host, &reply);
    }
}

fn described(token: &TokenCheck) -> String {
    match token {
        TokenCheck::Missing => "missing".to_owned(),
        TokenCheck::Genuine(claims) => format!("genuine {}", claims.id.as_deref().unwrap_or("-")),
        TokenCheck::Invalid(rule) => rule.strip_prefix("location").unwrap().to_owned(),
        TokenCheck::Expired => "expired".to_owned(),
        TokenCheck::FetchKeys(shared) => shared.call.headers[1].1.clone(),
        TokenCheck::Unavailable { retry, down: true } => format!("down {retry}"),
        TokenCheck::Unavailable { retry, down: false } => format!("unavailable {retry}"),
        TokenCheck::Limited(seconds) => format!("limited {seconds}"),
    }
}

const FETCH: &str = "/.well-known/jwks.json";

#[test]
fn accepts_every_algorithm() {
    let mut fixture = Fixture::new(json!({}));
    for alg in [Alg::Es256, Alg::Rs256, Alg::EdDsa] {
        let token = forge().sign(alg, &claims(json!({})));
        assert_eq!(fixture.token(&token), "genuine loc-7", "{alg:?}");
        assert_eq!(fixture.token(&token), "genuine loc-7", "{alg:?}, remembered");
    }
    let secret = json!({"algorithms": ["HS256"], "keys": {"secret": "0123456789abcdef".repeat(2)}});
    let mut fixture = Fixture::new(secret);
    assert_eq!(fixture.token(&token(json!({}))), ":token_algorithm");
}

/// Made for logins: what is no location is refused for that where nothing else is wrong with it.
#[test]
fn rejects_the_corpus_of_attacks() {
    let mut fixture = Fixture::new(json!({}));
    for attack in forge().attacks().iter().filter(|attack| !attack.token.is_empty()) {
        let got = fixture.check(&[&attack.token], false);
        let late = attack.refusal == Refusal::Expired && got == "expired";
        let want = format!(":{}", attack.refusal.evidence());
        assert!(got == want || late || got.starts_with(".claims."), "{}: {got}", attack.name);
    }
}

/// With the claims of a location, so that only what is attacked is wrong.
#[test]
fn rejects_forged_locations() {
    let good = token(json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let patched = |header: &str, claims: Option<Value>| {
        let payload = claims.map_or(parts[1].to_owned(), |claims| encoded(&claims.to_string()));
        format!("{}.{payload}.{}", encoded(header), parts[2])
    };
    let es = r#"{"alg":"ES256","kid":"es"}"#;
    let other = Forge::at(NOW);
    let [document, ..] = forge().documents();
    for (name, token, want) in [
        ("good", good.clone(), "genuine loc-7"),
        ("alg none", patched(r#"{"alg":"none"}"#, None), ":token_algorithm"),
        ("alg HS256", patched(r#"{"alg":"HS256","kid":"es"}"#, None), ":token_algorithm"),
        (
            "a key of its own",
            patched(&format!(r#"{{"alg":"ES256","jwk":{document}}}"#), None),
            ":token_signature",
        ),
        ("another region", patched(es, Some(claims(json!({"region": "MT"})))), ":token_signature"),
        ("another player", patched(es, Some(claims(json!({"sub": "p-2"})))), ":token_signature"),
        (
            "passed after all",
            patched(es, Some(claims(json!({"passed": true, "x": 1})))),
            ":token_signature",
        ),
        ("another's key", other.sign(Alg::Es256, &claims(json!({}))), ":token_signature"),
        ("another issuer", token(json!({"iss": "https://evil.test"})), ":issuer_unknown"),
        ("another audience", token(json!({"aud": "casino"})), ":audience_mismatch"),
        ("expired", token(json!({"exp": NOW - 60})), "expired"),
        ("not yet", token(json!({"nbf": NOW + 61})), ":token_not_yet_valid"),
        ("checked tomorrow", token(json!({"iat": NOW + 86_400})), ":token_not_yet_valid"),
        ("8 KiB", format!("{good}{}", "A".repeat(8 << 10)), ":token_malformed"),
        ("two in one", format!("{good}, {good}"), ":token_malformed"),
        ("a blank", format!(" {good}"), ":token_malformed"),
    ] {
        assert_eq!(Fixture::new(json!({})).token(&token), want, "{name}");
    }
    let mut fixture = Fixture::new(json!({}));
    assert_eq!(fixture.check(&[], false), "missing");
    assert_eq!(fixture.check(&[b""], false), "missing");
    assert_eq!(fixture.check(&[good.as_bytes(), good.as_bytes()], false), ".header");
    assert_eq!(fixture.check(&[b"", good.as_bytes()], false), ".header");
    let types = json!({"types": ["location+jwt"]});
    // The forge names `JWT` as its tokens' kind.
    assert_eq!(Fixture::new(types).token(&good), ".types");
}

fn encoded(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=chunk.len() {
            let index = bits >> (18 - 6 * at) & 63;
            out.push(char::from(ALPHABET[index as usize]));
        }
    }
    out
}

/// A story: the check of a request at each moment.
#[test]
fn keys_are_fetched_and_kept() {
    let mut fixture = Fixture::fetching();
    let good = token(json!({}));
    let unknown = Forge::with_suffix(NOW, "-x").sign(Alg::Es256, &claims(json!({})));
    // What no key could prove is not worth a fetch.
    let rest = good.split_once('.').unwrap().1;
    let symmetric = format!("{}.{rest}", encoded(r#"{"alg":"HS256","kid":"x"}"#));
    assert_eq!(fixture.token(&symmetric), ":token_algorithm");
    assert_eq!(fixture.token(&good), FETCH);
    assert_eq!(fixture.check(&[], false), FETCH, "without keys nobody could have brought one");
    fixture.keys_fetched(500, "");
    assert_eq!(fixture.check(&[good.as_bytes()], true), "down 1");
    assert_eq!(fixture.check(&[], true), "down 1");
    assert_eq!(fixture.check(&[], false), "down 1");
    fixture.now += 1;
    assert_eq!(fixture.token(&good), FETCH);
    fixture.keys_fetched(200, &forge().jwks());
    assert_eq!(fixture.check(&[good.as_bytes()], true), "genuine loc-7");
    assert_eq!(fixture.check(&[], false), "missing");
    // An unknown key id is the token's fault, and opens nothing.
    assert_eq!(fixture.token(&unknown), FETCH);
    fixture.keys_fetched(200, &forge().jwks());
    assert_eq!(fixture.check(&[unknown.as_bytes()], true), ":token_key_unknown");
    let another = Forge::with_suffix(NOW, "-y").sign(Alg::Es256, &claims(json!({})));
    assert_eq!(fixture.token(&another), "unavailable 5");
    fixture.now += 5;
    assert_eq!(fixture.token(&another), FETCH);
    fixture.keys_fetched(503, "");
    assert_eq!(fixture.check(&[another.as_bytes()], true), "down 5", "that is the provider's");
    assert_eq!(fixture.check(&[], false), "missing", "keys at hand serve on");
    let late = token(json!({"jti": "loc-8"}));
    assert_eq!(fixture.token(&late), "genuine loc-8");
    fixture.now += 601;
    let later = token(json!({"jti": "loc-9"}));
    assert_eq!(fixture.token(&later), FETCH, "but not for ever");
    fixture.keys_fetched(404, "");
    assert_eq!(fixture.check(&[later.as_bytes()], true), "down 1");
    assert_eq!(fixture.token(&good), "genuine loc-7", "what is known stays known");
    let failed = "pitboss.geo-jurisdiction.keys.issuer=location.result=failed";
    assert_eq!(fixture.host.counters[failed], 3);
    assert!(
        fixture.host.logs.iter().any(|line| line.ends_with("status 404")),
        "{:?}",
        fixture.host.logs
    );
}

#[test]
fn memory_compares_the_whole_token() {
    let mut fixture = Fixture::new(json!({"cache_tokens": 2}));
    let good = token(json!({}));
    assert_eq!(fixture.token(&good), "genuine loc-7");
    let flipped = good.replacen("eyJ", "eyK", 1);
    assert_ne!(fixture.token(&flipped), "genuine loc-7");
    let same_end = format!("x{good}");
    assert_eq!(fixture.token(&same_end), ":token_malformed");
    for n in 0..50 {
        assert_eq!(
            fixture.token(&token(json!({"jti": format!("l-{n}")}))),
            format!("genuine l-{n}")
        );
    }
    assert_eq!(fixture.state.known.len(), 2);
}

#[test]
fn failures_are_limited_by_source() {
    let limits = json!({"failures": {"per_minute": 60, "burst": 3}});
    let mut fixture = Fixture::new(limits);
    let good = token(json!({}));
    let forged = |n: u64| Forge::at(NOW).sign(Alg::Es256, &claims(json!({"jti": n.to_string()})));
    assert_eq!(fixture.token(&good), "genuine loc-7");
    for n in 0..3 {
        assert_eq!(fixture.token(&forged(n)), ":token_signature");
    }
    assert_eq!(fixture.token(&forged(4)), "limited 1");
    assert_eq!(fixture.token(&good), "genuine loc-7", "who is known is not affected");
    assert_eq!(fixture.token(&token(json!({"jti": "new"}))), "limited 1");
    assert_eq!(fixture.check(&[], false), "missing");
    fixture.source = "203.0.113.8";
    assert_eq!(fixture.token(&forged(5)), ":token_signature", "another source");
    fixture.source = CLIENT;
    fixture.now += 1;
    assert_eq!(fixture.token(&forged(6)), ":token_signature");
    // What costs no signature work is not counted.
    let mut fixture = Fixture::new(json!({"failures": {"per_minute": 1, "burst": 1}}));
    for _ in 0..9 {
        assert_eq!(fixture.token("a.b.c"), ":token_malformed");
        assert_eq!(fixture.token(&token(json!({"exp": NOW - 60}))), "expired");
    }
    assert_eq!(fixture.token(&good), "genuine loc-7");
}
