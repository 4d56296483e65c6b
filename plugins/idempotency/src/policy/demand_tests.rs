//! The demand of rates and retentions.

use crate::policy::compiled::tests::{assert_refused, compiled};
use crate::policy::identity::Part;
use serde_json::{json, Value};

/// Slots of players and of partners.
fn slots(store: Value, rules: Value) -> Result<(usize, usize), String> {
    let mut all = json!({"single_node": true});
    all.as_object_mut().unwrap().extend(store.as_object().unwrap().clone());
    let policy = compiled(json!({"store": all, "rules": rules})).map_err(|e| e.to_string())?;
    let of = |part| policy.capacity.limits.of(part).slots;
    Ok((of(Part::Players), of(Part::Partners)))
}

#[test]
fn slots_follow_from_rate_and_retention() {
    let day = json!([{"classes": ["deposit"], "retention_s": 86_400, "rate": 2}]);
    let week = json!([{"classes": ["settlement"], "retention_s": 604_800}]);
    let hub =
        json!([{"classes": ["wager"], "partners": ["hub"], "retention_s": 604_800, "rate": 3}]);
    let pass = json!([{"classes": ["deposit"], "treat": "pass"}]);
    for (store, rules, want) in [
        (json!({}), json!([]), (5_400_000, 5_184_000)),
        (json!({"rate": {"players": 1}}), json!([]), (10_800, 5_184_000)),
        (json!({"rate": {"players": 0, "partners": 0}}), json!([]), (32, 32)),
        (json!({"rate": {"players": 10, "partners": 1}}), day, (108_000 + 518_400, 259_200)),
        (json!({"rate": {"players": 10, "partners": 1}}), week, (108_000, 1_814_400)),
        (json!({"rate": {"players": 10, "partners": 1}}), hub, (108_000, 259_200 + 5_443_200)),
        (json!({"rate": {"players": 10, "partners": 1}}), pass, (108_000, 259_200)),
        // What was said before `rate` was: a quarter for partners.
        (json!({"slots": 65_536}), json!([]), (49_152, 16_384)),
        (
            json!({"slots": 1_000_000, "rate": {"players": 20, "partners": 2}}),
            json!([]),
            (294_117, 705_883),
        ),
    ] {
        assert_eq!(slots(store.clone(), rules.clone()), Ok(want), "{store} {rules}");
    }
}

/// The store that fills in 36 seconds is refused, not the bets.
#[test]
fn rejects_demand_over_the_capacity_with_the_arithmetic() {
    let month = json!([{"classes": ["settlement"], "retention_s": 31 * 86_400}]);
    let error = slots(json!({}), month).unwrap_err();
    for number in [
        "store.rate",
        "500 new keys a second of players for 3600 s",
        "20 new keys a second of partners for 2678400 s",
        "55368000 keys",
        "16777216",
        "166104000",
    ] {
        assert!(error.contains(number), "{number}: {error}");
    }
    let error = slots(json!({"slots": 65_536, "rate": {"players": 500, "partners": 0}}), json!([]));
    let error = error.unwrap_err();
    for number in ["store.slots", "1800000 keys", "65536", "5400032"] {
        assert!(error.contains(number), "{number}: {error}");
    }
    let rate = |rate: Value| json!({"store": {"single_node": true, "rate": rate}});
    assert_refused([
        (rate(json!({"players": 100_001})), "store.rate.players"),
        (rate(json!({"partners": 100_001})), "store.rate.partners"),
        (rate(json!({"players": 1.5})), "store.rate.players"),
        (rate(json!({"brands": 1})), "store.rate.brands"),
    ]);
}
