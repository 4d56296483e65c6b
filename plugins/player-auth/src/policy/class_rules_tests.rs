//! Rules of classes: defaults, changes, checks and challenges.

use super::*;
use policy_kit::Endpoints;

fn rules(json: &str) -> Result<ClassRules, ConfigError> {
    let changes = policy_kit::parse(json.as_bytes())?;
    ClassRules::compile(changes, &SortedMap::default())
}

#[test]
fn defaults_are_the_catalogue() {
    use {EndpointClass as C, TokenRule as T};
    let rules = rules("{}").unwrap();
    for (class, token, age, upgrade) in [
        (C::Content, T::Optional, None, true),
        (C::Odds, T::Optional, None, true),
        (C::History, T::Required, None, true),
        (C::Account, T::Required, None, true),
        (C::Launch, T::Required, None, true),
        (C::Deposit, T::Required, None, false),
        (C::Withdrawal, T::Required, Some(900), false),
        (C::Session, T::None, None, true),
        (C::Wager, T::Required, None, false),
        (C::Round, T::Required, None, false),
        (C::Cashout, T::Required, None, false),
        (C::SaferGambling, T::Required, None, true),
        (C::Settlement, T::None, None, false),
        (C::Unclassified, T::Required, None, false),
    ] {
        let rule = rules.0.get(&class).unwrap();
        assert_eq!((rule.token, rule.max_auth_age, rule.upgrade), (token, age, upgrade), "{class}");
    }
}

#[test]
fn partners_need_no_players_token() {
    let endpoints = r#"[{"path": "/wallet", "class": "account", "caller": "partner"},
        {"path": "/me", "class": "account"}]"#;
    let endpoints = policy_kit::parse(endpoints.as_bytes()).and_then(Endpoints::compile).unwrap();
    let rules = rules("{}").unwrap();
    for (path, want) in [("/wallet", TokenRule::None), ("/me", TokenRule::Required)] {
        let call = endpoints.found(endpoints.classify(b"GET", path.as_bytes()));
        assert_eq!(rules.of(&call).map(|rule| rule.token), Some(want), "{path}");
    }
}

#[test]
fn checks_scopes_and_authentication() {
    let text = |t: &str| t.to_owned();
    let who = Identity {
        scopes: vec![text("bet")],
        acr: Some(text("gold")),
        amr: vec![text("pwd"), text("otp")],
        auth_time: Some(1_000),
        ..Identity::default()
    };
    let bare = Identity::default();
    let late = Identity { auth_time: Some(2_000), ..who.clone() };
    for (rule, who, now, want) in [
        ("{}", &who, 5_000, Ok(())),
        (r#"{"scopes": ["bet"]}"#, &who, 0, Ok(())),
        (r#"{"scopes": ["bet", "pay"]}"#, &who, 0, Err(SCOPE)),
        (r#"{"scopes": ["be"]}"#, &who, 0, Err(SCOPE)),
        (r#"{"acr": ["silver", "gold"]}"#, &who, 0, Ok(())),
        (r#"{"acr": ["silver"]}"#, &who, 0, Err(STEP_UP)),
        (r#"{"acr": ["silver"]}"#, &bare, 0, Err(STEP_UP)),
        (r#"{"amr": ["otp"]}"#, &who, 0, Ok(())),
        (r#"{"amr": ["otp", "hwk"]}"#, &who, 0, Err(STEP_UP)),
        (r#"{"max_auth_age_s": 300}"#, &who, 1_300, Ok(())),
        (r#"{"max_auth_age_s": 300}"#, &who, 1_360, Ok(())),
        (r#"{"max_auth_age_s": 300}"#, &who, 1_361, Err(STEP_UP)),
        (r#"{"max_auth_age_s": 300}"#, &bare, 0, Err(STEP_UP)),
        (r#"{"max_auth_age_s": 300}"#, &late, 1_940, Ok(())),
        (r#"{"max_auth_age_s": 300}"#, &late, 1_939, Err(STEP_UP)),
        (r#"{"max_auth_age_s": 0}"#, &bare, 0, Ok(())),
        (r#"{"scopes": ["x"], "acr": ["y"]}"#, &who, 0, Err(SCOPE)),
    ] {
        let rules = rules(&format!(r#"{{"account": {rule}}}"#)).unwrap();
        let rule_of = rules.0.get(&EndpointClass::Account).unwrap();
        assert_eq!(rule_of.check(who, now, 60), want, "{rule} at {now}");
    }
}

#[test]
fn challenges_name_what_is_missing() {
    let rules =
        rules(r#"{"wager": {"scopes": ["bet", "pay"], "acr": ["gold"], "max_auth_age_s": 60}}"#)
            .unwrap();
    let rule = rules.0.get(&EndpointClass::Wager).unwrap();
    assert_eq!(rule.challenge(SCOPE), r#", scope="bet pay""#);
    assert_eq!(rule.challenge(STEP_UP), r#", acr_values="gold", max_age=60"#);
    assert_eq!(rule.challenge(crate::denials::MISSING), "");
}

#[test]
fn rejects_rules_without_effect() {
    for (json, field) in [
        (r#"{"settlement": {"token": "required"}}"#, "classes.settlement.token"),
        (r#"{"session": {"scopes": ["a"]}}"#, "classes.session.scopes"),
        (r#"{"wager": {"token": "none", "amr": ["a"]}}"#, "classes.wager.amr"),
        (r#"{"wager": {"scopes": ["a b"]}}"#, "classes.wager.scopes"),
        (r#"{"wager": {"acr": ["a\"b"]}}"#, "classes.wager.acr"),
        (r#"{"wager": {"amr": [""]}}"#, "classes.wager.amr"),
    ] {
        assert_eq!(rules(json).map_err(|e| e.field).unwrap_err(), field, "{json}");
    }
    let on_error = SortedMap::from_iter([(EndpointClass::Session, OnError::Anonymous)]);
    let error = ClassRules::compile(SortedMap::default(), &on_error).unwrap_err();
    assert_eq!(error.field, "on_error.session");
}
