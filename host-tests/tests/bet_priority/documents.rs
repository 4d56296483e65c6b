//! Invalid configurations: the module refuses them with one line that names the field.

use abi_host::{HostError, LogLevel, Profile, StartFailure};
use serde_json::{json, Value};

use crate::fixture::{document, with_document, PROFILES};

fn refused(profile: Profile) -> Vec<(&'static str, String, &'static str)> {
    let with = |changes: Value| document(profile, &changes).to_string();
    let limit = |changes: Value| {
        let mut rule = json!({"name": "a", "key": ["client"], "requests": 1, "per": "second"});
        rule.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        with(json!({"limits": [rule]}))
    };
    let group = |changes: Value| {
        let mut group = json!({"name": "casino", "limit": {"fixed": 1}});
        group.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        with(json!({"concurrency": [group]}))
    };
    let login = |endpoint: &str, status: u16| {
        let reply = json!({"status": status, "body": "S3CRET"});
        with(
            json!({"abuse": {"login": {"endpoints": [{"endpoint": endpoint, "account": "/user"}], "reply": reply}}}),
        )
    };
    vec![
        ("unknown field", with(json!({"limit": ["S3CRET"]})), "limit"),
        ("no such mode", with(json!({"mode": "S3CRET"})), "mode"),
        ("a rate of zero", limit(json!({"requests": 0})), "limits[0].requests"),
        ("a time of zero", limit(json!({"per": 0})), "limits[0].per"),
        (
            "can never match",
            limit(json!({"match": {"classes": ["launch"]}})),
            "limits[0].match.classes[0]",
        ),
        (
            "no such endpoint",
            limit(json!({"match": {"endpoints": ["/S3CRET"]}})),
            "limits[0].match.endpoints[0]",
        ),
        (
            "nobody provides the key",
            limit(json!({"key": [{"variable": "S3CRET"}]})),
            "limits[0].key[0]",
        ),
        ("no fleet", limit(json!({"scope": "fleet"})), "limits[0].scope"),
        ("no workers", limit(json!({"scope": "worker"})), "limits[0].scope"),
        (
            "a reserve over 100 %",
            group(json!({"reserve": {"wager": 101}})),
            "concurrency[0].reserve.wager",
        ),
        (
            "reserves over 100 %",
            group(json!({"reserve": {"wager": 60, "cashout": 31}})),
            "concurrency[0].reserve",
        ),
        (
            "a reserve of what is never shed",
            group(json!({"reserve": {"safer-gambling": 5}})),
            "concurrency[0].reserve.safer-gambling",
        ),
        ("no permit", group(json!({"limit": {"fixed": 0}})), "concurrency[0].limit.fixed"),
        ("no surge", group(json!({"surge": {}})), "concurrency[0].surge"),
        ("a surge that is never on", with(json!({"surge": {}})), "surge"),
        ("no markets", with(json!({"market": {"id": {"pointer": "/m"}}})), "market"),
        ("no login", login("/S3CRET", 401), "abuse.login.endpoints[0].endpoint"),
        ("a status that tells a lock", login("/login", 429), "abuse.login.reply.status"),
        ("workers", with(json!({"workers": 0})), "workers"),
        ("a member twice", with(json!({})).replacen('{', r#"{"version": "v1", "#, 1), "version"),
        ("no document", String::new(), "$"),
        ("1 MB of garbage", "S3CRET ".repeat(150_000), "$"),
    ]
}

#[test]
fn errors_name_the_field_and_show_no_value() {
    for profile in PROFILES {
        for (name, document, field) in refused(profile) {
            let Err(HostError::Start(error)) = with_document(profile, &document).start() else {
                panic!("{name}: it started")
            };
            assert_eq!(error.reason, StartFailure::Configure, "{name}");
            let lines: Vec<_> = error.logs.iter().map(|l| (l.level, l.message.as_str())).collect();
            let [(LogLevel::Error, line)] = lines[..] else { panic!("{name}: {lines:?}") };
            let expected = format!("bet-priority: configuration refused: {field}: ");
            assert!(line.starts_with(&expected), "{name}: {line}");
            assert!(!line.contains("S3CRET"), "{name}: {line}");
            assert!(line.len() < 400, "{name}: {} bytes", line.len());
        }
    }
}

/// What only Envoy can do is refused on WasmX by name.
#[test]
fn wasmx_has_no_queue_and_believes_nobody() {
    for (changes, field) in [
        (json!({"concurrency": [{"name": "a", "queue": {}}]}), "concurrency[0].queue"),
        (
            json!({"limits": [{"name": "a", "key": ["player"], "requests": 1, "per": "second"}]}),
            "limits[0].key[0]",
        ),
        (json!({"descriptors": [{"header": "x-a", "key": ["session"]}]}), "descriptors[0].key[0]"),
    ] {
        let document = document(Profile::Wasmx, &changes).to_string();
        let Err(HostError::Start(error)) = with_document(Profile::Wasmx, &document).start() else {
            panic!("{field}: it started")
        };
        assert!(error.logs[0].message.contains(&format!("refused: {field}: ")), "{:?}", error.logs);
        let envoy = changes.clone();
        let document = crate::fixture::document(Profile::Envoy, &envoy).to_string();
        with_document(Profile::Envoy, &document).start().unwrap();
    }
}
