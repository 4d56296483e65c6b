//! Which rule applies to a request, and which documents are invalid.

use super::*;
use crate::config::rule::Commit;
use crate::config::rule::Treat;
use crate::names::SECOND;
use crate::policy::identity::PerPart;
use crate::policy::rule::Retention;
use policy_kit::fake::FakeHost;
use serde_json::{json, Value};

/// The smallest document, with members replaced or added.
pub(crate) fn compiled(changes: Value) -> Result<Policy, ConfigError> {
    let mut document = json!({
        "store": {"single_node": true, "slots": 65_536},
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
    let config = policy_kit::parse(document.to_string().as_bytes())?;
    Policy::compile(config, &mut FakeHost::default())
}

#[test]
fn the_smallest_document_has_the_defaults() {
    let policy = compiled(json!({"store": {"single_node": true}})).unwrap();
    let rule = policy.rule(EndpointClass::Wager, "/bets", "POST", None).unwrap();
    assert_eq!((rule.name.as_str(), rule.treat), ("catalogue", Treat::Required));
    let kept = |kept, refused| Retention { kept: kept * SECOND, refused: refused * SECOND };
    let retention = PerPart { players: kept(3_600, 600), partners: kept(86_400, 86_400) };
    assert_eq!((rule.lease, rule.retention), (20 * SECOND, retention));
    assert_eq!((policy.max_request, policy.max_answer), (65_536, 65_536));
    let room = policy.capacity;
    // 500 new keys a second of players, 20 of partners, a third of the slots in use.
    let slots = PerPart { players: 500 * 3_600 * 3, partners: 20 * 86_400 * 3 };
    assert_eq!(PerPart::new(|part| room.limits.of(part).slots), slots);
    assert_eq!((room.owners, room.name.as_str()), (slots, "default"));
    let allowances =
        PerPart::new(|part| (room.allowance.of(part).keys, room.allowance.of(part).failed));
    // A player who spins every three seconds all day holds 1,350 with the cell that is under way.
    assert_eq!(allowances.players, (1_800, Some(32)));
    assert_eq!(allowances.partners, (20 * 86_400 * 3 / 2, None));
    let bytes = room.limits.players.bytes + room.limits.partners.bytes;
    assert!((2 << 30) - bytes <= 1, "{bytes}");
    assert!(policy.double_click.is_none());
    assert_eq!(policy.replayed_headers.len(), 10);
}

/// Documents with `S3CRET` in place of a value; each is refused for the field named, in words that do
/// not have it.
pub(crate) fn assert_refused(cases: impl IntoIterator<Item = (Value, &'static str)>) {
    for (changes, field) in cases {
        let error = compiled(changes.clone()).map(|_| ()).expect_err(&changes.to_string());
        assert_eq!(error.field, field, "{changes}: {error}");
        assert!(!error.to_string().contains("S3CRET"), "{changes}: {error}");
    }
}

/// The members that WasmX requires.
pub(crate) fn wasmx(changes: Value) -> Value {
    let mut document = json!({
        "host": "wasmx",
        "facts": {"stripped_by": "player-auth"},
        "store": {"single_node": true, "slots": 65_536, "zone_bytes": 1_u64 << 30},
        "commit": "after_reply"
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

#[test]
fn the_first_matching_rule_applies() {
    let policy = compiled(json!({"rules": [
        {"classes": ["wager"], "partners": ["hub"], "key": {"body": "/transaction_uuid"}},
        {"classes": ["wager"], "endpoints": ["/wallet/get"], "methods": ["GET"], "key": {"query": "tid"}},
        {"classes": ["wager", "settlement"], "endpoints": ["/wallet/{partner}"], "treat": "optional"},
        {"classes": ["deposit"], "methods": ["PUT"], "treat": "pass"},
        {"classes": ["account"], "key": {"header": "x-key"}}
    ]}))
    .unwrap();
    use EndpointClass::{Account, Content, Deposit, Settlement, Unclassified, Wager, Withdrawal};
    for (class, endpoint, method, partner, want) in [
        (Wager, "/bets", "POST", None, Some("catalogue")),
        (Wager, "/bets", "PUT", None, Some("catalogue")),
        (Wager, "/bets", "PATCH", None, Some("catalogue")),
        (Wager, "/bets", "DELETE", None, Some("catalogue")),
        (Wager, "/bets", "GET", None, None),
        (Wager, "/bets", "OPTIONS", None, None),
        (Wager, "/bets", "POST", Some("hub"), Some("rules[0]")),
        (Wager, "/bets", "POST", Some("other"), Some("catalogue")),
        (Wager, "/bets", "GET", Some("hub"), None),
        (Wager, "/wallet/get", "GET", Some("hub"), Some("rules[1]")),
        (Wager, "/wallet/{partner}", "POST", Some("hub"), Some("rules[0]")),
        (Wager, "/wallet/{partner}", "POST", None, Some("rules[2]")),
        (Settlement, "/wallet/{partner}", "POST", Some("hub"), Some("rules[2]")),
        (Settlement, "/wallet/hub", "POST", Some("hub"), Some("catalogue")),
        (Deposit, "/deposits", "PUT", None, None),
        (Deposit, "/deposits", "POST", None, Some("catalogue")),
        (Account, "/account", "POST", None, Some("rules[4]")),
        (Content, "/lobby", "POST", None, None),
        (Withdrawal, "", "POST", None, Some("catalogue")),
        (Unclassified, "", "POST", None, None),
    ] {
        let rule = policy.rule(class, endpoint, method, partner).map(|rule| rule.name.as_str());
        assert_eq!(rule, want, "{class} {method} {endpoint} {partner:?}");
        if rule.is_some() {
            let candidates = [Content, class].into_iter();
            let found = |one: &Rule| Some(one.name.as_str()) == rule;
            let may = policy.any_rule(candidates, endpoint, method, found);
            assert!(may, "{class} {endpoint}");
        }
    }
}

#[test]
fn which_requests_may_have_keys_before_the_caller_is_known() {
    let passes = json!({"classes": ["wager"], "treat": "pass"});
    let hub_passes = json!({"classes": ["wager"], "treat": "pass", "partners": ["hub"]});
    let hub_needs = json!({"classes": ["wager"], "partners": ["hub"]});
    use EndpointClass::{Content, Deposit, Wager};
    for (rules, candidates, method, want) in [
        (json!([]), vec![Wager], "POST", true),
        (json!([]), vec![Wager], "GET", false),
        (json!([]), vec![Content], "POST", false),
        (json!([]), vec![Content, Deposit], "POST", true),
        (json!([passes]), vec![Wager], "POST", false),
        (json!([passes]), vec![Wager, Deposit], "POST", true),
        (json!([hub_passes]), vec![Wager], "POST", true),
        (json!([hub_passes, passes]), vec![Wager], "POST", false),
        (json!([hub_needs, passes]), vec![Wager], "POST", true),
    ] {
        let policy = compiled(json!({ "rules": rules })).unwrap();
        let all = candidates.clone().into_iter();
        let told = policy.any_rule(all, "/bets", method, Rule::uses_keys);
        assert_eq!(told, want, "{rules} {candidates:?} {method}");
    }
}

#[test]
fn a_rule_for_all_callers_hides_later_rules() {
    let asked = json!({"reconcile": {"cluster": "books", "path": "/{owner}/{key}", "pointer": "/state",
        "completed": ["done"], "free": ["none"]}});
    let rule = |members: Value| {
        let mut rule = asked.as_object().unwrap().clone();
        rule.extend(members.as_object().unwrap().clone());
        Value::Object(rule)
    };
    use EndpointClass::{Deposit, Wager};
    let wagers = json!({"classes": ["wager"]});
    let hubs = json!({"classes": ["wager"], "partners": ["hub"]});
    let both = rule(json!({"classes": ["wager", "deposit"]}));
    for (rules, class, want) in [
        (json!([both]), Wager, true),
        (json!([wagers, both]), Wager, false),
        (json!([wagers, both]), Deposit, true),
        (json!([hubs, both]), Wager, true),
        (json!([rule(hubs.clone()), wagers]), Wager, true),
        (json!([wagers]), Wager, false),
    ] {
        let policy = compiled(json!({ "rules": rules })).unwrap();
        let asks = |rule: &Rule| rule.reconcile.is_some();
        let told = policy.any_rule([class].into_iter(), "/bets", "POST", asks);
        assert_eq!(told, want, "{rules} {class}");
    }
}

#[test]
fn the_key_header_counts_by_rule() {
    let policy = compiled(json!({
        "rules": [
            {"classes": ["wager"], "partners": ["hub"], "key": {"header": "x-hub-key"}},
            {"classes": ["wager"], "key": {"all": [{"header": "x-hub-key"}, {"header": "x-round"}]}}
        ],
        "answers": {"headers": ["x-balance"]}
    }))
    .unwrap();
    assert_eq!(policy.replayed_headers, ["content-encoding", "x-balance", "location"]);
    let pairs =
        [(":path", "/bets"), ("x-round", "r-1"), ("X-Hub-Key", "hub-key-1"), ("x-other", "1")];
    let headers =
        policy_kit::Headers::from_pairs(pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())));
    let rule = |partner| policy.rule(EndpointClass::Wager, "/bets", "POST", partner).unwrap();
    let nothing = policy_kit::Content::new(&[], policy_kit::BodyFormat::default(), 0);
    let key = |partner| {
        rule(partner).key.key(&headers, &nothing, crate::policy::key::KeyIssuer::Client).unwrap()
    };
    assert_eq!(key(Some("hub")).as_str(), "hub-key-1");
    assert_eq!(key(None).as_str(), "9:hub-key-13:r-1");
}

#[test]
fn rejects_invalid_configurations() {
    let store = |name: &str| json!({"single_node": true, "name": name});
    assert_refused([
        (json!({"colour": "S3CRET"}), "colour"),
        (json!({"host": "S3CRET"}), "host"),
        (json!({"version": "S3CRET S3CRET"}), "version"),
        (json!({"store": {}}), "store.single_node"),
        (json!({"store": {"single_node": false}}), "store.single_node"),
        (json!({"store": store("S3CRET")}), "store.name"),
        (json!({"store": null}), "store"),
        (json!({"facts": {"stripped_by": "S3CRET"}}), "facts"),
        (json!({"commit": "S3CRET"}), "commit"),
        (json!({"answers": {"max_bytes": 0}}), "answers.max_bytes"),
        (json!({"answers": {"max_bytes": 65_537}}), "answers.max_bytes"),
        (json!({"answers": {"headers": ["S3CRET"]}}), "answers.headers[0]"),
        (json!({"answers": {"headers": ["x-a", "set-cookie"]}}), "answers.headers[1]"),
        (json!({"answers": {"headers": ["date"]}}), "answers.headers[0]"),
        (json!({"answers": {"headers": ["x-ratelimit-left"]}}), "answers.headers[0]"),
        (json!({"answers": {"headers": ["ratelimit"]}}), "answers.headers[0]"),
        (json!({"answers": {"headers": ["transfer-encoding"]}}), "answers.headers[0]"),
        (json!({"answers": {"headers": ["content-encoding"]}}), "answers.headers[0]"),
        (json!({"answers": {"headers": ["etag", "etag"]}}), "answers.headers[1]"),
        (json!({"answers": {"headers": [":status"]}}), "answers.headers[0]"),
        (json!({"answers": {"body": 1}}), "answers.body"),
        (json!({"requests": {"max_bytes": 0}}), "requests.max_bytes"),
        (json!({"requests": {"max_bytes": 1_048_577}}), "requests.max_bytes"),
        (json!({"requests": {"hold": "S3CRET"}}), "requests.hold"),
        (json!({"unclassified": "S3CRET"}), "unclassified"),
        (json!({"envelopes": {"hub": {}}}), "envelopes.hub"),
        (json!({"endpoints": []}), "endpoints"),
        (
            json!({"endpoints": [{"path": "/a", "class": "wager", "envelope": "S3CRET"}]}),
            "endpoints[0].envelope",
        ),
        (json!({"rules": [{}]}), "rules[0].classes"),
        (json!({"rules": {}}), "rules"),
    ]);
    for changes in [
        json!({"version": "2026-11-23", "requests": {"hold": "headers", "max_bytes": 1_048_576}}),
        json!({"answers": {"headers": [], "max_bytes": 1}, "commit": "after_reply"}),
        json!({"store": store("a-1"), "unclassified": "forward"}),
        json!({"store": store(&"a".repeat(32))}),
    ] {
        assert!(compiled(changes.clone()).is_ok(), "{changes}");
    }
}

#[test]
fn rejects_what_wasmx_cannot_do() {
    let policy = compiled(wasmx(json!({}))).unwrap();
    assert_eq!(
        policy.rule(EndpointClass::Wager, "/bets", "POST", None).unwrap().commit,
        Commit::AfterReply
    );
    let rule = |more: Value| {
        let mut rule = json!({"classes": ["wager"]});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        wasmx(json!({"rules": [rule]}))
    };
    assert!(compiled(rule(json!({"commit": "after_reply", "wait_ms": 0}))).is_ok());
    assert_refused([
        (wasmx(json!({"facts": null})), "facts"),
        (wasmx(json!({"facts": {}})), "facts.stripped_by"),
        (wasmx(json!({"facts": {"stripped_by": ""}})), "facts.stripped_by"),
        (wasmx(json!({"facts": {"stripped_by": "S3CRET S3CRET"}})), "facts.stripped_by"),
        (wasmx(json!({"commit": "before_reply"})), "commit"),
        (wasmx(json!({"requests": {"hold": "headers"}})), "requests.hold"),
        (wasmx(json!({"store": {"single_node": true}})), "store.zone_bytes"),
        (rule(json!({"commit": "before_reply"})), "rules[0].commit"),
        (rule(json!({"wait_ms": 1})), "rules[0].wait_ms"),
    ]);
    let mut silent = wasmx(json!({}));
    silent.as_object_mut().unwrap().remove("commit");
    assert_refused([(silent, "commit")]);
}

#[test]
fn every_refusal_has_a_code_of_its_own() {
    let mut codes: Vec<_> = crate::denials::ALL.iter().map(|denial| denial.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), crate::denials::ALL.len());
}
