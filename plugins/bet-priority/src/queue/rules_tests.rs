use policy_kit::EndpointClass;

use crate::queue::groups::Groups;

fn compile(json: &str, can_wait: bool) -> Result<Groups, policy_kit::ConfigError> {
    Groups::compile(policy_kit::read_settings(json.as_bytes())?, "concurrency", (can_wait, true))
}

#[test]
fn classes_are_in_one_group_or_none() {
    let json = r#"[{"name": "wallet", "classes": ["wager", "settlement"]}, {"name": "rest"}]"#;
    let groups = compile(json, true).unwrap();
    assert_eq!(groups.of(EndpointClass::Settlement), Some(0));
    assert_eq!(groups.of(EndpointClass::Content), Some(1));
    assert_eq!(groups.of(EndpointClass::Unclassified), Some(1));
    assert_eq!([0, 1].map(|i| groups.rules[i].length), [424, 424]);
    let groups = compile(r#"[{"name": "lobby", "classes": ["odds"]}]"#, true).unwrap();
    assert_eq!(groups.of(EndpointClass::Content), None);
    assert_eq!(groups.of(EndpointClass::Unclassified), None);
}

#[test]
fn nobody_waits_where_the_gateway_cannot_hold_requests() {
    let groups = compile(r#"[{"name": "g"}]"#, false).unwrap();
    assert_eq!(groups.rules[0].length, 0);
    let error = compile(r#"[{"name": "g", "queue": {}}]"#, false).unwrap_err();
    assert_eq!(error.field, "concurrency[0].queue");
    let groups = compile(r#"[{"name": "g"}]"#, true).unwrap();
    assert_eq!(groups.rules[0].length, 512);
}

#[test]
fn a_surge_needs_a_time() {
    let raw = policy_kit::read_settings(br#"[{"name": "g", "surge": {}}]"#).unwrap();
    let error = Groups::compile(raw, "concurrency", (true, false)).unwrap_err();
    assert_eq!(error.field, "concurrency[0].surge");
}

#[test]
fn rejects_invalid_configurations() {
    let cases = [
        (r#"{"name": ""}"#, "[0].name"),
        (r#"{"name": "g", "limit": {"fixed": 0}}"#, "[0].limit.fixed"),
        (r#"{"name": "g", "limit": {"fixed": 1, "adaptive": {}}}"#, "[0].limit"),
        (r#"{"name": "g", "limit": {"adaptive": {"min": 0}}}"#, "[0].limit.adaptive.min"),
        (r#"{"name": "g", "limit": {"adaptive": {"min": 9, "max": 8}}}"#, "[0].limit.adaptive.max"),
        (r#"{"name": "g", "limit": {"adaptive": {"initial": 2}}}"#, "[0].limit.adaptive.initial"),
        (r#"{"name": "g", "limit": {"adaptive": {"probe_s": 4}}}"#, "[0].limit.adaptive.probe_s"),
        (
            r#"{"name": "g", "limit": {"adaptive": {"latency_of": []}}}"#,
            "[0].limit.adaptive.latency_of",
        ),
        (r#"{"name": "g", "classes": ["wager", "cashout"]}"#, "[0].limit.adaptive.latency_of"),
        (
            r#"{"name": "g", "classes": ["odds"], "limit": {"adaptive": {"latency_of": ["wager"]}}}"#,
            "[0].limit.adaptive.latency_of",
        ),
        (r#"{"name": "g", "reserve": {"wager": 0}}"#, "[0].reserve.wager"),
        (r#"{"name": "g", "reserve": {"wager": 101}}"#, "[0].reserve.wager"),
        (r#"{"name": "g", "reserve": {"wager": 60, "odds": 31}}"#, "[0].reserve"),
        (r#"{"name": "g", "reserve": {"settlement": 10}}"#, "[0].reserve.settlement"),
        (r#"{"name": "g", "classes": ["odds"], "reserve": {"wager": 1}}"#, "[0].reserve.wager"),
        (r#"{"name": "g", "unproven_settlement": 51}"#, "[0].unproven_settlement"),
        (
            r#"{"name": "g", "classes": ["odds"], "unproven_settlement": 5}"#,
            "[0].unproven_settlement",
        ),
        (r#"{"name": "g", "surge": {"reserve": {"wager": 91}}}"#, "[0].surge.reserve"),
        (r#"{"name": "g", "reserve": {"odds": 51}, "surge": {}}"#, "[0].surge.reserve"),
        (r#"{"name": "g", "surge": {"shed_first": ["settlement"]}}"#, "[0].surge.shed_first[0]"),
        (r#"{"name": "g", "surge": {"shed_first": ["odds", "odds"]}}"#, "[0].surge.shed_first[1]"),
        (r#"{"name": "g", "queue": {"length": 1001}}"#, "[0].queue.length"),
        (r#"{"name": "g", "queue": {"fairness": 1}}"#, "[0].queue.fairness"),
        (
            r#"{"name": "g", "queue": {"classes": {"odds": {"queue_ms": 9}}}}"#,
            "[0].queue.classes.odds.queue_ms",
        ),
        (
            r#"{"name": "g", "queue": {"classes": {"odds": {"queue_length": 1001}}}}"#,
            "[0].queue.classes.odds.queue_length",
        ),
        (
            r#"{"name": "g", "queue": {"classes": {"safer-gambling": {}}}}"#,
            "[0].queue.classes.safer-gambling",
        ),
        (
            r#"{"name": "g", "classes": ["history"], "queue": {"classes": {"odds": {}}}}"#,
            "[0].queue.classes.odds",
        ),
        (r#"{"name": "g", "permit_ms": 999}"#, "[0].permit_ms"),
        (r#"{"name": "g", "health": {"good_percent": 0}}"#, "[0].health.good_percent"),
        (r#"{"name": "g", "health": {"answers": 0}}"#, "[0].health.answers"),
        (r#"{"name": "g", "classes": []}"#, "[0].classes"),
        (r#"{"name": "g", "classes": ["odds", "odds"]}"#, "[0].classes[1]"),
        (r#"{"name": "g"}, {"name": "h"}"#, "[1].classes"),
        (r#"{"name": "g"}, {"name": "g", "classes": ["odds"]}"#, "[1].name"),
        (r#"{"name": "g", "queue": {"length": 600}}, {"name": "h", "classes": ["odds"]}"#, ""),
    ];
    for (json, field) in cases {
        let error = compile(&format!("[{json}]"), true).map(|_| ()).unwrap_err();
        assert_eq!(error.field, format!("concurrency{field}"), "{json}: {error}");
    }
}
