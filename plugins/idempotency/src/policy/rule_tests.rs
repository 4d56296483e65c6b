//! Compiled rules, and invalid ones.

use serde_json::{json, Value};

use super::*;
use crate::policy::compiled::tests::{assert_refused, compiled};
use crate::policy::identity::PerPart;
use crate::policy::key::KeyPart;
use policy_kit::EndpointClass;

fn wager(changes: Value) -> Value {
    let mut rule = json!({"classes": ["wager"]});
    for (name, value) in changes.as_object().unwrap() {
        rule[name] = value.clone();
    }
    json!({ "rules": [rule] })
}

fn rule(changes: Value) -> Rule {
    let policy = compiled(wager(changes)).unwrap();
    Rule::clone(policy.rule(EndpointClass::Wager, "/bets", "POST", None).unwrap())
}

#[test]
fn absent_members_have_the_catalogues_values() {
    let rule = Rule { name: "catalogue".to_owned(), ..rule(json!({})) };
    let catalogue = Rule::catalogue(Commit::BeforeReply);
    assert_eq!(format!("{rule:?}"), format!("{catalogue:?}"));
}

#[test]
fn compiles_all_members() {
    let rule = rule(json!({
        "treat": "optional",
        "key": {"all": [{"body": "/round"}, {"query": "tid"}]},
        "fingerprint": ["/amount", "/user"],
        "outcome": {
            "pointer": "/status", "completed": ["RS_OK"], "retryable": ["RS_ERROR_TIMEOUT"],
            "unknown": ["RS_ERROR_UNKNOWN"]
        },
        "not_executed": [503, 409],
        "timeout_ms": 2_000, "margin_ms": 500, "retention_s": 3_600, "wait_ms": 250,
        "commit": "after_reply", "on_store_error": "forward",
        "reconcile": {
            "cluster": "casino", "path": "/bets/{owner}/{key}", "pointer": "/state",
            "completed": ["accepted"], "free_status": [404]
        }
    }));
    assert_eq!((rule.treat, rule.commit), (Treat::Optional, Commit::AfterReply));
    let parts = [KeyPart::Body("/round".to_owned()), KeyPart::Query("tid".to_owned())];
    assert_eq!(rule.key, KeyLocation::All(parts.to_vec()));
    let pointers = vec!["/amount".to_owned(), "/user".to_owned()];
    assert_eq!(rule.selection, Selection::Pointers(pointers));
    assert_eq!(rule.outcome.not_executed, [503, 409]);
    let code = rule.outcome.code.unwrap();
    assert_eq!(
        (code.pointer.as_str(), &code.completed[..]),
        ("/status", &["RS_OK".to_owned()][..])
    );
    assert_eq!(code.retryable, ["RS_ERROR_TIMEOUT"]);
    let kept = |refused| Retention { kept: 3_600 * SECOND, refused: refused * SECOND };
    let retention = PerPart { players: kept(600), partners: kept(3_600) };
    assert_eq!((rule.lease, rule.retention), (2_500_000_000, retention));
    assert_eq!(rule.wait, Some(250_000_000));
    assert_eq!(rule.on_store_error, OnStoreError::Forward);
    assert!(rule.reconcile.is_some());
}

#[test]
fn the_documents_commit_is_the_default() {
    let commits = |changes: Value| {
        let mut document = wager(changes);
        document["commit"] = json!("after_reply");
        let policy = compiled(document).unwrap();
        [EndpointClass::Wager, EndpointClass::Deposit]
            .map(|class| policy.rule(class, "", "POST", None).unwrap().commit)
    };
    assert_eq!(commits(json!({})), [Commit::AfterReply; 2]);
    let differs = json!({"commit": "before_reply"});
    assert_eq!(commits(differs), [Commit::BeforeReply, Commit::AfterReply]);
}

/// Who is refused may try again sooner, and who pays by the minute fills no store for an hour.
#[test]
fn refused_requests_are_kept_for_a_shorter_time() {
    for (changes, players, partners) in [
        (json!({}), (3_600, 600), (86_400, 86_400)),
        (json!({"retention_s": 300}), (300, 300), (300, 300)),
        (json!({"retention_s": 7_200}), (7_200, 600), (7_200, 7_200)),
        (json!({"refused_retention_s": 60}), (3_600, 60), (86_400, 60)),
        (json!({"retention_s": 100, "refused_retention_s": 90}), (100, 90), (100, 90)),
    ] {
        let retention = rule(changes.clone()).retention;
        let of = |part| {
            let Retention { kept, refused } = *retention.of(part);
            (kept / SECOND, refused / SECOND)
        };
        assert_eq!((of(Part::Players), of(Part::Partners)), (players, partners), "{changes}");
    }
}

