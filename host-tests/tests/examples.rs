//! The examples: what CORS lets pages read, and the one that no replay reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

use host_tests::artifact;
use host_tests::envoy::{find_for_test, workspace_root};
use host_tests::gateway::Gateway;
use serde_json::Value;

/// Headers that the policies put on answers, and that scripts do not see unless they are exposed
/// (Fetch standard, CORS-safelisted response-header name).
const EXPOSED: [&str; 4] = ["retry-after", "www-authenticate", "link", "idempotent-replayed"];

/// What bet-priority puts on answers besides.
const OF_LIMITS: [&str; 2] = ["ratelimit", "ratelimit-policy"];

const CORS: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config\
                    /virtual_hosts/0/typed_per_filter_config/envoy.filters.http.cors";

fn list(policy: &Value, field: &str) -> Vec<String> {
    let list = policy[field].as_str().unwrap_or_default().to_ascii_lowercase();
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Request headers that the policies of a gateway read from a browser.
fn read_from_browsers(gateway: &Gateway) -> Vec<String> {
    let mut names = vec!["authorization".to_owned(), "content-type".to_owned()];
    for wasm in gateway.wasm() {
        let policy: Value = serde_json::from_slice(&wasm.configuration).unwrap();
        match wasm.name.as_str() {
            "idempotency" => names.push("idempotency-key".to_owned()),
            "geo-jurisdiction" if policy.get("location").is_some() => {
                let header = policy["location"]["header"].as_str();
                names.push(header.unwrap_or("x-geolocation").to_owned());
            }
            "bet-priority" => {
                names.push("idempotency-key".to_owned());
                let limits = policy["limits"].as_array().into_iter().flatten();
                let parts = limits.flat_map(|limit| limit["key"].as_array().into_iter().flatten());
                let headers = parts.filter_map(|part| part["header"].as_str());
                names.extend(headers.map(str::to_owned));
            }
            _ => {}
        }
    }
    names
}

#[test]
fn cors_lists_the_headers_of_policies() {
    let mut seen = 0;
    for entry in std::fs::read_dir(workspace_root().join("envoy-examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        // One that terminates TLS has partners for clients, and no browser.
        let Ok(gateway) = Gateway::read(&path) else { continue };
        let Some(policy) = gateway.document.pointer(CORS) else { continue };
        let (allowed, exposed) = (list(policy, "allow_headers"), list(policy, "expose_headers"));
        for name in read_from_browsers(&gateway) {
            assert!(allowed.contains(&name), "{}: allow_headers lacks {name}", path.display());
        }
        let limited = gateway.wasm().any(|wasm| wasm.name == "bet-priority");
        for name in EXPOSED.into_iter().chain(OF_LIMITS.into_iter().filter(|_| limited)) {
            let there = exposed.iter().any(|it| it == name);
            assert!(there, "{}: expose_headers lacks {name}", path.display());
        }
        seen += 1;
    }
    assert!(seen >= 5, "{seen} examples have CORS: this test looks in the wrong place");
}

/// With a filter of Envoy's that a replay does not know.
#[test]
fn envoy_accepts_the_rate_limit_service() {
    let Some(envoy) = find_for_test().unwrap() else { return };
    artifact::build("bet-priority").unwrap();
    let example = workspace_root().join("envoy-examples/rate-limit-service.yaml");
    let modules = format!("{}/", artifact::wasm_dir().display());
    let text = std::fs::read_to_string(example).unwrap().replace("/etc/pitboss/", &modules);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("envoy.yaml");
    std::fs::write(&file, text).unwrap();
    let run = Command::new(envoy).args(["--mode", "validate", "-c"]).arg(&file).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}
