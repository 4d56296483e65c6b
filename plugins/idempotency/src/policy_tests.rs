//! Which rule a call has, and what documents are refused.

use super::*;
use serde_json::{json, Value};

/// The smallest document, with members replaced or added.
pub(crate) fn compiled(changes: Value) -> Result<Policy, ConfigError> {
    let mut document = json!({
        "store": {"single_node": true},
        "endpoints": [
            {"path": "/bets", "class": "wager"},
            {"path": "/deposits", "class": "deposit"},
            {"template": "/wallet/{partner}", "select": {"pointer": "/type", "classes": {
                "debit": "wager", "credit": "settlement", "balance": "account"
            }}},
            {"path": "/wallet/get", "methods": ["GET"], "class": "wager", "caller": "partner"},
            {"prefix": "/lobby", "class": "content"}
        ]
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    Policy::compile(policy_kit::parse(document.to_string().as_bytes())?)
}

#[test]
fn the_smallest_document_has_the_defaults() {
    let policy = compiled(json!({})).unwrap();
    let rule = policy.rule(EndpointClass::Wager, "/bets", "POST", None).unwrap();
    assert_eq!((rule.name.as_str(), rule.treat), ("catalogue", Treat::Required));
    assert_eq!((rule.lease, rule.retention), (20_000_000_000, 86_400_000_000_000));
    assert_eq!((policy.max_request(), policy.max_answer()), (65_536, 65_536));
    let room = policy.room();
    assert_eq!((room.player, room.partner, room.owners), (1_000, 32_768, 65_536));
    assert_eq!(room.name, "default");
    assert_eq!((room.limits.slots, room.limits.bytes), (65_536, 64 << 20));
    assert_eq!(policy.longest_retention(), rule.retention);
    assert!(policy.click().is_none());
    assert_eq!(policy.kept().len(), 10);
}
