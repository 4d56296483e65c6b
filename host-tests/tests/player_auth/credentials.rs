//! Requests with missing, repeated or malformed credentials, preflights, and headers that change a request's
//! class.

use abi_host::Request;
use serde_json::{json, Value};

use crate::fixture::{
    self, assert_refused, at_host, bet, forge, outcome, run, through_the_edge, with_token, RIVER,
};

const CONFLICT: &str = "credential_conflict";
const MALFORMED: &str = "token_malformed";
const MISSING: &str = "token_missing";
const UPGRADE: &str = "upgrade_refused";
const BRAND: &str = "brand_mismatch";
const CLAIMS: &str = "token_claims";
const LIMITS: &str = "/api/safer-gambling/limits";

type Case = (&'static str, Request, &'static str);

fn one_credential() -> Vec<Case> {
    let good = forge().good();
    let other = forge().good();
    let post = || through_the_edge("POST", "/api/bets");
    let with = |name: &str, value: String| post().header(name, value);
    let authorization = |value: String| with("authorization", value);
    let cookie = |value: String| with("cookie", value);
    vec![
        (
            "Authorization twice",
            bet(&good).header("authorization", format!("Bearer {good}")),
            CONFLICT,
        ),
        ("two tokens", bet(&good).header("authorization", format!("Bearer {other}")), CONFLICT),
        ("Bearer and Basic", bet(&good).header("authorization", "Basic cDox"), MALFORMED),
        (
            "Basic and Bearer",
            with_token(with("authorization", "Basic cDox".into()), &good),
            MALFORMED,
        ),
        ("Bearer and an empty one", bet(&good).header("authorization", ""), MALFORMED),
        ("Bearer and a header", bet(&good).header("x-token", &good), CONFLICT),
        ("Bearer and a cookie", bet(&good).header("cookie", format!("session={good}")), CONFLICT),
        ("a header twice", with("x-token", good.clone()).header("x-token", &good), CONFLICT),
        ("a cookie twice", cookie(format!("session={good}; session={good}")), CONFLICT),
        (
            "two cookie lines",
            cookie(format!("session={good}")).header("cookie", format!("session={good}")),
            CONFLICT,
        ),
        ("two in one line", authorization(format!("Bearer {good}, Bearer {good}")), MALFORMED),
        ("two in one", authorization(format!("Bearer {good} {good}")), MALFORMED),
        ("no scheme", authorization(good.clone()), MALFORMED),
        ("only a scheme", authorization("Bearer".into()), MALFORMED),
        ("a scheme and a blank", authorization("Bearer ".into()), MALFORMED),
        ("another scheme", authorization(format!("Token {good}")), MALFORMED),
        ("DPoP", authorization(format!("DPoP {good}")), MALFORMED),
        ("a scheme that begins so", authorization(format!("BearerX {good}")), MALFORMED),
        ("a colon", authorization(format!("Bearer: {good}")), MALFORMED),
        ("a tab", authorization(format!("Bearer\t{good}")), MALFORMED),
        ("quotes", authorization(format!("Bearer \"{good}\"")), MALFORMED),
        ("a cookie in quotes", cookie(format!("session=\"{good}\"")), MALFORMED),
        ("an empty header", with("x-token", String::new()), MALFORMED),
        ("another cookie", cookie(format!("Session={good}")), MISSING),
        ("an ended session's cookie", cookie("session=".into()), MISSING),
        (
            "a query parameter",
            through_the_edge("POST", &format!("/api/bets?access_token={good}")),
            MISSING,
        ),
        ("for a proxy", with("proxy-authorization", format!("Bearer {good}")), MISSING),
        ("none", post(), MISSING),
        ("the scheme in small letters", authorization(format!("bearer {good}")), "allow"),
        ("two blanks", authorization(format!("Bearer  {good}")), "allow"),
    ]
}

fn preflight() -> Request {
    let request = through_the_edge("OPTIONS", LIMITS).header("origin", "https://evil.example");
    request.header("access-control-request-method", "PUT")
}

fn without(mut request: Request, name: &str) -> Request {
    request.headers.remove(name);
    request
}

