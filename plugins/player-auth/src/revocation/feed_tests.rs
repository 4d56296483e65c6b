//! Polls of the feed, and invalid configurations.

use super::*;
use policy_kit::fake::FakeHost;

fn feed(extra: &str, lifetimes: &[Option<u64>]) -> Result<Feed, ConfigError> {
    let json = format!(r#"{{"cluster": "pam"{extra}}}"#);
    let raw = policy_kit::parse(json.as_bytes())?;
    Feed::compile(raw, lifetimes, 60, Owners::default(), &mut FakeHost::default())
}

#[test]
fn polls_after_the_cursor() {
    let feed = feed(r#", "path": "/v1/dead", "authorization": "Basic eA==""#, &[]).unwrap();
    for (cursor, path) in [
        (None, "/v1/dead"),
        (Some("12"), "/v1/dead?since=12"),
        (Some("a b&c=é\n"), "/v1/dead?since=a%20b%26c%3D%C3%A9%0A"),
    ] {
        let SharedCall { key, call } = feed.poll(cursor);
        assert_eq!(key, CALL_KEY);
        let header = |name: &str| call.headers.iter().find(|(n, _)| n == name).unwrap().1.clone();
        assert_eq!(header(":path"), path);
        assert_eq!(header("authorization"), "Basic eA==");
        assert!(call.headers[..3].iter().all(|(name, _)| name.starts_with(':')));
    }
    assert_eq!(feed.kept, 86_460);
}

#[test]
fn rejects_invalid_configurations() {
    for (extra, field) in [
        (r#", "path": "dead""#, "revocations.path"),
        (r#", "path": "/dead?all=1""#, "revocations.path"),
        (r#", "poll_s": 0"#, "revocations.poll_s"),
        (r#", "poll_s": 61"#, "revocations.poll_s"),
        (r#", "timeout_ms": 0"#, "revocations.timeout_ms"),
        (r#", "max_stale_s": 1"#, "revocations.max_stale_s"),
        (r#", "max_stale_s": 86401"#, "revocations.max_stale_s"),
        (r#", "max_lifetime_s": 59"#, "revocations.max_lifetime_s"),
        (r#", "max_entries": 0"#, "revocations.max_entries"),
        (r#", "max_entries": 500001"#, "revocations.max_entries"),
        (r#", "authorization": """#, "revocations.authorization"),
        (r#", "on_error": {"safer-gambling": "refuse"}"#, "revocations.on_error.safer-gambling"),
    ] {
        assert_eq!(feed(extra, &[]).map(|_| ()).unwrap_err().field, field, "{extra}");
    }
}

#[test]
fn a_revocation_must_outlive_every_token() {
    let rejected = |lifetimes: &[Option<u64>]| {
        let error = feed(r#", "max_lifetime_s": 3600"#, lifetimes).map(|_| ()).map_err(|e| e.field);
        error.err()
    };
    assert_eq!(rejected(&[Some(3_600), Some(60)]), None);
    assert_eq!(rejected(&[Some(60), None]).as_deref(), Some("issuers[1].max_lifetime_s"));
    assert_eq!(rejected(&[Some(3_601)]).as_deref(), Some("issuers[0].max_lifetime_s"));
}

#[test]
fn other_parameters_have_other_shared_data_keys() {
    let keys = |extra: &str| format!("{:?}", feed(extra, &[]).unwrap().shared);
    let plain = keys("");
    assert_eq!(plain, keys(r#", "poll_s": 5, "on_error": {"wager": "allow"}"#));
    for other in [
        r#", "path": "/other""#,
        r#", "authority": "other""#,
        r#", "authorization": "other""#,
        r#", "max_entries": 9"#,
        r#", "max_lifetime_s": 900"#,
    ] {
        assert_ne!(plain, keys(other), "{other}");
    }
    // With another brand, some revocations apply to other players.
    let raw = || policy_kit::parse(br#"{"cluster": "pam"}"#).unwrap();
    let read_for = |brands: &[&str]| {
        let owners = Owners::new(brands.iter().copied(), std::iter::empty());
        let feed = Feed::compile(raw(), &[], 60, owners, &mut FakeHost::default());
        format!("{:?}", feed.unwrap().shared)
    };
    assert_ne!(read_for(&["otter"]), read_for(&["otter", "kings"]));
    assert_eq!(read_for(&["kings", "otter", "otter"]), read_for(&["otter", "kings"]));
}
