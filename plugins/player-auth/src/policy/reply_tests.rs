//! Replies to denied requests.

use super::*;
use crate::denials::{BRAND, FAILURES, KEYS, MISSING};
use crate::tests::gateway::{policy, CONFIG};
use policy_kit::Headers;

#[test]
fn replies_have_challenges_and_retry_times() {
    let policy = policy(CONFIG).unwrap();
    let reply = |path: &str, denial: Denial, retry| {
        let pairs = [(":method", "POST"), (":path", path), (":authority", "otter.example")];
        let pairs = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        let facts = policy.facts(&Headers::from_pairs(pairs), true);
        let decision = Decision { retry, ..Decision::deny(denial) };
        policy.reply(&policy.endpoint(&facts), &decision, denial, &Details::NONE)
    };
    let header = |reply: &Reply, name: &str| reply.header(name).map(str::to_owned);
    for (path, denial, retry, challenge, wait) in [
        ("/bets", MISSING, None, Some(r#"Bearer realm="player", error="invalid_token""#), None),
        (
            "/bets",
            denials::SIGNATURE,
            None,
            Some(r#"Bearer realm="player", error="invalid_token""#),
            None,
        ),
        (
            "/bets",
            denials::CONFLICT,
            None,
            Some(r#"Bearer realm="player", error="invalid_request""#),
            None,
        ),
        (
            "/bets",
            denials::SCOPE,
            None,
            Some(r#"Bearer realm="player", error="insufficient_scope""#),
            None,
        ),
        (
            "/withdraw",
            denials::STEP_UP,
            None,
            Some(r#"Bearer realm="player", error="insufficient_user_authentication", max_age=900"#),
            None,
        ),
        ("/bets", BRAND, None, None, None),
        ("/bets", KEYS, Some(7), None, Some("7")),
        ("/bets", FAILURES, Some(0), None, Some("1")),
    ] {
        let reply = reply(path, denial, retry);
        assert_eq!(reply.status, denial.status);
        assert_eq!(header(&reply, "www-authenticate").as_deref(), challenge, "{}", denial.code);
        assert_eq!(header(&reply, "retry-after").as_deref(), wait, "{}", denial.code);
    }
    let partner = reply("/win", MISSING, None);
    assert_eq!((partner.status, partner.body), (200, br#"{"error":"token_missing"}"#.to_vec()));
    assert_eq!(partner.headers.len(), 2, "no challenge in a partner's envelope");
}
