//! The run as one JSON document. Fields are only added, never changed.
use super::run::Run;
use crate::golden::Golden;
use crate::replay::Outcome;
use crate::traffic::Request;
use crate::whatif::WhatIf;
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;

/// The run as a document of the format `pitboss-replay/1`.
pub fn json(run: &Run<'_>) -> Value {
    let mut decisions = BTreeMap::<&str, usize>::new();
    for outcome in run.outcomes {
        *decisions.entry(&outcome.decision).or_default() += 1;
    }
    let requests: Vec<Value> = run
        .requests
        .iter()
        .zip(run.outcomes)
        .enumerate()
        .map(|(index, (request, outcome))| one(request, outcome, run.differences(index)))
        .collect();
    let differing = (0..run.requests.len()).filter(|it| !run.differences(*it).is_empty()).count();
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("format", json!("pitboss-replay/1"));
    put("replayed", json!(run.requests.len()));
    put("decisions", json!(decisions));
    if run.real.is_some() {
        put("agree", json!(run.requests.len() - differing));
        put("differ", json!(differing));
    }
    match run.golden {
        None => {}
        Some(Golden::Same) => {
            put("golden", json!({"result": "same"}));
        }
        Some(Golden::Updated) => {
            put("golden", json!({"result": "updated"}));
        }
        Some(Golden::Differs { diff }) => {
            put("golden", json!({"result": "differs", "diff": diff}));
        }
    }
    if let Some(what_if) = run.what_if {
        put("against", against(what_if));
    }
    let skipped = run.skipped.iter().map(|it| json!({"entry": it.entry, "reason": it.reason}));
    put("skipped", skipped.collect());
    put("requests", Value::Array(requests));
    Value::Object(document)
}

fn one(request: &Request, outcome: &Outcome, differences: Vec<String>) -> Value {
    let mut value = json!({
        "number": request.number,
        "offset_ms": u64::try_from(request.offset.as_millis()).unwrap_or(u64::MAX),
        "client": request.origin(),
        "method": request.method.escape_ascii().to_string(),
        "target": request.shown_target(),
        "class": known(&outcome.class),
        "brand": known(&outcome.brand),
        "jurisdiction": known(&outcome.jurisdiction),
        "decision": outcome.decision,
        "plugin": known(&outcome.plugin),
        "code": known(&outcome.code),
        "status": outcome.status,
    });
    if let Some(object) = value.as_object_mut().filter(|_| !differences.is_empty()) {
        object.insert("differences".to_owned(), json!(differences));
    }
    value
}

/// `null` for what the printed lines show as `-`.
fn known(text: &str) -> Option<&str> {
    (text != "-" && !text.is_empty()).then_some(text)
}

fn against(what_if: &WhatIf) -> Value {
    let changes = what_if.changes.iter().map(|it| {
        json!({
            "number": it.number, "request": it.request, "class": it.class, "market": it.market,
            "code": it.code,
            "now": {"decision": it.now, "status": it.status_now},
            "then": {"decision": it.then, "status": it.status_then},
        })
    });
    let groups = what_if.groups().into_iter().map(|it| {
        json!({"class": it.class, "market": it.market, "now": it.now, "then": it.then,
            "count": it.numbers.len(), "numbers": it.numbers})
    });
    json!({
        "replayed": what_if.replayed,
        "changed": what_if.changes.len(),
        "changes": changes.collect::<Vec<_>>(),
        "groups": groups.collect::<Vec<_>>(),
        "by_class": what_if.count(|it| &it.class),
        "by_market": what_if.count(|it| &it.market),
        "by_code": what_if.count(|it| &it.code),
        "consequences": what_if.consequences,
    })
}
