//! The `double_click` member.

use crate::config::document::DoubleClickMode;
use crate::policy::compiled::tests::{assert_refused, compiled};
use policy_kit::{BodyFormat, Content};
use serde_json::{json, Value};

fn clicks(changes: Value) -> Value {
    let mut click = json!({"mode": "enforce", "same": ["/selection", "/stake"]});
    for (name, value) in changes.as_object().unwrap() {
        click[name] = value.clone();
    }
    json!({ "double_click": click })
}

#[test]
fn off_shadow_or_enforce() {
    for (mode, want) in [
        ("off", None),
        ("shadow", Some(DoubleClickMode::Shadow)),
        ("enforce", Some(DoubleClickMode::Enforce)),
    ] {
        let policy = compiled(clicks(json!({ "mode": mode }))).unwrap();
        assert_eq!(policy.double_click.map(|click| click.mode), want);
    }
    let without = compiled(json!({"double_click": {"same": ["/stake"]}})).unwrap();
    assert!(without.double_click.is_none(), "off unless it says otherwise");
    let policy = compiled(clicks(json!({}))).unwrap();
    let click = policy.double_click.as_ref().unwrap();
    assert_eq!((click.window, click.bets), (2_000_000_000, 131_072));
    assert_eq!(click.classes, [policy_kit::EndpointClass::Wager]);
    let same = ["/selection", "/stake"].map(str::to_owned).to_vec();
    assert_eq!(click.same, same);
    // What is off takes no memory.
    let off = compiled(clicks(json!({"mode": "off"}))).unwrap();
    assert_eq!(policy.capacity.bytes - off.capacity.bytes, 131_072 * 128);
}

#[test]
fn rejects_invalid_double_clicks() {
    assert_refused([
        (clicks(json!({"mode": "S3CRET"})), "double_click.mode"),
        (clicks(json!({"same": null})), "double_click.same"),
        (clicks(json!({"same": []})), "double_click.same"),
        (clicks(json!({"same": ["/a", "S3CRET"]})), "double_click.same[1]"),
        (clicks(json!({"window_ms": 99})), "double_click.window_ms"),
        (clicks(json!({"window_ms": 60_001})), "double_click.window_ms"),
        (clicks(json!({"bets": 15})), "double_click.bets"),
        (clicks(json!({"bets": 16_777_217})), "double_click.bets"),
        (clicks(json!({"classes": []})), "double_click.classes"),
        (clicks(json!({"classes": ["wager", "content"]})), "double_click.classes[1]"),
        (clicks(json!({"seconds": 2})), "double_click.seconds"),
        // What is off is read all the same.
        (clicks(json!({"mode": "off", "bets": 1})), "double_click.bets"),
        (json!({"double_click": {}}), "double_click.same"),
    ]);
    for fine in [
        json!({"window_ms": 100, "bets": 16}),
        json!({"window_ms": 60_000, "bets": 16_777_216, "classes": ["wager", "cashout"]}),
    ] {
        assert!(compiled(clicks(fine.clone())).is_ok(), "{fine}");
    }
}

/// Bets that find no place are not looked at: the places follow from the rate.
#[test]
fn slots_for_all_bets_of_a_window() {
    let with = |rate: u32, click: Value| {
        let mut document = clicks(click);
        document["store"] = json!({"single_node": true, "rate": {"players": rate, "partners": 1}});
        compiled(document).map(|policy| policy.double_click.as_ref().unwrap().bets)
    };
    for (rate, window, want) in [(500, 2_000, 131_072), (1_500, 60_000, 270_000)] {
        assert_eq!(with(rate, json!({ "window_ms": window })).unwrap(), want, "{rate} {window}");
    }
    assert!(with(1_000, json!({"bets": 2_000})).is_ok());
    let told = with(1_500, json!({"bets": 2_999})).unwrap_err();
    assert_eq!(told.field, "double_click.bets");
    assert!(told.problem.contains("3000 bets") && told.problem.contains("9000"), "{told}");
}

/// What no bet is about makes no other bet of it.
#[test]
fn only_named_query_parameters_count() {
    let policy = compiled(clicks(json!({"query": ["stake", "odds"]}))).unwrap();
    let plain = compiled(clicks(json!({}))).unwrap();
    let (body, bet) = (br#"{"selection":"s-1","stake":5}"#, &b"/bets?stake=5&odds=2"[..]);
    let content = Content::new(body, BodyFormat::default(), body.len());
    let of = |policy: &crate::policy::compiled::Policy, target: &[u8]| {
        policy.double_click.as_ref().unwrap().bet(b"POST", target, &content)
    };
    for (target, same, same_in_plain) in [
        (&b"/bets?stake=5&odds=2&_=1"[..], true, true),
        (b"/bets?odds=2&stake=%35", true, true),
        (b"/bets?stake=6&odds=2", false, true),
        (b"/bets?stake=5&stake=5&odds=2", false, true),
        (b"/bets?stake=5%0A1:2&odds=", false, true),
        (b"/bets", false, true),
        (b"/cashouts?stake=5&odds=2", false, false),
    ] {
        let name = String::from_utf8_lossy(target);
        assert_eq!(of(&policy, target) == of(&policy, bet), same, "{name}");
        assert_eq!(of(&plain, target) == of(&plain, bet), same_in_plain, "{name}");
    }
    assert_eq!(of(&policy, b"/bets?odds=2"), None, "it lacks a member that counts");
    assert_refused([(clicks(json!({"query": ["S3CRET é"]})), "double_click.query[0]")]);
}
