//! Whether a location counts: case tables, the outcome last.

use super::*;
use crate::location::testing::{claims, document, location, policy, CLIENT, NOW};
use policy_token::Claims;
use serde_json::{json, Value};

/// The default player.
fn player() -> LocationContext<'static> {
    LocationContext {
        player: Some(b"p-1"),
        session: Some(b"s-1"),
        brand: Some("otter"),
        client: CLIENT.parse().ok(),
        place: None,
        now: NOW,
    }
}

/// Evaluates a genuine token of these claims: `fresh` and its age, or the code and the rule.
fn evaluate(config: Value, changes: Value, at: LocationContext<'_>) -> String {
    let policy = policy(&document(location(config), json!({}))).unwrap();
    let location = policy.location.as_ref().unwrap();
    let claims = Claims::parse(claims(changes).to_string().as_bytes()).unwrap();
    let token = TokenCheck::Genuine(Rc::new(location.mapping.read(&claims).unwrap()));
    described(location.evaluate(&token, &at))
}

fn described(check: LocationCheck) -> String {
    match check {
        LocationCheck::Fresh(_, age) => format!("fresh {age}"),
        LocationCheck::Refused(it) => {
            let max_age = it.max_age.map(|it| format!(" {it}")).unwrap_or_default();
            let rule = it.rule.strip_prefix("location.").unwrap_or(&it.rule);
            format!("{} {rule}{max_age}", it.denial.code.trim_start_matches("geo_"))
        }
    }
}

/// Two players may have one id at two brands.
#[test]
fn tokens_are_for_one_brand() {
    let branded = json!({"claims": {"brand": "/brand"}});
    for (config, brand, at, want) in [
        (branded.clone(), "otter", Some("otter"), "fresh 0"),
        (branded.clone(), "kings", Some("otter"), "rejected claims.brand"),
        (branded.clone(), "otter", None, "rejected claims.brand"),
        (json!({}), "kings", Some("otter"), "fresh 0"),
    ] {
        let at = LocationContext { brand: at, ..player() };
        let got = evaluate(config, json!({ "brand": brand }), at);
        assert_eq!(got, want, "{brand} {:?}", at.brand);
    }
}

/// Seconds since the check, region, metres to the border, and the result.
#[test]
fn intervals_depend_on_place_and_border() {
    let changed = json!({"interval_s": 900, "border_m": 0, "intervals": {"US": 600, "US-ME": 700}});
    let far = json!({"border_m": 5_000, "border_interval_s": 3_600});
    for (config, age, region, border, want) in [
        (json!({}), 0, "US-NJ", None, "fresh 0"),
        (json!({}), 1_799, "US-NJ", None, "fresh 1799"),
        (json!({}), 1_800, "US-NJ", None, "stale interval_s 1800"),
        (json!({}), 1_199, "US-ME", None, "fresh 1199"),
        (json!({}), 1_200, "US-ME", None, "stale intervals.US-ME 1200"),
        // A device that is known to be in the country only may be in Maine.
        (json!({}), 1_199, "US", None, "fresh 1199"),
        (json!({}), 1_200, "US", None, "stale intervals.US-ME 1200"),
        (json!({}), 1_200, "US-XX", None, "stale intervals.US-ME 1200"),
        (
            json!({"intervals": {"GB": 900, "GB-ENG": 600}}),
            600,
            "GB-LND",
            None,
            "stale intervals.GB-ENG 600",
        ),
        (json!({"intervals": {"GB": 900, "GB-ENG": 600}}), 600, "GB-SCT", None, "fresh 600"),
        (json!({"intervals": {"GB": 600, "GB-ENG": 900}}), 899, "GB-LND", None, "fresh 899"),
        (json!({"intervals": {"US-PR": 600}}), 600, "PR", None, "stale intervals.PR 600"),
        (json!({}), 299, "US-ME", Some(1_609.0), "fresh 299"),
        (json!({}), 300, "US-ME", Some(1_609.0), "stale border_interval_s 300"),
        (json!({}), 300, "US-ME", Some(1_609.5), "fresh 300"),
        (json!({}), 300, "US-NJ", Some(0.0), "stale border_interval_s 300"),
        (changed.clone(), 300, "US-NJ", Some(0.0), "fresh 300"),
        (changed.clone(), 600, "US-NJ", None, "stale intervals.US 600"),
        (changed.clone(), 699, "US-ME", None, "fresh 699"),
        (changed.clone(), 700, "US-ME", None, "stale intervals.US-ME 700"),
        (changed.clone(), 899, "MT", None, "fresh 899"),
        (changed, 900, "MT", None, "stale interval_s 900"),
        // What is known of Maine shortens what the document gives, and never stretches it.
        (json!({"interval_s": 600}), 599, "US-ME", None, "fresh 599"),
        (json!({"interval_s": 600}), 600, "US-ME", None, "stale interval_s 600"),
        (json!({"interval_s": 3_600}), 1_200, "US-ME", None, "stale intervals.US-ME 1200"),
        (json!({"intervals": {"US": 600}}), 599, "US-ME", None, "fresh 599"),
        (json!({"intervals": {"US": 600}}), 600, "US-ME", None, "stale intervals.US 600"),
        (json!({"intervals": {"US": 3_600}}), 1_200, "US-ME", None, "stale intervals.US-ME 1200"),
        (
            json!({"interval_s": 600, "intervals": {"US": 3_600}}),
            1_200,
            "US-ME",
            None,
            "stale intervals.US-ME 1200",
        ),
        (json!({"intervals": {"US-ME": 3_600}}), 1_200, "US-ME", None, "fresh 1200"),
        // What is near the border is never looked at less often than what is not.
        (far, 1_800, "US-NJ", Some(9.0), "stale interval_s 1800"),
    ] {
        let changes = json!({"region": region, "border_m": border});
        let at = LocationContext { now: NOW + age, ..player() };
        assert_eq!(evaluate(config, changes, at), want, "{age} s after, {region}, {border:?} m");
    }
}

