//! Reconcile calls, and the outcomes of their replies.

use serde_json::{json, Value};

use super::*;
use crate::policy::compiled::tests::assert_refused;
use policy_kit::fake::FakeHost;
use policy_kit::{Fault, Headers};

const COMPLETED: Outcome<()> = Outcome::Completed(());

fn document(changes: Value) -> Value {
    let mut reconcile = json!({
        "cluster": "casino", "authority": "casino.internal", "path": "/bets/{owner}/{key}",
        "pointer": "/state", "completed": ["accepted", "0"], "free": ["unknown"],
        "free_status": [404, 410]
    });
    for (name, value) in changes.as_object().unwrap() {
        reconcile[name] = value.clone();
    }
    reconcile
}

fn compiled(changes: Value) -> Result<Reconcile, ConfigError> {
    let raw = policy_kit::parse(document(changes).to_string().as_bytes())?;
    Reconcile::compile(raw, "reconcile", &mut FakeHost::default())
}

#[test]
fn calls_the_configured_path() {
    for (path, key, owner, want) in [
        ("/p/{owner}/bets/{key}", "12345678", "p-1", "/p/p-1/bets/12345678"),
        (
            "/bets?id={key}&p={owner}",
            "1&2=3#4/5",
            "a b/..",
            "/bets?id=1%262%3D3%234%2F5&p=a%20b%2F..",
        ),
        ("/{owner}/{key}", "12345678", "{key}", "/%7Bkey%7D/12345678"),
        ("/{key}/{owner}", "{owner}12", "p", "/%7Bowner%7D12/p"),
        ("/{brand}/{owner}/{key}", "12345678", "p-1", "/otter/p-1/12345678"),
        ("/{brand}/{owner}/{key}", "12345678", "{brand}", "/otter/%7Bbrand%7D/12345678"),
    ] {
        let reconcile = compiled(json!({ "path": path })).unwrap();
        let call = reconcile.call(&Key::of_text(key.as_bytes()).unwrap(), owner, "otter");
        assert_eq!(call.headers[1], (":path".to_owned(), want.to_owned()));
        assert_eq!(call.headers[2].1, "casino.internal");
        assert_eq!((call.target.as_str(), call.timeout.as_millis()), ("casino", 1_000));
    }
    let unnamed = compiled(json!({"authority": null, "authorization": "Basic eA=="})).unwrap();
    let call = unnamed.call(&Key::of_text(b"12345678").unwrap(), "", "");
    assert_eq!(call.headers[2].1, "casino");
    assert!(call.headers.contains(&("authorization".to_owned(), "Basic eA==".to_owned())));
}

#[test]
fn outcomes_of_replies() {
    use Outcome::{NoEffect, Unknown};
    let reconcile = compiled(json!({})).unwrap();
    for (status, body, cut, want) in [
        (200, r#"{"state": "accepted"}"#, false, COMPLETED),
        (200, r#"{"state": 0}"#, false, COMPLETED),
        (200, r#"{"state": "unknown"}"#, false, NoEffect),
        (202, r#"{"state": "accepted"}"#, false, Unknown),
        (200, r#"{"state": "pending"}"#, false, Unknown),
        (200, r#"{"state": null}"#, false, Unknown),
        (200, r#"{}"#, false, Unknown),
        (200, "", false, Unknown),
        (200, "accepted", false, Unknown),
        // Two readers may take different ones.
        (200, r#"{"state": "unknown", "state": "accepted"}"#, false, Unknown),
        (200, r#"{"state": "unknown"}"#, true, Unknown),
        (200, r#"{"state": "accepted"}"#, true, Unknown),
        (404, "", false, NoEffect),
        (404, r#"{"state": "accepted"}"#, true, NoEffect),
        (410, "", false, NoEffect),
        (400, r#"{"state": "unknown"}"#, false, Unknown),
        (403, "", false, Unknown),
        (302, r#"{"state": "unknown"}"#, false, Unknown),
        (500, r#"{"state": "unknown"}"#, false, Unknown),
        (503, "", false, Unknown),
        (504, "", false, Unknown),
    ] {
        let body = body.as_bytes().to_vec();
        let reply = CallReply::Response { status, headers: Headers::default(), body, cut };
        assert_eq!(reconcile.outcome(&reply), want, "{reply:?}");
    }
    assert_eq!(reconcile.outcome(&CallReply::NoResponse), Unknown);
    let fault = Fault { call: "proxy_http_call", status: Some(10) };
    assert_eq!(reconcile.outcome(&CallReply::Failed(fault)), Unknown);
}

#[test]
fn rejects_invalid_configurations() {
    let rule =
        |changes: Value| json!({"rules": [{"classes": ["wager"], "reconcile": document(changes)}]});
    assert_refused([
        (rule(json!({"cluster": ""})), "rules[0].reconcile.cluster"),
        (rule(json!({"cluster": "S3CRET S3CRET"})), "rules[0].reconcile.cluster"),
        (rule(json!({"authority": ""})), "rules[0].reconcile.authority"),
        (rule(json!({"path": "S3CRET/{owner}/{key}"})), "rules[0].reconcile.path"),
        (rule(json!({"path": "/S3CRET"})), "rules[0].reconcile.path"),
        (rule(json!({"path": "/{key}"})), "rules[0].reconcile.path"),
        (rule(json!({"path": "/{key}/{key}/{owner}"})), "rules[0].reconcile.path"),
        (rule(json!({"path": "/{key}/{owner}/{owner}"})), "rules[0].reconcile.path"),
        (rule(json!({"path": "/{key}/{owner}/{brand}/{brand}"})), "rules[0].reconcile.path"),
        (rule(json!({"path": "/{key}/{owner}/{S3CRET}"})), "rules[0].reconcile.path"),
        (rule(json!({"path": "/{key}/{owner}#S3CRET"})), "rules[0].reconcile.path"),
        (rule(json!({"authorization": "S3CRET\n"})), "rules[0].reconcile.authorization"),
        (rule(json!({"timeout_ms": 0})), "rules[0].reconcile.timeout_ms"),
        (rule(json!({"timeout_ms": 5_001})), "rules[0].reconcile.timeout_ms"),
        (rule(json!({"pointer": "S3CRET"})), "rules[0].reconcile.pointer"),
        (rule(json!({"completed": []})), "rules[0].reconcile.completed"),
        (rule(json!({"completed": [""]})), "rules[0].reconcile.completed"),
        (rule(json!({"free": [], "free_status": []})), "rules[0].reconcile.free"),
        (rule(json!({"free": [""]})), "rules[0].reconcile.free"),
        (rule(json!({"completed": ["S3CRET"], "free": ["S3CRET"]})), "rules[0].reconcile.free"),
        (rule(json!({"free_status": [200]})), "rules[0].reconcile.free_status"),
        (rule(json!({"free_status": [404, 500]})), "rules[0].reconcile.free_status"),
        (rule(json!({"free_status": [401]})), "rules[0].reconcile.free_status"),
        (rule(json!({"free_status": [429]})), "rules[0].reconcile.free_status"),
        (rule(json!({"method": "GET"})), "rules[0].reconcile.method"),
        (rule(json!({"pointer": null})), "rules[0].reconcile.pointer"),
    ]);
    for fine in [json!({"free": []}), json!({"free_status": []}), json!({"timeout_ms": 5_000})] {
        assert!(compiled(fine.clone()).is_ok(), "{fine}");
    }
}
