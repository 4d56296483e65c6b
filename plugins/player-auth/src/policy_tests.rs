//! Decisions over facts: classes, credentials, brands, preflights, upgrades; and what is refused as a
//! configuration.

use super::*;
use crate::config::Config;
use crate::denials::{BRAND, FAILURES, KEYS, MISSING};
use crate::identity::Identity;
use crate::state::Known;
use policy_kit::fake::FakeHost;
use std::rc::Rc;

/// A secret as long as the hash, and everything else as short as can be.
pub(crate) const CONFIG: &str = r#"{
    "address": {"trusted": ["10.0.0.0/8"]},
    "brands": {"otter.example": "otter", "kings.example": "kings"},
    "issuers": [{
        "issuer": "https://id.example", "audiences": ["api"], "algorithms": ["HS256"],
        "keys": {"secret": "0123456789abcdef0123456789abcdef"},
        "claims": {"headers": {"x-tags": "/tags"}}
    }],
    "on_error": {"content": "anonymous"},
    "envelopes": {"one": {"*": {"status": 200, "json": {"error": "{code}"}}}},
    "endpoints": [
        {"path": "/lobby", "class": "content"},
        {"path": "/bets", "methods": ["POST"], "class": "wager"},
        {"path": "/balance", "class": "account"},
        {"path": "/withdraw", "class": "withdrawal"},
        {"path": "/login", "class": "session"},
        {"path": "/limits", "class": "safer-gambling"},
        {"path": "/win", "class": "settlement", "envelope": "one"},
        {"path": "/wallet", "class": "account", "caller": "partner"},
        {"path": "/one", "envelope": "one", "select": {"pointer": "/type", "classes":
            {"debit": "wager", "credit": "settlement"}}}
    ]
}"#;

fn compile(json: &str) -> Result<Policy, ConfigError> {
    let config = policy_kit::parse::<Config>(json.as_bytes())?;
    Policy::compile(config, &mut FakeHost::default())
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn rule(policy: &Policy, method: &str, path: &str, more: Pairs<'_>, who: &Who) -> Ruling {
    let base = [(":method", method), (":path", path), (":authority", "otter.example")];
    let pairs = base.iter().chain(more).map(|(n, v)| (n.as_bytes(), v.as_bytes()));
    let case = policy.weigh(&Headers::from_pairs(pairs), true);
    policy.rule(&policy.endpoint(&case), &case, who, 10_000)
}

fn code(ruling: &Ruling) -> &'static str {
    ruling.refusal.map_or("pass", |denial| denial.code)
}

fn known(brand: &str, auth_time: Option<u64>) -> Who {
    let (player, brand) = ("p-1".to_owned(), brand.to_owned());
    let identity = Identity { player, brand, auth_time, ..Identity::default() };
    Who::Token(Verdict::Good(Rc::new(Known::new(b"token", identity, 20_000, 60))))
}

#[test]
fn who_may_make_which_call() {
    let policy = compile(CONFIG).unwrap();
    let good = known("otter", Some(9_500));
    let late = known("otter", Some(1_000));
    let other = known("kings", Some(9_500));
    let bad = Who::Token(Verdict::Bad(denials::EXPIRED, "token_expired"));
    let two = Who::Unreadable(denials::CONFLICT);
    let down = Who::Token(Verdict::Unknown(KEYS, 7));
    let many = Who::Token(Verdict::Unknown(FAILURES, 7));
    let nobody = Who::Nobody;
    // Path; then what becomes of nobody, good, late, other brand, bad, two, keys down, failures.
    let all = [&nobody, &good, &late, &other, &bad, &two, &down, &many];
    let (pass, missing, expired) = ("pass", "token_missing", "token_expired");
    let (brand, conflict, keys) = ("brand_mismatch", "credential_conflict", "keys_unavailable");
    let often = "too_many_failures";
    for (path, want) in [
        ("/lobby", [pass, pass, pass, brand, expired, conflict, pass, often]),
        ("/bets", [missing, pass, pass, brand, expired, conflict, keys, often]),
        ("/balance", [missing, pass, pass, brand, expired, conflict, keys, often]),
        ("/withdraw", [missing, pass, "step_up_required", brand, expired, conflict, keys, often]),
        ("/limits", [missing, pass, pass, brand, expired, conflict, keys, often]),
        ("/login", [pass; 8]),
        ("/win", [pass; 8]),
        ("/wallet", [pass; 8]),
        ("/nowhere", ["endpoint_unclassified"; 8]),
    ] {
        let got = all.map(|who| code(&rule(&policy, "POST", path, &[], who)));
        assert_eq!(got, want, "{path}");
    }
}

