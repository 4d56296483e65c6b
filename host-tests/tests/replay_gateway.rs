//! Configurations of operators: non-JSON configurations, filters as TypedStruct, upgrades, HTTP/1.0; and
//! modules that use unsupported features or misuse the ABI.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of a test

use host_tests::artifact;
use host_tests::envoy::{find_for_test, EnvoyError};
use host_tests::gateway::{http_filter, policyless, Gateway};
use host_tests::har::{self, Recorded};
use host_tests::replay::{run_emulated, run_real, Comparison, Outcome, ReplayError};
use host_tests::traffic::{Answer, Request};
use serde_json::{json, Value};
use std::path::Path;

const FILTERS: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

/// The example of a module, with its filter changed.
fn changed(example: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut document = Gateway::example(example).unwrap().document;
    let filters = document.pointer_mut(FILTERS).unwrap().as_array_mut().unwrap();
    let named = |filter: &&mut Value| filter["name"] == example;
    change(&mut filters.iter_mut().find(named).unwrap()["typed_config"]);
    document
}

/// A player in Malta, behind the edge that the example trusts.
fn lobby() -> Request {
    let request = Request::new("GET", "/api/lobby").from("10.20.0.1:5555".parse().unwrap());
    let mut request =
        request.header("x-forwarded-for", "203.0.113.10").header("x-geo-country", "MT");
    request.headers[0].1 = b"play.lucky-otter.example".to_vec();
    request.at = 1_789_999_999_000_000_000;
    request
}

fn emulate(document: &Value, requests: &[Request]) -> Result<Vec<Outcome>, ReplayError> {
    let gateway = Gateway::from_document(document.clone()).unwrap();
    run_emulated(&gateway, requests, &artifact::wasm_dir())
}

/// The lines of both, which must agree; wasmtime's alone where there is no Envoy.
async fn agreed(document: &Value, requests: &[Request]) -> Vec<Outcome> {
    let ours = emulate(document, requests).unwrap();
    if let Some(envoy) = find_for_test().unwrap() {
        let gateway = Gateway::from_document(document.clone()).unwrap();
        let real = run_real(&gateway, requests, &artifact::wasm_dir(), envoy).await.unwrap();
        let compared = Comparison::new(requests, &ours, &real);
        assert!(compared.differing.is_empty(), "{}", compared.differing.join("\n"));
    }
    ours
}

fn any(kind: &str, value: Value) -> Value {
    let mut any = json!({"@type": format!("type.googleapis.com/{kind}")});
    if !value.is_null() {
        any["value"] = value;
    }
    any
}

