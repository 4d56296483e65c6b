//! Logins at a gateway: which are counted, for whom, and when they are refused.

use super::*;
use policy_kit::fake::FakeHost;
use policy_kit::{BodyFormat, Headers, SECOND};
use serde_json::{json, Value};

#[path = "login_fault_tests.rs"]
mod faults;

const T0: u64 = 1_790_000_000 * SECOND;

fn endpoints() -> Endpoints {
    let raw = json!([
        {"path": "/login", "methods": ["POST"], "class": "session"},
        {"path": "/login", "methods": ["GET"], "class": "content"},
        {"path": "/refresh", "class": "session"},
        {"path": "/m/login", "class": "session"},
        {"path": "/rpc", "select": {
            "pointer": "/do", "classes": {"login": "session", "bet": "wager"},
        }},
        {"prefix": "/static", "class": "content"},
    ]);
    Endpoints::compile(policy_kit::read_settings(raw.to_string().as_bytes()).unwrap()).unwrap()
}

fn try_compile(change: Value) -> Result<LoginRules, ConfigError> {
    let mut raw = json!({
        "endpoints": [
            {"endpoint": "/login", "account": "/user"},
            {"endpoint": "/rpc", "account": "/user"},
        ],
        "reply": {},
    });
    for (name, value) in change.as_object().unwrap() {
        raw[name] = value.clone();
    }
    let raw = policy_kit::read_settings(raw.to_string().as_bytes())?;
    LoginRules::compile(raw, &endpoints(), Keying::new(7))
}

fn compile(change: Value) -> LoginRules {
    try_compile(change).unwrap()
}

/// One client at one endpoint.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    method: &'a str,
    path: &'a str,
    body: Option<&'a str>,
    brand: &'a str,
    address: &'a str,
    second: u64,
}

const OTTER: Attempt<'_> = Attempt {
    method: "POST",
    path: "/login",
    body: Some(r#"{"user": "otter"}"#),
    brand: "",
    address: "192.0.2.1",
    second: 0,
};

fn check(rules: &LoginRules, host: &mut dyn Host, it: Attempt<'_>) -> LoginCheck {
    let endpoints = endpoints();
    let found = endpoints.classify(it.method.as_bytes(), it.path.as_bytes());
    let pairs = [(&b"content-type"[..], &b"application/json"[..])];
    let format = BodyFormat::by(&Headers::from_pairs(pairs));
    let content = it.body.map(|body| Content::selecting(body.as_bytes(), format));
    let mut endpoint = endpoints.found(found);
    if let Some(content) = &content {
        endpoint = endpoint.with_body(content);
    }
    let client = LoginClient { brand: it.brand, address: it.address.parse().ok() };
    rules.login(host, &endpoint, content.as_ref(), client, T0 + it.second * SECOND)
}

