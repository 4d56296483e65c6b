//! The location check of a geolocation service, with a signed token.

use policy_kit::{Place, PlaceReading, Relation};
use serde::Deserialize;
use serde_json::json;

use super::session::session_of;
use crate::call::Call;
use crate::casino::Casino;
use crate::keys::{Alg, Issuer};
use crate::reply::{ok, Answer, Refusal};

/// The issuer of location tokens.
const ISSUER: &str = "https://location.casino.test";
/// The audience of location tokens.
const AUDIENCE: &str = "casino-gateway";
/// Seconds until the next check (Maine 16-633 ch. 62: at most 20 minutes).
const NEXT_CHECK_SECS: i64 = 20 * 60;
/// Seconds until the next check near a border (Maine: 5 minutes within a mile).
const NEXT_CHECK_NEAR_SECS: i64 = 5 * 60;
/// One mile in metres.
const NEAR_BORDER_M: u32 = 1609;
/// Life of a token in seconds (GLI-19 2.7.4(a): a new check after 30 minutes).
const TTL_SECS: i64 = 30 * 60;

/// The location that the client claims. Nothing is measured.
#[derive(Deserialize)]
struct Fix {
    /// ISO 3166 country or subdivision, `MT` or `US-NJ`; none if it could not be located.
    region: Option<String>,
    /// The client's address; without it, the first of `x-forwarded-for`.
    ip: Option<String>,
    /// The radius of confidence in metres.
    #[serde(default = "default_confidence")]
    confidence: u32,
    /// Metres to the nearest border.
    border: Option<u32>,
    /// A VPN, a proxy or a remote desktop is in use.
    #[serde(default)]
    anonymiser: bool,
    /// The position is faked.
    #[serde(default)]
    mocked: bool,
    /// The session; without it, that of the bearer token or `x-session-id`.
    sid: Option<String>,
    #[serde(default)]
    alg: Alg,
}

fn default_confidence() -> u32 {
    30
}

impl Fix {
    /// Whether the radius of confidence lies on this side of the nearest border (GLI-19 2.7.4(b)).
    fn is_confident(&self) -> bool {
        self.border.is_none_or(|border| self.confidence <= border)
    }
}

/// `POST /api/safer-gambling/location-check`: passed or failed with reasons, and a
/// token with the result. A failed check returns a token too.
pub(super) fn check(casino: &mut Casino, call: &Call<'_>) -> Answer {
    let purse = casino.player(call)?;
    let fix: Fix = call.json()?;
    let sid = fix
        .sid
        .clone()
        .or_else(|| call.bearer().and_then(|token| session_of(casino, token)))
        .or_else(|| call.header("x-session-id").map(str::to_owned))
        .ok_or_else(|| Refusal::bad_request("session_missing", "`sid`, bearer or x-session-id"))?;
    let forwarded = call.header("x-forwarded-for").and_then(|list| list.split(',').next());
    let ip = fix.ip.clone().or_else(|| forwarded.map(|ip| ip.trim().to_owned()));
    let ip = ip.ok_or_else(|| Refusal::bad_request("ip_missing", "`ip` or x-forwarded-for"))?;

    let player = casino.known(&purse.id)?;
    let reasons = reasons(&fix, &player.jurisdiction);
    let result = if reasons.is_empty() { "passed" } else { "failed" };
    let near = fix.border.is_some_and(|metres| metres < NEAR_BORDER_M);
    let wait = if near { NEXT_CHECK_NEAR_SECS } else { NEXT_CHECK_SECS };
    let number = casino.sessions.next_token();
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": purse.id, "sid": sid, "ip": ip,
        "region": fix.region, "result": result, "reasons": reasons,
        "confidence": fix.confidence, "border": fix.border, "confident": fix.is_confident(),
        "iat": call.now.secs(), "exp": call.now.plus_secs(TTL_SECS).secs(),
        "next_check": call.now.plus_secs(wait).secs(), "jti": format!("loc-{number}"),
    });
    let token = casino.keys.sign(Issuer::Location, fix.alg, "location+jwt", &claims);
    ok(&json!({
        "result": result, "reasons": reasons, "region": fix.region, "location_token": token,
        "next_check_in": wait,
    }))
}

fn reasons(fix: &Fix, licensed: &str) -> Vec<&'static str> {
    let licensed = Place::parse(licensed.as_bytes());
    let within = |region: &str| {
        let region = PlaceReading::text(region.as_bytes()).place;
        region.zip(licensed).is_some_and(|(at, market)| at.relation(&market) == Relation::Inside)
    };
    let outside = fix.region.as_deref().is_some_and(|region| !within(region));
    [
        (fix.region.is_none(), "unlocatable"),
        (outside, "outside_boundary"),
        (!fix.is_confident(), "radius_crosses_boundary"),
        (fix.anonymiser, "anonymiser"),
        (fix.mocked, "mocked_position"),
    ]
    .into_iter()
    .filter_map(|(so, reason)| so.then_some(reason))
    .collect()
}