#[test]
fn the_earliest_deadline_counts() {
    for (age, expires, next, want) in [
        (99, 100, 200, "fresh 99"),
        (100, 100, 200, "stale claims.expires_at 1800"),
        (100, 200, 100, "stale claims.next_check 1800"),
        (100, 200, 0, "stale claims.next_check 1800"),
        (1_900, 2_000, 3_000, "stale interval_s 1800"),
        (3_000, 2_000, 3_000, "stale interval_s 1800"),
    ] {
        let changes = json!({"exp": NOW + expires, "next_check_at": NOW + next});
        let at = LocationContext { now: NOW + age, ..player() };
        assert_eq!(evaluate(json!({}), changes, at), want, "{age} {expires} {next}");
    }
}

#[test]
fn tokens_are_for_one_player_session_and_address() {
    let (other, mapped) = ("203.0.113.8", "::ffff:203.0.113.7");
    let (p1, s1) = (Some(&b"p-1"[..]), Some(&b"s-1"[..]));
    for (player, session, client, want) in [
        (p1, s1, CLIENT, "fresh 0"),
        (Some(&b"p-2"[..]), s1, CLIENT, "rejected claims.player"),
        (Some(b"p-1 "), s1, CLIENT, "rejected claims.player"),
        (Some(b""), s1, CLIENT, "rejected claims.player"),
        (None, s1, CLIENT, "rejected claims.player"),
        (p1, Some(b"s-2"), CLIENT, "rejected claims.session"),
        (p1, None, CLIENT, "rejected claims.session"),
        (p1, s1, other, "stale claims.ip 1800"),
        (p1, s1, "2001:db8::1", "stale claims.ip 1800"),
        (p1, s1, "nowhere", "stale claims.ip 1800"),
        // Another player's token, from elsewhere: that it is not this player's weighs more.
        (Some(b"p-2"), s1, other, "rejected claims.player"),
    ] {
        let at = LocationContext { player, session, client: client.parse().ok(), ..self::player() };
        assert_eq!(evaluate(json!({}), json!({}), at), want, "{player:?} {session:?} {client}");
        let changes = json!({"ip": mapped});
        assert_eq!(
            evaluate(json!({}), changes, at),
            want,
            "{player:?} {session:?} {client}, mapped"
        );
    }
    let at = LocationContext { session: None, ..self::player() };
    let sessionless = json!({"claims": {"session": null}});
    assert_eq!(evaluate(sessionless, json!({}), at), "fresh 0");
}

/// Seconds by which the provider's clock is ahead of ours.
#[test]
fn clocks_may_differ_by_the_skew() {
    for (skew, ahead, want) in [
        (60, 60, "fresh 0"),
        (60, 61, "rejected claims.checked_at"),
        (0, 1, "rejected claims.checked_at"),
        (0, 0, "fresh 0"),
        (600, 600, "fresh 0"),
    ] {
        let changes = json!({"iat": NOW + ahead});
        assert_eq!(evaluate(json!({"skew_s": skew}), changes, player()), want, "{skew} {ahead}");
        let changes = json!({"nbf": NOW + ahead});
        assert_eq!(
            evaluate(json!({"skew_s": skew}), changes, player()),
            want,
            "nbf {skew} {ahead}"
        );
    }
    // A clock that is set back makes a token one of the future, remembered or not.
    let at = LocationContext { now: NOW - 3_600, ..player() };
    assert_eq!(evaluate(json!({}), json!({}), at), "rejected claims.checked_at");
    let at = LocationContext { now: u64::MAX, ..player() };
    assert_eq!(evaluate(json!({}), json!({}), at), "stale interval_s 1800");
}

#[test]
fn failed_and_unsure_checks_are_rejected() {
    for (changes, want) in [
        (json!({"passed": false}), "rejected claims.passed"),
        (json!({"passed": false, "region": null, "confident": null}), "rejected claims.passed"),
        (json!({"confident": false}), "rejected claims.confident"),
        (json!({"confident": null}), "rejected claims.confident"),
        (json!({"region": null}), "rejected claims.region"),
        // A token that is out of date is stale, whatever its check found.
        (json!({"passed": false, "exp": NOW}), "stale claims.expires_at 1800"),
    ] {
        assert_eq!(evaluate(json!({}), changes.clone(), player()), want, "{changes}");
    }
    let trusting = json!({"claims": {"confident": null}});
    assert_eq!(evaluate(trusting, json!({"confident": false}), player()), "fresh 0");
}

#[test]
fn requests_without_a_genuine_token_are_refused() {
    let policy = policy(&document(location(json!({})), json!({}))).unwrap();
    let location = policy.location.as_ref().unwrap();
    let maine = Place::parse(b"US-ME").unwrap();
    for (token, place, want) in [
        (TokenCheck::Missing, None, "required header 1800"),
        (TokenCheck::Missing, Some(&maine), "required header 1200"),
        (TokenCheck::Expired, None, "stale claims.expires_at 1800"),
        (
            TokenCheck::Invalid("location:token_signature".into()),
            None,
            "rejected location:token_signature",
        ),
        (TokenCheck::Limited(7), None, "too_many_failures failures"),
        (TokenCheck::Unavailable { retry: 7, down: true }, None, "unavailable keys"),
    ] {
        let at = LocationContext { place, ..player() };
        assert_eq!(described(location.evaluate(&token, &at)), want, "{token:?}");
    }
}
