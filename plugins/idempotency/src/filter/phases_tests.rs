//! Which requests need a key, and whose key it is.

use crate::fixture::{document, ruled, Bet, Fixture, KEY};
use crate::fixture::{DECISION, EVIDENCE};
use crate::plugin::IdempotencyPlugin;
use policy_kit::fake::FakeHost;
use policy_kit::{facts, Action, Plugin};
use serde_json::{json, Value};

#[test]
fn requires_keys_by_class_and_rule() {
    let twice = Bet::new().with("idempotency-key", KEY);
    let same_name = Bet::new().with("Idempotency-Key", KEY);
    let chosen = ruled(json!({"fingerprint": ["/stake"]}));
    let optional = ruled(json!({"treat": "optional"}));
    let in_body = ruled(json!({"key": {"body": "/id"}}));
    let in_query = ruled(json!({"key": {"query": "id"}}));
    let in_both = ruled(json!({"key": {"all": [{"query": "id"}, {"header": "x-round"}]}}));
    let bare = Bet::to("/bets");
    let with_id = bare.clone().body(json!({"id": "body-key-1"}));
    let (none, pass) = (json!({}), ruled(json!({"treat": "pass"})));
    let cases: &[(&Value, Bet, &str)] = &[
        (&none, Bet::new(), "run"),
        (&none, bare.clone(), "400 idempotency_key_missing"),
        (&none, bare.clone().key(""), "400 idempotency_key_missing"),
        (&none, bare.clone().key("short"), "400 idempotency_key_malformed"),
        (&none, bare.clone().key("has a space in it"), "400 idempotency_key_malformed"),
        (&none, bare.clone().key("\"half-a-string"), "400 idempotency_key_malformed"),
        (&none, bare.clone().key("\"key-00000001\""), "run"),
        (&none, twice, "400 idempotency_key_malformed"),
        (&none, same_name, "400 idempotency_key_malformed"),
        (&none, Bet::to("/balance"), "run"),
        (&none, Bet::to("/nowhere"), "403 endpoint_unclassified"),
        (&none, Bet::to("/bets").set(":method", "GET"), "run"),
        (&pass, bare.clone(), "run"),
        (&optional, bare.clone(), "run"),
        (&optional, Bet::new(), "run"),
        (&optional, bare.clone().key("short"), "400 idempotency_key_malformed"),
        (&chosen, Bet::new(), "run"),
        (&chosen, Bet::new().body("{\"stake\":1,\"stake\":2}"), "400 idempotency_body_unreadable"),
        (&chosen, Bet::new().body("stake=1"), "400 idempotency_body_unreadable"),
        (&in_body, with_id.clone(), "run"),
        (&in_body, bare.clone(), "400 idempotency_key_missing"),
        (&in_body, bare.clone().body(""), "400 idempotency_key_missing"),
        (
            &in_body,
            with_id.clone().set("content-type", "text/html"),
            "415 idempotency_body_unsupported",
        ),
        (&in_body, with_id.clone().set("content-type", "text/plain"), "run"),
        (
            &in_body,
            bare.clone().body("{\"id\":\"body-key-1\",\"id\":\"body-key-2\"}"),
            "400 idempotency_body_unreadable",
        ),
        (&in_query, Bet::to("/bets?id=query-key"), "run"),
        (&in_query, Bet::to("/bets?id=query-key&id=query-kez"), "400 idempotency_key_malformed"),
        (&in_query, Bet::new(), "400 idempotency_key_missing"),
        (&in_both, Bet::to("/bets?id=query-key").with("x-round", "7"), "run"),
        (&in_both, Bet::to("/bets?id=query-key"), "400 idempotency_key_missing"),
    ];
    for (changes, bet, want) in cases {
        let mut fixture = Fixture::new(changes);
        let (stream, got) = fixture.send(bet);
        let keyed = format!("{:?} {changes}", bet.headers);
        assert_eq!(got, *want, "{keyed}");
        let decision = match want.split_once(' ') {
            None => "allow".to_owned(),
            Some((_, code)) => format!("deny:{code}"),
        };
        assert_eq!(stream.fact(DECISION), decision, "{keyed}");
        // Of a call that needs no key there is nothing to tell.
        let (told, free) = (stream.fact(EVIDENCE), decision == "allow");
        assert!(
            told.contains(" version=v1 store=") || (free && told.is_empty()),
            "{keyed}: {told}"
        );
    }
}