/// The form of a configuration, and the error of every module.
#[tokio::test(flavor = "multi_thread")]
async fn non_json_configurations_are_refused_by_both() {
    let typed = "xds.type.v3.TypedStruct";
    let needed = "give the JSON as text, in the `value` of a google.protobuf.StringValue";
    for (kind, value, said) in [
        ("google.protobuf.Struct", json!({"version": "1"}), "it is a google.protobuf.Struct"),
        ("google.protobuf.Struct", Value::Null, "there is none"),
        (typed, json!({"version": "1"}), "it is a TypedStruct"),
        ("google.protobuf.BytesValue", json!("CAE="), "it is binary"),
        ("google.protobuf.Empty", Value::Null, "there is none"),
    ] {
        let mut configuration = any(kind, value);
        if kind == typed {
            configuration["type_url"] = json!("type.googleapis.com/pitboss.Geo");
        }
        for module in ["geo-jurisdiction", "player-auth", "idempotency"] {
            artifact::build(module).unwrap();
            let document = changed(module, |filter| {
                filter["config"]["configuration"] = configuration.clone();
            });
            let refused = emulate(&document, &[lobby()]).unwrap_err().to_string();
            assert!(refused.contains(said) && refused.contains(needed), "{module}: {refused}");
            let Some(envoy) = find_for_test().unwrap() else { continue };
            if module != "geo-jurisdiction" {
                continue;
            }
            let gateway = Gateway::from_document(document).unwrap();
            let real = run_real(&gateway, &[lobby()], &artifact::wasm_dir(), envoy).await;
            let Err(ReplayError::Envoy(EnvoyError::Refused { log })) = real else {
                panic!("{kind}: Envoy took it")
            };
            assert!(log.contains(said) && log.contains(needed), "{kind}: {log}");
        }
    }
    // Text is text, in a StringValue or in a BytesValue.
    let text =
        Gateway::example("geo-jurisdiction").unwrap().wasm().next().unwrap().configuration.clone();
    let encoded = base64(&text);
    let document = changed("geo-jurisdiction", |filter| {
        filter["config"]["configuration"] = any("google.protobuf.BytesValue", json!(encoded));
    });
    assert_eq!(agreed(&document, &[lobby()]).await[0].decision, "allow");
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_may_be_written_as_a_typed_struct() {
    artifact::build("geo-jurisdiction").unwrap();
    for kind in ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"] {
        let document = changed("geo-jurisdiction", |filter| {
            let mut fields = filter.take();
            let url = fields.as_object_mut().unwrap().remove("@type").unwrap();
            let kind = format!("type.googleapis.com/{kind}");
            *filter = json!({"@type": kind, "type_url": url, "value": fields});
        });
        let outcomes = agreed(&document, &[lobby()]).await;
        assert_eq!((outcomes[0].status, &*outcomes[0].decision), (200, "allow"), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_upgrades_do_not_affect_other_requests() {
    artifact::build("geo-jurisdiction").unwrap();
    let mut document = Gateway::example("geo-jurisdiction").unwrap().document;
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let manager = document.pointer_mut(manager).unwrap();
    manager["upgrade_configs"] =
        json!([{"upgrade_type": "websocket"}, {"upgrade_type": "x", "enabled": false}]);
    let asks = |kind: &str| lobby().header("upgrade", kind).header("connection", "upgrade");
    let mut requests = [lobby(), asks("x"), asks("y")];
    for (index, request) in requests.iter_mut().enumerate() {
        request.number = index + 1;
    }
    let outcomes = agreed(&document, &requests).await;
    let statuses: Vec<u16> = outcomes.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [200, 403, 403]);
    let outcome = &emulate(&document, &[asks("WebSocket")]).unwrap()[0];
    assert_eq!(outcome.decision, "not-emulated", "what becomes of a WebSocket is not known");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_entries_are_sent_as_http_1_0() {
    artifact::build("geo-jurisdiction").unwrap();
    let mut old = lobby();
    old.http10 = true;
    // As a recording says it, and is read.
    let answer = Answer { status: 426, ..Answer::default() };
    let text = har::write(&[Recorded { request: old, answer }]).unwrap();
    let old = har::read(&text).unwrap().remove(0);
    let document = Gateway::example("geo-jurisdiction").unwrap().document;
    let outcomes = agreed(&document, &[old]).await;
    assert_eq!((outcomes[0].status, &*outcomes[0].code), (426, "low_version"));
}

/// A module in the text form, which only wasmtime reads.
fn raw(folder: &Path, imports: &str, calls: &str) -> Result<Vec<Outcome>, ReplayError> {
    let text = format!(
        r#"(module {imports} (memory (export "memory") 1)
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop {calls}) (i32.const 0)))"#
    );
    std::fs::write(folder.join("raw.wasm"), text).unwrap();
    let wasm = json!({"config": {"name": "raw", "vm_config": {"runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": "/raw.wasm"}}}}});
    let filters = [http_filter("wasm.v3.Wasm", wasm), http_filter("router.v3.Router", json!({}))];
    let gateway = Gateway::from_document(policyless(&json!({"http_filters": filters}))).unwrap();
    run_emulated(&gateway, &[lobby()], folder)
}

#[test]
fn unemulated_requests_never_agree() {
    let folder = tempfile::tempdir().unwrap();
    let grpc = format!(
        r#"(import "env" "proxy_grpc_call" (func $call (param {}) (result i32)))"#,
        "i32 ".repeat(12)
    );
    let outcomes =
        raw(folder.path(), &grpc, &format!("(call $call {})", "(i32.const 0)".repeat(12)));
    let outcome = &outcomes.unwrap()[0];
    assert_eq!(
        (outcome.status, &*outcome.decision, &*outcome.code),
        (0, "not-emulated", "a_gRPC_call_of_a_module")
    );
    let resume = r#"(import "env" "proxy_continue_stream" (func $call (param i32) (result i32)))"#;
    for (way, wanted) in [
        (0, "request 1: raw resumes a request that it does not hold: Envoy sends it twice"),
        (1, "request 1: raw resumes an answer that has not begun: Envoy's process ends there"),
    ] {
        let error = raw(folder.path(), resume, &format!("(call $call (i32.const {way}))"));
        assert_eq!(error.unwrap_err().to_string(), wanted);
    }
}
