//! What clients try: keys of others, other notations of one request, and headers that they must not set.

use abi_host::{Profile, Request};
use serde_json::json;

use crate::fixture::{bet, call, chain, ruled, send, set, Ledger, KEY, PROFILES};

const REUSED: &str = "422 idempotency_key_reused";
const MALFORMED: &str = "400 idempotency_key_malformed";
const UNREADABLE: &str = "400 idempotency_body_unreadable";

fn with_body(request: Request, body: &str) -> Request {
    let mut request = set(request, "content-length", &body.len().to_string());
    request.chunks = vec![body.as_bytes().to_vec()];
    request
}

/// No owner learns anything of another's key, and no request is lost to another's.
#[test]
fn rejects_keys_of_other_owners() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut ledger = Ledger::default();
        let partner = |name: &str| {
            call("/wallet", "{}")
                .header("idempotency-key", KEY)
                .header("as-partner", name)
                .header("as-proof", "key")
        };
        let others = [
            bet(),
            set(bet(), "as-player", "p-2"),
            set(bet(), "as-brand", "kings"),
            set(bet(), ":method", "PUT"),
            set(bet(), ":path", "/deposits"),
            partner("hub"),
            partner("psp"),
            partner("p-1"),
        ];
        for request in &others {
            let word = send(&mut chain, request.clone(), &mut ledger);
            assert_eq!(word, "200", "{:?} {profile:?}", request.headers);
        }
        for request in &others {
            let word = send(&mut chain, request.clone(), &mut ledger);
            assert_eq!(word, "200 replayed", "{:?} {profile:?}", request.headers);
        }
        assert_eq!(ledger.effects as usize, others.len(), "{profile:?}");
    }
    // A name in two pieces is another name.
    let mut chain = chain(Profile::Envoy, &json!({}));
    let mut ledger = Ledger::default();
    for (brand, player) in [("otter", "p-12"), ("otterp", "-12"), ("otter\0player", "p-12")] {
        let request = set(set(bet(), "as-brand", brand), "as-player", player);
        assert_eq!(send(&mut chain, request, &mut ledger), "200", "{brand} {player}");
    }
}

/// One key however it is written, and no key where two readers may read two.
#[test]
fn notations_of_one_key_are_one_key() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut ledger = Ledger::default();
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200");
        let key = |value: &str| set(bet(), "idempotency-key", value);
        let mut upper = bet();
        upper.headers.remove("idempotency-key");
        let upper = upper.header_as_written("Idempotency-KEY", KEY);
        for (request, want) in [
            (key("\"key-00000001\""), "200 replayed"),
            (key("  key-00000001 "), "200 replayed"),
            (upper, "200 replayed"),
            (bet().header("idempotency-key", KEY), MALFORMED),
            (bet().header("idempotency-key", "key-00000002"), MALFORMED),
            (bet().header_as_written("Idempotency-Key", "key-00000002"), MALFORMED),
            (key("key-00000001,key-00000002"), "200"),
            (key("\"key-00000001\";a=1"), MALFORMED),
            (key("\"key-00000001"), MALFORMED),
            (key("'key-00000001'\u{a0}"), MALFORMED),
        ] {
            let case = format!("{:?} {profile:?}", request.headers);
            assert_eq!(send(&mut chain, request, &mut ledger), want, "{case}");
        }
        // The one with a comma is a key of its own.
        assert_eq!(ledger.effects, 2, "{profile:?}");
    }
}

/// The same path in another guise is another question, or none at all: never a second run of the first.
#[test]
fn notations_of_one_path_are_one_endpoint() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut ledger = Ledger::default();
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200");
        for path in [
            "/bets/",
            "//bets",
            "/./bets",
            "/x/../bets",
            "/%62ets",
            "/bets%2f",
            "/bets;v=1",
            "/bets?",
            "/bets?a=1",
            "/BETS",
            "/bets#x",
        ] {
            let word = send(&mut chain, set(bet(), ":path", path), &mut ledger);
            let stopped = word == REUSED || word == "403 endpoint_unclassified";
            assert!(stopped, "{path} {profile:?}: {word}");
        }
        assert_eq!(ledger.effects, 1, "{profile:?}");
    }
}

