//! Refusals before the key is looked up, and headers that are stripped.

use crate::fixture::EVIDENCE;
use crate::fixture::{Bet, Fixture, KEY};
use policy_kit::facts;
use serde_json::json;

/// What was refused as `idempotency_key_malformed` by `rule=none`, whatever was wrong.
#[test]
fn evidence_names_the_rule_and_the_cause() {
    let rules = json!({"rules": [
        {"classes": ["wager"], "key": {"body": "/id"}, "fingerprint": ["/stake"]},
        {"classes": ["settlement"], "key": {"body": "/id"}},
        {"classes": ["deposit"]}
    ]});
    let bet = |body: &str| Bet::to("/bets").body(body);
    let good = r#"{"id":"body-key-1","stake":5}"#;
    let as_type = |kind: &str| bet(good).set("content-type", kind);
    let twice = Bet::to("/deposits").key(KEY).with("idempotency-key", KEY);
    let wallet = || Bet::to("/wallet").partner("hub", "key").body(r#"{"id":"t-1"}"#);
    for (bet, want, evidence) in [
        (bet("{}"), "400 idempotency_key_missing", "rules[0] why=key_missing"),
        (bet(""), "400 idempotency_key_missing", "rules[0] why=body_empty"),
        (bet(r#"{"id":"1"}"#), "400 idempotency_key_malformed", "rules[0] why=key_short"),
        (bet(r#"{"id":1.5}"#), "400 idempotency_key_malformed", "rules[0] why=key_kind"),
        (
            bet(r#"{"id":"a b c d e"}"#),
            "400 idempotency_key_malformed",
            "rules[0] why=key_characters",
        ),
        (bet("{"), "400 idempotency_body_unreadable", "rules[0] why=body_syntax"),
        (
            bet(r#"{"id":"a","ID":"b"}"#),
            "400 idempotency_body_unreadable",
            "rules[0] why=body_twice",
        ),
        (bet(r#"{"id":"\ud800"}"#), "400 idempotency_body_unreadable", "rules[0] why=body_text"),
        (
            bet(r#"{"id":"body-key-1","stake":5,"Stake":6}"#),
            "400 idempotency_body_unreadable",
            "rules[0] why=body_twice",
        ),
        (as_type("text/html"), "415 idempotency_body_unsupported", "rules[0] why=body_type"),
        (
            bet(good).with("content-encoding", "br"),
            "415 idempotency_body_unsupported",
            "rules[0] why=body_coding",
        ),
        (
            bet(good).with("content-encoding", "gzip"),
            "400 idempotency_body_unreadable",
            "rules[0] why=body_gzip",
        ),
        (twice, "400 idempotency_key_malformed", "rules[2] why=key_several"),
        (
            Bet::to("/deposits").key("short"),
            "400 idempotency_key_malformed",
            "rules[2] why=key_short",
        ),
        (
            Bet::to("/deposits").key("\"half"),
            "400 idempotency_key_malformed",
            "rules[2] why=key_quotes",
        ),
        (
            bet(good).fact(facts::PLAYER, ""),
            "403 idempotency_owner_unknown",
            "rules[0] why=player_unknown",
        ),
        (
            bet(good).fact(facts::BRAND, ""),
            "403 idempotency_owner_unknown",
            "rules[0] why=brand_unknown",
        ),
        // The request may be a settlement, and owed money.
        (
            wallet().fact(facts::BRAND, ""),
            "503 idempotency_brand_unknown",
            "rules[1] why=brand_unknown",
        ),
        (wallet().body("{}"), "503 idempotency_key_missing", "rules[1] why=key_missing"),
        (wallet().body("x"), "503 idempotency_body_unreadable", "rules[1] why=body_syntax"),
        (
            wallet().fact(facts::PARTNER_PROOF, "claimed").body(r#"{"id":"body-key-1"}"#),
            "503 idempotency_owner_unknown",
            "rules[1] why=partner_unproven",
        ),
        (wallet(), "run", "rules[1] key="),
        (as_type("text/plain;charset=UTF-8"), "run", "rules[0] key="),
        (bet(&format!("\u{feff}{good}")), "run", "rules[0] key="),
        (
            bet("id=body-key-1&stake=5").set("content-type", "application/x-www-form-urlencoded"),
            "run",
            "rules[0] key=",
        ),
        (
            bet(r#"{"id":"body-key-1","stake":5,"meta":{"userId":"1","UserID":"1"}}"#),
            "run",
            "rules[0] key=",
        ),
        (Bet::to("/hub").body("x"), "200 endpoint_unclassified", "none why=body_syntax"),
        (Bet::to("/hub").body("{}"), "200 endpoint_unclassified", "none why=no_class"),
        (Bet::to("/nowhere"), "403 endpoint_unclassified", "none why=no_endpoint"),
        (Bet::new().with("upgrade", "websocket"), "400 idempotency_stream", "none why=stream"),
    ] {
        let mut fixture = Fixture::new(&rules);
        let (stream, got) = fixture.send(&bet);
        assert_eq!(got, want, "{}", bet.body);
        let said = stream.fact(EVIDENCE);
        assert!(said.starts_with(&format!("rule={evidence}")), "{}: {said}", bet.body);
        let retry = stream.replied.and_then(|reply| reply.header("retry-after").map(str::to_owned));
        // Also if the envelope's status implies no retry, and the unknown class may be one of money.
        let owed = got.starts_with("503") || got.starts_with("200");
        let owed = owed.then_some("60");
        assert_eq!(retry.as_deref(), owed, "{got}");
    }
}

/// By whomever it is sent, nothing that may have a key is sent once more by the gateway.
#[test]
fn strips_router_headers_from_requests_with_keys() {
    let steering = |bet: Bet| {
        let names = policy_kit::ROUTER_HEADERS.into_iter();
        let bet = names.fold(bet, |bet, name| bet.with(name, "5"));
        bet.with("x_envoy_max_retries", "5")
            .with("X-Envoy_Retry-On", "5xx")
            .with("x-envoy-ip-tags", "a")
    };
    let wasmx = json!({"host": "wasmx", "facts": {"stripped_by": "player-auth"},
        "commit": "after_reply",
        "store": {"single_node": true, "slots": 256, "zone_bytes": 1_u64 << 30}});
    for (changes, bet, left, retries) in [
        (&json!({}), Bet::new(), 1, &["0"][..]),
        (&json!({}), Bet::to("/wallet").key(KEY), 1, &["0"]),
        // Requests without keys keep these headers, and other gateways do not read them.
        (&json!({}), Bet::to("/balance"), 17, &["5"]),
        (&wasmx, Bet::new(), 17, &["5"]),
    ] {
        let mut fixture = Fixture::new(changes);
        fixture.headers(&steering(bet));
        let names = fixture.host.request.iter().map(|(name, _)| name.to_ascii_lowercase());
        let orders =
            names.filter(|name| name.starts_with(b"x-envoy") || name.starts_with(b"x_envoy"));
        let set = usize::from(retries == ["0"]);
        assert_eq!(orders.count(), left + set, "{changes}");
        assert_eq!(fixture.host.upstream("x-envoy-max-retries"), retries);
    }
}

/// Senders take a 4xx for the end of a settlement, also where only the body would tell that it is one.
#[test]
fn refuses_possible_settlements_as_settlements() {
    let select = |classes: serde_json::Value| json!({"pointer": "/type", "classes": classes});
    let changes = json!({"requests": {"max_bytes": 10}, "endpoints": [
        {"path": "/one", "select": select(json!({"debit": "wager", "credit": "settlement"}))},
        {"path": "/two", "select": select(json!({"debit": "wager", "balance": "account"}))},
    ]});
    for (path, want) in [("/one", "503 body_too_large"), ("/two", "413 body_too_large")] {
        let call = Bet::to(path).partner("hub", "key").body("b".repeat(11));
        assert_eq!(Fixture::new(&changes).outcome_of(&call), want, "{path}");
    }
}