/// Once a key has been claimed, whose it is shows in who may ask for it again.
#[test]
fn requires_a_known_owner() {
    let partner = |name, proof| Bet::to("/wallet").key(KEY).partner(name, proof);
    let player = |bet: Bet, name| bet.fact(facts::PLAYER, name);
    for (bet, want) in [
        (player(Bet::new(), ""), "403 idempotency_owner_unknown"),
        (player(Bet::new(), "p-1"), "run"),
        // A partner is unknown where players are expected, and a player where partners are.
        (Bet::new().partner("hub", "key"), "403 idempotency_owner_unknown"),
        (player(Bet::to("/wallet").key(KEY), "p-1"), "503 idempotency_owner_unknown"),
        (partner("hub", "claimed"), "503 idempotency_owner_unknown"),
        (partner("hub", ""), "503 idempotency_owner_unknown"),
        (partner("", "key"), "503 idempotency_owner_unknown"),
        (partner("hub", "key"), "run"),
        (partner("hub", "signature"), "run"),
        (partner("hub", "certificate"), "run"),
        // Without a key the refusal does not show whether the caller is known.
        (player(Bet::to("/bets"), ""), "400 idempotency_key_missing"),
    ] {
        assert_eq!(Fixture::new(&json!({})).outcome_of(&bet), want, "{:?}", bet.headers);
    }
    let mut fixture = Fixture::new(&json!({}));
    for bet in [
        Bet::new(),
        player(Bet::new(), "p-2"),
        Bet::new().fact(facts::BRAND, "kings"),
        Bet::new().set(":method", "PUT"),
        Bet::to("/deposits").key(KEY),
        partner("hub", "key"),
        partner("psp", "key"),
    ] {
        assert_eq!(fixture.outcome_of(&bet), "run", "{:?}: another call", bet.headers);
        let again = fixture.outcome_of(&bet);
        assert!(again.ends_with(" idempotency_in_progress"), "{:?}: {again}", bet.headers);
    }
    // However the partner is proven, it is the same partner.
    assert_eq!(fixture.outcome_of(&partner("hub", "network")), "503 idempotency_in_progress");
}