#[test]
fn rejects_invalid_times() {
    let case = |changes: Value, field| (wager(changes), field);
    assert_refused([
        case(json!({"timeout_ms": 99}), "rules[0].timeout_ms"),
        case(json!({"timeout_ms": 600_001}), "rules[0].timeout_ms"),
        case(json!({"margin_ms": 60_001}), "rules[0].margin_ms"),
        case(json!({"margin_ms": -1}), "rules[0].margin_ms"),
        case(json!({"retention_s": 59}), "rules[0].retention_s"),
        case(json!({"retention_s": 31 * 86_400 + 1}), "rules[0].retention_s"),
        case(
            json!({"retention_s": 60, "timeout_ms": 59_000, "margin_ms": 1_000}),
            "rules[0].retention_s",
        ),
        case(json!({"refused_retention_s": 59}), "rules[0].refused_retention_s"),
        case(json!({"refused_retention_s": 3_601}), "rules[0].refused_retention_s"),
        case(json!({"rate": 100_001}), "rules[0].rate"),
        case(json!({"wait_ms": 5_001}), "rules[0].wait_ms"),
        case(json!({"wait_ms": "S3CRET"}), "rules[0].wait_ms"),
        case(json!({"commit": "S3CRET"}), "rules[0].commit"),
        case(json!({"on_store_error": "S3CRET"}), "rules[0].on_store_error"),
        case(json!({"retries": 1}), "rules[0].retries"),
    ]);
    for fine in [
        json!({"timeout_ms": 100, "margin_ms": 0, "retention_s": 60, "wait_ms": 5_000}),
        json!({"timeout_ms": 600_000, "margin_ms": 60_000, "retention_s": 31 * 86_400}),
        json!({"retention_s": 60, "timeout_ms": 59_000, "margin_ms": 999}),
    ] {
        assert!(compiled(wager(fine.clone())).is_ok(), "{fine}");
    }
}

#[test]
fn rejects_invalid_outcomes() {
    let outcome = |changes: Value| {
        let mut outcome =
            json!({"pointer": "/status", "completed": ["A"], "retryable": ["B"], "unknown": ["C"]});
        for (name, value) in changes.as_object().unwrap() {
            outcome[name] = value.clone();
        }
        wager(json!({ "outcome": outcome }))
    };
    assert!(compiled(outcome(json!({}))).is_ok());
    assert_refused([
        (outcome(json!({"pointer": "S3CRET"})), "rules[0].outcome.pointer"),
        (outcome(json!({"completed": []})), "rules[0].outcome.completed"),
        (outcome(json!({"completed": ["A", ""]})), "rules[0].outcome.completed"),
        (outcome(json!({"retryable": [""]})), "rules[0].outcome.retryable"),
        (outcome(json!({"unknown": [""]})), "rules[0].outcome.unknown"),
        (
            outcome(json!({"completed": ["S3CRET"], "retryable": ["B", "S3CRET"]})),
            "rules[0].outcome.retryable",
        ),
        (
            outcome(json!({"completed": ["S3CRET"], "unknown": ["S3CRET"]})),
            "rules[0].outcome.unknown",
        ),
        (
            outcome(json!({"retryable": ["S3CRET"], "unknown": ["S3CRET"]})),
            "rules[0].outcome.unknown",
        ),
        (outcome(json!({"freed": []})), "rules[0].outcome.freed"),
        (wager(json!({"not_executed": [200]})), "rules[0].not_executed"),
        (wager(json!({"not_executed": [503, 299]})), "rules[0].not_executed"),
        (wager(json!({"not_executed": [600]})), "rules[0].not_executed"),
        (wager(json!({"fingerprint": "S3CRET"})), "rules[0].fingerprint"),
        (wager(json!({"fingerprint": {"S3CRET": 1}})), "rules[0].fingerprint"),
        (wager(json!({"fingerprint": ["/a", 7]})), "rules[0].fingerprint"),
        (wager(json!({"fingerprint": []})), "rules[0].fingerprint"),
        (wager(json!({"fingerprint": ["/a", "S3CRET"]})), "rules[0].fingerprint[1]"),
        (wager(json!({"fingerprint": ["/~2"]})), "rules[0].fingerprint[0]"),
    ]);
    assert_eq!(rule(json!({"fingerprint": "raw"})).selection, Selection::Raw);
    assert!(compiled(wager(json!({"not_executed": [400, 599]}))).is_ok());
}

#[test]
fn rejects_needless_members_with_pass() {
    assert!(compiled(wager(json!({"treat": "pass"}))).is_ok());
    for (name, value) in [
        ("key", json!({"header": "x-key"})),
        ("fingerprint", json!("raw")),
        ("outcome", json!({"pointer": "/a", "completed": ["A"]})),
        ("not_executed", json!([503])),
        ("timeout_ms", json!(15_000)),
        ("margin_ms", json!(5_000)),
        ("retention_s", json!(86_400)),
        ("wait_ms", json!(0)),
        ("commit", json!("before_reply")),
        ("on_store_error", json!("refuse")),
        (
            "reconcile",
            json!({"cluster": "c", "path": "/{owner}/{key}", "pointer": "/a", "completed": ["A"]}),
        ),
    ] {
        let told = compiled(wager(json!({"treat": "pass", name: value}))).map(|_| ());
        assert_eq!(told.unwrap_err().field, format!("rules[0].{name}"));
    }
}