/// Two readers of one body: members twice, in other letters, or after what one of them takes for the end.
#[test]
fn notations_of_one_body() {
    let in_body = ruled(json!({"key": {"body": "/id"}, "fingerprint": ["/stake"]}));
    for profile in PROFILES {
        let mut chain = chain(profile, &in_body);
        let mut ledger = Ledger::default();
        let body = |body: &str| {
            let mut bet = bet();
            bet.headers.remove("idempotency-key");
            with_body(bet, body)
        };
        for (text, want) in [
            (r#"{"id":"body-key-1","stake":5}"#, "200"),
            (r#"{ "stake": 5, "id": "body-key-1", "at": 7 }"#, "200 replayed"),
            (r#"{"id":"body-key-1","stake":5.0}"#, REUSED),
            (r#"{"id":"body-key-1","stake":"5"}"#, REUSED),
            (r#"{"id":"body-key-1"}"#, REUSED),
            (r#"{"id":"body-key-1","id":"body-key-2","stake":5}"#, UNREADABLE),
            (r#"{"id":"body-key-2","Id":"body-key-1","stake":5}"#, UNREADABLE),
            (r#"{"id":"body-key-2","stake":1,"stake":5}"#, UNREADABLE),
            (r#"{"id":"body-key-2","stake":5} {"id":"body-key-1"}"#, UNREADABLE),
            (r#"{"id":["body-key-1"],"stake":5}"#, MALFORMED),
            (r#"{"\u0069d":"body-key-1","stake":5}"#, "200 replayed"),
            (
                r#"{"id":"body-key-1","stake":5,"m":{"userId":1,"UserID":2,"x":"\ud800"}}"#,
                "200 replayed",
            ),
            ("\u{feff}{\"id\":\"body-key-1\",\"stake\":5}", "200 replayed"),
            (r#"{"id":null,"stake":5}"#, "400 idempotency_key_missing"),
            ("id=body-key-1&stake=5", UNREADABLE),
            ("", "400 idempotency_key_missing"),
        ] {
            let word = send(&mut chain, body(text), &mut ledger);
            assert_eq!(word, want, "{text} {profile:?}");
        }
        for (kind, text, want) in [
            ("text/plain", r#"{"id":"body-key-1","stake":5}"#, "200 replayed"),
            ("application/x-www-form-urlencoded", "id=body-key-1&stake=5", REUSED),
            ("application/x-www-form-urlencoded", "id=body-key-1&ID=2&stake=5", UNREADABLE),
            ("text/html", r#"{"id":"body-key-1","stake":5}"#, "415 idempotency_body_unsupported"),
        ] {
            let sent = set(body(text), "content-type", kind);
            assert_eq!(send(&mut chain, sent, &mut ledger), want, "{kind} {profile:?}");
        }
        assert_eq!(ledger.effects, 1, "{profile:?}");
    }
}

/// Who a client says it is, and what it says of its call, counts for nothing.
#[test]
fn strips_what_clients_must_not_set() {
    for profile in PROFILES {
        let mut chain = chain(profile, &json!({}));
        let mut ledger = Ledger::default();
        let nobody = || {
            let mut bet = bet();
            bet.headers.remove("as-player");
            bet
        };
        let claims = [
            nobody().header("x-player-id", "p-1"),
            nobody().header("pitboss.player", "p-1"),
            nobody().header("x-partner-id", "hub"),
            set(nobody(), ":path", "/wallet").header("x-partner-id", "hub"),
        ];
        for claim in claims {
            let wallet = claim.headers.get(":path") == Some(b"/wallet");
            let word = send(&mut chain, claim, &mut ledger);
            let status = if wallet { 503 } else { 403 };
            assert_eq!(word, format!("{status} idempotency_owner_unknown"), "{profile:?}");
        }
        assert_eq!(send(&mut chain, bet(), &mut ledger), "200", "{profile:?}");
        for header in [("x-player-id", "p-2"), ("x-brand", "kings"), ("x-partner-id", "hub")] {
            let word = send(&mut chain, bet().header(header.0, header.1), &mut ledger);
            assert_eq!(word, "200 replayed", "{header:?} {profile:?}");
        }
        assert_eq!(ledger.effects, 1, "{profile:?}");
        for name in ["x-http-method-override", "x-original-url", "X_HTTP_Method_Override"] {
            let plain = call("/balance", "{}").header(name, "/bets");
            let report = chain.run(plain, &mut ledger);
            let seen = report.upstream.unwrap();
            assert_eq!(seen.headers.get(name), None, "{name} {profile:?}");
        }
    }
    // A partner whose proof is still to be checked is unknown; on WasmX its header comes with the proof.
    let mut chain = chain(Profile::Envoy, &json!({}));
    for (proof, want) in [
        ("claimed", "503 idempotency_owner_unknown"),
        ("", "503 idempotency_owner_unknown"),
        ("network", "200"),
        ("certificate", "200 replayed"),
    ] {
        let mut request = call("/wallet", "{}").header("idempotency-key", KEY);
        request = request.header("as-partner", "hub").header("as-proof", proof);
        assert_eq!(send(&mut chain, request, &mut Ledger::default()), want, "{proof}");
    }
}
