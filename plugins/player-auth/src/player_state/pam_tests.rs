//! Calls to the PAM, its responses, and invalid configurations.

use super::*;
use policy_kit::fake::FakeHost;
use policy_kit::{Fault, Headers};

fn pam(extra: &str) -> Result<Pam, ConfigError> {
    let json = format!(r#"{{"cluster": "pam"{extra}}}"#);
    Pam::compile(policy_kit::parse(json.as_bytes())?, true, &mut FakeHost::default())
}

fn reply(status: u16, body: &str, cut: bool) -> CallReply {
    CallReply::Response { status, headers: Headers::default(), body: body.as_bytes().to_vec(), cut }
}

#[test]
fn calls_ask_about_one_player() {
    let pam = pam(r#", "path": "/v1/{sub}/status?full=1", "authorization": "Basic eA==""#).unwrap();
    let header = |shared: &SharedCall, name: &str| {
        shared.call.headers.iter().find(|(n, _)| n == name).unwrap().1.clone()
    };
    for (player, path) in [
        ("p-1", "/v1/p-1/status?full=1"),
        ("a/../b", "/v1/a%2F..%2Fb/status?full=1"),
        ("a?b#c%2f", "/v1/a%3Fb%23c%252f/status?full=1"),
        ("{sub}", "/v1/%7Bsub%7D/status?full=1"),
        ("é", "/v1/%C3%A9/status?full=1"),
    ] {
        let key = pam.path.of(player, "otter", None).unwrap();
        let shared = pam.call(&key);
        assert_eq!(header(&shared, ":path"), path, "{player}");
        assert_eq!(path_in_key(&shared.key), Some(path));
        assert_eq!(header(&shared, "authorization"), "Basic eA==");
        assert_eq!(header(&shared, ":method"), "GET");
        assert!(shared.call.headers[..3].iter().all(|(name, _)| name.starts_with(':')));
    }
    for invalid in ["", ".", ".."] {
        assert_eq!(pam.path.of(invalid, "otter", None), None, "{invalid}");
    }
    assert_eq!(path_in_key("keys 0"), None);
}

#[test]
fn the_path_names_the_players_brand_and_issuer() {
    let issuer = Some("https://id.example/a");
    for (path, of_a, of_b) in [
        ("/{sub}", Some("/42"), Some("/42")),
        ("/{brand}/{sub}", Some("/otter/42"), Some("/kings/42")),
        ("/{sub}?b={brand}&i={issuer}", Some("/42?b=otter&i=https%3A%2F%2Fid.example%2Fa"), None),
    ] {
        let pam = pam(&format!(r#", "path": "{path}""#)).unwrap();
        assert_eq!(pam.path.of("42", "otter", issuer).as_deref(), of_a, "{path}");
        assert_eq!(pam.path.of("42", "kings", None).as_deref(), of_b, "{path}");
    }
    let pam = pam(r#", "path": "/{brand}/{sub}""#).unwrap();
    assert_eq!(pam.path.of("42", "..", None), None);
}

#[test]
fn ids_that_are_not_unique_need_an_owner_in_the_path() {
    let compiled = |path: &str, unique: bool| {
        let raw = format!(r#"{{"cluster": "pam", "path": "{path}"}}"#);
        let raw = policy_kit::parse(raw.as_bytes()).unwrap();
        let compiled = Pam::compile(raw, unique, &mut FakeHost::default());
        compiled.map(|_| "good".to_owned()).unwrap_or_else(|error| error.field)
    };
    for (path, unique, want) in [
        ("/{sub}", true, "good"),
        ("/{sub}", false, "player_state.pam.path"),
        ("/{brand}/{sub}", false, "good"),
        ("/{issuer}/{sub}", false, "good"),
        ("/{brand}/{sub}", true, "good"),
    ] {
        assert_eq!(compiled(path, unique), want, "{path} {unique}");
    }
}

#[test]
fn reads_responses() {
    let (pam, names) = (pam("").unwrap(), StateNames::default());
    // The document; the states, whether they are certain, the jurisdiction.
    for (json, states, certain, place) in [
        (r#"{"state": "active"}"#, Some("active"), true, ""),
        (r#"{"state": ["cool_off", "suspended"]}"#, Some("cool_off,suspended"), true, ""),
        (r#"{"state": "frozen", "jurisdiction": "us-nj"}"#, None, false, "US-NJ"),
        (r#"{"state": "active", "jurisdiction": "US-NJ"}"#, Some("active"), true, "US-NJ"),
        (r#"{"state": "active", "jurisdiction": null}"#, Some("active"), true, ""),
        (r#"{"state": "active", "jurisdiction": "US-PR"}"#, Some("active"), true, "PR"),
        (r#"{"state": "active", "jurisdiction": "UK"}"#, Some("active"), false, "unreadable"),
        (r#"{"state": "active", "jurisdiction": "XX"}"#, Some("active"), false, "unreadable"),
        (r#"{"state": "active", "jurisdiction": "GBR"}"#, Some("active"), false, "unreadable"),
        (r#"{"state": "active", "jurisdiction": 7}"#, Some("active"), false, "unreadable"),
        (r#"{"state": "active", "jurisdiction": ["US-NJ"]}"#, Some("active"), false, "unreadable"),
        (r#"{"state": "active", "jurisdiction": ""}"#, Some("active"), false, "unreadable"),
        (
            r#"{"state": "active", "jurisdiction": "New Jersey"}"#,
            Some("active"),
            false,
            "unreadable",
        ),
    ] {
        let player = pam.read(&reply(200, json, false), &names).unwrap();
        let jurisdiction = match &player.jurisdiction {
            Jurisdiction::Absent => "",
            Jurisdiction::Unreadable => "unreadable",
            Jurisdiction::At(place) => place.as_str(),
        };
        let got = (player.states.states.names(), player.states.certain, jurisdiction);
        let want = (states.map(str::to_owned), certain, place);
        assert_eq!(got, want, "{json}");
    }
}

#[test]
fn rejects_unusable_responses() {
    let (pam, names) = (pam("").unwrap(), StateNames::default());
    let good = r#"{"state": "active"}"#;
    for unusable in [
        reply(404, good, false),
        reply(500, good, false),
        reply(204, good, false),
        reply(200, good, true),
        reply(200, "", false),
        reply(200, "active", false),
        reply(200, "{}", false),
        reply(200, r#"{"state": null}"#, false),
        reply(200, r#"{"state": "active", "state": "suspended"}"#, false),
        CallReply::NoResponse,
        CallReply::Failed(Fault { call: "proxy_http_call", status: Some(2) }),
    ] {
        let reason = pam.read(&unusable, &names).unwrap_err();
        assert!(!reason.is_empty() && !reason.contains("active"), "{unusable:?}: {reason}");
    }
}

#[test]
fn rejects_invalid_configurations() {
    for (extra, field) in [
        (r#", "path": "/players/status""#, "path"),
        (r#", "path": "/{sub}/{sub}""#, "path"),
        (r#", "path": "{sub}""#, "path"),
        (r#", "path": "/{brand}""#, "path"),
        (r#", "path": "/{brand}/{brand}/{sub}""#, "path"),
        (r#", "path": "/{realm}/{sub}""#, "path"),
        (r#", "path": "/{sub}/}""#, "path"),
        (r#", "path": "/{sub}/{""#, "path"),
        (r#", "timeout_ms": 0"#, "timeout_ms"),
        (r#", "timeout_ms": 5001"#, "timeout_ms"),
        (r#", "cache_s": 0"#, "cache_s"),
        (r#", "cache_s": 61"#, "cache_s"),
        (r#", "max_players": 0"#, "max_players"),
        (r#", "max_players": 100001"#, "max_players"),
        (r#", "state": "state""#, "state"),
        (r#", "state": """#, "state"),
        (r#", "jurisdiction": "where""#, "jurisdiction"),
        (r#", "authority": "a b""#, "authority"),
        (r#", "authorization": "a\nb""#, "authorization"),
        (r#", "authorization": {"env": "NONE"}"#, "authorization.env"),
    ] {
        let error = pam(extra).map(|_| ()).unwrap_err();
        assert_eq!(error.field, format!("player_state.pam.{field}"), "{extra}");
    }
    assert!(pam(r#", "jurisdiction": null"#).is_ok());
}
