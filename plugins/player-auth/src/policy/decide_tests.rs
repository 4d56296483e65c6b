//! Decisions by class, credential, brand, preflight and upgrade.

use super::*;
use crate::denials::{CONFLICT, EXPIRED};
use crate::tests::gateway::{policy, CONFIG};
use crate::token::result::VerifiedToken;
use policy_kit::Headers;
use std::rc::Rc;

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn decide(
    policy: &Policy,
    method: &str,
    path: &str,
    more: Pairs<'_>,
    credential: &Credential,
) -> Decision {
    let base = [(":method", method), (":path", path), (":authority", "otter.example")];
    let pairs = base.iter().chain(more).map(|(n, v)| (n.as_bytes(), v.as_bytes()));
    let facts = policy.facts(&Headers::from_pairs(pairs), true);
    policy.decide(&policy.endpoint(&facts), &facts, credential, 10_000)
}

fn code(decision: &Decision) -> &'static str {
    decision.denial.map_or("pass", |denial| denial.code)
}

fn valid(brand: &str, auth_time: Option<u64>) -> Credential {
    let (player, brand) = ("p-1".to_owned(), brand.to_owned());
    let identity = Identity { player, brand, auth_time, ..Identity::default() };
    let token = VerifiedToken::new(b"token", identity, 20_000, 60);
    Credential::Token(TokenCheck::Valid(Rc::new(token)))
}

#[test]
fn decides_by_class_and_credential() {
    let policy = policy(CONFIG).unwrap();
    let good = valid("otter", Some(9_500));
    let old = valid("otter", Some(1_000));
    let other = valid("kings", Some(9_500));
    let bad = Credential::Token(TokenCheck::Refused(EXPIRED, "token_expired"));
    let two = Credential::Unreadable(CONFLICT);
    let keys_down = Credential::Token(TokenCheck::Unavailable(KEYS, 7));
    let failures = Credential::Token(TokenCheck::Unavailable(FAILURES, 7));
    let absent = Credential::Absent;
    // The path; then the outcome without a token, with a good one, an old authentication, another brand, a
    // bad one, two, while keys are unavailable, and over the budget of failures.
    let all = [&absent, &good, &old, &other, &bad, &two, &keys_down, &failures];
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
        let got = all.map(|credential| code(&decide(&policy, "POST", path, &[], credential)));
        assert_eq!(got, want, "{path}");
    }
}

#[test]
fn unclassified_requests_may_pass_with_a_valid_token() {
    let policy = policy(&CONFIG.replacen('{', r#"{"unclassified": "forward","#, 1)).unwrap();
    for (credential, want) in
        [(Credential::Absent, "token_missing"), (valid("otter", None), "pass")]
    {
        assert_eq!(code(&decide(&policy, "GET", "/nowhere", &[], &credential)), want);
    }
}

#[test]
fn only_complete_preflights_pass() {
    let policy = policy(CONFIG).unwrap();
    let origin = ("origin", "https://otter.example");
    let asks = ("access-control-request-method", "POST");
    // Method, path, headers; the outcome without a token.
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
        // On an endpoint for any method, an OPTIONS that is no preflight is an ordinary request.
        ("OPTIONS", "/balance", &[origin], "token_missing"),
        ("POST", "/bets", &[origin, asks], "token_missing"),
    ];
    for (method, path, headers, want) in cases {
        let got = decide(&policy, method, path, headers, &Credential::Absent);
        assert_eq!(code(&got), *want, "{method} {path} {headers:?}");
    }
}

#[test]
fn upgrades_are_refused_where_money_moves() {
    let credential = valid("otter", Some(9_900));
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
        let policy = policy(config).unwrap();
        let decision = decide(&policy, "POST", path, &upgrade, &credential);
        assert_eq!(code(&decision), want, "{path}");
    }
}
