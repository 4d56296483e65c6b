//! What may be written of double clicks.

use serde_json::{json, Value};

use crate::config::DoubleClickMode;
use crate::policy::tests::{assert_refused, compiled};
use crate::Selection;

fn clicks(changes: Value) -> Value {
    let mut click = json!({"mode": "enforce", "same": ["/selection", "/stake"]});
    for (name, value) in changes.as_object().unwrap() {
        click[name] = value.clone();
    }
    json!({ "double_click": click })
}

#[test]
fn off_in_the_shadow_or_enforced() {
    for (mode, want) in [
        ("off", None),
        ("shadow", Some(DoubleClickMode::Shadow)),
        ("enforce", Some(DoubleClickMode::Enforce)),
    ] {
        let policy = compiled(clicks(json!({ "mode": mode }))).unwrap();
        assert_eq!(policy.click().map(|click| click.mode), want);
    }
    let without = compiled(json!({"double_click": {"same": ["/stake"]}})).unwrap();
    assert!(without.click().is_none(), "off unless it says otherwise");
    let policy = compiled(clicks(json!({}))).unwrap();
    let click = policy.click().unwrap();
    assert_eq!((click.window, click.bets), (2_000_000_000, 4_096));
    assert_eq!(click.classes, [policy_kit::EndpointClass::Wager]);
    let same = ["/selection", "/stake"].map(str::to_owned).to_vec();
    assert_eq!(click.same, Selection::Pointers(same));
    // What is off takes no memory.
    let off = compiled(clicks(json!({"mode": "off"}))).unwrap();
    assert_eq!(policy.room().bytes - off.room().bytes, 4_096 * 128);
}

#[test]
fn double_clicks_that_are_refused() {
    assert_refused([
        (clicks(json!({"mode": "S3CRET"})), "double_click.mode"),
        (clicks(json!({"same": null})), "double_click.same"),
        (clicks(json!({"same": []})), "double_click.same"),
        (clicks(json!({"same": ["/a", "S3CRET"]})), "double_click.same[1]"),
        (clicks(json!({"window_ms": 99})), "double_click.window_ms"),
        (clicks(json!({"window_ms": 60_001})), "double_click.window_ms"),
        (clicks(json!({"bets": 15})), "double_click.bets"),
        (clicks(json!({"bets": 1_048_577})), "double_click.bets"),
        (clicks(json!({"classes": []})), "double_click.classes"),
        (clicks(json!({"classes": ["wager", "content"]})), "double_click.classes[1]"),
        (clicks(json!({"seconds": 2})), "double_click.seconds"),
        // What is off is read all the same.
        (clicks(json!({"mode": "off", "bets": 1})), "double_click.bets"),
        (json!({"double_click": {}}), "double_click.same"),
    ]);
    for fine in [
        json!({"window_ms": 100, "bets": 16}),
        json!({"window_ms": 60_000, "bets": 1_048_576, "classes": ["wager", "cashout"]}),
    ] {
        assert!(compiled(clicks(fine.clone())).is_ok(), "{fine}");
    }
}
