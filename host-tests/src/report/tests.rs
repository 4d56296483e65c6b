use super::*;
use crate::golden::Golden;
use crate::intake::Skipped;
use crate::replay::Outcome;
use crate::traffic::Request;
use crate::whatif::WhatIf;
use serde_json::json as value;

fn outcomes() -> ([Request; 2], [Outcome; 2]) {
    let request = |number, target: &str| Request { number, ..Request::new("POST", target) };
    let outcome = |decision: &str, code: &str, status| Outcome {
        status,
        class: "wager".to_owned(),
        brand: "-".to_owned(),
        jurisdiction: "MT".to_owned(),
        decision: decision.to_owned(),
        plugin: "-".to_owned(),
        code: code.to_owned(),
        ..Outcome::default()
    };
    (
        [request(1, "/a?<&>"), request(3, b"/b\xff".escape_ascii().to_string().as_str())],
        [outcome("allow", "-", 201), outcome("deny", "x", 451)],
    )
}

#[test]
fn the_json_report_has_the_printed_values() {
    let (requests, now) = outcomes();
    let then = [now[1].clone(), now[1].clone()];
    let what_if = WhatIf::new(&requests, &now, &then);
    let skipped = [Skipped { entry: 2, reason: "a WebSocket".into() }];
    let golden = Golden::Differs { diff: "now x".to_owned() };
    let run = Run {
        requests: &requests,
        skipped: &skipped,
        outcomes: &now,
        real: Some(&then),
        golden: Some(&golden),
        what_if: Some(&what_if),
        fail_on_change: false,
    };
    let document = json(&run);
    for (pointer, wanted) in [
        ("/format", value!("pitboss-replay/1")),
        ("/replayed", value!(2)),
        ("/agree", value!(1)),
        ("/differ", value!(1)),
        ("/decisions", value!({"allow": 1, "deny": 1})),
        ("/golden", value!({"result": "differs", "diff": "now x"})),
        ("/skipped", value!([{"entry": 2, "reason": "a WebSocket"}])),
        ("/requests/0/code", value!(null)),
        ("/requests/0/differences/0", value!("status: \"201\" but \"451\"")),
        ("/requests/1/code", value!("x")),
        ("/against/changed", value!(1)),
        ("/against/groups/0/numbers", value!([1])),
        ("/against/by_code", value!({"x": 1})),
        ("/against/changes/0/then", value!({"decision": "deny x", "status": 451})),
    ] {
        assert_eq!(document.pointer(pointer), Some(&wanted), "{pointer}");
    }
}

#[test]
fn junit_has_a_case_for_each_request_and_skip() {
    let (requests, now) = outcomes();
    let then = [now[1].clone(), now[1].clone()];
    let what_if = WhatIf::new(&requests, &now, &then);
    let skipped = [Skipped { entry: 2, reason: "a WebSocket".into() }];
    let golden = Golden::Same;
    let run = Run {
        requests: &requests,
        skipped: &skipped,
        outcomes: &now,
        real: None,
        golden: Some(&golden),
        what_if: Some(&what_if),
        fail_on_change: true,
    };
    let text = junit(&run, "x.har").unwrap();
    for wanted in [
        r#"<testsuite name="x.har" tests="4" skipped="1" errors="0" failures="1">"#,
        r#"<testcase name="001 POST /a?*&amp;*" classname="wager">"#,
        r#"<failure message="allow -&gt; deny x" type="policy"/>"#,
        r#"<skipped message="a WebSocket"/>"#,
        r#"<testcase name="golden decisions"/>"#,
    ] {
        assert!(text.contains(wanted), "no {wanted} in\n{text}");
    }
    let shown = junit(&Run { fail_on_change: false, ..run }, "x.har").unwrap();
    assert!(shown.contains(r#"failures="0""#), "{shown}");
    let real = junit(&Run { real: Some(&then), golden: None, ..run }, "x.har").unwrap();
    assert!(real.contains("wasmtime and Envoy differ"), "{real}");
}
