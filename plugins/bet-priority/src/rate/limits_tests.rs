//! Which rules compile, and which requests they are for.

use super::*;
use policy_kit::{read_settings, Endpoint, Endpoints};

const ENDPOINTS: &str = r#"[
    {"path": "/bets", "methods": ["POST"], "class": "wager"},
    {"template": "/bets/{id}/cashout", "methods": ["POST"], "class": "cashout"},
    {"prefix": "/odds", "methods": ["GET"], "class": "odds"},
    {"path": "/login", "class": "session"},
    {"path": "/limits", "class": "safer-gambling"},
    {"path": "/wallet", "methods": ["POST"],
     "select": {"pointer": "/type", "classes": {"bet": "wager", "win": "settlement"}}},
    {"path": "/balance", "methods": ["GET"], "class": "account", "caller": "partner"}
]"#;

policy_kit::settings! {
    struct Document {
        limits: Vec<LimitConfig>,
    }
}

fn compile_for(
    limits: &str,
    workers: Option<u32>,
    identities: bool,
) -> Result<Limits, ConfigError> {
    let endpoints: Vec<Endpoint> = read_settings(ENDPOINTS.as_bytes()).unwrap();
    let document: Document = read_settings(format!(r#"{{"limits": {limits}}}"#).as_bytes())?;
    let context = CompileContext { endpoints: &endpoints, workers, fleet: None, identities };
    Limits::compile(document.limits, &context)
}

fn compile(limits: &str) -> Result<Limits, ConfigError> {
    compile_for(limits, Some(4), true)
}

/// A rule with some members put in place of the usual ones.
fn rule(members: &str) -> String {
    let usual = [
        (r#""name""#, r#""a""#),
        (r#""key""#, r#"["client"]"#),
        (r#""requests""#, "10"),
        (r#""per""#, r#""second""#),
    ];
    let rest = usual.iter().filter(|(name, _)| !members.contains(&format!("{name}:")));
    let rest: Vec<String> = rest.map(|(name, value)| format!("{name}: {value}")).collect();
    let all: Vec<&str> = [members]
        .into_iter()
        .filter(|m| !m.is_empty())
        .chain(rest.iter().map(String::as_str))
        .collect();
    format!("[{{{}}}]", all.join(", "))
}

#[test]
fn rejects_invalid_rules() {
    for (members, field) in [
        ("", ""),
        (r#""requests": 0"#, "limits[0].requests"),
        (r#""requests": 1000001"#, "limits[0].requests"),
        (r#""requests": -1"#, "limits[0].requests"),
        (r#""per": 0"#, "limits[0].per"),
        (r#""per": "week""#, "limits[0].per"),
        (r#""per": 2592001"#, "limits[0].per"),
        (r#""per": 1.5"#, "limits[0].per"),
        (r#""per": 2592000"#, ""),
        (r#""burst": 0"#, "limits[0].burst"),
        (r#""burst": 1000001"#, "limits[0].burst"),
        (r#""requests": 1, "per": "day", "burst": 366"#, ""),
        (r#""requests": 1, "per": "day", "burst": 367"#, "limits[0].burst"),
        (r#""cost": 0"#, "limits[0].cost"),
        (r#""cost": 11"#, "limits[0].cost"),
        (r#""cost": 10"#, ""),
        (r#""burst": 3, "cost": 4"#, "limits[0].cost"),
        (r#""jitter": 101"#, "limits[0].jitter"),
        (r#""slots": 15"#, "limits[0].slots"),
        (r#""slots": 1048577"#, "limits[0].slots"),
        (r#""name": """#, "limits[0].name"),
        (r#""name": "A""#, "limits[0].name"),
        (r#""name": "a\"b""#, "limits[0].name"),
        (r#""mode": "off""#, "limits[0].mode"),
        (r#""scope": "process""#, "limits[0].scope"),
        (r#""fields": "no""#, "limits[0].fields"),
        (r#""absent": "pass""#, "limits[0].absent"),
        (r#""on_error": "pass""#, "limits[0].on_error"),
        (r#""scope": "worker", "on_error": "local""#, "limits[0].on_error"),
        (r#""window": 1"#, "limits[0].window"),
        (r#""match": {"classes": []}"#, "limits[0].match.classes"),
        (r#""match": {"classes": ["wager"]}"#, ""),
        (r#""match": {"classes": ["bet"]}"#, "limits[0].match.classes[0]"),
        (r#""match": {"classes": ["wager", "deposit"]}"#, "limits[0].match.classes[1]"),
        (r#""match": {"classes": ["settlement"]}"#, ""),
        (r#""match": {"classes": ["odds"], "methods": ["POST"]}"#, "limits[0].match.methods[0]"),
        (r#""match": {"classes": ["odds"], "methods": ["HEAD"]}"#, ""),
        (r#""match": {"methods": []}"#, "limits[0].match.methods"),
        (r#""match": {"methods": ["get"]}"#, "limits[0].match.methods"),
        (r#""match": {"endpoints": []}"#, "limits[0].match.endpoints"),
        (r#""match": {"endpoints": ["/bets", "/bet"]}"#, "limits[0].match.endpoints[1]"),
        (r#""match": {"endpoints": ["/limits"]}"#, "limits[0].match.endpoints[0]"),
        (
            r#""match": {"classes": ["wager"], "endpoints": ["/odds"]}"#,
            "limits[0].match.endpoints[0]",
        ),
        (
            r#""match": {"classes": ["wager", "odds"], "endpoints": ["/odds"]}"#,
            "limits[0].match.classes[0]",
        ),
        (r#""match": {"class": "wager"}"#, "limits[0].match.class"),
        (r#""key": []"#, ""),
        (r#""key": ["ip"]"#, "limits[0].key[0]"),
        (r#""key": [{}]"#, "limits[0].key[0]"),
        (r#""key": [{"header": "a", "pointer": "/a"}]"#, "limits[0].key[0]"),
        (r#""key": [{"header": 1}]"#, "limits[0].key[0]"),
        (r#""key": [{"cookie": "a"}]"#, "limits[0].key[0]"),
        (r#""key": [{"header": "X-Device"}]"#, "limits[0].key[0].header"),
        (r#""key": ["client", {"header": "x-device"}]"#, ""),
        (r#""key": ["client", "client"]"#, "limits[0].key[1]"),
        (r#""key": ["client", "player", "brand", "session", "partner"]"#, "limits[0].key"),
        (r#""key": [{"pointer": "market"}]"#, "limits[0].key[0].pointer"),
        (r#""key": [{"pointer": "/market"}]"#, ""),
        (r#""match": {"classes": ["odds"]}, "key": [{"pointer": "/a"}]"#, "limits[0].key[0]"),
        (r#""match": {"methods": ["GET"]}, "key": [{"pointer": "/a"}]"#, "limits[0].key[0]"),
        (r#""key": [{"variable": "id"}]"#, ""),
        (r#""key": [{"variable": "bet"}]"#, "limits[0].key[0]"),
        (r#""match": {"classes": ["wager"]}, "key": [{"variable": "id"}]"#, "limits[0].key[0]"),
        (r#""match": {"classes": ["session"]}, "key": ["player"]"#, "limits[0].key[0]"),
        (r#""match": {"classes": ["account"]}, "key": ["session"]"#, "limits[0].key[0]"),
        (r#""match": {"classes": ["odds"]}, "key": ["partner"]"#, "limits[0].key[0]"),
        (r#""match": {"classes": ["account"]}, "key": ["partner"]"#, ""),
    ] {
        let found = compile(&rule(members)).map(|_| ()).map_err(|error| error.field);
        let want = if field.is_empty() { Ok(()) } else { Err(field.to_owned()) };
        assert_eq!(found, want, "{members}");
    }
}

#[test]
fn rejects_what_the_document_does_not_provide() {
    for (members, workers, identities, field) in [
        (r#""scope": "worker""#, None, true, "limits[0].scope"),
        (r#""scope": "worker""#, Some(2), true, ""),
        (r#""scope": "fleet""#, Some(2), true, "limits[0].scope"),
        (r#""on_error": "local""#, None, true, "limits[0].on_error"),
        (r#""on_error": "refuse""#, None, true, ""),
        ("", None, true, ""),
        (r#""key": ["player"]"#, None, false, "limits[0].key[0]"),
        (r#""key": ["client", "brand"]"#, None, false, "limits[0].key[1]"),
        (r#""key": ["session"]"#, None, false, "limits[0].key[0]"),
        (r#""key": ["partner"]"#, None, false, "limits[0].key[0]"),
        (r#""key": ["client"]"#, None, false, ""),
    ] {
        let found = compile_for(&rule(members), workers, identities).map(|_| ());
        let want = if field.is_empty() { Ok(()) } else { Err(field.to_owned()) };
        assert_eq!(found.map_err(|error| error.field), want, "{members}");
    }
    let one = rule("");
    let one = one.trim_matches(['[', ']']);
    let twice = compile(&format!("[{one}, {one}]")).map(|_| ()).unwrap_err();
    assert_eq!(twice.field, "limits[1].name");
    let many: Vec<String> = (0..65).map(|n| one.replace(r#""a""#, &format!(r#""a{n}""#))).collect();
    assert_eq!(compile(&format!("[{}]", many.join(","))).map(|_| ()).unwrap_err().field, "limits");
    assert!(compile(&format!("[{}]", many[1..].join(","))).is_ok());
}

#[test]
fn a_fleet_needs_workers_and_a_rule() {
    let fleet = br#"{"cluster": "redis", "gateways": 2}"#;
    let mut host = policy_kit::fake::FakeHost::default();
    let fleet = Fleet::compile(&read_settings(fleet).unwrap(), &mut host).unwrap();
    let endpoints: Vec<Endpoint> = read_settings(ENDPOINTS.as_bytes()).unwrap();
    for (members, workers, want) in [
        (r#""scope": "fleet""#, Some(2), None),
        (r#""scope": "fleet""#, None, Some("limits[0].scope")),
        (r#""scope": "node""#, Some(2), Some("fleet")),
    ] {
        let document = format!(r#"{{"limits": {}}}"#, rule(members));
        let document: Document = read_settings(document.as_bytes()).unwrap();
        let (fleet, endpoints) = (Some(&fleet), &endpoints[..]);
        let context = CompileContext { endpoints, workers, fleet, identities: true };
        let found = Limits::compile(document.limits, &context);
        assert_eq!(found.err().map(|error| error.field).as_deref(), want, "{members}");
    }
}

/// An error shows no value of the document.
#[test]
fn errors_do_not_repeat_values() {
    for members in [
        r#""key": [{"header": "Secret-1"}]"#,
        r#""key": ["Secret-1"]"#,
        r#""per": "Secret-1""#,
        r#""name": "Secret-1""#,
        r#""match": {"endpoints": ["Secret-1"]}"#,
    ] {
        let error = compile(&rule(members)).map(|_| ()).unwrap_err();
        assert!(!format!("{error:?}").contains("Secret-1"), "{error:?}");
    }
}

#[test]
fn rules_are_found_by_class_method_and_endpoint() {
    let limits = compile(
        r#"[
        {"name": "all", "key": [], "requests": 9, "per": "second"},
        {"name": "bets", "match": {"classes": ["wager", "cashout"]}, "key": ["player"],
         "requests": 9, "per": "second"},
        {"name": "reads", "match": {"methods": ["GET"]}, "key": ["client"], "requests": 9, "per": 1},
        {"name": "login", "match": {"endpoints": ["/login"], "methods": ["POST"]}, "key": ["client"],
         "requests": 9, "per": 1},
        {"name": "wins", "match": {"classes": ["settlement"]}, "key": ["partner"], "requests": 9,
         "per": 1},
        {"name": "limits", "match": {"classes": ["safer-gambling"]}, "key": ["client"], "requests": 9,
         "per": 1},
        {"name": "market", "match": {"classes": ["wager"]}, "key": [{"pointer": "/market"}],
         "requests": 9, "per": 1}
    ]"#,
    )
    .unwrap();
    let endpoints = Endpoints::compile(read_settings(ENDPOINTS.as_bytes()).unwrap()).unwrap();
    for (method, target, want, body) in [
        ("POST", "/bets", "all bets market", true),
        ("POST", "/bets/7/cashout", "all bets", false),
        ("GET", "/odds/x", "all reads", false),
        ("POST", "/login", "all login", false),
        ("GET", "/login", "all reads", false),
        ("HEAD", "/login", "all reads", false),
        ("POST", "/limits", "limits", false),
        // What the body tells is not known yet.
        ("POST", "/wallet", "all bets wins market", true),
        ("GET", "/balance", "all reads", false),
        ("POST", "/nowhere", "all", false),
    ] {
        let found = endpoints.found(endpoints.classify(method.as_bytes(), target.as_bytes()));
        let rules = limits.possible(&found, method.as_bytes());
        let names: Vec<&str> = rules.iter().map(|rule| limits.name(rule)).collect();
        assert_eq!(names.join(" "), want, "{method} {target}");
        assert_eq!(limits.needs_body(&found, method.as_bytes()), body, "{method} {target}");
    }
}

#[test]
fn a_worker_gets_its_share() {
    for (members, workers, emission, burst) in [
        (r#""requests": 10"#, 4, 400_000_000, 2),
        (r#""requests": 10"#, 1, 100_000_000, 10),
        (r#""requests": 10"#, 16, 1_600_000_000, 1),
        (r#""requests": 10, "cost": 5"#, 16, 1_600_000_000, 5),
        (r#""requests": 7, "burst": 8"#, 2, 285_714_286, 4),
    ] {
        let members = format!(r#""scope": "worker", {members}"#);
        let limits = compile_for(&rule(&members), Some(workers), true).unwrap();
        let limit = limits.rule(0).unwrap().limit;
        assert_eq!(limit, policy_kit::Gcra::new(emission, burst), "{members} {workers}");
    }
}
