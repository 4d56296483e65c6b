//! Claims and the identity that is read from them.

use super::*;

fn mapping(json: &str) -> Result<ClaimsMapping, ConfigError> {
    policy_kit::parse(json.as_bytes()).and_then(|raw| ClaimsMapping::compile(raw, "claims"))
}

fn read(mapping_json: &str, claims: &str) -> Result<Identity, &'static str> {
    mapping(mapping_json).unwrap().identity(&Claims::parse(claims.as_bytes()).unwrap())
}

#[test]
fn reads_claims() {
    let map = r#"{"headers": {"x-tags": "/tags", "x-vip": "/player/vip", "x-name": "/name"}}"#;
    let claims = r#"{"sub": "p-1", "brand": "otter", "sid": "s-1", "kyc_level": 2, "scope": "bet  play",
        "acr": "high", "amr": ["pwd", "otp"], "auth_time": 7, "iat": 9, "tags": ["a", 1, true],
        "player": {"vip": false}, "name": "Zoë"}"#;
    let text = |t: &str| t.to_owned();
    let want = Identity {
        player: text("p-1"),
        brand: text("otter"),
        issuer: None,
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
        jurisdiction: Jurisdiction::Absent,
        unreadable: None,
    };
    assert_eq!(read(map, claims), Ok(want));
}

#[test]
fn states_are_read_only_if_enabled() {
    let claims =
        r#"{"sub": "p-1", "brand": "otter", "jurisdiction": "us-nj", "state": "cool_off"}"#;
    let claims = Claims::parse(claims.as_bytes()).unwrap();
    let mut map = mapping(r#"{"state": "/state"}"#).unwrap();
    let who = map.identity(&claims).unwrap();
    assert_eq!((who.states, who.jurisdiction), (None, Jurisdiction::Absent));
    map.read_states(&StateNames::default());
    let who = map.identity(&claims).unwrap();
    assert_eq!(who.states.unwrap().states.names().as_deref(), Some("cool_off"));
    assert_eq!(who.jurisdiction, Jurisdiction::read("US-NJ"));
    // The jurisdiction decides which rules apply, so it must be readable.
    let odd = r#"{"sub": "p-1", "brand": "otter", "jurisdiction": ["US-NJ"]}"#;
    let read = map.identity(&Claims::parse(odd.as_bytes()).unwrap());
    assert_eq!(read, Err("token_claims:claims.jurisdiction"));
}

#[test]
fn claims_that_cannot_be_forwarded() {
    let base = |extra: &str| format!(r#"{{"sub": "p-1", "brand": "otter"{extra}}}"#);
    let map = r#"{"headers": {"x-a": "/a"}}"#;
    for (claims, want) in [
        (base(""), Ok(None)),
        (base(r#", "sid": null, "a": null"#), Ok(None)),
        (base(r#", "scope": ["bet"]"#), Ok(None)),
        (base(r#", "kyc_level": null, "scope": null, "acr": null, "amr": null"#), Ok(None)),
        (base(r#", "auth_time": null, "iat": null"#), Ok(None)),
        (r#"{"sub": 7, "brand": "otter"}"#.to_owned(), Ok(None)),
        // These identify the player, or are forwarded.
        (r#"{"brand": "otter"}"#.to_owned(), Err("player")),
        (r#"{"sub": null, "brand": "otter"}"#.to_owned(), Err("player")),
        (r#"{"sub": true, "brand": "otter"}"#.to_owned(), Err("player")),
        (r#"{"sub": 7.5, "brand": "otter"}"#.to_owned(), Err("player")),
        (r#"{"sub": "p-1"}"#.to_owned(), Err("brand")),
        (r#"{"sub": "p-1", "brand": null}"#.to_owned(), Err("brand")),
        (r#"{"sub": "", "brand": "otter"}"#.to_owned(), Err("player")),
        (r#"{"sub": "p 1", "brand": "otter"}"#.to_owned(), Err("player")),
        (r#"{"sub": "p-1\r\nx-player-id: p-2", "brand": "otter"}"#.to_owned(), Err("player")),
        (r#"{"sub": "p-1", "brand": ["otter"]}"#.to_owned(), Err("brand")),
        (base(r#", "sid": {}"#), Err("session")),
        (base(r#", "a": "x\ny""#), Err("headers")),
        (base(r#", "a": "x\u007f""#), Err("headers")),
        (base(r#", "a": ["x,y"]"#), Err("headers")),
        (base(r#", "a": [["x"]]"#), Err("headers")),
        (base(r#", "a": {"x": 1}"#), Err("headers")),
        (base(&format!(r#", "sid": "{}""#, "s".repeat(129))), Err("session")),
        (base(&format!(r#", "a": "{}""#, "s".repeat(1025))), Err("headers")),
        // These can only grant something.
        (base(r#", "kyc_level": "a\u0000""#), Ok(Some("claims.kyc"))),
        (base(r#", "scope": 7"#), Ok(Some("claims.scope"))),
        (base(r#", "scope": ["bet", 7]"#), Ok(Some("claims.scope"))),
        (base(r#", "amr": [1]"#), Ok(Some("amr"))),
        (base(r#", "acr": ["high"]"#), Ok(Some("acr"))),
        (base(r#", "auth_time": "2026-09-21T12:01:01.180Z""#), Ok(Some("auth_time"))),
        (base(r#", "iat": {}"#), Ok(Some("iat"))),
    ] {
        let read = read(map, &claims).map(|who| who.unreadable);
        let claim = |prefix: &str, evidence: &'static str| evidence.strip_prefix(prefix).unwrap();
        let got = read.map(|evidence| evidence.map(|it| claim("claim_unreadable:", it)));
        let got = got.map_err(|evidence| claim("token_claims:claims.", evidence));
        assert_eq!(got, want, "{claims}");
        let Ok(who) = super::tests::read(map, &claims) else { continue };
        assert_eq!((who.kyc, who.scopes.len() % 2, who.acr), (None, who.scopes.len(), None));
        assert_eq!((who.amr, who.auth_time, who.issued), (Vec::<String>::new(), None, None));
    }
}

/// Rounded down, so that nothing seems more recent than it is.
#[test]
fn rounds_dates_down() {
    let claims = r#"{"sub": "p", "brand": "b", "auth_time": 1789999940.9, "iat": 1.78999994E9}"#;
    let who = read("{}", claims).unwrap();
    assert_eq!((who.auth_time, who.issued), (Some(1_789_999_940), Some(1_789_999_940)));
}

#[test]
fn a_fixed_brand_replaces_the_claim() {
    let map = r#"{"brand": null, "fixed_brand": "kings"}"#;
    let identity = read(map, r#"{"sub": "p-1", "brand": "otter"}"#);
    assert_eq!(identity.map(|i| i.brand).as_deref(), Ok("kings"));
}

#[test]
fn rejects_invalid_mappings() {
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