/// One attempt from its beginning to its end; in one word.
fn attempt(rules: &LoginRules, host: &mut FakeHost, it: Attempt<'_>, status: u16) -> &'static str {
    match check(rules, host, it) {
        LoginCheck::NotALogin => "no login",
        LoginCheck::NeedsBody => "body",
        LoginCheck::Locked { by, .. } => by.as_str(),
        LoginCheck::Fault(..) => "fault",
        LoginCheck::Allowed(ticket) => {
            let now = T0 + it.second * SECOND;
            rules.login_ended(host, &ticket, Some(status), now).unwrap();
            "allowed"
        }
    }
}

#[test]
fn only_logins_are_counted() {
    let rules = compile(json!({}));
    let rpc = |body| Attempt { path: "/rpc", body: Some(body), ..OTTER };
    for (it, want) in [
        (OTTER, "allowed"),
        (Attempt { body: None, ..OTTER }, "body"),
        (Attempt { method: "GET", ..OTTER }, "no login"),
        (Attempt { path: "/refresh", ..OTTER }, "no login"),
        (Attempt { path: "/refresh", body: None, ..OTTER }, "no login"),
        (Attempt { path: "/m/login", ..OTTER }, "no login"),
        (Attempt { path: "/static/login", ..OTTER }, "no login"),
        (Attempt { path: "/nothing", ..OTTER }, "no login"),
        (Attempt { path: "/rpc", body: None, ..OTTER }, "body"),
        (rpc(r#"{"do": "login", "user": "otter"}"#), "allowed"),
        (rpc(r#"{"do": "bet", "user": "otter"}"#), "no login"),
        (rpc(r#"{"do": "other", "user": "otter"}"#), "no login"),
    ] {
        let got = attempt(&rules, &mut FakeHost::default(), it, 401);
        assert_eq!(got, want, "{} {} {:?}", it.method, it.path, it.body);
    }
}

#[test]
fn three_failures_lock_an_account_and_only_that() {
    let rules = compile(json!({}));
    let host = &mut FakeHost::default();
    for second in 0..3 {
        assert_eq!(attempt(&rules, host, Attempt { second, ..OTTER }, 401), "allowed");
    }
    let spelt = |name| format!(r#"{{"user": "{name}"}}"#);
    for (name, want) in [
        ("otter", "account"),
        (" OTTER ", "account"),
        ("öttér", "account"),
        ("o\u{200b}tter", "account"),
        ("ｏｔｔｅｒ", "account"),
        ("otters", "allowed"),
        ("beaver", "allowed"),
    ] {
        let body = spelt(name);
        let it = Attempt { body: Some(&body), second: 3, address: "198.51.100.1", ..OTTER };
        assert_eq!(attempt(&rules, host, it, 200), want, "{name}");
    }
    for (it, want) in [
        // Another endpoint is another way to the same account, another brand another account.
        (
            Attempt {
                path: "/rpc",
                body: Some(r#"{"do":"login","user":"otter"}"#),
                second: 4,
                ..OTTER
            },
            "account",
        ),
        (Attempt { brand: "second", second: 4, ..OTTER }, "allowed"),
        (Attempt { path: "/refresh", second: 4, ..OTTER }, "no login"),
        (Attempt { second: 1_801, ..OTTER }, "account"),
        (Attempt { second: 1_802, ..OTTER }, "allowed"),
    ] {
        assert_eq!(attempt(&rules, host, it, 401), want, "{} {}", it.path, it.second);
    }
}

#[test]
fn the_end_of_a_lock_is_told() {
    let rules = compile(json!({"lock_s": 600}));
    let host = &mut FakeHost::default();
    let mut ended = LoginEnded::default();
    for _ in 0..3 {
        assert!(!ended.account_locked);
        let LoginCheck::Allowed(ticket) = check(&rules, host, OTTER) else { panic!() };
        ended = rules.login_ended(host, &ticket, Some(401), T0).unwrap();
    }
    assert_eq!(ended, LoginEnded { account_locked: true, address_locked: false });
    let until = Some(u32::try_from(T0 / SECOND).unwrap() + 600);
    let locked = LoginCheck::Locked { until, by: LockedBy::Account, endpoint: 0 };
    assert_eq!(check(&rules, host, OTTER), locked);
}

#[test]
fn only_the_upstreams_refusals_count() {
    for (status, want) in [
        (Some(401), "account"),
        (Some(400), "allowed"),
        (Some(403), "allowed"),
        (Some(429), "allowed"),
        (Some(500), "allowed"),
        (Some(503), "allowed"),
        (None, "allowed"),
    ] {
        let (rules, mut host) = (compile(json!({})), FakeHost::default());
        for _ in 0..20 {
            let LoginCheck::Allowed(ticket) = check(&rules, &mut host, OTTER) else { break };
            rules.login_ended(&mut host, &ticket, status, T0).unwrap();
        }
        assert_eq!(attempt(&rules, &mut host, OTTER, 500), want, "{status:?}");
    }
    let rules = compile(json!({"statuses": [400, 422]}));
    assert!(rules.is_failure(422) && !rules.is_failure(401));
}

#[test]
fn a_success_resets_the_account_and_not_the_address() {
    let rules = compile(json!({"address": {"failures": 5}}));
    let host = &mut FakeHost::default();
    let statuses = [401, 401, 200, 401, 401, 302, 401];
    for status in statuses {
        assert_eq!(attempt(&rules, host, OTTER, status), "allowed");
    }
    assert_eq!(attempt(&rules, host, OTTER, 200), "address");
    let elsewhere = Attempt { address: "192.0.2.2", ..OTTER };
    assert_eq!(attempt(&rules, host, elsewhere, 200), "allowed");
}

/// Credential stuffing: one address, many accounts.
#[test]
fn addresses_are_locked_by_network() {
    for (addresses, other, want) in [
        (["192.0.2.1", "::ffff:192.0.2.1"], "192.0.2.1", "address"),
        (["192.0.2.1", "192.0.2.1"], "192.0.2.2", "allowed"),
        (["2001:db8::1", "2001:db8::ffff"], "2001:db8::2", "address"),
        (["2001:db8::1", "2001:db8::ffff"], "2001:db8:0:1::2", "allowed"),
        (["unknown", "unknown"], "unknown", "allowed"),
    ] {
        let (rules, mut host) = (compile(json!({})), FakeHost::default());
        for n in 0..30 {
            let body = format!(r#"{{"user": "player {n}"}}"#);
            let address = addresses[n % 2];
            let it = Attempt { body: Some(&body), address, second: n as u64, ..OTTER };
            assert_eq!(attempt(&rules, &mut host, it, 401), "allowed", "{n}");
        }
        let it = Attempt { address: other, second: 31, ..OTTER };
        assert_eq!(attempt(&rules, &mut host, it, 401), want, "{addresses:?} {other}");
    }
    let (rules, mut host) = (compile(json!({"address": null})), FakeHost::default());
    for n in 0..100 {
        let body = format!(r#"{{"user": "player {n}"}}"#);
        let it = Attempt { body: Some(&body), ..OTTER };
        assert_eq!(attempt(&rules, &mut host, it, 401), "allowed", "{n}");
    }
}

/// Guesses at once are no more than guesses one by one, and they end.
#[test]
fn parallel_attempts_are_not_more() {
    let (rules, mut host) = (compile(json!({})), FakeHost::default());
    let checks: Vec<_> = (0..10).map(|_| check(&rules, &mut host, OTTER)).collect();
    let tickets: Vec<_> = checks
        .iter()
        .filter_map(|check| match check {
            LoginCheck::Allowed(ticket) => Some(ticket.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(tickets.len(), 3);
    let pending = LoginCheck::Locked { until: None, by: LockedBy::Pending, endpoint: 0 };
    assert!(checks.iter().skip(3).all(|check| *check == pending));
    for ticket in &tickets {
        rules.login_ended(&mut host, ticket, Some(401), T0).unwrap();
    }
    assert_eq!(attempt(&rules, &mut host, OTTER, 401), "account");
    // Those whose client left take nothing for long.
    let mut host = FakeHost::default();
    for n in 0..9 {
        let it = Attempt { second: n * 20, ..OTTER };
        assert!(matches!(check(&rules, &mut host, it), LoginCheck::Allowed(_)), "{n}");
    }
}

/// A name that cannot be read gives no further guesses, and locks nobody else.
#[test]
fn hidden_names_are_counted_for_the_client() {
    let (rules, mut host) = (compile(json!({})), FakeHost::default());
    let bodies = [
        r#"{"user": "otter", "user": "beaver"}"#,
        r#"{"user": "otter", "USER": "beaver"}"#,
        "",
        "{",
        r#"{"name": "otter"}"#,
        r#"{"user": " "}"#,
    ];
    for (n, body) in bodies.into_iter().enumerate() {
        let it = Attempt { body: Some(body), ..OTTER };
        let want = if n < 3 { "allowed" } else { "account" };
        assert_eq!(attempt(&rules, &mut host, it, 401), want, "{body}");
    }
    let other = Attempt { body: Some(""), address: "192.0.2.9", ..OTTER };
    assert_eq!(attempt(&rules, &mut host, other, 401), "allowed");
    assert_eq!(attempt(&rules, &mut host, OTTER, 401), "allowed");
    let LoginCheck::Allowed(ticket) = check(&rules, &mut host, other) else { panic!() };
    assert_eq!(ticket.unreadable, Some("body_empty"));
}

/// Whoever floods the table with names does not unlock an account, and others' failures count.
#[test]
fn chosen_names_do_not_unlock() {
    let (rules, mut host) = (compile(json!({"slots": 1024, "address": null})), FakeHost::default());
    for _ in 0..3 {
        attempt(&rules, &mut host, OTTER, 401);
    }
    for n in 0..5_000 {
        let body = format!(r#"{{"user": "n{n}"}}"#);
        let it = Attempt { body: Some(&body), second: 1, ..OTTER };
        assert_eq!(attempt(&rules, &mut host, it, 401), "allowed", "{n}");
    }
    assert_eq!(attempt(&rules, &mut host, Attempt { second: 2, ..OTTER }, 401), "account");
    for n in 0..3 {
        let it = Attempt { body: Some(r#"{"user": "beaver"}"#), second: 3 + n, ..OTTER };
        assert_eq!(attempt(&rules, &mut host, it, 401), "allowed");
    }
    let it = Attempt { body: Some(r#"{"user": "beaver"}"#), second: 7, ..OTTER };
    assert_eq!(attempt(&rules, &mut host, it, 401), "account");
}

#[test]
fn names_are_not_in_shared_data() {
    let (rules, mut host) = (compile(json!({})), FakeHost::default());
    attempt(&rules, &mut host, OTTER, 401);
    assert!(!host.shared.is_empty());
    for (name, (value, _)) in &host.shared {
        let value = String::from_utf8_lossy(value);
        assert!(!name.contains("otter") && !value.contains("otter"));
    }
}

#[test]
fn rejects_invalid_configurations() {
    let at = |endpoint: &str, account: &str| json!({"endpoints": [{"endpoint": endpoint, "account": account}]});
    for (change, want) in [
        (json!({"endpoints": []}), "abuse.login.endpoints"),
        (
            json!({"endpoints": vec![json!({"endpoint": "/login", "account": "/u"}); 17]}),
            "abuse.login.endpoints",
        ),
        (
            json!({"endpoints": vec![json!({"endpoint": "/login", "account": "/u"}); 2]}),
            "abuse.login.endpoints[1].endpoint",
        ),
        (at("/logins", "/u"), "abuse.login.endpoints[0].endpoint"),
        (at("/static", "/u"), "abuse.login.endpoints[0].endpoint"),
        (at("/login", "u"), "abuse.login.endpoints[0].account"),
        (at("/login", ""), "abuse.login.endpoints[0].account"),
        (json!({"statuses": []}), "abuse.login.statuses"),
        (json!({"statuses": [200]}), "abuse.login.statuses[0]"),
        (json!({"failures": 0}), "abuse.login.failures"),
        (json!({"failures": 21}), "abuse.login.failures"),
        (json!({"within_s": 59}), "abuse.login.within_s"),
        (json!({"within_s": 86_401}), "abuse.login.within_s"),
        (json!({"lock_s": 59}), "abuse.login.lock_s"),
        (json!({"lock_s": 86_401}), "abuse.login.lock_s"),
        (json!({"slots": 1_023}), "abuse.login.slots"),
        (json!({"slots": 262_145}), "abuse.login.slots"),
        (json!({"delay_ms": 10_001}), "abuse.login.delay_ms"),
        (json!({"address": {"failures": 2}}), "abuse.login.address.failures"),
        (json!({"address": {"failures": 101}}), "abuse.login.address.failures"),
        (json!({"address": {"within_s": 0}}), "abuse.login.address.within_s"),
        (json!({"address": {"lock_s": 0}}), "abuse.login.address.lock_s"),
        (json!({"reply": {"status": 200}}), "abuse.login.reply.status"),
        (json!({"statuses": [422], "reply": {"status": 401}}), "abuse.login.reply.status"),
        (json!({"reply": {"code": "x"}}), "reply.code"),
        (json!({"lock": 1}), "lock"),
    ] {
        let error = try_compile(change.clone()).unwrap_err();
        assert_eq!(error.field, want, "{change}: {error}");
    }
    assert_eq!(compile(json!({})).endpoints(), 2);
}
