//! The capacity by configuration.

use crate::policy::compiled::tests::{assert_refused, compiled, wasmx};
use serde_json::{json, Value};

fn store(changes: Value) -> Value {
    let mut store = json!({"single_node": true, "slots": 65_536});
    for (name, value) in changes.as_object().unwrap() {
        store[name] = value.clone();
    }
    json!({ "store": store })
}

#[test]
fn rejects_invalid_sizes() {
    let quota = |name: &str, number: u64| {
        let mut document = store(json!({"slots": 64}));
        document["quota"] = json!({ name: number });
        document
    };
    assert_refused([
        (store(json!({"slots": 15})), "store.slots"),
        (store(json!({"slots": 16_777_217})), "store.slots"),
        (store(json!({"slots": -1})), "store.slots"),
        (store(json!({"slots": "S3CRET"})), "store.slots"),
        // The longest answer, 65536 bytes and its headers, has to fit.
        (store(json!({"bytes": 65_536 + 8_192 - 1})), "store.bytes"),
        (store(json!({"bytes": (64_u64 << 30) + 1})), "store.bytes"),
        (store(json!({"name": ""})), "store.name"),
        (store(json!({"name": "a".repeat(33)})), "store.name"),
        (store(json!({"name": "a.b"})), "store.name"),
        (store(json!({"zone_bytes": 1_u64 << 30})), "store.zone_bytes"),
        (store(json!({"nodes": 1})), "store.nodes"),
        (quota("player", 0), "quota.player"),
        (quota("player", 25), "quota.player"),
        (quota("partner", 0), "quota.partner"),
        (quota("partner", 17), "quota.partner"),
        (quota("failed", 0), "quota.failed"),
        (quota("failed", 25), "quota.failed"),
        (quota("owners", 15), "quota.owners"),
        (quota("owners", 16_777_217), "quota.owners"),
        (quota("brand", 1), "quota.brand"),
    ]);
    for fine in [
        store(json!({"slots": 16})),
        store(json!({"slots": 64, "bytes": 65_536 + 8_192})),
        store(json!({"bytes": 1 << 30})),
        quota("player", 24),
        quota("partner", 16),
        quota("owners", 16_777_216),
    ] {
        assert!(compiled(fine.clone()).is_ok(), "{fine}");
    }
}

#[test]
fn a_small_store_has_small_quotas() {
    for (slots, player, failed, partner) in [
        (16, 6, 1, 2),
        (64, 24, 6, 8),
        (2_000, 750, 32, 250),
        (9_000, 1_800, 32, 1_125),
        (65_536, 1_800, 32, 8_192),
    ] {
        let policy = compiled(store(json!({ "slots": slots }))).unwrap();
        let room = policy.capacity;
        let (players, partners) = (room.allowance.players, room.allowance.partners);
        let got = (players.keys, players.failed, partners.keys);
        assert_eq!(got, (player, Some(failed), partner), "{slots}");
        assert_eq!(room.owners.players + room.owners.partners, slots);
    }
}

/// A full zone would evict what has not expired.
#[test]
fn wasmx_needs_a_zone_for_the_whole_store() {
    let least = 2 * (2_048 * (65_536 + 8_192) + 65_536 * 160 + 65_536 * 96);
    let zone = |bytes: u64| {
        wasmx(json!({"store": {"single_node": true, "slots": 65_536, "zone_bytes": bytes}}))
    };
    assert_eq!(compiled(zone(least)).unwrap().capacity.bytes, least / 2);
    let clicks = |bytes| {
        let mut document = zone(bytes);
        document["double_click"] = json!({"mode": "shadow", "same": ["/stake"], "bets": 4_096});
        document
    };
    assert!(compiled(clicks(least + 2 * 4_096 * 128)).is_ok());
    let mut bytes = zone(least);
    bytes["store"]["bytes"] = json!(2_048 * (65_536 + 8_192) - 1);
    assert_refused([
        (zone(least - 1), "store.zone_bytes"),
        (clicks(least + 2 * 4_096 * 128 - 1), "store.zone_bytes"),
        (bytes, "store.bytes"),
    ]);
    let told = compiled(zone(1)).map(|_| ()).unwrap_err();
    assert!(told.problem.contains(&least.to_string()), "{told}");
}