#[test]
fn what_matches_no_endpoint_may_be_let_pass_with_a_good_token() {
    let policy = compile(&CONFIG.replacen('{', r#"{"unclassified": "forward","#, 1)).unwrap();
    for (who, want) in [(Who::Nobody, "token_missing"), (known("otter", None), "pass")] {
        assert_eq!(code(&rule(&policy, "GET", "/nowhere", &[], &who)), want);
    }
}

#[test]
fn only_true_preflights_pass() {
    let policy = compile(CONFIG).unwrap();
    let origin = ("origin", "https://otter.example");
    let asks = ("access-control-request-method", "POST");
    // Method, path, headers; the outcome for nobody.
    let cases: &[(&str, &str, Pairs<'_>, &str)] = &[
        ("OPTIONS", "/bets", &[origin, asks], "pass"),
        ("OPTIONS", "/bets", &[origin, asks, ("content-length", "0")], "pass"),
        ("OPTIONS", "/bets", &[asks], "endpoint_unclassified"),
        ("OPTIONS", "/bets", &[origin], "endpoint_unclassified"),
        ("OPTIONS", "/bets", &[origin, asks, asks], "endpoint_unclassified"),
        ("OPTIONS", "/bets", &[origin, origin, asks], "endpoint_unclassified"),
        (
            "OPTIONS",
            "/bets",
            &[origin, asks, ("authorization", "Bearer t")],
            "endpoint_unclassified",
        ),
        ("OPTIONS", "/bets", &[origin, asks, ("upgrade", "websocket")], "endpoint_unclassified"),
        ("OPTIONS", "/one", &[origin, asks], "pass"),
        ("OPTIONS", "/bets", &[origin, asks, ("cookie", "a=1")], "endpoint_unclassified"),
        ("OPTIONS", "/bets", &[origin, asks, ("content-length", "7")], "endpoint_unclassified"),
        (
            "OPTIONS",
            "/bets",
            &[origin, asks, ("transfer-encoding", "chunked")],
            "endpoint_unclassified",
        ),
        (
            "OPTIONS",
            "/bets",
            &[origin, ("access-control-request-method", "post")],
            "endpoint_unclassified",
        ),
        (
            "OPTIONS",
            "/bets",
            &[origin, ("access-control-request-method", "GET")],
            "endpoint_unclassified",
        ),
        ("OPTIONS", "/nowhere", &[origin, asks], "endpoint_unclassified"),
        // Where the endpoint takes any method, an OPTIONS that is no preflight is a call like others.
        ("OPTIONS", "/balance", &[origin], "token_missing"),
        ("POST", "/bets", &[origin, asks], "token_missing"),
    ];
    for (method, path, headers, want) in cases {
        let got = rule(&policy, method, path, headers, &Who::Nobody);
        assert_eq!(code(&got), *want, "{method} {path} {headers:?}");
    }
}

#[test]
fn upgrades() {
    let who = known("otter", Some(9_900));
    let upgrade = [("upgrade", "websocket"), ("connection", "upgrade")];
    let allowed = CONFIG.replacen('{', r#"{"classes": {"wager": {"upgrade": true}},"#, 1);
    for (config, path, want) in [
        (CONFIG, "/bets", "upgrade_refused"),
        (CONFIG, "/withdraw", "upgrade_refused"),
        (CONFIG, "/win", "upgrade_refused"),
        (CONFIG, "/lobby", "pass"),
        (CONFIG, "/balance", "pass"),
        (allowed.as_str(), "/bets", "pass"),
    ] {
        let policy = compile(config).unwrap();
        assert_eq!(code(&rule(&policy, "POST", path, &upgrade, &who)), want, "{path}");
    }
}

#[test]
fn answers() {
    let policy = compile(CONFIG).unwrap();
    let answer = |path: &str, denial: Denial, retry| {
        let pairs = [(":method", "POST"), (":path", path), (":authority", "otter.example")];
        let pairs = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        let case = policy.weigh(&Headers::from_pairs(pairs), true);
        let ruling = Ruling { refusal: Some(denial), detail: denial.code, retry };
        policy.reply(&policy.endpoint(&case), &ruling, denial, &Details::NONE)
    };
    let header = |reply: &Reply, name: &str| reply.header(name).map(str::to_owned);
    for (path, denial, retry, challenge, wait) in [
        ("/bets", MISSING, None, Some(r#"Bearer realm="player", error="invalid_token""#), None),
        (
            "/bets",
            denials::SIGNATURE,
            None,
            Some(r#"Bearer realm="player", error="invalid_token""#),
            None,
        ),
        (
            "/bets",
            denials::CONFLICT,
            None,
            Some(r#"Bearer realm="player", error="invalid_request""#),
            None,
        ),
        (
            "/bets",
            denials::SCOPE,
            None,
            Some(r#"Bearer realm="player", error="insufficient_scope""#),
            None,
        ),
        (
            "/withdraw",
            denials::STEP_UP,
            None,
            Some(r#"Bearer realm="player", error="insufficient_user_authentication", max_age=900"#),
            None,
        ),
        ("/bets", BRAND, None, None, None),
        ("/bets", KEYS, Some(7), None, Some("7")),
        ("/bets", FAILURES, Some(0), None, Some("1")),
    ] {
        let reply = answer(path, denial, retry);
        assert_eq!(reply.status, denial.status);
        assert_eq!(header(&reply, "www-authenticate").as_deref(), challenge, "{}", denial.code);
        assert_eq!(header(&reply, "retry-after").as_deref(), wait, "{}", denial.code);
    }
    let partner = answer("/win", MISSING, None);
    assert_eq!((partner.status, partner.body), (200, br#"{"error":"token_missing"}"#.to_vec()));
    assert_eq!(partner.headers.len(), 2, "no challenge in a partner's envelope");
}

#[test]
fn configurations_that_are_none() {
    // The member that is put in place of the example's, and the field that the error names.
    for (member, value, field) in [
        ("issuers", "[]", "issuers"),
        ("version", r#""a b""#, "version"),
        ("realm", r#""a\"b""#, "realm"),
        ("realm", r#""""#, "realm"),
        ("cache_tokens", "100001", "cache_tokens"),
        ("cache_tokens", "-1", "cache_tokens"),
        ("failures", r#"{"per_minute": 0}"#, "failures.per_minute"),
        ("failures", r#"{"burst": 0}"#, "failures.burst"),
        ("failures", r#"{"bursts": 1}"#, "failures.bursts"),
        ("classes", r#"{"settlement": {"token": "required"}}"#, "classes.settlement.token"),
        ("classes", r#"{"wagers": {}}"#, "classes.wagers"),
        ("on_error", r#"{"session": "anonymous"}"#, "on_error.session"),
        ("on_error", r#"{"wager": "anonymous"}"#, "on_error.wager"),
        ("on_error", r#"{"wager": "open"}"#, "on_error.wager"),
        ("credentials", "[]", "credentials"),
        ("brands", "{}", "brands"),
        ("address", r#"{"trusted": ["0.0.0.0/0"]}"#, "address.trusted[0]"),
        ("envelopes", "{}", "endpoints[6].envelope"),
        ("endpoints", "[]", "endpoints"),
        ("token", "1", "token"),
        (
            "introspection",
            r#"{"cluster": "id", "path": "x", "any_audience": true}"#,
            "introspection.path",
        ),
        ("introspection", r#"{"cluster": "id", "path": "/x"}"#, "introspection.audiences"),
    ] {
        let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
        document[member] = serde_json::from_str(value).unwrap();
        let error = compile(&document.to_string()).unwrap_err();
        assert_eq!(error.field, field, "{member}: {value}: {error}");
    }
}

#[test]
fn issuers_that_are_none() {
    let ec = r#"{"jwks": {"keys": [{"kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}}"#;
    let good = [
        (r#"["ES256"]"#, ec),
        (r#"["ES256", "RS256"]"#, ec),
        (r#"["ES256"]"#, r#"{"cluster": "id"}"#),
        (r#"["HS256"]"#, r#"{"secret": "0123456789abcdef0123456789abcdef"}"#),
    ];
    let issuer = |algorithms: &str, keys: &str, more: &str| {
        let issuer = format!(
            r#"[{{"issuer": "i", "audiences": ["a"], "algorithms": {algorithms}, "keys": {keys}{more}}}]"#
        );
        let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
        document["issuers"] = serde_json::from_str(&issuer).unwrap();
        compile(&document.to_string())
    };
    for (algorithms, keys) in good {
        assert!(issuer(algorithms, keys, "").is_ok(), "{algorithms} {keys}");
    }
    for (algorithms, keys, more, field) in [
        ("[]", ec, "", "algorithms"),
        (r#"["none"]"#, ec, "", "algorithms"),
        (r#"["ES256", "ES256"]"#, ec, "", "algorithms"),
        (r#"["ES256", "HS256"]"#, ec, "", "algorithms"),
        (r#"["HS256"]"#, ec, "", "keys"),
        (r#"["RS256"]"#, ec, "", "keys.jwks"),
        (r#"["ES256"]"#, "{}", "", "keys"),
        (r#"["ES256"]"#, r#"{"jwks": {"keys": []}, "cluster": "id"}"#, "", "keys"),
        (r#"["ES256"]"#, r#"{"secret": "0123456789abcdef0123456789abcdef"}"#, "", "keys.secret"),
        (r#"["HS256"]"#, r#"{"secret": "short"}"#, "", "keys.secret"),
        (r#"["HS256"]"#, r#"{"secret": {"env": "NONE"}}"#, "", "keys.secret.env"),
        (r#"["ES256"]"#, r#"{"cluster": ""}"#, "", "keys.cluster"),
        (r#"["ES256"]"#, r#"{"cluster": "id", "path": "jwks"}"#, "", "keys.path"),
        (r#"["ES256"]"#, r#"{"cluster": "id", "refresh_s": 9}"#, "", "keys.refresh_s"),
        (r#"["ES256"]"#, r#"{"cluster": "id", "max_stale_s": 10}"#, "", "keys.max_stale_s"),
        (r#"["ES256"]"#, r#"{"cluster": "id", "timeout_ms": 0}"#, "", "keys.timeout_ms"),
        (r#"["ES256"]"#, ec, r#", "skew_s": 601"#, "skew_s"),
        (r#"["ES256"]"#, ec, r#", "max_lifetime_s": 0"#, "max_lifetime_s"),
        (r#"["ES256"]"#, ec, r#", "any_audience": true"#, "audiences"),
        (r#"["ES256"]"#, ec, r#", "claims": {"brand": null}"#, "claims.fixed_brand"),
        (
            r#"["ES256"]"#,
            ec,
            r#", "claims": {"headers": {"x-brand": "/b"}}"#,
            "claims.headers.x-brand",
        ),
    ] {
        let error = issuer(algorithms, keys, more).unwrap_err();
        assert_eq!(error.field, format!("issuers[0].{field}"), "{algorithms} {keys} {more}");
    }
    let mut document: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    let twice = document["issuers"][0].clone();
    document["issuers"].as_array_mut().unwrap().push(twice);
    assert_eq!(compile(&document.to_string()).unwrap_err().field, "issuers[1].issuer");
}