fn calls() -> Vec<Case> {
    let good = forge().good();
    let upgrade = |path: &str, value| {
        with_token(through_the_edge("GET", path), &good).header("upgrade", value)
    };
    let post_upgrade = bet(&good).header("upgrade", "websocket").header("connection", "upgrade");
    vec![
        ("a preflight", preflight(), "allow"),
        ("a preflight with a credential", with_token(preflight(), "x"), MALFORMED),
        ("a preflight with a cookie", preflight().header("cookie", "theme=dark"), MISSING),
        ("a preflight with a length", preflight().header("content-length", "2"), MISSING),
        (
            "a preflight with a body",
            preflight().header("transfer-encoding", "chunked").chunk("{}"),
            MISSING,
        ),
        ("a preflight without an origin", without(preflight(), "origin"), MISSING),
        (
            "a preflight with two origins",
            preflight().header("origin", "https://x.example"),
            MISSING,
        ),
        (
            "a preflight that asks nothing",
            without(preflight(), "access-control-request-method"),
            MISSING,
        ),
        (
            "a preflight that asks twice",
            preflight().header("access-control-request-method", "GET"),
            MISSING,
        ),
        (
            "a preflight for no method",
            without(preflight(), "access-control-request-method")
                .header("access-control-request-method", "put now"),
            MISSING,
        ),
        (
            "a preflight of another method",
            {
                let mut r = preflight();
                r.headers.set(":method", "PUT");
                r
            },
            MISSING,
        ),
        (
            "a preflight for what is not there",
            {
                let mut r = preflight();
                r.headers.set(":path", "/api/nothing");
                r
            },
            "endpoint_unclassified",
        ),
        ("a bet over an upgrade", post_upgrade, UPGRADE),
        ("an upgrade to HTTP/2", bet(&good).header("upgrade", "h2c"), UPGRADE),
        (
            "an anonymous upgrade",
            without(bet(&good).header("upgrade", "websocket"), "authorization"),
            UPGRADE,
        ),
        ("odds over an upgrade", upgrade("/api/odds/e-1", "websocket"), "allow"),
        ("another brand's host", at_host(bet(&good), RIVER), BRAND),
        ("a host without a brand", at_host(bet(&good), "evil.example"), BRAND),
        (
            "a host that begins so",
            at_host(bet(&good), "play.lucky-otter.example.evil.example"),
            BRAND,
        ),
        ("the host with its port", at_host(bet(&good), "play.lucky-otter.example:443"), "allow"),
        (
            "another brand's lobby",
            at_host(with_token(through_the_edge("GET", "/api/lobby"), &good), RIVER),
            BRAND,
        ),
    ]
}

/// Claims that would be more than one header, or something else than they say.
fn injections() -> Vec<Case> {
    let with = |changes: Value| {
        bet(forge().sign(policy_token::Alg::Es256, &forge().claims_with(&changes)))
    };
    vec![
        ("a line break in the player", with(json!({"sub": "p-1\r\nx-brand: river-kings"})), CLAIMS),
        ("a blank in the player", with(json!({"sub": "p-1 p-2"})), CLAIMS),
        (
            "a comma and a blank in the brand",
            with(json!({"brand": "lucky-otter, river-kings"})),
            CLAIMS,
        ),
        ("NUL in the session", with(json!({"sid": "s-1\u{0}"})), CLAIMS),
        ("another script in the level", with(json!({"kyc_level": "f\u{fc}ll"})), "allow"),
        ("a line break in a header", with(json!({"jurisdiction": "MT\nx-player-id: p-2"})), CLAIMS),
        ("a line break within a list", with(json!({"jurisdiction": ["MT", "GB\r\n"]})), CLAIMS),
        ("a comma within a list", with(json!({"jurisdiction": ["MT,GB"]})), CLAIMS),
        ("an object", with(json!({"jurisdiction": {"now": "MT"}})), CLAIMS),
        ("a list of lists", with(json!({"jurisdiction": [["MT"]]})), CLAIMS),
        ("a long player", with(json!({"sub": "p".repeat(129)})), CLAIMS),
        ("a long header", with(json!({"jurisdiction": "M".repeat(1025)})), CLAIMS),
        ("an empty player", with(json!({"sub": ""})), CLAIMS),
        ("no player", with(json!({"sub": null})), CLAIMS),
        ("no brand", with(json!({"brand": null})), CLAIMS),
        ("a list of brands", with(json!({"brand": ["lucky-otter"]})), CLAIMS),
        ("scopes of numbers", with(json!({"scope": [1]})), "allow"),
        ("another brand", with(json!({"brand": "river-kings"})), BRAND),
        ("the brand in capitals", with(json!({"brand": "Lucky-Otter"})), BRAND),
        ("a list", with(json!({"jurisdiction": ["MT", "GB"]})), "allow"),
    ]
}

#[test]
fn rejects_invalid_credentials() {
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &fixture::inline(forge()));
        for (name, request, want) in [one_credential(), calls(), injections()].concat() {
            let case = format!("{name} under {profile:?}");
            let report = run(&mut chain, request);
            match want {
                "allow" => assert_eq!(outcome(&report), want, "{case}"),
                _ => assert_refused(&report, want, &case),
            }
        }
    }
}

/// A cached token is checked against the class, the brand and its expiry.
#[test]
fn a_cached_token_is_checked_by_class() {
    for profile in fixture::PROFILES {
        let mut chain = fixture::chain(profile, &fixture::inline(forge()));
        let good = forge().good();
        for (name, request, want) in [
            ("at home", bet(&good), "allow"),
            ("again", bet(&good), "allow"),
            ("another brand's host", at_host(bet(&good), RIVER), BRAND),
            ("over an upgrade", bet(&good).header("upgrade", "websocket"), UPGRADE),
            ("twice", bet(&good).header("x-token", &good), CONFLICT),
            ("with more", bet(format!("{good}A")), "token_signature"),
            ("another with its end", bet(&good[1..]), MALFORMED),
        ] {
            assert_eq!(outcome(&run(&mut chain, request)), want, "{name} under {profile:?}");
        }
        chain.clock().set((fixture::NOW + 659) * fixture::SECOND);
        assert_eq!(
            outcome(&run(&mut chain, bet(&good))),
            "allow",
            "a minute is what clocks differ"
        );
        chain.clock().set((fixture::NOW + 660) * fixture::SECOND);
        assert_refused(&run(&mut chain, bet(&good)), "token_expired", "later");
    }
}
