//! Claims and what is handed on of them.

use super::*;

fn mapping(json: &str) -> Result<Mapping, ConfigError> {
    policy_kit::parse(json.as_bytes()).and_then(|raw| Mapping::compile(raw, "claims"))
}

fn read(mapping_json: &str, claims: &str) -> Option<Identity> {
    mapping(mapping_json).unwrap().identity(&Claims::parse(claims.as_bytes()).unwrap())
}

#[test]
fn what_claims_say() {
    let map = r#"{"headers": {"x-tags": "/tags", "x-vip": "/player/vip", "x-name": "/name"}}"#;
    let claims = r#"{"sub": "p-1", "brand": "otter", "sid": "s-1", "kyc_level": 2, "scope": "bet  play",
        "acr": "high", "amr": ["pwd", "otp"], "auth_time": 7, "iat": 9, "tags": ["a", 1, true],
        "player": {"vip": false}, "name": "Zoë"}"#;
    let text = |t: &str| t.to_owned();
    let want = Identity {
        player: text("p-1"),
        brand: text("otter"),
        session: Some(text("s-1")),
        kyc: Some(text("2")),
        headers: vec![
            (text("x-name"), text("Zoë")),
            (text("x-tags"), text("a,1,true")),
            (text("x-vip"), text("false")),
        ],
        scopes: vec![text("bet"), text("play")],
        acr: Some(text("high")),
        amr: vec![text("pwd"), text("otp")],
        auth_time: Some(7),
        issued: Some(9),
        states: None,
        jurisdiction: Jurisdiction::Unsaid,
    };
    assert_eq!(read(map, claims), Some(want));
}

#[test]
fn states_are_read_where_somebody_asks_for_them() {
    let claims =
        r#"{"sub": "p-1", "brand": "otter", "jurisdiction": "us-nj", "state": "cool_off"}"#;
    let claims = Claims::parse(claims.as_bytes()).unwrap();
    let mut map = mapping(r#"{"state": "/state"}"#).unwrap();
    let who = map.identity(&claims).unwrap();
    assert_eq!((who.states, who.jurisdiction), (None, Jurisdiction::Unsaid));
    map.read_states(&Words::default());
    let who = map.identity(&claims).unwrap();
    assert_eq!(who.states.unwrap().states.names().as_deref(), Some("cool_off"));
    assert_eq!(who.jurisdiction, Jurisdiction::read("US-NJ"));
    // Where it is not known which law applies, the token does not say what is needed.
    let odd = r#"{"sub": "p-1", "brand": "otter", "jurisdiction": ["US-NJ"]}"#;
    assert_eq!(map.identity(&Claims::parse(odd.as_bytes()).unwrap()), None);
}

#[test]
fn what_cannot_be_handed_on() {
    let base = |extra: &str| format!(r#"{{"sub": "p-1", "brand": "otter"{extra}}}"#);
    let map = r#"{"headers": {"x-a": "/a"}}"#;
    for (claims, good) in [
        (base(""), true),
        (base(r#", "sid": null, "a": null"#), true),
        (base(r#", "scope": ["bet"]"#), true),
        (r#"{"brand": "otter"}"#.to_owned(), false),
        (r#"{"sub": "p-1"}"#.to_owned(), false),
        (r#"{"sub": "", "brand": "otter"}"#.to_owned(), false),
        (r#"{"sub": "p 1", "brand": "otter"}"#.to_owned(), false),
        (r#"{"sub": "p-1\r\nx-player-id: p-2", "brand": "otter"}"#.to_owned(), false),
        (r#"{"sub": "p-1", "brand": ["otter"]}"#.to_owned(), false),
        (base(r#", "sid": {}"#), false),
        (base(r#", "kyc_level": "a\u0000"#) + "\"}", false),
        (base(r#", "a": "x\ny""#), false),
        (base(r#", "a": "x\u007f""#), false),
        (base(r#", "a": ["x,y"]"#), false),
        (base(r#", "a": [["x"]]"#), false),
        (base(r#", "a": {"x": 1}"#), false),
        (base(r#", "scope": 7"#), false),
        (base(r#", "scope": ["bet", 7]"#), false),
        (base(r#", "amr": [1]"#), false),
        (base(&format!(r#", "sid": "{}""#, "s".repeat(129))), false),
        (base(&format!(r#", "a": "{}""#, "s".repeat(1025))), false),
    ] {
        let parsed = Claims::parse(claims.as_bytes());
        let read = parsed.ok().and_then(|c| mapping(map).unwrap().identity(&c));
        assert_eq!(read.is_some(), good, "{claims}");
    }
}

#[test]
fn a_fixed_brand_counts_whatever_a_token_says() {
    let map = r#"{"brand": null, "fixed_brand": "kings"}"#;
    let identity = read(map, r#"{"sub": "p-1", "brand": "otter"}"#);
    assert_eq!(identity.map(|i| i.brand).as_deref(), Some("kings"));
}

#[test]
fn mappings_that_are_none() {
    for (json, field) in [
        (r#"{"player": "sub"}"#, "claims.player"),
        (r#"{"player": ""}"#, "claims.player"),
        (r#"{"session": "sid"}"#, "claims.session"),
        (r#"{"brand": null}"#, "claims.fixed_brand"),
        (r#"{"headers": {"X-A": "/a"}}"#, "claims.headers"),
        (r#"{"headers": {"x-player-id": "/a"}}"#, "claims.headers.x-player-id"),
        (r#"{"headers": {"cookie": "/a"}}"#, "claims.headers.cookie"),
        (r#"{"headers": {"x-original-url": "/a"}}"#, "claims.headers.x-original-url"),
        (r#"{"headers": {"x-forwarded-for": "/a"}}"#, "claims.headers.x-forwarded-for"),
        (r#"{"headers": {"x-a": "a"}}"#, "claims.headers.x-a"),
    ] {
        assert_eq!(mapping(json).map_err(|e| e.field).unwrap_err(), field, "{json}");
    }
}