#[test]
fn rules_of_partners_need_proof() {
    let rule = json!([{"classes": ["settlement"], "partners": ["hub"], "key": {"body": "/id"}}]);
    for (name, proof, body, want) in [
        ("hub", "key", r#"{"id":"body-key-1"}"#, "run"),
        ("hub", "key", r#"{"id":"t-1"}"#, "run"),
        ("hub", "key", "{}", "503 idempotency_key_missing"),
        // The catalogue's rule is for everybody else, and wants the header.
        ("psp", "key", r#"{"id":"body-key-1"}"#, "503 idempotency_key_missing"),
        ("hub", "claimed", r#"{"id":"body-key-1"}"#, "503 idempotency_key_missing"),
    ] {
        let mut fixture = Fixture::new(&json!({"rules": rule}));
        let bet = Bet::to("/wallet").partner(name, proof).body(body);
        assert_eq!(fixture.outcome_of(&bet), want, "{name} {proof} {body}");
    }
}

/// One URL for many calls: the body tells which it is, and an envelope how it is refused.
#[test]
fn classifies_by_the_body() {
    let player = |kind: &str| Bet::to("/hub").body(json!({"type": kind, "id": 1}));
    let partner = |kind: &str| player(kind).partner("hub", "key");
    for (bet, want, why) in [
        (player("debit").key(KEY), "run", ""),
        (player("debit"), "200 idempotency_key_missing", "idempotency_key_missing"),
        (partner("credit").key(KEY), "run", ""),
        (partner("credit"), "200 idempotency_key_missing", "idempotency_key_missing"),
        (player("credit").key(KEY), "200 idempotency_owner_unknown", "idempotency_owner_unknown"),
        (player("balance"), "run", ""),
        (player("other").key(KEY), "200 endpoint_unclassified", "endpoint_unclassified"),
        (
            player("debit").key(KEY).set("content-type", "text/html"),
            "200 endpoint_unclassified",
            "endpoint_unclassified",
        ),
    ] {
        let mut fixture = Fixture::new(&json!({}));
        let (stream, got) = fixture.send(&bet);
        assert_eq!(got, want, "{}", bet.body);
        let told = stream.replied.map(|reply| serde_json::from_slice::<Value>(&reply.body));
        let told = told.map_or(Value::Null, |document| document.unwrap()["why"].clone());
        assert_eq!(told.as_str().unwrap_or_default(), why, "{}", bet.body);
    }
    let mut fixture = Fixture::new(&json!({"unclassified": "forward"}));
    assert_eq!(fixture.outcome_of(&Bet::to("/nowhere")), "run");
    assert_eq!(fixture.outcome_of(&player("other").key(KEY)), "run");
}

/// A stream has no single answer; without a key that does not matter.
#[test]
fn refuses_streams() {
    for (path, name, value, want) in [
        ("/bets", "upgrade", "websocket", "400 idempotency_stream"),
        ("/bets", "content-type", "application/grpc", "400 idempotency_stream"),
        ("/bets", "content-type", "Application/gRPC+proto", "400 idempotency_stream"),
        ("/bets", ":protocol", "websocket", "400 idempotency_stream"),
        ("/bets", "content-type", "application/json", "run"),
        ("/balance", "upgrade", "websocket", "run"),
        ("/balance", "content-type", "application/grpc", "run"),
    ] {
        let bet = Bet::to(path).key(KEY).set(name, value);
        assert_eq!(Fixture::new(&json!({})).outcome_of(&bet), want, "{path} {name}: {value}");
    }
    // A tunnel may change something, and so may an unknown method.
    for (method, want) in [
        ("CONNECT", "400 idempotency_stream"),
        ("PROPFIND", "run"),
        ("HEAD", "run"),
        ("OPTIONS", "run"),
    ] {
        let bet = Bet::new().key(KEY).set(":method", method);
        assert_eq!(Fixture::new(&json!({})).outcome_of(&bet), want, "{method}");
    }
    let keyless = Bet::to("/bets");
    for (method, want) in [("PROPFIND", "400 idempotency_key_missing"), ("HEAD", "run")] {
        let bet = keyless.clone().set(":method", method);
        assert_eq!(Fixture::new(&json!({})).outcome_of(&bet), want, "{method}");
    }
}

#[test]
fn refuses_unreadable_bodies() {
    let changes = json!({"requests": {"max_bytes": 10}});
    for (size, want) in [(10, "run"), (11, "413 body_too_large")] {
        assert_eq!(
            Fixture::new(&changes).outcome_of(&Bet::new().body("b".repeat(size))),
            want,
            "{size}"
        );
    }
    for (hold, want) in [("body", Action::Continue), ("headers", Action::Pause)] {
        let mut fixture = Fixture::new(&json!({"requests": {"hold": hold}}));
        let (stream, action) = fixture.headers(&Bet::new());
        assert_eq!((action, stream.replied), (want, None), "{hold}");
        assert_eq!(fixture.host.shared.len(), 1, "nothing is claimed before the body is there");
    }
}

/// What a client says of what its call means is not passed on, whatever the call.
#[test]
fn strips_headers_that_change_the_meaning() {
    for path in ["/bets", "/balance"] {
        let bet = Bet::to(path).key(KEY);
        let bet = bet.with("x-http-method-override", "GET").with("X-Original-URL", "/balance");
        let mut fixture = Fixture::new(&json!({}));
        assert_eq!(fixture.outcome_of(&bet), "run");
        assert!(fixture.host.upstream("x-http-method-override").is_empty(), "{path}");
        assert!(fixture.host.upstream("x-original-url").is_empty(), "{path}");
    }
}

/// WasmX has facts in headers, by the word of the filter before.
#[test]
fn owners_on_wasmx() {
    let changes = json!({"host": "wasmx", "facts": {"stripped_by": "player-auth"},
        "commit": "after_reply",
        "store": {"single_node": true, "slots": 256, "zone_bytes": 1_u64 << 30}});
    let nobody = Bet::new().fact(facts::PLAYER, "p-1");
    let told = |player: &str, brand: &str| {
        nobody.clone().with("x-player-id", player).with("x-brand", brand)
    };
    let wallet = Bet::to("/wallet").key(KEY);
    let mut fixture = Fixture::new(&changes);
    for (bet, want) in [
        (nobody.clone(), "403 idempotency_owner_unknown"),
        (told("p-1", "otter").with("x-player-id", "p-2"), "403 idempotency_owner_unknown"),
        (told("p-1", "otter"), "run"),
        (told("p-1", "otter"), "409 idempotency_in_progress"),
        (told("p-2", "otter"), "run"),
        (told("p-1", "kings"), "run"),
        (nobody.clone().with("x-player-id", "p-1"), "403 idempotency_owner_unknown"),
        (wallet.clone().with("x-partner-id", "hub").with("x-brand", "otter"), "run"),
        (wallet.clone().with("x-partner-id", "hub"), "503 idempotency_brand_unknown"),
        (
            wallet.with("x-player-id", "hub").with("x-brand", "otter"),
            "503 idempotency_owner_unknown",
        ),
    ] {
        assert_eq!(fixture.outcome_of(&bet), want, "{:?}", bet.headers);
    }
    // On Envoy no header names the caller.
    let mut fixture = Fixture::new(&json!({}));
    let bet = Bet::new().fact(facts::PLAYER, "").with("x-player-id", "p-1");
    assert_eq!(fixture.outcome_of(&bet), "403 idempotency_owner_unknown");
    // Without its brand a key would be another one than the same key with it.
    let bet = Bet::new().fact(facts::BRAND, "").with("x-brand", "otter");
    assert_eq!(fixture.outcome_of(&bet), "403 idempotency_owner_unknown");
}

#[test]
fn refuses_everything_when_the_gateway_fails() {
    for status in [1, 2, 3, 4, 7, 8, 10, 12, 99] {
        for call in [
            "proxy_get_header_map_pairs",
            "proxy_remove_header_map_value",
            "proxy_get_property",
            "proxy_set_property",
            "proxy_get_buffer_bytes",
            "proxy_get_current_time_nanoseconds",
        ] {
            let mut fixture = Fixture::new(&json!({}));
            fixture.host.faults.insert(call, status);
            let bet = Bet::new().with("x-http-method-override", "GET");
            let got = fixture.outcome_of(&bet);
            assert_eq!(got, "503 policy_unavailable", "{call} {status}");
            // What was claimed before something failed is free again.
            fixture.host.faults.clear();
            assert_eq!(fixture.outcome_of(&bet), "run", "{call} {status}");
        }
    }
}

/// A clock that tells no time would make every key expired.
#[test]
fn refuses_everything_without_a_clock() {
    let mut fixture = Fixture::new(&json!({}));
    let (stream, _) = fixture.send(&Bet::new());
    let time = std::mem::take(&mut fixture.host.now);
    assert_eq!(fixture.outcome_of(&Bet::new()), "503 policy_unavailable");
    fixture.answer(stream, 200, &[], "done");
    fixture.host.now = time;
    assert_eq!(
        fixture.outcome_of(&Bet::new()),
        "200 replayed",
        "what is claimed is settled without it"
    );
}

#[test]
fn reports_the_configuration_in_force() {
    let mut host = FakeHost::default();
    IdempotencyPlugin::configure(document(&json!({})).as_bytes(), &mut host).unwrap();
    let line = &host.logs[0];
    assert!(line.starts_with("idempotency: configured, version v1, catalogue "), "{line}");
    assert!(line.contains(", store "), "{line}");
    assert_eq!(host.counters.len(), 2);
    let tick = |changes: Value| {
        let mut host = FakeHost::default();
        let plugin =
            IdempotencyPlugin::configure(document(&changes).as_bytes(), &mut host).unwrap();
        plugin.tick_period().map(|period| period.as_millis())
    };
    assert_eq!(tick(json!({})), Some(1_000), "nobody waits");
    assert_eq!(tick(ruled(json!({"wait_ms": 500}))), Some(50));
}
