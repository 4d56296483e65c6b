//! Rules whose matching members are invalid.

use crate::policy::compiled::tests::{assert_refused, compiled};
use serde_json::{json, Value};

fn rules(rules: Value) -> Value {
    json!({ "rules": rules })
}

#[test]
fn rejects_invalid_matchers() {
    let wager = |name: &str, value: Value| rules(json!([{"classes": ["wager"], name: value}]));
    assert_refused([
        (rules(json!([{"classes": []}])), "rules[0].classes"),
        (rules(json!([{"classes": ["S3CRET"]}])), "rules[0].classes[0]"),
        (rules(json!([{"classes": ["unclassified"]}])), "rules[0].classes[0]"),
        (wager("partners", json!([])), "rules[0].partners"),
        (wager("partners", json!([""])), "rules[0].partners"),
        (wager("partners", json!(["hub", "S3CRET S3CRET"])), "rules[0].partners"),
        (wager("endpoints", json!([])), "rules[0].endpoints"),
        (wager("endpoints", json!(["/bets", "/S3CRET"])), "rules[0].endpoints[1]"),
        (wager("endpoints", json!(["/bets", "/deposits"])), "rules[0].endpoints[1]"),
        (wager("methods", json!([])), "rules[0].methods"),
        (wager("methods", json!(["POST", ""])), "rules[0].methods"),
        (wager("methods", json!(["post"])), "rules[0].methods"),
        (wager("methods", json!(["S3CRET"])), "rules[0].methods"),
        (wager("methods", json!(["OPTIONS"])), "rules[0].methods"),
        (wager("methods", json!(["HEAD"])), "rules[0].methods"),
        (wager("methods", json!(["CONNECT"])), "rules[0].methods"),
        (wager("methods", json!(["TRACE"])), "rules[0].methods"),
        (wager("treat", json!("S3CRET")), "rules[0].treat"),
    ]);
    for fine in [
        wager("endpoints", json!(["/bets", "/wallet/{partner}", "/wallet/get"])),
        wager("methods", json!(["GET", "POST"])),
        wager("partners", json!(["hub"])),
        rules(json!([{"classes": ["content"], "endpoints": ["/lobby"]}])),
    ] {
        assert!(compiled(fine.clone()).is_ok(), "{fine}");
    }
}

/// Earlier rules, a later one, and whether any call is left for it.
#[test]
fn rejects_rules_that_never_apply() {
    let wager = json!({"classes": ["wager"]});
    let both = json!({"classes": ["wager", "deposit"]});
    let hub = json!({"classes": ["wager"], "partners": ["hub"]});
    let bets = json!({"classes": ["wager"], "endpoints": ["/bets"]});
    let get = json!({"classes": ["wager"], "methods": ["GET"]});
    let post = json!({"classes": ["wager"], "methods": ["POST"]});
    for (before, after, reached) in [
        (vec![], &wager, true),
        (vec![&wager], &wager, false),
        (vec![&wager], &hub, false),
        (vec![&wager], &bets, false),
        (vec![&wager], &post, false),
        (vec![&wager], &get, true),
        (vec![&wager], &both, true),
        (vec![&both], &wager, false),
        (vec![&hub], &wager, true),
        (vec![&bets], &wager, true),
        (vec![&bets], &hub, true),
        (vec![&post], &wager, true),
        (vec![&wager, &json!({"classes": ["deposit"]})], &both, false),
        (vec![&post, &json!({"classes": ["wager"], "methods": ["PUT", "PATCH"]})], &wager, true),
        (
            vec![&post, &json!({"classes": ["wager"], "methods": ["PUT", "PATCH", "DELETE"]})],
            &wager,
            // Unknown methods are left.
            true,
        ),
    ] {
        let at = format!("rules[{}]", before.len());
        let list: Vec<_> = before.iter().copied().chain([after]).collect();
        let told = compiled(rules(json!(list))).map(|_| ()).map_err(|error| error.field);
        assert_eq!(told, if reached { Ok(()) } else { Err(at) }, "{list:?}");
    }
}
